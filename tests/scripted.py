"""A provider on a real socket that follows a script."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import trustme

from translator.core.http.messages import Request

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]


@contextlib.asynccontextmanager
async def back(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that goes through the script with each connection, whose number it passes on. The block gets its port."""
    open_: set[asyncio.Task[Any]] = set()
    count = 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        task = asyncio.current_task()
        assert task is not None
        open_.add(task)
        with contextlib.suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            await script(reader, writer, count)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in open_:
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)


GET, POST = Request("GET", "/x"), Request("POST", "/x", body=b"{}")


def tls(authority: trustme.CA, certificate: trustme.LeafCert) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server that shows the certificate, and a client that trusts the authority."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    certificate.configure_cert(server)
    authority.configure_trust(client)
    return server, client


class Deaf:
    """A transport that writes nothing."""

    def __init__(self) -> None:
        self.said: list[bytes] = []
        self.is_gone = False

    def write(self, data: bytes) -> None:
        self.said.append(data)

    def is_closing(self) -> bool:
        return self.is_gone

    def abort(self) -> None:
        self.is_gone = True

    def pause_reading(self) -> None:
        """Do nothing: the test reads nothing of it."""

    def resume_reading(self) -> None:
        """Do nothing: the test reads nothing of it."""
