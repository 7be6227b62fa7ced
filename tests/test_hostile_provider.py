"""A provider that floods, dribbles and lies: its responses are bounded in every part, cost about as much as their size, and delay no
other account.

The tests use real sockets, or a connection without a socket if bytes are counted.
"""

import asyncio
import tracemalloc
from typing import Any

import pytest
import uvloop

from tests.scripted import GET, POST, Deaf, Script, back
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.shell.aio.memory_budget import MemoryBudget
from translator.shell.client.connection_pool import ConnectionPool
from translator.shell.client.http1 import ClientConnection
from translator.shell.client.httpx_transport import HttpxTransportAdapter
from translator.shell.client.provider_client import ProviderClient
from translator.shell.client.read_turns import ReadTurns

MIB = 1024 * 1024
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SENT = 64 * MIB
"""The number of bytes that a hostile provider sends, unless it is stopped."""


class Flood:
    """Sends `head`, and then `again` for as long as the connection is open, up to SENT bytes."""

    def __init__(self, head: bytes, again: bytes) -> None:
        self._head, self._again = head, again * (64 * 1024 // len(again))
        self.said = 0

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self._head)
        while self.said < SENT:
            writer.write(self._again)
            await writer.drain()
            self.said += len(self._again)
        await asyncio.sleep(60)


def of(script: Script, request: Request = GET, *, timeout: float = 20.0, largest: int = 16 * MIB) -> Answer:
    """The result of one request to a provider, in the loop that the product runs in."""

    async def main() -> Answer:
        async with back(script) as port:
            upstream = ProviderClient("", timeout=timeout, engine=ConnectionPool(f"http://127.0.0.1:{port}", largest))
            try:
                return await upstream.ask(request, "an-id")
            finally:
                await upstream.aclose()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def fed(pieces: list[bytes], largest: int = 64 * MIB) -> tuple[Any, int]:
    """The result of a response that is read in these pieces, and the most bytes that its reading took."""

    async def main() -> tuple[Any, int]:
        connection = ClientConnection(largest, lambda _: None)
        connection.connection_made(Deaf())  # type: ignore[arg-type]
        waiting = connection.asked(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0)
        tracemalloc.start()
        try:
            for piece in pieces:
                connection.data_received(piece)
                if waiting.done():
                    break
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert waiting.done()
        return waiting.exception() or waiting.result(), most

    return asyncio.run(main())


# ---- bytes outside of the body count like a head --------------------------------------------------------------------------

