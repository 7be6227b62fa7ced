"""An ASGI application behind the server protocol: its response comes through, and no client holds its connections for long."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from tests.test_connection import place
from translator.shell.server.asgi_host import hosted


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with its request; `/never` is not answered."""
    if scope["path"] == "/never":
        await asyncio.Event().wait()
    said = f"{scope['method']} {scope['path']} {scope['query_string'].decode()} {dict(scope['headers'])[b'accept'].decode()}"
    await send({"type": "http.response.start", "status": 201, "headers": [(b"a", b"b"), (b"content-length", b"999")]})
    for piece in (said.encode(), (await receive())["body"]):
        await send({"type": "http.response.body", "body": piece, "more_body": bool(piece)})


@pytest.mark.parametrize(
    ("request_", "status", "says"),
    [
        (b"GET /path?a=b HTTP/1.1\r\nHost: a\r\nAccept: y\r\n\r\n", b"201", b"GET /path a=b y"),
        (b"GET /never HTTP/1.1\r\nHost: a\r\nAccept: y\r\n\r\n", b"503", b"no answer in time"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", b"413", b"no body"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", b"413", b"no body"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"503", b"no end of the request"),
    ],
)
def test_an_answer_comes_through_and_what_does_not_end_is_cut_short(
    request_: bytes, status: bytes, says: bytes
) -> None:
    async def main() -> bytes:
        async with place(handle=hosted(page, 0.1)) as at:
            reader, writer = await asyncio.open_connection(*at.address)
            writer.write(request_)
            found = await reader.readuntil(b"\r\n\r\n")
            length = int(found.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            found += await reader.readexactly(length)
            writer.close()
            return found

    answer = asyncio.run(asyncio.wait_for(main(), 20))
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert says in answer.partition(b"\r\n\r\n")[2]
    assert (b"connection: close" in answer.lower()) == (status != b"201")
