"""Our own HTTP/1.1 engine against everything that a back can do to it, on real sockets."""

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import struct
import weakref
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme
import uvloop

from tests.scripted import GET, POST, Deaf, Script, back, tls
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.shell.client.connection_pool import ConnectionPool, NotSent
from translator.shell.client.http1 import ClientConnection, StaleConnection
from translator.shell.client.provider_client import ProviderClient
from translator.shell.client.response_reader import HEAD, ResponseError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def saying(*pieces: bytes, close: bool = False, pause: float = 0.0) -> Script:
    """Each request is answered with these bytes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                if pause or len(pieces) > 1:
                    await asyncio.sleep(pause)
            if close:
                return

    return script


def asked(script: Script, *requests: Request, largest: int = 1000, timeout: float = 5.0) -> list[Answer]:
    """The results of requests, one after the other, over one provider client."""

    async def main() -> list[Answer]:
        async with back(script) as port:
            url = f"http://127.0.0.1:{port}"
            upstream = ProviderClient(url, timeout=timeout, engine=ConnectionPool(url, largest))
            try:
                return [await upstream.ask(request, "an-id") for request in requests]
            finally:
                await upstream.aclose()

    return asyncio.run(main())


def one(script: Script, request: Request = GET, **knobs: Any) -> Answer:
    [answer] = asked(script, request, **knobs)
    return answer


# ---- responses ----------------------------------------------------------------------------------------------

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: seen\r\n\r\n"
)


@pytest.mark.parametrize("whole", [OK, CHUNKED], ids=["sized", "chunked"])
def test_an_answer_split_at_every_byte_is_the_same_answer(whole: bytes) -> None:
    plain = one(saying(whole))
    for at in range(1, len(whole)):
        assert one(saying(whole[:at], whole[at:])) == plain
    assert one(saying(*(bytes([byte]) for byte in whole))) == plain


def test_a_chunked_answer_is_put_together_and_its_trailers_are_nothing() -> None:
    assert one(saying(CHUNKED)) == Response(200, (("transfer-encoding", "chunked"),), b"hello world")


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_an_answer_that_ends_with_its_connection_is_whole(version: bytes) -> None:
    answer = one(saying(b"HTTP/" + version + b" 200 OK\r\n\r\nall of it", close=True))
    assert answer == Response(200, (), b"all of it")


def test_what_only_says_that_an_answer_is_coming_has_no_body() -> None:
    interim = b"HTTP/1.1 199 Wait\r\nContent-Length: 5\r\n\r\nINTER"
    assert one(saying(interim + OK)) == Failure("broken", "a body of what only says that an answer is coming")


def test_what_only_says_that_an_answer_is_coming_is_no_answer() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    assert one(saying(interim + OK)) == one(saying(OK)) == Response(200, (("content-length", "2"),), b"ok")
    assert one(saying(interim, OK)) == one(saying(OK))


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_ends_with_its_head(status: int) -> None:
    head = f"HTTP/1.1 {status} Nothing\r\nETag: x\r\n\r\n".encode()
    answers = asked(saying(head), GET, GET)
    assert answers == [Response(status, (("etag", "x"),), b"")] * 2


def test_headers_are_kept_in_order_with_small_names_and_doubles() -> None:
    answer = one(saying(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-b:  \xe9 \r\nX-A: 2\r\nContent-Length: 0\r\n\r\n"))
    assert isinstance(answer, Response)
    assert answer.headers == (("x-a", "1"), ("x-b", "\xe9"), ("x-a", "2"), ("content-length", "0"))


# ---- large responses -----------------------------------------------------------------------------------------

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
HUNDREDS = b"".join(b"%07d " % number for number in range(50_000))
"""A body of 400 KB in which no two places are alike."""
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(HUNDREDS) + HUNDREDS
BODY = len(LARGE) - len(HUNDREDS)
ROOM = 256_000
"""The bytes that a loop reads at once: this many in uvloop, a little more in asyncio."""


@pytest.fixture(params=LOOPS)
def loop_of(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """The constructor of the event loop."""
    return LOOPS[request.param]


def asked_at_once(
    script: Script,
    requests: list[Request],
    loop_of: Callable[[], asyncio.AbstractEventLoop],
    *,
    timeout: float = 5.0,
    secured: bool = False,
) -> list[Answer]:
    """The results of requests, each sent as soon as the one before it is answered, from a script that may send much."""

    async def main() -> list[Answer]:
        authority = trustme.CA()
        server, client = tls(authority, authority.issue_cert("localhost")) if secured else (None, None)
        async with back(script, server) as port:
            engine = ConnectionPool(f"http{'s' * secured}://localhost:{port}", 1_000_000, client)
            upstream = ProviderClient("", timeout=timeout, engine=engine)
            try:
                return [await upstream.ask(request, "an-id") for request in requests]
            finally:
                await upstream.aclose()

    with asyncio.Runner(loop_factory=loop_of) as runner:
        return runner.run(main())


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "ends",
    [
        *[(), (BODY,), (BODY - 1,), (BODY + 1,), (BODY + ROOM,), (ROOM,), (ROOM + 1,)],
        *[(-1,), (-2,), (ROOM, -1), (-ROOM,), (-ROOM - 1,), (9, -9)],
    ],
    ids=str,
)
def test_a_large_answer_is_whole_however_it_is_split(
    ends: tuple[int, ...], loop_of: Callable[[], asyncio.AbstractEventLoop], secured: bool
) -> None:
    seen: list[int] = []
    pieces = [LARGE[slice(*at)] for at in zip((None, *ends), (*ends, None), strict=True)]
    script = counting(saying(*pieces, pause=0.01), seen)
    for found in asked_at_once(script, [GET, GET, POST], loop_of, secured=secured):
        assert isinstance(found, Response)
        assert found.body == HUNDREDS
    assert seen == [1], "the connection is used again"


def test_a_small_answer_behind_a_large_one_is_itself(loop_of: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        for answer in (LARGE, OK, LARGE, CHUNKED):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()

    answers = asked_at_once(script, [GET] * 4, loop_of)
    assert [answer.body for answer in answers if isinstance(answer, Response)] == [
        HUNDREDS,
        b"ok",
        HUNDREDS,
        b"hello world",
    ]


def test_a_large_answer_in_chunks_is_put_together(loop_of: Callable[[], asyncio.AbstractEventLoop]) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (HUNDREDS[:100_000], HUNDREDS[100_000:]))
    [found] = asked_at_once(saying(head + chunks + b"0\r\n\r\n"), [GET], loop_of)
    assert isinstance(found, Response)
    assert found.body == HUNDREDS


@pytest.mark.parametrize("upto", [BODY + 1, ROOM, ROOM + 1, len(LARGE) - 1])
def test_a_large_answer_that_stops_is_broken_or_overdue(
    upto: int, loop_of: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(LARGE[:upto])
        await asyncio.sleep(60)

    broken = Failure("broken", "the connection was closed within the answer")
    assert asked_at_once(saying(LARGE[:upto], close=True), [POST], loop_of) == [broken]
    assert asked_at_once(stall, [POST], loop_of, timeout=0.3) == [Failure("timeout", "deadline")]


@pytest.mark.parametrize("garbage", [b"g", b"garbage", OK, LARGE])
def test_what_comes_behind_a_large_answer_is_never_taken_for_the_next_one(
    garbage: bytes, loop_of: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(LARGE + garbage if number == 1 else OK)
        await asyncio.sleep(60)

    first, second = asked_at_once(script, [GET, GET], loop_of)
    assert isinstance(first, Response)
    assert isinstance(second, Response)
    assert (first.body, second.body) == (HUNDREDS, b"ok")


def test_a_large_answer_that_ends_its_connection_is_the_last_on_it(
    loop_of: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    seen: list[int] = []
    last = LARGE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    first, second = asked_at_once(counting(saying(last), seen), [GET, GET], loop_of)
    assert first == second
    assert seen == [1, 2]


def test_abandoned_large_response_closes_its_own_connection_only(
    loop_of: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(LARGE[:-1000] if number == 1 else LARGE)
        await asyncio.sleep(60)

    async def main() -> None:
        async with back(script) as port:
            engine = ConnectionPool(f"http://127.0.0.1:{port}", 1_000_000)
            first = asyncio.ensure_future(engine.call(GET, "an-id", lambda: None))
            for _ in range(500):
                if any(connection._reader._pieces for connection in engine._all):
                    break
                await asyncio.sleep(0.01)
            else:
                raise AssertionError("the rest is not waited for")
            second = asyncio.ensure_future(engine.call(GET, "an-id", lambda: None))
            first.cancel()
            assert (await second).body == HUNDREDS
            assert first.cancelled()
            assert len(engine._idle) == 1
            await engine.aclose()
            await closed(engine)

    with asyncio.Runner(loop_factory=loop_of) as runner:
        runner.run(main())


def test_nothing_of_what_a_connection_carried_is_kept(loop_of: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Nothing is kept while it is idle or when it is closed, without the garbage collector."""

    async def main() -> list[object]:
        async with back(saying(LARGE)) as port:
            engine = ConnectionPool(f"http://127.0.0.1:{port}", 1_000_000)
            first = asyncio.ensure_future(engine.call(GET, "an-id", lambda: None))
            assert (await first).body == HUNDREDS
            [idle] = engine._idle
            assert not idle._reader._pieces
            watched = weakref.ref(idle)
            del idle
            await engine.aclose()
            await closed(engine)
            await asyncio.sleep(0)
            return [watched()]

    gc.disable()
    try:
        with asyncio.Runner(loop_factory=loop_of) as runner:
            assert runner.run(main()) == [None]
    finally:
        gc.enable()


