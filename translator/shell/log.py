"""The log: events with fields, to stderr, as key=value or as JSON. What must not be logged is a field that is not there."""

import logging
import sys
import traceback
from typing import Any, Final, Literal, TypeAlias

import structlog

Output: TypeAlias = Literal["text", "json"]

_FORWARDED: Final = ("uvicorn.error", "asyncio")
"""The libraries whose warnings are passed on, without what they were about."""


def configure(output: Output | None) -> None:
    """Set the form of the log for the process. Not said, it is text for a person at a terminal and JSON for anything else."""
    as_json = output == "json" or (output is None and not sys.stderr.isatty())
    last: Any = structlog.processors.JSONRenderer()
    if not as_json:
        last = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_nothing,
            last,
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    for name in _FORWARDED:
        library = logging.getLogger(name)
        library.handlers = [_Forward()]
        library.setLevel(logging.WARNING)
        library.propagate = False


def logger() -> Any:
    """The logger; its methods are the levels, its arguments an event and fields."""
    return structlog.get_logger()


def where_it_broke(error: BaseException) -> str:
    """An exception as its type and the lines that it came through, and nothing of what it says: that may hold a value."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return " < ".join([type(error).__name__, *reversed(places)])


def _without_nothing(_: Any, __: str, event: Any) -> Any:
    """A field without a value is not there."""
    return {key: value for key, value in event.items() if value is not None}


class _Forward(logging.Handler):
    """A library's warning as one of our events: its template, never the values that it was filled with."""

    def emit(self, record: logging.LogRecord) -> None:
        fields = {"library": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = where_it_broke(record.exc_info[1])
        logger().log(record.levelno, str(record.msg).partition("\n")[0], **fields)
