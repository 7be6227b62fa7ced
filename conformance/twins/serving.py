"""Serves an ASGI application on a loopback port, inside the running event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.types import ASGIApp


class _QuietServer(uvicorn.Server):
    """A server that installs no signal handlers. A test or a command decides when it stops."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serve(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve *app* while the block runs, and yield its base URL (no trailing slash).

    Port 0 takes a free one. The socket is bound first, so this raises OSError if the port is taken. At the
    end the listener is closed, open requests get one second, and idle connections are dropped.

    >>> async def ask(app):
    ...     async with serve(app) as url, httpx.AsyncClient(base_url=url) as client:
    ...         return await client.get("/")
    """
    # asyncio sets TCP_NODELAY only if the protocol is named. Without it each kept-alive response waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = _QuietServer(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn sets a flag, no event
            await asyncio.sleep(0.001)
        if running.done():
            await running  # raises the exception that stopped it
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