# ---- refused responses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
        b"HTTP/1.1 200 OK\r\nBroken Header\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/1.1 ",
        b"",
    ],
)
def test_an_answer_that_is_not_right_is_broken_and_never_half_believed(answer: bytes) -> None:
    found = one(saying(answer, close=True), POST)
    assert isinstance(found, Failure) and found.kind == "broken"


def test_a_head_and_a_body_are_bounded_and_an_endless_one_is_cut() -> None:
    async def endless_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"x" * 1000 + b"\r\n")
            await writer.drain()

    async def endless_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"5\r\nhello\r\n" * 1000)
            await writer.drain()

    found = one(endless_head)
    assert isinstance(found, Failure) and found.kind == "broken"
    large = b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD + b"\r\nContent-Length: 0\r\n\r\n"
    assert isinstance(one(saying(large)), Failure)
    assert one(endless_body) == Failure("broken", "a body larger than is read")
    exact = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    assert isinstance(one(saying(exact)), Response)
    assert isinstance(one(saying(exact.replace(b"1000", b"1001") + b"x")), Failure)


@pytest.mark.parametrize("after", [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nContent-Le", OK[:-1], CHUNKED[:-3]])
def test_a_stall_at_any_point_is_cut_by_the_deadline_of_the_whole_call(after: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(after)
        await asyncio.sleep(60)

    assert one(script, timeout=0.3) == Failure("timeout", "deadline")


@pytest.mark.parametrize("after", [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nContent-Le", OK[:-1], CHUNKED[:-3]])
def test_a_reset_at_any_point_is_broken(after: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(after)
        await asyncio.sleep(0.02)
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing is a reset
        writer.transport.abort()

    found = one(script, POST)
    assert isinstance(found, Failure) and found.kind == "broken"


# ---- connections --------------------------------------------------------------------------------------------


async def closed(engine: ConnectionPool) -> None:
    """Wait until the engine has noticed that its connections are closed."""
    for _ in range(1000):
        if not engine._all:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("a connection that is closed is kept")


def counting(script: Script, seen: list[int]) -> Script:
    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        seen.append(number)
        await script(reader, writer, number)

    return counted


def test_a_connection_is_used_again_and_not_where_the_back_says_otherwise() -> None:
    kept: list[int] = []
    assert len(asked(counting(saying(OK), kept), GET, GET, POST)) == 3
    assert kept == [1]
    closed: list[int] = []
    last = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert asked(counting(saying(last), closed), GET, GET)[1] == asked(saying(last), GET)[0]
    assert closed == [1, 2]


def test_a_connection_closed_while_it_was_idle_is_not_used() -> None:
    seen: list[int] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)

    async def main() -> list[Answer]:
        async with back(counting(script, seen)) as port:
            engine = ConnectionPool(f"http://127.0.0.1:{port}", 1000)
            upstream = ProviderClient("", engine=engine)
            first = await upstream.ask(POST, "an-id")
            await closed(engine)
            second = await upstream.ask(POST, "an-id")
            await upstream.aclose()
            return [first, second]

    assert [type(answer) for answer in asyncio.run(main())] == [Response, Response]
    assert seen == [1, 2]


@pytest.mark.parametrize(("request_", "kind", "written"), [(GET, Response, 2), (POST, Failure, 1)])
def test_closed_connection_is_retried_for_a_read_and_never_for_a_send(
    request_: Request, kind: type, written: int
) -> None:
    reads: list[str] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")
        reads.append("again")
        if number > 1:
            writer.write(OK)
            await asyncio.sleep(1)

    async def main() -> Answer:
        async with back(script) as port:
            upstream = ProviderClient(f"http://127.0.0.1:{port}")
            await upstream.ask(GET, "an-id")
            answer = await upstream.ask(request_, "an-id")
            await upstream.aclose()
            return answer

    answer = asyncio.run(main())
    assert isinstance(answer, kind)
    assert len(reads) == 1, "what was written on the second connection is its first request"
    if isinstance(answer, Failure):
        assert answer == Failure("broken", "the connection was closed under the request")


@pytest.mark.parametrize("garbage", [b"garbage", OK, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"])
@pytest.mark.parametrize("later", [False, True])
def test_what_comes_behind_an_answer_is_never_taken_for_the_next_one(garbage: bytes, later: bool) -> None:
    seen: list[int] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        mine = OK.replace(b"ok", f"{number:02}".encode())
        if number > 1:
            writer.write(mine)
        elif later:
            writer.write(mine)
            await asyncio.sleep(0.02)
            writer.write(garbage)
        else:
            writer.write(mine + garbage)
        await asyncio.sleep(5)

    async def main() -> list[Answer]:
        async with back(counting(script, seen)) as port:
            engine = ConnectionPool(f"http://127.0.0.1:{port}", 1000)
            upstream = ProviderClient("", engine=engine)
            first = await upstream.ask(GET, "an-id")
            await closed(engine)
            second = await upstream.ask(GET, "an-id")
            await upstream.aclose()
            return [first, second]

    answers = asyncio.run(main())
    assert [answer.body for answer in answers if isinstance(answer, Response)] == [b"01", b"02"]


def test_a_caller_that_is_cancelled_closes_its_connection_and_no_other() -> None:
    seen: list[int] = []

    async def main() -> Answer:
        arrived, gone = asyncio.Event(), asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
            await reader.readuntil(b"\r\n\r\n")
            arrived.set()
            if number == 1:
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
                seen.append(-1)
                gone.set()
                return
            writer.write(OK)
            await asyncio.sleep(1)

        async with back(counting(script, seen)) as port:
            upstream = ProviderClient(f"http://127.0.0.1:{port}")
            task = asyncio.create_task(upstream.ask(GET, "an-id"))
            await arrived.wait()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            answer = await upstream.ask(GET, "an-id")
            await gone.wait()
            await upstream.aclose()
            return answer

    assert isinstance(asyncio.run(main()), Response)
    assert seen in ([1, -1, 2], [1, 2, -1])


def test_ten_thousand_calls_over_a_few_connections_leave_nothing_behind() -> None:
    seen: list[int] = []

    async def main() -> tuple[int, int, int]:
        async with back(counting(saying(OK), seen)) as port:
            url = f"http://127.0.0.1:{port}"
            engine = ConnectionPool(url, 1000)
            upstream = ProviderClient(url, concurrency=8, engine=engine)
            await asyncio.gather(*(upstream.ask(GET, "an-id") for _ in range(100)))
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(99):
                answers = await asyncio.gather(*(upstream.ask(GET, "an-id") for _ in range(100)))
                assert all(isinstance(answer, Response) for answer in answers)
            after = len(os.listdir("/proc/self/fd"))
            held = len(engine._all)
            await upstream.aclose()
            return before, after, held

    before, after, held = asyncio.run(main())
    assert before == after
    assert held <= 8
    assert len(seen) <= 8


def test_no_slot_in_time_never_left() -> None:
    async def main() -> list[Answer]:
        async with back(saying(OK, pause=0.4)) as port:
            upstream = ProviderClient(f"http://127.0.0.1:{port}", concurrency=1, timeout=0.3)
            answers = await asyncio.gather(*(upstream.ask(GET, "an-id") for _ in range(3)))
            await upstream.aclose()
            return list(answers)

    kinds = {answer.kind if isinstance(answer, Failure) else "answered" for answer in asyncio.run(main())}
    assert "never-left" in kinds


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/a b"),
        Request("GET", "/a\r\nX: y"),
        Request("GET", "/a/../b"),
        Request("GET", "/é"),
        Request("GET", "/a", headers=(("x", "y\r\nz: 1"),)),
    ],
)
def test_what_would_be_read_otherwise_than_it_was_meant_is_not_written(request_: Request) -> None:
    found = one(saying(OK), request_)
    assert isinstance(found, Failure) and found.kind == "never-left"


# ---- TLS ----------------------------------------------------------------------------------------------------


def over_tls(server: ssl.SSLContext, client: ssl.SSLContext) -> Response | Exception:
    async def main() -> Response | Exception:
        async with back(saying(OK), server) as port:
            engine = ConnectionPool(f"https://localhost:{port}", 1000, client)
            left: list[bool] = []
            try:
                return await engine.call(Request("GET", "/x"), "an-id", lambda: left.append(True))
            except (NotSent, ResponseError) as error:
                assert not left
                return error
            finally:
                await engine.aclose()

    return asyncio.run(main())


def test_a_certificate_is_verified_and_a_bad_one_never_sees_a_request() -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    good = authority.issue_cert("localhost")
    old = authority.issue_cert("localhost", not_after=datetime.now(UTC) - timedelta(days=1))
    assert isinstance(over_tls(*tls(authority, good)), Response)
    for bad in (authority.issue_cert("elsewhere.example"), stranger.issue_cert("localhost"), old):
        found = over_tls(*tls(authority, bad))
        assert isinstance(found, NotSent), found
        assert str(found) == "SSLCertVerificationError"


# ---- bytes without a request -----------------------------------------------------------------------------------------


def test_what_follows_an_answer_is_never_taken_for_the_next() -> None:
    """The beginning of a second answer in the same read: another request on that connection would be answered by its end."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"HTTP/1.1 200 OK\r\nX-A: 1\r\n" if number == 1 else OK)
        await writer.drain()
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"Content-Length: 6\r\n\r\nSECRET" if number == 1 else OK)
            await writer.drain()

    fine = Response(200, (("content-length", "2"),), b"ok")
    assert asked(script, GET, GET, GET) == [fine] * 3


def test_response_before_the_request_is_no_answer_and_stops_the_request() -> None:
    async def main() -> None:
        transport, engine = Deaf(), ConnectionPool("http://127.0.0.1:9", 1000)
        connection = ClientConnection(1000, engine._all.discard)
        connection.connection_made(transport)  # type: ignore[arg-type]
        waiting = connection.asked(b"POST / HTTP/1.1\r\n\r\n")
        connection.data_received(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        assert isinstance(waiting.exception(), StaleConnection)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (transport.said, transport.is_gone, connection.is_open) == ([], True, False)

    asyncio.run(main())


@pytest.mark.parametrize(("read", "is_kept"), [(256 * 1024 - 1, True), (256 * 1024, False)])
def test_what_may_wait_behind_a_full_read_is_no_answer_to_another_request(read: int, is_kept: bool) -> None:
    """asyncio reads 256 KiB at once. An unrequested response may wait behind a response that ends exactly there.

    It may be read when the connection has been given to another request, and that request has left.
    """
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    size = read - len(head % read)

    async def main() -> None:
        connection = ClientConnection(1_000_000, lambda _: None)
        connection.connection_made(Deaf())  # type: ignore[arg-type]
        waiting = connection.asked(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0)
        connection.data_received(head % size + b"x" * size)
        assert len(waiting.result().body) == size
        assert connection.is_open == is_kept

    asyncio.run(main())


def test_a_connection_that_the_back_has_ended_is_asked_no_more() -> None:
    async def main() -> bool:
        connection = ClientConnection(1000, lambda _: None)
        connection.connection_made(Deaf())  # type: ignore[arg-type]
        connection.eof_received()
        return connection.is_open

    assert not asyncio.run(main())