ENDLESS = {
    "trailers": (CHUNKED + b"2\r\nok\r\n0\r\n", b"X: y\r\n"),
    "one trailer": (CHUNKED + b"2\r\nok\r\n0\r\nX: ", b"y" * 1024),
    "extensions": (CHUNKED, b"1;" + b"e" * 1000 + b"\r\nx\r\n"),
    "one extension": (CHUNKED + b"5;", b"e" * 1024),
    "two-byte chunks": (CHUNKED, b"2\r\nxx\r\n"),
    "interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "one header": (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 1024),
    "one line": (b"HTTP/1.1 200 ", b"y" * 1024),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_is_not_body_is_bounded_whatever_it_is(name: str) -> None:
    flood = Flood(*ENDLESS[name])
    answer = of(flood.script, POST)
    assert isinstance(answer, Failure)
    assert answer.kind == "broken"
    assert flood.said < 16 * MIB, "it was closed, but for what the network holds"


@pytest.mark.parametrize("size", [100, 250, 4000])
def test_an_answer_in_chunks_as_servers_write_them_is_read(size: int) -> None:
    chunk = b"%x\r\n" % size + b"x" * size + b"\r\n"
    count = 2 * MIB // size
    found, _ = fed([CHUNKED + chunk * count + b"0\r\n\r\n"])
    assert isinstance(found, Response)
    assert len(found.body) == size * count


def test_a_short_answer_in_chunks_of_one_byte_is_read() -> None:
    found, _ = fed([CHUNKED + b"1\r\nx\r\n" * 5000 + b"0\r\nX-Trailer: y\r\n\r\n"])
    assert isinstance(found, Response)
    assert found.body == b"x" * 5000


@pytest.mark.parametrize(("count", "is_read"), [(100, True), (101, False)])
def test_an_answer_has_a_hundred_headers_at_most(count: int, is_read: bool) -> None:
    lines = b"".join(b"X-%d: y\r\n" % number for number in range(count - 1))
    found, _ = fed([b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 2\r\n\r\nok"])
    assert isinstance(found, Response) == is_read


def test_a_body_that_is_declared_too_large_is_not_waited_for() -> None:
    answer = of(stalling(16 * MIB + 1))
    assert answer == Failure("broken", "a body larger than is read")


def stalling(declared: int) -> Script:
    """A provider that declares a body, and never sends it."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nx" % declared)
        await asyncio.sleep(60)

    return script


# ---- the cost of a response ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [100, 250, 1000, 64 * 1024])
def test_an_answer_in_small_chunks_takes_twice_its_bytes_at_most(size: int) -> None:
    chunk = b"%x\r\n" % size + b"x" * size + b"\r\n"
    whole = 4 * MIB // size * size
    pieces = [
        CHUNKED,
        *[chunk * max(1, 64 * 1024 // size)] * (whole // (size * max(1, 64 * 1024 // size))),
        b"0\r\n\r\n",
    ]
    found, most = fed(pieces)
    assert isinstance(found, Response)
    assert most <= 2 * len(found.body) + MIB / 2


@pytest.mark.parametrize("read", [100, 5000, 256 * 1024])
def test_an_answer_that_is_dribbled_takes_twice_its_bytes_at_most(read: int) -> None:
    size = 2 * MIB
    pieces = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size]
    pieces += [b"x" * read] * (size // read) + [b"x" * (size % read)]
    found, most = fed([piece for piece in pieces if piece])
    assert isinstance(found, Response)
    assert most <= 2 * size + MIB / 2


# ---- error answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_error_response_is_read_at_its_start_and_the_connection_closed(status: int) -> None:
    flood = Flood(b"HTTP/1.1 %d Error\r\nContent-Length: 15000000\r\nRetry-After: 7\r\n\r\n" % status, b"x")
    answer = of(flood.script)
    assert isinstance(answer, Response)
    assert (answer.status, answer.header("retry-after")) == (status, "7")
    assert answer.body == b"x" * 65536
    assert flood.said < 14_000_000


def test_ordinary_error_is_read_whole_and_its_connection_is_used_again() -> None:
    seen: list[int] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        seen.append(number)
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 404 No\r\nContent-Length: 65536\r\n\r\n" + b"y" * 65536)

    async def main() -> list[Answer]:
        async with back(script) as port:
            upstream = ProviderClient(f"http://127.0.0.1:{port}")
            answers = [await upstream.ask(GET, "an-id") for _ in range(3)]
            await upstream.aclose()
            return answers

    assert {answer.body for answer in asyncio.run(main()) if isinstance(answer, Response)} == {b"y" * 65536}
    assert seen == [1]


# ---- turns -------------------------------------------------------------------------------------------------------------------


def test_others_get_a_turn_after_each_large_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop may read one connection thirty times over before it looks at another."""
    reads: list[int] = []
    received = ClientConnection.data_received

    def counted(self: ClientConnection, data: bytes) -> None:
        reads.append(len(data))
        received(self, data)

    monkeypatch.setattr(ClientConnection, "data_received", counted)

    async def main() -> int:
        most, is_over = 0, False
        loop = asyncio.get_running_loop()

        def tick() -> None:
            nonlocal most
            most = max(most, sum(reads))
            reads.clear()
            if not is_over:
                loop.call_soon(tick)

        body = b"x" * (12 * MIB)
        process = await asyncio.create_subprocess_exec(
            "python3", "-c", _SERVER, stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.PIPE
        )  # fmt: skip
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        upstream = ProviderClient(f"http://127.0.0.1:{port}")
        tick()
        try:
            for _ in range(3):
                answer = await upstream.ask(GET, "an-id")
                assert isinstance(answer, Response)
                assert len(answer.body) == len(body)
        finally:
            is_over = True
            await upstream.aclose()
            process.kill()
            await process.wait()
        return most

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) <= 256 * 1024


_SERVER = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
answer = b"HTTP/1.1 200 OK\\r\\nContent-Length: 12582912\\r\\n\\r\\n" + b"x" * 12582912
while True:
    caller, _ = listener.accept()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * 1024 * 1024)
    while caller.recv(65536):
        caller.sendall(answer)
"""


def test_of_an_answer_no_more_is_read_than_its_asker_can_use() -> None:
    hold = MemoryBudget(64 * MIB, ["a"]).hold("a", "answer")
    hold.most = 2 * MIB

    async def main() -> list[Answer]:
        async with back(saying(MIB * 2)) as fine, back(saying(MIB * 2 + 1)) as large:
            found = []
            for port in (fine, large):
                upstream = ProviderClient(f"http://127.0.0.1:{port}")
                found.append(await upstream.ask(GET, "an-id", hold))
                await upstream.aclose()
            return found

    first, second = asyncio.run(main())
    assert isinstance(first, Response)
    assert second == Failure("broken", "a body larger than is read")


def saying(size: int) -> Script:
    """A provider that answers so many bytes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        await writer.drain()
        await asyncio.sleep(60)

    return script


def test_more_connections_to_one_provider_have_no_more_turns() -> None:
    """In each turn of the loop, only one of the connections goes on reading."""

    async def main() -> list[str]:
        turns, seen, loop = ReadTurns(), [], asyncio.get_running_loop()
        for number in range(3):
            turns.wait(loop, lambda number=number: seen.append(f"read {number}"))  # type: ignore[misc]
        for _ in range(4):
            await asyncio.sleep(0)
            seen.append("others")
        return seen

    assert asyncio.run(main()) == ["read 0", "others", "read 1", "others", "read 2", "others", "others"]


# ---- the other engine ----------------------------------------------------------------------------------------------------------


def test_the_engine_over_httpx_reads_no_more_of_a_body_either() -> None:
    async def main() -> list[Answer]:
        found = []
        error = b"HTTP/1.1 500 Error\r\nContent-Length: 15000000\r\n\r\n"
        budget = MemoryBudget(16 * MIB, ["a"])
        while budget.take("a", "answer", MIB):
            pass
        fewer = budget.hold("b", "answer", 100)
        for script, hold in (
            (Flood(error, b"x").script, None),
            (saying(3 * MIB), budget.hold("a", "answer")),
            (saying(101), fewer),
            (saying(3 * MIB), None),
        ):
            async with back(script) as port:
                engine = HttpxTransportAdapter(f"http://127.0.0.1:{port}", 4 * MIB, 10.0, 4)
                upstream = ProviderClient("", engine=engine)
                found.append(await upstream.ask(GET, "an-id", hold))
                await upstream.aclose()
        return found

    error, full, large, fine = asyncio.run(main())
    assert isinstance(error, Response)
    assert (error.status, len(error.body)) == (500, 65536)
    assert isinstance(full, Failure)
    assert full.kind == "no-room"
    assert large == Failure("broken", "a body larger than is read")
    assert isinstance(fine, Response)
