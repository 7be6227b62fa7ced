"""The front's parser beside h11, a second reader of HTTP/1.1: both read the same requests, but for the differences that are listed.

The same bytes in other pieces are the same requests.
"""

import asyncio
import atexit
import re
from collections.abc import Callable
from random import Random
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit
from zlib import crc32

import h11
from uvicorn import Config
from uvicorn.server import ServerState

from tests.nightly.mutating import split
from tests.test_connection import BROKEN, CHUNKS, IN_CHUNKS, chunked, get, post
from translator.core.http import messages
from translator.shell.aio.write_batcher import write_batcher
from translator.shell.server.protocol_factory import ProtocolFactory
from translator.shell.server.request import Gone, ServerRequest, new_ids

CORPUS: Final = (
    get(),
    post(),
    chunked(IN_CHUNKS, body=CHUNKS + b"\r\n"),
    chunked(IN_CHUNKS, body=CHUNKS + b"X-Trailer: a\r\n\r\n"),
    get(method=b"HEAD") + post() + get(),
    post() + chunked(IN_CHUNKS, body=CHUNKS + b"\r\n") + get(),
    get(b"Expect: 100-continue", b"Connection: close"),
    get(b"Connection: Upgrade", b"Upgrade: websocket"),
    get(path=b"http://front.test/a?b=c"),
    get().replace(b"HTTP/1.1", b"HTTP/1.0"),
    *BROKEN.values(),
)
TOKENS: Final = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b" ", b"\t", b"\0", b":", b";", b",", b"0\r\n\r\n", b"5\r\n", b"HTTP/1.0", b"HTTP/1.1",
    b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n",
    b"Host: a\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Connection: upgrade\r\n", b"Upgrade: h2c\r\n",
    b"Expect: 100-continue\r\n", b"Authorization: Basic Og==\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"CONNECT", b"OPTIONS * ",
    b"chunked", b"\x0b", b"\x0c", b"\xa0", b"\x85", b"+", b"-", b"_", b"0x", b"00",
)  # fmt: skip

MOST: Final = 1 << 20


class Read(NamedTuple):
    """One whole request, as a reader understood it."""

    method: str
    target: str
    body: bytes
    host: str
    authorization: str


