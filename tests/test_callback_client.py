"""The HTTP client of callbacks against everything that a receiver can do to it, on real sockets."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trustme

from translator.shell.delivery import callback_client
from translator.shell.delivery.callback_client import CallbackClient
from translator.shell.delivery.callback_connection import MOST, Answer, CallbackConnection, Undelivered
from translator.shell.delivery.callback_url_policy import ResolvedTarget, parsed

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]
FORM = "MessageStatus=sent"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Seen:
    """The number of connections that a receiver saw, and each request on them."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.written = 0


@contextlib.asynccontextmanager
async def receiver(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, Seen]]:
    """A receiver that goes through the script with each connection."""
    seen, tasks = Seen(), set[asyncio.Task[Any]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            await script(reader, writer, seen.connections)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(len(FORM) if head.startswith(b"POST") else 0)


def saying(*pieces: bytes, close: bool = False, pause: float = 0.0) -> Script:
    """Each request is answered with these bytes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        while True:
            await request(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                if pause or len(pieces) > 1:
                    await asyncio.sleep(pause)
            if close:
                return

    return script


def vetted(
    port: int, *, name: str = "a.example", scheme: str = "http", path: str = "/x?y=1", ip: str = "127.0.0.1"
) -> ResolvedTarget:
    return ResolvedTarget(parsed(f"{scheme}://{name}:{port}{path}"), ip)


def told(script: Script, *, times: int = 1, method: str = "POST") -> tuple[list[Answer | str], int]:
    """The results of attempts, one after the other, and the number of their connections."""

    async def main() -> tuple[list[Answer | str], int]:
        async with receiver(script) as (port, seen):
            client = CallbackClient()
            found: list[Answer | str] = []
            for _ in range(times):
                try:
                    found.append(await client.deliver(vetted(port), method, FORM))
                except Undelivered as error:
                    found.append(str(error))
            await client.aclose()
            return found, seen.connections

    return asyncio.run(main())


# ---- requests --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("POST", b"POST /x?y=1 HTTP/1.1\r\nhost: a.example:%d\r\n"),
        ("GET", b"GET /x?y=1&MessageStatus=sent HTTP/1.1\r\nhost: a.example:%d\r\n"),
    ],
)
def test_a_call_on_the_wire(method: str, expected: bytes) -> None:
    async def main() -> tuple[bytes, int]:
        heard: list[bytes] = []

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
            heard.append(await request(reader))
            writer.write(OK)

        async with receiver(script) as (port, _):
            client = CallbackClient()
            assert await client.deliver(vetted(port, path="/x?y=1#part"), method, FORM) == Answer(200)
            await client.aclose()
            return heard[0], port

    written, port = asyncio.run(main())
    assert written.startswith(expected % port)
    if method == "POST":
        assert (
            b"\r\ncontent-type: application/x-www-form-urlencoded; charset=UTF-8\r\ncontent-length: 18\r\n" in written
        )
        assert written.endswith(b"\r\n\r\nMessageStatus=sent")
    else:
        assert written.endswith(b"\r\n\r\n") and b"content-" not in written


# ---- only the status line matters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX-Powered By: PHP\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nthis line has no colon\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: \x00\x01\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.0 204 \r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Powered By: PHP\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n",
    ],
)
def test_a_2xx_is_a_success_whatever_stands_behind_its_status_line(answer: bytes) -> None:
    found, _ = told(saying(answer, close=True))
    assert isinstance(found[0], Answer) and 200 <= found[0].status <= 299


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "no answer: the connection was closed"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "the answer is not HTTP"),
        (b"HTTP/2 200\r\n\r\n", "the answer is not HTTP"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "the answer is not HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "the answer is not HTTP"),
        (b"HTTP/1.1 200 O", "closed within an answer"),
    ],
)
def test_what_has_no_status_line_is_no_answer(answer: bytes, why: str) -> None:
    assert told(saying(answer, close=True))[0] == [why]


@pytest.mark.parametrize("status", [101, 301, 404, 500])
def test_a_redirect_is_an_answer_like_any_other_and_is_not_followed(status: int) -> None:
    head = f"HTTP/1.1 {status} X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n".encode()
    assert told(saying(head)) == ([Answer(status)], 1)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 503 Busy\r\nRetry-After:  120 \r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nX-Powered By: PHP\r\nretry-after: 120\r\n\r\n",
        b"HTTP/1.1 103 Early\r\nRetry-After: 7\r\n\r\nHTTP/1.1 503 Busy\r\nRETRY-AFTER:120\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_when_to_come_again_is_read(head: bytes) -> None:
    assert told(saying(head))[0] == [Answer(503, "120")]


@pytest.mark.parametrize("cut", range(1, len(OK)))
def test_an_answer_that_comes_in_two_pieces_is_the_same_answer(cut: int) -> None:
    assert told(saying(OK[:cut], OK[cut:])) == ([Answer(200)], 1)


# ---- bounds ---------------------------------------------------------------------------------------------------------


class Endless:
    """A transport that counts, and a connection that is fed by hand: no socket, no clock."""

    def __init__(self) -> None:
        self.aborted = False

    def write(self, data: bytes) -> None:
        """Written."""

    def abort(self) -> None:
        self.aborted = True


@pytest.mark.parametrize(
    ("first", "more", "status"),
    [
        (b"", b"H" * 500, None),
        (b"HTTP/1.1 ", b"0" * 500, None),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n", b"X: y\r\n", None),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 200),
        (b"HTTP/1.1 500 No\r\n", b"X: y\r\n", 500),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", b"x" * 500, 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a=b;", 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"T: railer\r\n", 200),
    ],
)
def test_each_part_of_an_answer_is_bounded_in_bytes(first: bytes, more: bytes, status: int | None) -> None:
    async def main() -> tuple[Any, int]:
        transport = Endless()
        connection = CallbackConnection(lambda _: None)
        connection.connection_made(transport)  # type: ignore[arg-type]
        answer = connection.ask(b"")
        fed = len(first)
        if first:
            connection.data_received(first)
        while not transport.aborted:
            connection.data_received(more)
            fed += len(more)
            assert fed < 2 * MOST
        try:
            return (await answer).status, fed
        except Undelivered:
            return None, fed

    found, fed = asyncio.run(main())
    assert found == status
    assert fed <= MOST + len(more)


def test_one_byte_at_a_time_is_as_cheap_as_its_bytes() -> None:
    """Each byte is read a bounded number of times, so a receiver that drips costs only as much as it sends."""

    async def main() -> int:
        transport = Endless()
        connection = CallbackConnection(lambda _: None)
        connection.connection_made(transport)  # type: ignore[arg-type]
        answer = connection.ask(b"")
        reads = 0
        while not transport.aborted:
            connection.data_received(b"H")
            reads += 1
        with pytest.raises(Undelivered, match="a head larger than is read"):
            await answer
        assert not connection._line, "nothing of it is kept"
        return reads

    assert asyncio.run(main()) == MOST + 1


def test_stalled_receiver_is_given_up_unless_its_status_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(callback_client, "TIMEOUT", 0.2)
    monkeypatch.setattr("translator.shell.delivery.callback_connection.GRACE", 0.05)
    assert told(saying(b"HTTP/1.1 20"))[0] == ["no answer in time"]
    assert told(saying(b"HTTP/1.1 200 OK\r\nX: y"))[0] == [Answer(200)]
    assert told(saying(b"HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nX"))[0] == [Answer(503, "9")]


# ---- connections ------------------------------------------------------------------------------------------------------


def test_a_connection_is_asked_again_where_its_answer_was_sound_to_the_end() -> None:
    assert told(saying(OK), times=5) == ([Answer(200)] * 5, 1)
    assert told(saying(b"HTTP/1.1 204 No Content\r\n\r\n"), times=3) == ([Answer(204)] * 3, 1)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n",
        OK + b"x",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Powered By: PHP\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_a_connection_is_not_asked_again_where_anything_is_odd(answer: bytes) -> None:
    found, connections = told(saying(answer), times=3)
    assert found == [Answer(200)] * 3
    assert connections == 3


def test_closed_callback_connection_is_replaced_and_the_attempt_made() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await request(reader)
        writer.write(OK)
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")  # and closes it under the next request

    assert told(once, times=3) == ([Answer(200)] * 3, 3)


def test_a_connection_is_used_for_one_name_address_port_and_scheme_alone() -> None:
    async def main() -> int:
        async with receiver(saying(OK)) as (port, seen):
            client = CallbackClient()
            for name in ("a.example", "b.example", "a.example", "b.example"):
                await client.deliver(vetted(port, name=name), "POST", FORM)
            await client.aclose()
            return seen.connections

    assert asyncio.run(main()) == 2


def test_idle_connections_are_few_and_are_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback_client, "_KEPT", 3)
    monkeypatch.setattr(callback_client, "_FRESH", 0.05)

    async def main() -> tuple[int, int]:
        async with receiver(saying(OK)) as (port, _):
            client = CallbackClient()
            for number in range(6):
                await client.deliver(vetted(port, name=f"h{number}.example"), "POST", FORM)
            kept = len(client._all)
            await asyncio.sleep(0.3)
            left = len(client._all)
            await client.aclose()
            return kept, left

    kept, left = asyncio.run(main())
    assert (kept <= 4, left) == (True, 0)


def test_a_certificate_is_checked_for_the_name_and_the_name_is_said() -> None:
    authority = trustme.CA()
    trusts, speaks = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(trusts)
    authority.issue_cert("a.example").configure_cert(speaks)
    names: list[str | None] = []
    speaks.sni_callback = lambda _, name, __: names.append(name)

    async def main() -> list[Any]:
        async with receiver(saying(OK), speaks) as (port, _):
            client = CallbackClient(trusts)
            found: list[Any] = [await client.deliver(vetted(port, scheme="https"), "POST", FORM)]
            try:
                found.append(await client.deliver(vetted(port, scheme="https", name="b.example"), "POST", FORM))
            except Undelivered as error:
                found.append(str(error))
            await client.aclose()
            return found

    assert asyncio.run(main()) == [Answer(200), "no answer: SSLCertVerificationError"]
    assert names == ["a.example", "b.example"]


def test_a_port_where_nobody_listens_is_no_answer() -> None:
    async def main() -> None:
        async with receiver(saying(OK)) as (port, _):
            pass
        client = CallbackClient()
        with pytest.raises(Undelivered, match="no answer: ConnectionRefusedError"):
            await client.deliver(vetted(port), "POST", FORM)
        await client.aclose()

    asyncio.run(main())
