"""The server protocol: everything that a client can do to a connection, on real sockets, in both event loops.

Each test speaks in raw bytes. One server for each kind of loop serves most of them. After each test the server has no connection and no
task left.
The provider requests show which client requests the server understood. A request that the client did not mean would be seen there.
"""

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextvars import ContextVar, copy_context
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, cast

import pytest
import structlog
import uvloop
from uvicorn import Config
from uvicorn.server import ServerState

from tests import sealing
from tests.fronts import BASIC, MESSAGES, proxy
from tests.sealing import Secret
from translator.core.http import messages
from translator.core.http.messages import Answer, Failure, Request
from translator.shell.aio.write_batcher import WriteBatcher, write_batcher
from translator.shell.config.addresses import Address
from translator.shell.process import address_of, listen, serving
from translator.shell.server import protocol_factory
from translator.shell.server.handler import Proxy
from translator.shell.server.http1 import Http1Protocol
from translator.shell.server.in_flight import Guesses
from translator.shell.server.limits import LIMITS
from translator.shell.server.protocol_factory import ProtocolFactory
from translator.shell.server.request import ServerRequest, new_ids
from translator.shell.server.response_head import ResponseHeadCache

PATIENCE = 120.0
"""Seconds after which a test gives up; none counts on less."""

FORM = b"From=19876543212&To=13216549878&Body=Test+SMS"
AUTHORISED = b"Host: front.test\r\nAuthorization: " + BASIC.encode() + b"\r\n"
FORMED = AUTHORISED + b"Content-Type: application/x-www-form-urlencoded\r\n"
PATH = MESSAGES.encode()
UNREACHED = 502
"""The response to a request that was understood: the provider of these tests cannot be reached."""


def get(*more: bytes, path: bytes = PATH, method: bytes = b"GET") -> bytes:
    """A request without a body."""
    return b"%s %s HTTP/1.1\r\n%s%s\r\n" % (method, path, AUTHORISED, b"".join(line + b"\r\n" for line in more))


def post(*more: bytes, body: bytes = FORM) -> bytes:
    """A send, its body by its length."""
    return chunked(b"Content-Length: %d" % len(body), *more, body=body)


def chunked(*more: bytes, body: bytes) -> bytes:
    """The bytes of a send with a chunked body. Its framing is among `more`."""
    return b"POST %s HTTP/1.1\r\n%s%s\r\n%s" % (PATH, FORMED, b"".join(line + b"\r\n" for line in more), body)


IN_CHUNKS = b"Transfer-Encoding: chunked"
CHUNKS = b"5;name=value\r\n" + FORM[:5] + b'\r\n%x;a;b="c"\r\n' % len(FORM[5:]) + FORM[5:] + b"\r\n0\r\n"
SMUGGLED = post(b"X-Request-Id: smuggled")


# ---- both ends ----------------------------------------------------------------------------------------------


class Told(NamedTuple):
    """One answer, read as strictly as RFC 9112 lets a client be."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["x-request-id"]

    @property
    def closes(self) -> bool:
        return self.headers.get("connection") == "close"


class Caller:
    """A client that sends bytes and reads responses."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    async def say(self, *pieces: bytes) -> None:
        """Each piece in a write of its own, and a moment for the server to read it."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            if len(pieces) > 1:
                for _ in range(3):
                    await asyncio.sleep(0)

    async def answer(self, *, head: bool = False) -> Told:
        """The next response. `head` says that it has no body."""
        status, headers = await self.begins()
        length = int(headers["content-length"])
        return Told(status, headers, b"" if head else await self._reader.readexactly(length))

    async def begins(self) -> tuple[int, dict[str, str]]:
        """The next head."""
        line, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")[:-4].split("\r\n")
        found = re.fullmatch(r"HTTP/1\.1 (\d{3}) [\w ]*", line)
        assert found is not None, line
        headers = [header.partition(": ")[::2] for header in lines]
        names = [name for name, _ in headers]
        written = (
            r"(?:[A-Z][a-z]*|WWW)(?:-[A-Z][a-z]*)*" if "".join(names)[:1].isupper() else r"[a-z-]+"
        )  # ASGI wants lower-case names
        assert len(set(names)) == len(names) and all(re.fullmatch(written, name) for name in names), names
        return int(found[1]), {name.lower(): value for name, value in headers}

    async def ended(self) -> bytes:
        """The bytes that still come until the server closes. A reset of the connection would be an error."""
        return await self._reader.read()

    async def answers(self) -> list[Told]:
        """All responses until the server closes."""
        told = []
        while not self._reader.at_eof():
            try:
                told.append(await self.answer())
            except asyncio.IncompleteReadError as error:
                assert not error.partial, error.partial
        return told

    def hang_up(self, *, rudely: bool = False) -> None:
        """Close; rudely is with a reset."""
        if rudely:
            told = self.writer.get_extra_info("socket")
            told.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        self.writer.close()


class Provider:
    """A back that cannot be reached, and fails once a test lets it go. It remembers its requests and how each ended."""

    def __init__(self) -> None:
        self.asked: list[tuple[Request, str]] = []
        self.ended: list[str] = []
        self.cancelled: list[str] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.most = self._now = 0

    @property
    def ids(self) -> list[str]:
        return [id_ for _, id_ in self.asked]

    async def ask(self, request: Request, request_id: str, *_: object) -> Answer:
        self.asked.append((request, request_id))
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.append(request_id)
            raise
        finally:
            self._now -= 1
        self.ended.append(request_id)
        return Failure("never-left")

    async def aclose(self) -> None:
        return None


class Watched(ProtocolFactory):
    """A protocol factory that shows its open connections, and the reasons of failed handshakes. With `soon`, idle connections are closed
    soon."""

    state: ServerState
    last: Any

    def __init__(self, handle: Any, tls: ssl.SSLContext | None, *, soon: bool) -> None:
        self.unshaken: list[str] = []
        super().__init__(handle, new_ids(), self.unshaken.append, tls)
        self._soon = soon

    def __call__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:  # fmt: skip
        self.state = server_state
        if self._soon:
            config.timeout_keep_alive = 5 * protocol_factory._LOOK  # type: ignore[assignment]  # five looks, however often it looks
        made = self.last = super().__call__(config, server_state, app_state, _loop)
        return made


SECRET: ContextVar[Secret | None] = ContextVar("SECRET", default=None)
"""If it is set, the test speaks over TLS: `tests/test_sealed.py`."""


class Place(NamedTuple):
    """One server, with its proxy and provider."""

    provider: Provider
    door: Watched | None
    address: tuple[str, int]
    client: ssl.SSLContext | None = None

    @contextlib.asynccontextmanager
    async def caller(self) -> AsyncIterator[Caller]:
        """A connection to it."""
        if self.client is not None:
            reader, writer = await sealing.connected(self.address, 2**20, self.client)
        else:
            reader, writer = await asyncio.open_connection(*self.address, limit=2**20)
        try:
            yield Caller(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def left(self) -> None:
        """Wait until nothing of a client is left."""
        if self.door is not None and hasattr(self.door, "state"):
            state = self.door.state
            await until(lambda: not state.connections and not state.tasks)


async def until(true: Callable[[], bool]) -> None:
    """Wait until the condition is true."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - the awaited event happens on the other side of a socket
            await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def place(
    *, asgi: bool = False, soon: bool = False, handle: Any = None, grace: int = 10, small: bool = False, **knobs: Any
) -> AsyncIterator[Place]:
    """A server. `knobs` are the proxy's, `handle` takes its place, `small` gives it small buffers."""
    provider = Provider()
    # The tests of one world share an address, and most of what they send opens no account.
    served: Proxy = proxy(provider, **{"guesses": Guesses(at_once=1e9), **knobs})
    server, client = SECRET.get() or (None, None)
    door = None if asgi else Watched(handle or served.handle, server, soon=soon)
    if door is not None:
        door.budget = served.door().budget
    listener = listen("the test", Address("127.0.0.1", 0))
    if small:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    host, _, port = address_of(listener).rpartition(":")
    async with serving(served.application(), listener, grace, door):
        yield Place(provider, door, (host, int(port)), client)


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