class Wire:
    """A transport that only remembers if it is closed."""

    def __init__(self) -> None:
        self.is_closed = False

    def write(self, data: bytes) -> None:
        """Drop the response, which this target does not check."""

    def writelines(self, pieces: Any) -> None:
        """See `write`."""

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    abort = write_eof = close

    def can_write_eof(self) -> bool:
        return True

    def get_extra_info(self, name: str) -> None:
        return None

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        """Do nothing, because nothing waits here."""

    def pause_reading(self) -> None:
        """Do nothing: the bytes that come meanwhile are handed over all the same, and the connection has to keep them."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""


_LOOP: Final = asyncio.new_event_loop()
atexit.register(_LOOP.close)


def ours(pieces: list[bytes]) -> list[Read]:
    """The requests that the front reads in these pieces."""
    return _LOOP.run_until_complete(_ours(pieces))


async def _ours(pieces: list[bytes]) -> list[Read]:
    found: list[Read] = []
    defects: list[BaseException] = []

    async def handle(call: ServerRequest) -> None:
        try:
            body = await call.read(MOST)
        except Gone:
            return
        except Exception as error:
            defects.append(error)
            raise
        asked = call.request(body)
        query = f"?{asked.query}" if asked.query else ""
        method = "HEAD" if call.is_head else asked.method
        host, authorization = asked.header("host") or "", asked.header("authorization") or ""
        found.append(Read(method, asked.path + query, body or b"", host, authorization))
        call.respond(messages.Response(404, (), b""))

    door = ProtocolFactory(handle, new_ids(), lambda _: None)
    state = ServerState()
    connection: Any = door(Config(app=lambda: None, timeout_keep_alive=600), state, {}, _LOOP)
    connection.connection_made(Wire())
    for piece in pieces:
        connection.data_received(piece)
        await _quiet()
    await _quiet()
    connection.connection_lost(None)
    await _quiet()
    assert not defects, defects
    assert not state.connections and not state.tasks, "something of the connection is left"
    assert not [size for _, _, size in door.budget.totals() if size], "memory is not given back"
    write_batcher(_LOOP).flush()
    return found


async def _quiet() -> None:
    """The loop runs until only this is left to run."""
    while True:
        await asyncio.sleep(0)
        ready = getattr(_LOOP, "_ready", ())
        if not ready:
            return


def theirs(data: bytes) -> tuple[list[tuple[Read, bytes]], bytes]:
    """The requests that h11 reads, each with its bytes, and the bytes that it cannot read."""
    found: list[tuple[Read, bytes]] = []
    began = 0
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
    connection.receive_data(data)
    head: h11.Request | None = None
    body = b""
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError:
            return found, data[began:]
        if isinstance(event, h11.Request):
            head, body = event, b""
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            told: dict[bytes, bytes] = {}
            for name, value in head.headers:
                told[name] = told.get(name) or value
            texts = [text.decode("latin-1") for text in (told.get(b"host", b""), told.get(b"authorization", b""))]
            read = Read(head.method.decode(), head.target.decode("latin-1"), body, *texts)
            ends = len(data) - len(connection.trailing_data[0])
            found.append((read, data[began:ends]))
            began = ends
            connection.send(h11.Response(status_code=404, headers=[(b"content-length", b"0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return found, data[began:]
            connection.start_next_cycle()
        else:
            return found, data[began:]


def _meant(read: Read) -> Read:
    """The path and query of a target in absolute form. A fragment means nothing to a server."""
    target = read.target
    if "#" in target or not target.startswith("/"):
        try:
            parts = urlsplit(target)
        except ValueError:
            return read
        if parts.scheme and parts.netloc:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        else:
            target = target.partition("#")[0]
    return read._replace(target=target.removesuffix("?"))


_HOST: Final = rb"(?:\[[0-9a-f:.]+\]|(?:[a-z0-9_.~!$&'()*+,;=-]|%[0-9a-f]{2})*)(?::[0-9]{0,5})?"
_METHODS: Final = (
    b"DELETE|GET|HEAD|POST|PUT|CONNECT|OPTIONS|TRACE|COPY|LOCK|MKCOL|MOVE|PROPFIND|PROPPATCH|SEARCH|UNLOCK|BIND|REBIND|UNBIND|ACL|REPORT"
    b"|MKACTIVITY|CHECKOUT|MERGE|M-SEARCH|NOTIFY|SUBSCRIBE|UNSUBSCRIBE|PATCH|PURGE|MKCALENDAR|LINK|UNLINK|SOURCE|QUERY"
)


def _has(pattern: bytes) -> Callable[[bytes], bool]:
    made = re.compile(pattern, re.DOTALL)
    return lambda data: made.search(data) is not None


def _headed(pattern: bytes) -> Callable[[bytes], bool]:
    """A test of whether the pattern is in the header lines, in any case of letters."""
    made = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    return lambda data: made.search(data.partition(b"\r\n\r\n")[0] + b"\r\n") is not None


STRICTER: Final = {
    "A line ends with CRLF alone (RFC 9112, 2.2, lets a server refuse a bare LF).": _has(rb"(?<!\r)\n"),
    "A method is one that HTTP has registered.": _has(rb"\A(?:\r\n)*(?!(?:" + _METHODS + rb") )"),
    "A version is 1.0 or 1.1.": _has(rb"\A[^\n]* HTTP/(?!1\.[01]\r)"),
    "A target is a path, an asterisk for OPTIONS, or has a scheme and a host (RFC 9112, 3.2).": _has(
        rb"\A[^ ]+ (?!/|[A-Za-z]+://[^/?#]|\* HTTP)"
    ),
    "A target is ASCII that is seen (RFC 3986, 2).": _has(rb"\A[^ ]+ [^ ]*[^!-~ ]"),
    "A Host is a host of a URI (RFC 9112, 3.2).": _headed(rb"\r\nhost:[ \t]*(?!" + _HOST + rb"[ \t]*\r\n)"),
    "A Host is there once.": _headed(rb"\r\nhost:.*\r\nhost:"),
    "An Authorization is there once.": _headed(rb"\r\nauthorization:.*\r\nauthorization:"),
    "A length is there once, with at most 19 digits.": _headed(
        rb"\r\ncontent-length:(?:.*\r\ncontent-length:|[ \t]*(?:\d{20}|\d*[ \t]*,))"
    ),
    "A length and chunks are never both there (RFC 9112, 6.1).": _headed(
        rb"\r\ncontent-length:.*\r\ntransfer-encoding:|\r\ntransfer-encoding:.*\r\ncontent-length:"
    ),
    "Chunks are of HTTP/1.1 (RFC 9112, 6.1).": _headed(rb" HTTP/1\.0\r\n.*\r\ntransfer-encoding:"),
    "A header stands on one line (RFC 9112, 5.2).": _headed(rb"\r\n[ \t]"),
    "Nothing but an extension is behind the size of a chunk (RFC 9112, 7.1).": _has(
        rb"\r\n[0-9A-Fa-f]+[ \t]+(?:;|\r\n)"
    ),
}
"""The reasons for which the front refuses a request that h11 reads: rules over the bytes of that request."""

LOOSER: Final = {
    "More than one space may stand around a target (RFC 9112, 3, lets a server split a line at white space).": _has(
        rb"\A(?:\r\n)*[A-Z-]+(?: {2,}[^ \r\n]+ +| +[^ \r\n]+ {2,})HTTP/1\.[01]\r\n"
    ),
}
"""Why the front reads what h11 refuses: rules over the bytes from where h11 stops."""


def parser(data: bytes) -> None:
    """Raises AssertionError where the two readers differ in a way that is not listed, or where pieces make a difference."""
    whole = ours([data])
    pieces = split(Random(crc32(data)), data)
    assert ours(pieces) == whole, f"in pieces of {[len(piece) for piece in pieces]} it is something else"
    read, refused = theirs(data)
    first, second = [_meant(one) for one in whole], [_meant(one) for one, _ in read]
    both = min(len(first), len(second))
    assert first[:both] == second[:both], f"the front reads {first[:both]}, h11 reads {second[:both]}"
    if len(first) < len(second):
        raw = read[both][1]
        assert any(true(raw) for true in STRICTER.values()), f"the front refuses what h11 reads: {raw!r}"
    elif len(first) > len(second):
        assert any(true(refused) for true in LOOSER.values()), f"h11 refuses what the front reads: {refused!r}"
