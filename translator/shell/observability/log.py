"""The log: events with fields, written to stderr as key=value or as JSON. Private values never become fields."""

import asyncio
import contextlib
import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO, Final, Literal, TypeAlias

import msgspec
import structlog

Output: TypeAlias = Literal["text", "json"]

_FORWARDED: Final = ("uvicorn.error", "asyncio")
"""The libraries whose warnings are logged, without their arguments."""


class _Lines(structlog.BoundLoggerBase):
    """A logger that only runs the processors and writes. The rest of structlog's logger would take as long again."""

    def _write(self, level: str, event: str, fields: dict[str, Any]) -> None:
        fields["event"] = event
        line: Any = fields
        try:
            for processor in self._processors:
                line = processor(self._logger, level, line)
        except structlog.DropEvent:
            return
        self._logger.msg(line)

    def info(self, event: str, **fields: Any) -> None:
        self._write("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._write("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._write("error", event, fields)


class _Sink:
    """Writes lines to the file: each at once, or all lines of one turn of the event loop together."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lines: list[bytes] = []
        self._thread = threading.get_ident()
        self.loop: asyncio.AbstractEventLoop | None = None

    def msg(self, line: bytes) -> None:
        self._lines.append(line)
        if self.loop is None or threading.get_ident() != self._thread:
            self.flush()
        elif len(self._lines) == 1:
            self.loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write the waiting lines."""
        lines, self._lines = self._lines, []
        if lines:
            self._file.write(b"\n".join([*lines, b""]))
            self._file.flush()


class _Log:
    """The current logger. It is made when the log is configured, because making one costs as much as a line."""

    now: Any = structlog.get_logger()
    sink: _Sink | None = None


def configure(output: Output | None, *, file: BinaryIO | None = None, quiet: bool = False) -> None:
    """Set the format of the log for the process. By default it is text on a terminal and JSON otherwise.

    `file` takes the lines in place of stderr. With `quiet` only warnings and errors are written.
    """
    as_json = output == "json" or (output is None and (file is not None or not sys.stderr.isatty()))
    sink = _Log.sink = _Sink(sys.stderr.buffer if file is None else file)
    structlog.configure(
        processors=[*([_drop_info] if quiet else []), _described, _as_json if as_json else _as_text],
        logger_factory=lambda: sink,
        wrapper_class=_Lines,
        cache_logger_on_first_use=False,
    )
    _Log.now = structlog.get_logger().bind()
    for name in _FORWARDED:
        library = logging.getLogger(name)
        library.handlers = [_Forward()]
        library.setLevel(logging.WARNING)
        library.propagate = False


@contextlib.contextmanager
def batched_writes(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Write the lines of one turn of the event loop together during the block. A busy loop logs several lines each turn."""
    sink = _Log.sink
    if sink is None:
        yield
        return
    sink.loop = loop
    try:
        yield
    finally:
        sink.loop = None
        sink.flush()


def logger() -> Any:
    """Return the logger. Its methods are the levels. Their arguments are an event and fields."""
    return _Log.now


def redacted_traceback(error: BaseException) -> str:
    """Return the type and the code lines of an exception, without its message, because that may hold a private value."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return " < ".join([type(error).__name__, *reversed(places)])


def _drop_info(_: Any, level: str, event: Any) -> Any:
    """Drop events below warning."""
    if level == "info":
        raise structlog.DropEvent
    return event


def _described(_: Any, level: str, event: Any) -> Any:
    """Add the time and the level to an event, and remove the fields that are None."""
    now = time.time()
    event["timestamp"] = f"{_second(int(now))}.{int(now % 1 * 1e6):06d}Z"
    event["level"] = level
    if None in event.values():
        return {key: value for key, value in event.items() if value is not None}
    return event


@lru_cache(maxsize=4)
def _second(instant: int) -> str:
    """Return a second as ISO 8601, cached because most lines have the same second as the line before."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(instant))


def _as_json(_: Any, __: str, event: Any) -> bytes:
    return _encode(event)


def _as_text(log: Any, level: str, event: Any) -> bytes:
    return str(_logfmt(log, level, event)).encode("utf-8", "backslashreplace")


_encode: Final = msgspec.json.Encoder(enc_hook=repr).encode
_logfmt: Final = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)


class _Forward(logging.Handler):
    """Logs a library's warning as an event: its template, never the values of its arguments."""

    def emit(self, record: logging.LogRecord) -> None:
        fields = {"library": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = redacted_traceback(record.exc_info[1])
        write = logger().error if record.levelno >= logging.ERROR else logger().warning
        write(str(record.msg).partition("\n")[0], **fields)