class World:
    """A loop, and the server in it that most tests share; with a secret, over TLS."""

    def __init__(self, kind: str, *, asgi: bool = False, secret: Secret | None = None) -> None:
        self._runner = asyncio.Runner(loop_factory=LOOPS[kind])
        self._context = copy_context()
        self._context.run(SECRET.set, secret)
        self._stack = contextlib.AsyncExitStack()
        self._place: Place = self._run(self._stack.enter_async_context(place(asgi=asgi, max_body=1000)))

    def close(self) -> None:
        self._run(self._stack.aclose())
        self._runner.close()

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Run in this loop, with a time limit."""
        return self._run(asyncio.wait_for(what, PATIENCE))

    def _run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(what, context=self._context)

    def __call__(self, script: Callable[[Place], Coroutine[Any, Any, None]]) -> None:
        """Run a script against the shared server, and check that nothing of it is left afterwards."""
        at = self._place
        at.provider.__init__()  # type: ignore[misc]  # as new

        async def main() -> None:
            await script(at)
            at.provider.go_on.set()
            await at.left()

        self.run(main())


@pytest.fixture(scope="module", params=LOOPS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(request.param)
    yield made
    made.close()


@pytest.fixture(scope="module", params=["ours", "asgi"])
def either(request: pytest.FixtureRequest) -> Iterator[World]:
    """Both kinds of server in turn."""
    made = World("uvloop", asgi=request.param == "asgi")
    yield made
    made.close()


def sends(at: Place) -> list[str]:
    """The ids of the sends that the provider was asked."""
    return [id_ for request, id_ in at.provider.asked if request.method == "POST"]


# ---- one request after the other ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "whole", [post(), chunked(IN_CHUNKS, body=CHUNKS + b"X-Trailer: a\r\n\r\n")], ids=["sized", "chunked"]
)
def test_a_request_split_at_every_byte_is_the_same_request(world: World, whole: bytes) -> None:
    async def script(at: Place) -> None:
        async with at.caller() as caller:
            for cut in range(1, len(whole)):
                await caller.say(whole[:cut], whole[cut:])
                assert (await caller.answer()).status == UNREACHED
            await caller.say(*(bytes([byte]) for byte in whole))
            assert (await caller.answer()).status == UNREACHED
        assert len(at.provider.asked) == len(whole)
        assert {request for request, _ in at.provider.asked} == {at.provider.asked[0][0]}
        assert b"Test SMS" in (at.provider.asked[0][0].body or b"")

    world(script)


def test_requests_in_one_write_are_answered_in_order_and_one_at_a_time(either: World) -> None:
    async def script(at: Place) -> None:
        many = [
            get(b"X-Request-Id: 0"),
            post(b"X-Request-Id: 1"),
            get(b"X-Request-Id: 2", method=b"HEAD"),
            chunked(b"X-Request-Id: 3", IN_CHUNKS, body=CHUNKS + b"\r\n"),
            get(b"X-Request-Id: 4", path=b"/nowhere"),
            post(b"X-Request-Id: 5"),
        ]
        async with at.caller() as caller:
            await caller.say(b"".join(many))
            told = [await caller.answer(head=number == 2) for number in range(len(many))]
            assert [answer.id for answer in told] == [str(number) for number in range(len(many))]
            assert [answer.status for answer in told[:4]] == [UNREACHED] * 4
            assert not any(answer.closes for answer in told)
        assert sends(at) == ["1", "3", "5"]
        assert at.provider.most == 1

    either(script)


def test_what_is_sent_ahead_waits_until_the_one_before_is_answered(world: World) -> None:
    async def script(at: Place) -> None:
        at.provider.go_on.clear()
        async with at.caller() as caller:
            first, second = post(b"X-Request-Id: 0"), post(b"X-Request-Id: 1")
            await caller.say(first + second[:-5], second[-5:])  # reading stops within the body of the second
            await until(lambda: bool(at.provider.asked))
            assert sends(at) == ["0"]
            at.provider.go_on.set()
            assert [(await caller.answer()).id for _ in range(2)] == ["0", "1"]
        assert sends(at) == ["0", "1"]

    world(script)


def test_only_so_much_is_read_ahead(world: World) -> None:
    """The server reads as much as one read brings. The rest stays in the network, up to the client."""

    async def main() -> None:
        async with place(small=True) as at:
            at.provider.go_on.clear()
            async with at.caller() as caller:
                await caller.say(get(b"X-Request-Id: 0"))
                await until(lambda: bool(at.provider.asked))
                fat, count = b"X-Fat: " + b"x" * 16000, 500
                caller.writer.write(b"".join(get(b"X-Request-Id: %d" % number, fat) for number in range(1, count)))
                transport = caller.writer.transport
                left, unmoved = -1, 0
                while unmoved < 20:
                    await asyncio.sleep(0.005)
                    unmoved = unmoved + 1 if transport.get_write_buffer_size() == left else 0
                    left = transport.get_write_buffer_size()
                assert left > 16000 * count / 4
                assert at.provider.ids == ["0"]
                at.provider.go_on.set()
                assert [(await caller.answer()).id for _ in range(count)] == [str(number) for number in range(count)]

    world.run(main())


KEPT: dict[bytes, bool] = {
    b"GET %s HTTP/1.1\r\n%s": True,
    b"GET %s HTTP/1.1\r\n%sConnection: keep-alive\r\n": True,
    b"GET %s HTTP/1.1\r\n%sConnection: close\r\n": False,
    b"GET %s HTTP/1.1\r\n%sConnection: Close\r\n": False,
    b"GET %s HTTP/1.1\r\n%sConnection: keep-alive, close\r\n": False,
    b"GET %s HTTP/1.0\r\n%s": False,
    b"GET %s HTTP/1.0\r\n%sConnection: keep-alive\r\n": False,  # as uvicorn has it: an answer would have to say that it is
}


@pytest.mark.parametrize("line", KEPT)
def test_a_connection_is_kept_or_closed_and_an_answer_says_which(world: World, line: bytes) -> None:
    async def script(at: Place) -> None:
        whole = line % (PATH, AUTHORISED) + b"\r\n"
        async with at.caller() as caller:
            await caller.say(whole)
            answer = await caller.answer()
            assert (answer.status, answer.closes) == (UNREACHED, not KEPT[line])
            if KEPT[line]:
                await caller.say(whole)
                assert (await caller.answer()).status == UNREACHED
            else:
                assert await caller.ended() == b""
        if not KEPT[line]:
            at.provider.asked.clear()
            async with at.caller() as caller:
                await caller.say(whole + SMUGGLED)  # behind the last request of a connection there is no other
                [answer] = await caller.answers()
                assert (answer.status, answer.closes) == (UNREACHED, True)
            assert sends(at) == []

    world(script)


def test_bytes_after_a_last_response_are_not_taken_for_a_request(world: World) -> None:
    """Not even bytes that come between the response and its write at the end of the turn are taken."""

    async def script(at: Place) -> None:
        for turns in range(12):
            at.provider.go_on.clear()
            async with at.caller() as caller:
                await caller.say(get(b"Connection: close", b"X-Request-Id: %d" % turns))
                await until(lambda turns=turns: str(turns) in at.provider.ids)  # type: ignore[misc]
                at.provider.go_on.set()
                for _ in range(turns):
                    await asyncio.sleep(0)
                caller.writer.write(SMUGGLED)
                assert (await caller.answer()).closes
                with contextlib.suppress(ConnectionError):
                    assert await caller.ended() == b""
        assert sends(at) == []

    world(script)


def test_a_head_is_answered_as_a_get_without_the_body(either: World) -> None:
    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(get() + get(method=b"HEAD") + get(b"Connection: close"))
            whole, head, last = await caller.answer(), await caller.answer(head=True), await caller.answer()
            assert whole.body == last.body
            assert head.status == whole.status
            assert head.headers["content-length"] == str(len(whole.body))
            assert await caller.ended() == b""

    either(script)


def test_an_answer_has_a_date_and_an_id(either: World) -> None:
    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(get() + get() + get(b"X-Request-Id: mine") + get(b"X-Request-Id: not mine"))
            made, other, given, refused = [await caller.answer() for _ in range(4)]
            assert given.id == "mine"
            assert all(re.fullmatch(r"[0-9a-f]{32}", answer.id) for answer in (made, other, refused))
            assert len({made.id, other.id, refused.id}) == 3
            assert made.headers["date"].endswith(" GMT")
            assert parsedate_to_datetime(made.headers["date"]).tzinfo is not None
            assert "server" not in made.headers

    either(script)


# ---- bodies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "whole",
    [
        post(),
        post(b"X-Long: " + b"x" * 5000),
        chunked(IN_CHUNKS, body=CHUNKS + b"\r\n"),
        chunked(b"Transfer-Encoding:  Chunked ", body=CHUNKS + b"\r\n"),
        chunked(IN_CHUNKS, body=CHUNKS + b"X-Trailer: trailer\r\nX-Other: none\r\n\r\n"),
        chunked(IN_CHUNKS, body=b"".join(b"1\r\n%c\r\n" % byte for byte in FORM) + b"0000\r\n\r\n"),
        b"\r\n\r\n" + post(),  # RFC 9112, 2.2: an empty line before a request is ignored
    ],
    ids=["sized", "long-head", "chunked", "chunked-in-capitals", "trailers", "chunks-of-one", "empty-lines"],
)
def test_a_body_is_read_whole_whatever_frames_it(either: World, whole: bytes) -> None:
    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(whole + whole)
            told = [await caller.answer() for _ in range(2)]
            assert [(answer.status, answer.closes) for answer in told] == [(UNREACHED, False)] * 2
        one, two = (request for request, _ in at.provider.asked)
        assert one == two
        assert b"Test SMS" in (one.body or b"")

    either(script)


def test_trailers_are_no_headers_of_their_request_or_the_next(world: World) -> None:
    """With uvicorn they are headers of their own request, if they come with it: uvicorn appends them."""

    async def script(at: Place) -> None:
        trailed = chunked(IN_CHUNKS, body=CHUNKS + AUTHORISED + b"X-Request-Id: trailer\r\n\r\n")
        bare = b"GET %s HTTP/1.1\r\nHost: front.test\r\n\r\n" % PATH
        async with at.caller() as caller:
            await caller.say(trailed + bare)
            told = [await caller.answer() for _ in range(2)]
            assert [answer.status for answer in told] == [UNREACHED, 401]
            assert "trailer" not in {answer.id for answer in told}

    world(script)


def test_spaces_behind_a_value_are_no_part_of_it(either: World) -> None:
    """RFC 9110, 5.5."""

    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(get(b"X-Request-Id:\t mine \t ") + post(b"Connection:  close \t"))
            assert (await caller.answer()).id == "mine"
            assert (await caller.answer()).closes
            assert await caller.ended() == b""

    either(script)


# ---- bytes that are not HTTP, or that could be read in two ways ---------------------------------------------

BROKEN_HEADS = {
    "length-and-chunks": chunked(IN_CHUNKS, b"Content-Length: 4", body=b"0\r\n\r\n"),
    "chunks-and-length": chunked(b"Content-Length: 4", IN_CHUNKS, body=b"0\r\n\r\n"),
    "two-lengths": chunked(b"Content-Length: 0", b"Content-Length: 45", body=FORM),
    "the-same-length-twice": chunked(b"Content-Length: 45", b"Content-Length: 45", body=FORM),
    "a-list-of-lengths": chunked(b"Content-Length: 45, 45", body=FORM),
    "a-signed-length": chunked(b"Content-Length: +45", body=FORM),
    "a-negative-length": chunked(b"Content-Length: -45", body=FORM),
    "a-hexadecimal-length": chunked(b"Content-Length: 0x2d", body=FORM),
    "an-empty-length": chunked(b"Content-Length:", body=FORM),
    "an-endless-length": chunked(b"Content-Length: " + b"9" * 40, body=FORM),
    "chunked-twice": chunked(IN_CHUNKS, IN_CHUNKS, body=b"0\r\n\r\n"),
    "chunked-not-last": chunked(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "identity": chunked(b"Transfer-Encoding: identity", body=FORM),
    "a-coding-before-chunked": chunked(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "no-coding": chunked(b"Transfer-Encoding:", body=b"0\r\n\r\n"),
    "chunks-of-an-older-version": chunked(IN_CHUNKS, body=b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a-length-of-many-digits": chunked(b"Content-Length: " + b"0" * 18 + b"45", body=FORM),
    "no-host": get().replace(b"Host: front.test\r\n", b""),
    "two-hosts": get(b"Host: other.test"),
    "the-same-host-twice": get(b"host: front.test"),
    "two-hosts-of-an-older-version": get(b"Host: other.test").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a-host-with-a-user": get().replace(b"front.test", b"me@front.test"),
    "a-host-with-a-path": get().replace(b"front.test", b"front.test/a"),
    "a-host-with-a-space": get().replace(b"front.test", b"front test"),
    "a-host-with-a-port-of-letters": get().replace(b"front.test", b"front.test:http"),
    "a-host-of-other-letters": get().replace(b"front.test", b"fr\xf6nt.test"),
    "two-hosts-in-one": get().replace(b"front.test", b"front.test, other.test\t"),
    "two-authorizations": get(b"Authorization: Basic Og=="),
    "the-same-authorization-twice": get(b"authorization: " + BASIC.encode()),
    "an-older-version": get().replace(b"HTTP/1.1", b"HTTP/0.9"),
    "a-newer-version": get().replace(b"HTTP/1.1", b"HTTP/2.0"),
    "nearly-chunked": chunked(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "space-before-the-colon": chunked(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "a-folded-line": chunked(b"X-A: a\r\n Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "a-folded-framing": chunked(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
    "a-bare-line-feed": get(b"X-A: a\nX-B: b"),
    "bare-line-feeds": get().replace(b"\r\n", b"\n"),
    "a-bare-carriage-return": get(b"X-A: a\rX-B: b"),
    "an-end-without-its-return": get()[:-2] + b"\n",
    "a-nul-in-a-value": get(b"X-A: a\0b"),
    "a-nul-in-a-name": get(b"X\0A: a"),
    "a-nul-in-the-target": get(path=PATH + b"\0"),
    "no-name": get(b": a"),
    "no-colon": get(b"nothing"),
    "space-before-the-first-name": get().replace(b"\r\nHost", b"\r\n Host"),
    "a-small-method": get(method=b"get"),
    "no-method-of-http": get(method=b"FETCH"),
    "spaces-in-the-target": get(path=PATH + b" a"),
    "no-slash": get(path=b"nowhere"),
    "a-version-too-many": get().replace(b"HTTP/1.1", b"HTTP/1.2"),
    "no-version": get().replace(b"HTTP/1.1", b"HTTP/"),
    "space-behind-the-version": get().replace(b"HTTP/1.1", b"HTTP/1.1 "),
    "an-answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "http-2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "noise": bytes(range(255, -1, -1)),
}
BROKEN_BODIES = {
    "no-number": b"zz\r\n",
    "no-size": b"\r\n" + FORM + b"\r\n",
    "a-negative-size": b"-1\r\n",
    "a-size-with-a-prefix": b"0x2d\r\n" + FORM,
    "a-size-too-large-to-count": b"f" * 17 + b"\r\n",
    "a-bare-line-feed": b"2d\n" + FORM + b"\r\n0\r\n\r\n",
    "a-bare-line-feed-behind-an-extension": b"2d;a=b\n" + FORM + b"\r\n0\r\n\r\n",
    "space-behind-the-size": b"2d \r\n" + FORM + b"\r\n0\r\n\r\n",
    "more-than-the-size": b"2c\r\n" + FORM + b"\r\n0\r\n\r\n",
    "an-end-without-its-return": b"2d\r\n" + FORM + b"\n0\r\n\r\n",
    "a-length-in-the-trailer": b"2d\r\n" + FORM + b"\r\n0\r\nContent-Length: 300\r\n\r\n",
    "a-broken-trailer": b"2d\r\n" + FORM + b"\r\n0\r\nX A: b\r\n\r\n",
}
BROKEN = {**BROKEN_HEADS, **{name: chunked(IN_CHUNKS, body=body) for name, body in BROKEN_BODIES.items()}}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_right_is_refused_and_nothing_behind_it_is_read(world: World, name: str) -> None:
    async def script(at: Place) -> None:
        for pieces in ([BROKEN[name] + SMUGGLED], [BROKEN[name], SMUGGLED]):
            async with at.caller() as caller:
                await caller.say(*pieces)
                [answer] = await caller.answers()
                assert (answer.status, answer.closes) == (400, True)
        async with at.caller() as caller:  # behind one that is right, which is answered all the same
            await caller.say(get(b"X-Request-Id: right") + BROKEN[name] + SMUGGLED)
            right, *refused = await caller.answers()
            assert (right.status, right.id) == (UNREACHED, "right")
            assert [answer.status for answer in refused] in ([], [400])
            assert (refused or [right])[-1].closes
        assert sends(at) == []

    world(script)


def test_a_send_that_is_under_way_is_answered_whatever_is_sent_behind_it(world: World) -> None:
    async def script(at: Place) -> None:
        at.provider.go_on.clear()
        async with at.caller() as caller:
            await caller.say(post(b"X-Request-Id: mine"))
            await until(lambda: bool(at.provider.asked))
            await caller.say(b"\0\0\0\0", SMUGGLED)
            at.provider.go_on.set()
            answer, refused = await caller.answers()
            assert (answer.status, answer.id) == (UNREACHED, "mine")
            assert (refused.status, refused.closes) == (400, True)
        assert sends(at) == ["mine"]

    world(script)


TARGETS = {
    b"http://elsewhere.test" + PATH: UNREACHED,
    b"http://elsewhere.test:81" + PATH + b"?From=19876543212#there": UNREACHED,
    b"HTTP://elsewhere.test" + PATH: UNREACHED,
    PATH + b"#fragment": UNREACHED,
    PATH + b"?From=19876543212#frag?ment": UNREACHED,
    b"http://elsewhere.test/": 404,
    b"//elsewhere.test" + PATH: 404,
    b"*": 404,
    b"/%00": 404,
    b"/" + b"x" * 60000: 404,
}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target[:40].decode())
def test_a_target_in_any_form_is_the_path_that_it_means(either: World, target: bytes) -> None:
    """RFC 9112, 3.2: a server takes the absolute form of every target."""

    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(get(path=target) + get())
            first, second = await caller.answer(), await caller.answer()
            assert (first.status, second.status) == (TARGETS[target], UNREACHED)

    either(script)


@pytest.mark.parametrize(
    ("method", "target"), [(b"OPTIONS", b"*"), (b"OPTIONS", b"/v2/Messages/M1"), (b"TRACE", b"/"), (b"QUERY", PATH)]
)
def test_a_method_that_nobody_serves_is_refused_plainly(either: World, method: bytes, target: bytes) -> None:
    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(get(path=target, method=method) + get())
            assert (await caller.answer()).status in (404, 405)
            assert (await caller.answer()).status == UNREACHED

    either(script)


def test_nothing_is_tunnelled(world: World) -> None:
    async def script(at: Place) -> None:
        for more in ([], [b"Content-Length: %d" % len(SMUGGLED)], [b"Connection: upgrade", b"Upgrade: h2c"]):
            for before in (b"", get(b"X-Request-Id: before")):
                async with at.caller() as caller:
                    await caller.say(before + get(*more, path=b"back.test:443", method=b"CONNECT") + SMUGGLED, SMUGGLED)
                    *first, last = await caller.answers()
                    assert [answer.id for answer in first] == (["before"] if before else [])
                    assert last.status in (404, 405) and last.closes
        assert sends(at) == []

    world(script)


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"HTTP/2.0, SHTTP/1.3", b""])
def test_an_upgrade_is_not_taken_and_the_request_is_answered(world: World, protocol: bytes) -> None:
    """RFC 9110, 7.8: a server may ignore an upgrade. Java's client asks for h2c with its first request, also if it is a send."""

    async def script(at: Place) -> None:
        upgrade = [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: " + protocol, b"HTTP2-Settings: AAEAAEAA"]
        many = [
            get(*upgrade, b"X-Request-Id: 0"),
            post(*upgrade, b"X-Request-Id: 1"),
            chunked(*upgrade, IN_CHUNKS, b"X-Request-Id: 2", body=CHUNKS + b"\r\n"),
            post(b"X-Request-Id: 3"),
        ]
        for pieces in (
            [b"".join(many)],
            many,
            [b"".join(many)[at : at + 7] for at in range(0, sum(map(len, many)), 7)],
        ):
            at.provider.asked.clear()
            async with at.caller() as caller:
                await caller.say(*pieces)
                told = [await caller.answer() for _ in many]
                assert [(answer.status, answer.id) for answer in told] == [(UNREACHED, str(n)) for n in range(4)]
            assert sends(at) == ["1", "2", "3"]
            assert len({request for request, _ in at.provider.asked if request.method == "POST"}) == 1
        async with at.caller() as caller:
            await caller.say(get(*upgrade, b"Connection: close") + SMUGGLED)
            [answer] = await caller.answers()
            assert answer.closes
        async with at.caller() as caller:  # bytes in the other protocol are not understood
            await caller.say(get(*upgrade) + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED)
            first, *_ = await caller.answers()
            assert first.status == UNREACHED
        assert "smuggled" not in sends(at)

    world(script)


def test_an_upgrade_changes_nothing_in_how_a_broken_body_is_refused(world: World) -> None:
    async def script(at: Place) -> None:
        upgrade = [b"Connection: upgrade", b"Upgrade: h2c"]
        async with at.caller() as caller:
            await caller.say(chunked(*upgrade, IN_CHUNKS, body=b"zz\r\n\r\n\r\n") + SMUGGLED)
            [answer] = await caller.answers()
            assert (answer.status, answer.closes) == (400, True)
        async with at.caller() as caller:  # thousands of them in one read are no deeper than one
            await caller.say(
                b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" * 1500
                + get(b"Connection: close")
            )
            told = await caller.answers()
            assert [answer.status for answer in told] == [401] * 1500 + [UNREACHED]
        assert sends(at) == []

    world(script)


# ---- Expect -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [b"100-continue", b"100-Continue"])
def test_who_asks_before_it_sends_a_body_is_told_to_go_on(either: World, said: bytes) -> None:
    async def script(at: Place) -> None:
        async with at.caller() as caller:
            for framing, body in ((b"Content-Length: %d" % len(FORM), FORM), (IN_CHUNKS, CHUNKS + b"\r\n")):
                await caller.say(chunked(framing, b"Expect: " + said, body=b""))
                assert await caller.begins() == (100, {})
                await caller.say(body)
                answer = await caller.answer()
                assert (answer.status, answer.closes) == (UNREACHED, False)
        assert len(sends(at)) == 2

    either(script)


def test_who_asks_behind_another_request_is_told_when_it_is_its_turn(world: World) -> None:
    async def script(at: Place) -> None:
        at.provider.go_on.clear()
        asking = chunked(b"Content-Length: %d" % len(FORM), b"Expect: 100-continue", body=b"")
        async with at.caller() as caller:
            await caller.say(post(b"X-Request-Id: 0") + asking)
            await until(lambda: bool(at.provider.asked))
            at.provider.go_on.set()
            assert (await caller.answer()).id == "0"
            assert await caller.begins() == (100, {})
            await caller.say(FORM)
            assert (await caller.answer()).status == UNREACHED

    world(script)


def test_body_sent_at_once_gets_no_100_and_the_connection_is_kept(world: World) -> None:
    """RFC 9110, 10.1.1: a body that has come already needs no 100."""

    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(post(b"Expect: 100-continue") + get(b"Expect: 100-continue") + get())
            for _ in range(3):
                answer = await caller.answer()
                assert (answer.status, answer.closes) == (UNREACHED, False)

    world(script)


def test_a_caller_of_an_older_version_is_never_told_to_go_on(world: World) -> None:
    """RFC 9110, 10.1.1: an expectation of HTTP/1.0 is ignored."""

    async def script(at: Place) -> None:
        whole = post(b"Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0")
        async with at.caller() as caller:
            await caller.say(whole[: -len(FORM)], FORM)
            [answer] = await caller.answers()
            assert answer.status == UNREACHED
        assert len(sends(at)) == 1

    world(script)


@pytest.mark.parametrize("framing", [b"Content-Length: 100000", b"Content-Length: 100000 "])
def test_refused_expected_body_is_not_read_and_nothing_after_it(world: World, framing: bytes) -> None:
    async def script(at: Place) -> None:
        asking = chunked(framing, b"Expect: 100-continue", body=b"")
        for behind in ([], [SMUGGLED], [b"x" * 100000, SMUGGLED], [b"x" * 50]):
            async with at.caller() as caller:
                await caller.say(asking)
                answer = await caller.answer()
                assert (answer.status, answer.closes) == (413, True)
                await caller.say(*behind)
                assert await caller.ended() == b""
        async with at.caller() as caller:
            await caller.say(asking + SMUGGLED)
            [answer] = await caller.answers()
            assert answer.status == 413
        assert at.provider.asked == []

    world(script)


# ---- sizes --------------------------------------------------------------------------------------------------

LONG_LINE = b"GET /" + b"x" * LIMITS.head + b" HTTP/1.1\r\n\r\n"
LONG_VALUE = get(b"X-Long: " + b"x" * LIMITS.head)
LONG_NAME = get(b"x" * LIMITS.head + b": x")
MANY = get(*(b"X-%d: %s" % (number, b"x" * 100) for number in range(1000)))


@pytest.mark.parametrize("whole", [LONG_LINE, LONG_VALUE, LONG_NAME, MANY], ids=["line", "value", "name", "many"])
@pytest.mark.parametrize("before", [b"", get(b"X-Request-Id: 0"), post(b"X-Request-Id: 0")], ids=["", "get", "post"])
def test_a_head_that_is_too_large_is_refused(world: World, before: bytes, whole: bytes) -> None:
    async def script(at: Place) -> None:
        for step in (len(whole), 30000):
            for end in (len(whole), len(whole) - 20):  # also one that is not whole is too large
                pieces = [before + whole[:step], *(whole[at : min(at + step, end)] for at in range(step, end, step))]
                if end < len(whole):  # a head in one read with the request before is not counted until it is whole
                    pieces = [*pieces[:-1], pieces[-1][: end - len(whole)], *[b"x" * (LIMITS.head // 2)] * 3]
                async with at.caller() as caller:
                    await caller.say(*pieces)
                    told = await caller.answers()
                    assert [answer.id for answer in told[:-1]] == (["0"] if before else [])
                    assert told[-1].status == 431 and told[-1].closes

    world(script)


def test_head_of_nearly_the_largest_size_is_read_among_others(world: World) -> None:
    large = get(b"X-Long: " + b"x" * (LIMITS.head - 500))

    async def script(at: Place) -> None:
        async with at.caller() as caller:
            for whole in (large, get() + large, large + large + get()[:50], get()[50:], get() * 1000 + large[:-3]):
                await caller.say(whole)
            await caller.say(large[-3:])
            for _ in range(1 + 2 + 2 + 1 + 1000 + 1):
                answer = await caller.answer()
                assert (answer.status, answer.closes) == (UNREACHED, False)

    world(script)


@pytest.mark.parametrize(
    ("begins", "goes_on"),
    [
        (b"GET /", b"x" * 4096),
        (b"GET / HTTP/1.1\r\n", b"X-More: " + b"x" * 1000 + b"\r\n"),
        (b"GET / HTTP/1.1\r\nX-More: ", b"x" * 4096),
        (chunked(IN_CHUNKS, body=b"0\r\nX-Trailer: "), b"x" * 4096),
        (chunked(IN_CHUNKS, body=b"0\r\n"), b"X-Trailer: " + b"x" * 1000 + b"\r\n"),
        (chunked(IN_CHUNKS, body=b"5;"), b"x" * 4096),
    ],
    ids=["line", "headers", "value", "trailer", "trailers", "extension"],
)
def test_who_never_comes_to_an_end_sees_that_it_is_too_much(world: World, begins: bytes, goes_on: bytes) -> None:
    """The client is still writing when the refusal comes, and sees the response all the same."""

    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(begins)

            async def write() -> None:
                while True:
                    await caller.say(goes_on)
                    await asyncio.sleep(0)

            writing = asyncio.create_task(write())
            answer = await caller.answer()
            assert (answer.status, answer.closes) == (431, True)
            await caller.say(goes_on * 100)
            assert await caller.ended() == b""
            writing.cancel()
        assert at.provider.asked == []

    world(script)


def test_who_is_still_writing_a_body_that_is_too_large_sees_the_answer(world: World) -> None:
    async def script(at: Place) -> None:
        for framing, piece, end in (
            (b"Content-Length: 1048576", b"x" * 65536, b""),
            (IN_CHUNKS, b"10000\r\n" + b"x" * 65536 + b"\r\n", b"0\r\n\r\n"),
        ):
            async with at.caller() as caller:
                await caller.say(chunked(framing, body=piece))
                answer = await caller.answer()  # before the rest of it has come
                assert (answer.status, answer.closes) == (413, True)
                await caller.say(*[piece] * 15, end + SMUGGLED)
                assert await caller.ended() == b""
        async with at.caller() as caller:  # one that says its size is told of it before anything of it has come
            await caller.say(chunked(b"Content-Length: 1001", body=b""))
            assert (await caller.answer()).status == 413
            await caller.say(b"x" * 1001 + get())
            assert (await caller.answer()).status == UNREACHED
        assert sends(at) == []

    world(script)


def test_a_body_that_breaks_behind_an_early_answer_closes_the_connection(world: World) -> None:
    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(chunked(IN_CHUNKS, body=b"400\r\n" + b"x" * 0x400))
            assert (await caller.answer()).status == 413
            await caller.say(b"nonsense\r\n" + SMUGGLED)
            for answer in await caller.answers():
                assert (answer.status, answer.closes) == (400, True)
        assert at.provider.asked == []

    world(script)


def test_who_is_refused_before_its_body_has_come_sees_the_answer(world: World) -> None:
    """The queue is full: the server wants nothing of the body, and closes the connection, but without a reset."""

    async def main() -> None:
        async with place(queue_max=0) as at:
            async with at.caller() as caller:
                await caller.say(chunked(b"Content-Length: 8388608", body=b""))
                await caller.say(*[b"x" * 65536] * 64)
                [answer] = await caller.answers()
                assert (answer.status, answer.closes) == (503, True)
                await caller.say(*[b"x" * 65536] * 64)
            await at.left()

    world.run(main())


# ---- callers that leave -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rudely", [False, True])
@pytest.mark.parametrize(
    "said", [b"", b"GE", get()[:-2], post()[:-1], post()[: -len(FORM)], chunked(IN_CHUNKS, body=CHUNKS)]
)
def test_who_leaves_before_its_request_is_whole_asks_nothing(world: World, said: bytes, rudely: bool) -> None:
    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(said, b"")
            await until(lambda: bool(at.door and at.door.state.connections))
            caller.hang_up(rudely=rudely)
        await at.left()
        assert at.provider.asked == []

    world(script)


@pytest.mark.parametrize("rudely", [False, True])
def test_who_leaves_before_it_is_answered_ends_a_read_and_not_a_send(world: World, rudely: bool) -> None:
    async def script(at: Place) -> None:
        at.provider.go_on.clear()
        for whole in (get(b"X-Request-Id: read"), post(b"X-Request-Id: send")):
            async with at.caller() as caller:
                await caller.say(whole)
                await until(lambda whole=whole: at.provider.ids[-1:] == [whole.split(b"Id: ")[1][:4].decode()])  # type: ignore[misc]
                caller.hang_up(rudely=rudely)
        await until(lambda: at.provider.cancelled == ["read"])
        assert at.door is not None
        state = at.door.state
        await until(lambda: not state.connections)
        assert len(state.tasks) == 1
        at.provider.go_on.set()
        await at.left()
        assert (at.provider.ended, at.provider.cancelled) == (["send"], ["read"])

    world(script)


def test_who_leaves_behind_what_it_sent_ahead_leaves_nothing_open(world: World) -> None:
    async def script(at: Place) -> None:
        at.provider.go_on.clear()
        async with at.caller() as caller:
            await caller.say(post(b"X-Request-Id: 0") + post(b"X-Request-Id: 1"))
            await until(lambda: bool(at.provider.asked))
            caller.hang_up(rudely=True)
        at.provider.go_on.set()
        await at.left()
        assert (
            at.provider.ended[0] == "0"
        )  # nothing is read while one waits, so it is not seen that its caller has left

    world(script)


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_who_ends_its_own_side_has_left(either: World, method: bytes) -> None:
    """The server treats a half-close as uvicorn does: it cannot be told from a close."""

    async def script(at: Place) -> None:
        at.provider.go_on.clear()
        async with at.caller() as caller:
            await caller.say(post() if method == b"POST" else get())
            await until(lambda: bool(at.provider.asked))
            caller.writer.write_eof()
            assert await caller.ended() == b""
        at.provider.go_on.set()
        await at.left()
        await until(lambda: len(at.provider.ended + at.provider.cancelled) == 1)
        assert bool(at.provider.ended) == (method == b"POST")

    either(script)


def test_who_leaves_while_it_is_answered_is_no_defect(world: World) -> None:
    async def main() -> None:
        async def handle(call: ServerRequest) -> None:
            await call.read(1000)
            call.respond(messages.Response(200, (), b"x" * 2**22))

        with structlog.testing.capture_logs() as logs:
            async with place(handle=handle, small=True) as at:
                for rudely in (True, False):
                    async with at.caller() as caller:
                        await caller.say(get() * 5)
                        await caller.begins()
                        caller.hang_up(rudely=rudely)
                await at.left()
        assert logs == []

    world.run(main())


def test_a_caller_that_does_not_read_its_answers_is_waited_for(world: World) -> None:
    """While a response is stuck, no further request is started, and no more is read."""
    begun = 0

    async def main() -> None:
        async def handle(call: ServerRequest) -> None:
            nonlocal begun
            begun += 1
            await call.read(1000)
            call.respond(messages.Response(200, (), b"x" * 2**20))

        async with place(handle=handle, small=True) as at:
            assert at.door is not None
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.setblocking(False)
            await asyncio.get_running_loop().sock_connect(raw, at.address)
            many = 20
            raw.send(get() * many)
            await until(lambda: begun > 0)
            for _ in range(50):
                await asyncio.sleep(0.002)
            assert begun <= 3
            transport = cast(Http1Protocol, at.door.last)._transport
            assert transport.get_write_buffer_size() <= 3 * 2**20
            reader, writer = await asyncio.open_connection(sock=raw, limit=2**22)
            caller = Caller(reader, writer)
            for _ in range(many):
                assert len((await caller.answer()).body) == 2**20
            await caller.say(get())
            assert (await caller.answer()).status == 200
            writer.close()
            await writer.wait_closed()
            await at.left()

    world.run(main())


# ---- time ---------------------------------------------------------------------------------------------------


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol_factory, "_LOOK", 0.02)


@pytest.mark.usefixtures("looks_often")
def test_idle_connections_are_closed_and_those_under_way_are_not(world: World) -> None:
    async def main() -> None:
        async with place(soon=True) as at:
            at.provider.go_on.clear()
            async with at.caller() as busy, at.caller() as silent, at.caller() as half, at.caller() as dribbling:
                await busy.say(post())
                await until(lambda: bool(at.provider.asked))
                await half.say(get()[:-5])

                async def dribble() -> None:
                    for byte in get(b"X: " + b"x" * 10000):
                        await dribbling.say(bytes([byte]))
                        await asyncio.sleep(0.01)

                dribbled = asyncio.create_task(dribble())
                assert [await caller.ended() for caller in (silent, half)] == [b""] * 2
                with contextlib.suppress(ConnectionError):  # it was still writing
                    assert await dribbling.ended() == b""
                dribbled.cancel()
                async with at.caller() as used:
                    await used.say(get(path=b"/nowhere"))
                    await used.answer()
                    assert await used.ended() == b""  # after one that was answered as well
                at.provider.go_on.set()
                assert (await busy.answer()).status == UNREACHED
                assert await busy.ended() == b""
            await at.left()

    world.run(main())


@pytest.mark.usefixtures("looks_often")
def test_connection_is_kept_longer_after_a_response_that_states_the_time(world: World) -> None:
    async def main() -> None:
        async with place(soon=True) as at:
            assert at.door is not None
            at.door.keep_alive = 60 * PATIENCE
            async with at.caller() as used, at.caller() as half, at.caller() as silent, at.caller() as unknown:
                await unknown.say(get(path=b"/nowhere").replace(AUTHORISED, b"Host: a\r\n"))
                refused = await unknown.answer()
                assert (refused.status, "keep-alive" in refused.headers) == (401, False)
                for caller in (used, half):
                    await caller.say(get(path=b"/nowhere"))
                    assert f"timeout={int(60 * PATIENCE)}" == (await caller.answer()).headers["keep-alive"]
                await half.say(get()[:-5])
                assert [await caller.ended() for caller in (half, silent, unknown)] == [b""] * 3
                await used.say(get(path=b"/nowhere"))
                assert (await used.answer()).status == 404, "what has answered a request waits for the next"
                at.door.most = 1  # half of the places are taken
                assert await used.ended() == b""
            await at.left()

    world.run(main())


@pytest.mark.usefixtures("looks_often")
def test_client_that_sends_body_after_its_response_is_closed_as_idle(world: World) -> None:
    async def main() -> None:
        async with place(soon=True, max_body=10) as at:
            async with at.caller() as caller:
                await caller.say(chunked(IN_CHUNKS, body=b"b\r\n" + b"x" * 11 + b"\r\n"))
                assert (await caller.answer()).status == 413
                gone = asyncio.create_task(caller.ended())
                with contextlib.suppress(ConnectionError):
                    while not gone.done():
                        await caller.say(b"1\r\nx\r\n")
                        await asyncio.sleep(0.005)
                with contextlib.suppress(ConnectionError):
                    assert await gone == b""
            await at.left()

    world.run(main())


@pytest.mark.usefixtures("looks_often")
@pytest.mark.parametrize("last", [b"", b"Connection: close"])
def test_who_never_reads_its_answer_is_given_up(world: World, last: bytes) -> None:
    async def main() -> None:
        async def handle(call: ServerRequest) -> None:
            await call.read(1000)
            call.respond(messages.Response(200, (), b"x" * 2**24))

        async with place(soon=True, handle=handle, small=True) as at:
            with socket.socket() as raw:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                raw.setblocking(False)
                await asyncio.get_running_loop().sock_connect(raw, at.address)
                raw.send(get(*([last] if last else [])) + get())
                await until(lambda: bool(at.door and hasattr(at.door, "state") and at.door.state.connections))
                await at.left()

    world.run(main())


@pytest.mark.usefixtures("looks_often")
def test_who_reads_slowly_gets_all_of_it(world: World) -> None:
    size = 2**19

    async def main() -> None:
        async def handle(call: ServerRequest) -> None:
            await call.read(1000)
            call.respond(messages.Response(200, (), b"x" * size))

        async with place(soon=True, handle=handle, small=True) as at:
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            raw.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(raw, at.address)
            await loop.sock_sendall(raw, get(b"Connection: close"))
            began, got = loop.time(), 0
            while piece := await loop.sock_recv(raw, 32768):
                got += len(piece)
                await asyncio.sleep(0.02)
            assert got > size
            assert loop.time() - began > 10 * protocol_factory._LOOK  # twice as long as an idle one would be left
            raw.close()
            await at.left()

    world.run(main())


def test_a_body_that_stalls_is_told_so_and_closed(world: World) -> None:
    async def main() -> None:
        async with place(deadline=0.1) as at:
            for body in (b"", FORM[:5]):
                async with at.caller() as caller:
                    await caller.say(chunked(b"Content-Length: %d" % len(FORM), body=body))
                    answer = await caller.answer()
                    assert (answer.status, answer.closes) == (408, True)
                    with contextlib.suppress(ConnectionError):
                        await caller.say(FORM[len(body) :], SMUGGLED)
                        assert await caller.ended() == b""
            await at.left()
            assert at.provider.asked == []

    world.run(main())


def test_a_read_past_its_deadline_is_told_so_and_the_connection_is_kept(world: World) -> None:
    async def main() -> None:
        async with place(deadline=0.1) as at:
            at.provider.go_on.clear()
            async with at.caller() as caller:
                await caller.say(get() + get(path=b"/nowhere"))
                first, second = await caller.answer(), await caller.answer()
                assert (first.status, first.closes, second.status) == (504, False, 404)
            await at.left()
            assert len(at.provider.cancelled) == 1

    world.run(main())


@pytest.mark.parametrize("asgi", [False, True])
def test_send_past_its_deadline_is_answered_once_and_the_next_meanwhile(world: World, asgi: bool) -> None:
    async def main() -> None:
        async with place(asgi=asgi, deadline=0.1) as at:
            at.provider.go_on.clear()
            async with at.caller() as caller:
                await caller.say(post(b"X-Request-Id: late") + get(b"X-Request-Id: next", path=b"/nowhere"))
                late, following = await caller.answer(), await caller.answer()
                assert (late.status, late.id, late.closes) == (504, "late", False)
                assert (following.status, following.id) == (404, "next")
                assert at.provider.ended == []
                at.provider.go_on.set()
                await until(lambda: at.provider.ended == ["late"])
                await caller.say(get(b"X-Request-Id: after", b"Connection: close", path=b"/nowhere"))
                [last] = await caller.answers()  # and nothing a second time
                assert last.id == "after"
            await at.left()

    world.run(main())


# ---- the end ------------------------------------------------------------------------------------------------


def test_a_server_that_stops_closes_the_idle_and_answers_what_is_under_way(world: World) -> None:
    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            server = contextlib.AsyncExitStack()
            at = await server.enter_async_context(place())
            at.provider.go_on.clear()
            fresh, used, half, reading, sending, gone, ahead = [
                await stack.enter_async_context(at.caller()) for _ in range(7)
            ]
            await used.say(get(path=b"/nowhere"))
            await used.answer()
            await half.say(get()[:-5])
            await reading.say(get(b"X-Request-Id: reading"))
            await sending.say(post(b"X-Request-Id: sending"))
            await gone.say(post(b"X-Request-Id: gone"))
            await ahead.say(post(b"X-Request-Id: ahead") + SMUGGLED)
            await until(lambda: len(at.provider.asked) == 4)
            gone.hang_up()
            stopping = asyncio.create_task(server.aclose())
            assert [await caller.ended() for caller in (fresh, used, half)] == [b""] * 3
            await reading.say(SMUGGLED)  # too late
            assert at.provider.ended == [] and not stopping.done()
            at.provider.go_on.set()
            for caller, id_ in ((reading, "reading"), (sending, "sending"), (ahead, "ahead")):
                answer = await caller.answer()
                assert (answer.status, answer.id, answer.closes) == (UNREACHED, id_, True)
                with contextlib.suppress(ConnectionError):
                    assert await caller.ended() == b""
            await stopping
            assert sorted(at.provider.ended) == ["ahead", "gone", "reading", "sending"]
            assert at.door is not None
            assert not at.door.state.connections and not at.door.state.tasks

    world.run(main())


def test_request_unfinished_after_the_grace_is_cut_and_its_client_sees_it(world: World) -> None:
    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            server = contextlib.AsyncExitStack()
            at = await server.enter_async_context(place(grace=0))
            at.provider.go_on.clear()
            caller = await stack.enter_async_context(at.caller())
            await caller.say(post())
            await until(lambda: bool(at.provider.asked))
            await server.aclose()
            with contextlib.suppress(ConnectionError):
                assert await caller.ended() == b""
            await at.left()
            assert len(at.provider.cancelled) == 1

    world.run(main())


def test_two_thousand_requests_over_few_connections_leave_nothing_behind(world: World) -> None:
    async def script(at: Place) -> None:
        async def one(number: int) -> None:
            async with at.caller() as caller:
                for turn in range(50):
                    ids = [f"{number}-{turn}-{place}" for place in range(5)]
                    whole = (post, get)[turn % 2]
                    await caller.say(b"".join(whole(b"X-Request-Id: " + id_.encode()) for id_ in ids))
                    assert [(await caller.answer()).id for _ in ids] == ids

        await asyncio.gather(*(one(number) for number in range(8)))
        assert len(set(sends(at))) == len(sends(at)) == 8 * 25 * 5

    world(script)


# ---- defects ------------------------------------------------------------------------------------------------


def test_defect_is_answered_and_logged_without_its_text(world: World) -> None:
    async def broken(call: ServerRequest) -> None:
        await call.read(1000)
        raise LookupError("the number 19876543212")

    async def cancelled(call: ServerRequest) -> None:
        raise asyncio.CancelledError

    async def silent(call: ServerRequest) -> None:
        return None

    async def main(handle: Any) -> list[Any]:
        with structlog.testing.capture_logs() as logs:
            async with place(handle=handle) as at, at.caller() as caller:
                await caller.say(get(b"X-Request-Id: mine") + get())
                with contextlib.suppress(ConnectionError):
                    assert await caller.ended() == b""
                await at.left()
        return logs

    [logged] = world.run(main(broken))
    assert (logged["event"], logged["request_id"]) == ("defect", "mine")
    assert logged["traceback"].startswith("LookupError < test_connection.py:")
    assert "19876543212" not in str(logged)
    assert world.run(main(cancelled)) == []
    assert len(world.run(main(silent))) <= 1


def test_a_defect_behind_an_answer_takes_nothing_from_the_next_request(world: World) -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def handle(call: ServerRequest) -> None:
            await call.read(1000)
            if call.id == "first":
                call.respond(messages.Response(200))
                await go_on.wait()
                raise LookupError
            go_on.set()
            for _ in range(20):
                await asyncio.sleep(0)
            call.respond(messages.Response(201))
            call.respond(messages.Response(500))  # a second answer is none

        async with place(handle=handle) as at:
            async with at.caller() as caller:
                await caller.say(get(b"X-Request-Id: first") + get() + get(b"Connection: close"))
                assert [answer.status for answer in await caller.answers()] == [200, 201, 201]
            await at.left()

    world.run(main())


@pytest.mark.parametrize(
    "header", [("x-a", "a\r\nx-b: b"), ("x-a", "a\nb"), ("x-a", "a\rb"), ("x\r\na", "b"), ("x-a", "\r\n")]
)
def test_a_header_that_would_be_read_as_two_is_none(header: tuple[str, str]) -> None:
    heads = ResponseHeadCache(ServerState())
    with pytest.raises(ValueError, match="end of a line"):
        heads.head(200, (header,))
    assert heads.head(200, (("x-a", "b"),)) == "HTTP/1.1 200 OK\r\nX-A: b\r\n"


def test_an_answer_with_a_header_that_would_be_read_as_two_is_not_written(world: World) -> None:
    async def main() -> None:
        async def handle(call: ServerRequest) -> None:
            call.respond(messages.Response(200, (("x-a", "a\r\nx-b: b"),)))

        with structlog.testing.capture_logs() as logs:
            async with place(handle=handle) as at, at.caller() as caller:
                await caller.say(get())
                with contextlib.suppress(ConnectionError):
                    assert await caller.ended() == b""
        assert [line["event"] for line in logs] == ["defect"]

    world.run(main())


def test_an_answer_that_has_no_body_by_its_status_says_no_length(world: World) -> None:
    """RFC 9110, 8.6: no content-length with 204. RFC 9112, 6.3: the bytes after its head would be the next response."""

    async def main() -> None:
        async def handle(call: ServerRequest) -> None:
            call.respond(
                messages.Response(204, (), b"body") if call.id == "empty" else messages.Response(200, (), b"ok")
            )

        async with place(handle=handle) as at, at.caller() as caller:
            await caller.say(get(b"X-Request-Id: empty") + get(b"Connection: close"))
            status, headers = await caller.begins()
            assert status == 204 and "content-length" not in headers
            assert (await caller.answer()).body == b"ok"

    world.run(main())


# ---- write batching -----------------------------------------------------------------------------------------


class Line:
    """A transport that remembers its writes, and fails if a test says so."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.said: list[Any] = []
        self.fails = fails
        self.state = ""

    def is_closing(self) -> bool:
        return bool(self.state)

    def write(self, data: bytes) -> None:
        if self.fails is not None:
            raise self.fails
        self.said.append(data)

    def writelines(self, pieces: Sequence[bytes]) -> None:
        self.write(b"")
        self.said[-1:] = [tuple(pieces)]

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        assert low < high

    def close(self) -> None:
        self.state = self.state or "closed"

    def fail(self) -> None:
        raise OSError("not connected")

    def abort(self) -> None:
        self.state = "aborted"


async def turn() -> None:
    for _ in range(2):
        await asyncio.sleep(0)


class Read(Line):
    """A transport that shows if reading is paused."""

    is_read = True

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


def test_behind_a_large_read_it_is_the_turn_of_others() -> None:
    async def main() -> None:
        answer, read = asyncio.Event(), []

        async def handle(call: ServerRequest) -> None:
            read.append(len(await call.read(2**20) or b""))
            await answer.wait()
            call.respond(messages.Response(200, (), b""))

        state, line = ServerState(), Read()
        host = ProtocolFactory(handle, new_ids(), lambda _: None)
        connection = Http1Protocol(host, ResponseHeadCache(state), state, asyncio.get_running_loop())
        connection.connection_made(cast("asyncio.Transport", line))
        connection.data_received(
            post(b"Content-Length: %d" % (3 * LIMITS.turn), body=b"")[:-2].replace(b"Content-Length: 0\r\n", b"")
        )
        connection.data_received(b"\r\n" + b"x" * (LIMITS.turn - 3))
        assert not line.is_read, "a head is looked at before its body is read"
        await turn()
        assert line.is_read
        for size in (LIMITS.turn, LIMITS.turn + 3):
            connection.data_received(b"x" * size)
            assert not line.is_read
            await turn()
            assert line.is_read
        assert read == [3 * LIMITS.turn]
        connection.data_received(get() + post(body=b"x" * LIMITS.turn))
        await turn()
        assert not line.is_read, "what is sent ahead waits, whoever's turn it is"
        answer.set()
        await turn()
        await turn()
        assert line.is_read
        assert read == [3 * LIMITS.turn, 0, LIMITS.turn]

    asyncio.run(main())


def test_writes_leave_at_the_end_of_their_turn_in_order() -> None:
    async def main() -> None:
        outbox, one, two = write_batcher(asyncio.get_running_loop()), Line(), Line()
        assert outbox is write_batcher(asyncio.get_running_loop())
        outbox.write(one, b"1")
        outbox.write(two, b"2")
        outbox.write(one, b"3", then=one.close)
        outbox.write(one, b"behind the last")
        assert one.said == two.said == []
        await turn()
        assert (one.said, two.said) == ([b"1", b"3"], [b"2"])
        assert (one.state, two.state) == ("closed", "")
        outbox.write(two, b"4")
        outbox.flush()
        assert two.said == [b"2", b"4"]
        await turn()
        assert two.said == [b"2", b"4"]

    asyncio.run(main())


def test_sixteen_writes_wait_for_no_other() -> None:
    async def main() -> None:
        outbox, line = write_batcher(asyncio.get_running_loop()), Line()
        for number in range(15):
            outbox.write(line, b"%d" % number)
        assert line.said == []
        outbox.write(line, b"15")
        assert line.said == [b"%d" % number for number in range(16)]
        outbox.write(line, b"16")
        assert len(line.said) == 16
        await turn()
        assert line.said[-1] == b"16" and len(line.said) == 17

    asyncio.run(main())


def test_a_large_body_waits_for_nobody_and_is_not_copied_behind_its_head() -> None:
    async def main() -> None:
        outbox, one, two = write_batcher(asyncio.get_running_loop()), Line(), Line()
        large = b"x" * (64 * 1024)
        outbox.write(one, b"first")
        outbox.write(two, b"head", large, two.close)
        assert (one.said, two.said, two.state) == ([b"first"], [(b"head", large)], "closed"), "one write"
        assert two.said[0][1] is large
        outbox.write(one, b"head", large[1:])
        assert one.said == [b"first"]
        await turn()
        assert one.said == [b"first", b"head" + large[1:]]

    asyncio.run(main())


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("the handle is closed")])
def test_a_transport_that_fails_takes_nobody_elses_writes_with_it(error: Exception) -> None:
    async def main() -> None:
        outbox, broken, sound = write_batcher(asyncio.get_running_loop()), Line(error), Line()
        for line in (broken, sound, broken, sound):
            outbox.write(line, b"x", then=line.close if line is broken else None)
        await turn()
        assert broken.state == "aborted"
        outbox.write(Line(error), b"head", b"x" * 64 * 1024)
        halfway = Line()
        outbox.write(halfway, b"x", then=halfway.fail)
        outbox.write(sound, b"x")
        await turn()
        assert (halfway.said, halfway.state) == ([b"x"], "aborted")
        assert (sound.said, sound.state) == ([b"x"] * 3, "")

    asyncio.run(main())


def test_an_outbox_does_not_keep_its_loop() -> None:
    import gc
    import weakref

    async def main() -> tuple[weakref.ref[Any], weakref.ref[WriteBatcher]]:
        loop = asyncio.get_running_loop()
        write_batcher(loop).write(Line(), b"x")
        return weakref.ref(loop), weakref.ref(write_batcher(loop))

    kept = asyncio.run(main())
    gc.collect()
    assert [reference() for reference in kept] == [None, None]
