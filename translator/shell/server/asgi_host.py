"""Runs an ASGI application on our own server protocol, with the front's limits on heads and time, and without request bodies.

request ─▶ scope ─▶ the application, for at most `PATIENCE` seconds ─▶ its whole response ─▶ respond
"""

import asyncio
from typing import Any, Final

from starlette.types import ASGIApp

from translator.core.http import messages
from translator.shell.server.host import Handler
from translator.shell.server.request import Gone, ServerRequest

PATIENCE: Final = 10.0
"""Seconds within which the application has to answer. After them the client gets 503."""

_TEXT: Final = (("content-type", "text/plain; charset=utf-8"),)


def hosted(app: ASGIApp, patience: float = PATIENCE) -> Handler:
    """Return a handler that answers requests with the application. A request with a body gets 413, because no page reads one."""

    async def handle(call: ServerRequest) -> None:
        try:
            async with asyncio.timeout(patience):
                if await call.read(0, may_drop=True) is not None:
                    call.respond(await _answered(app, call))
                    return
        except Gone:
            return
        except TimeoutError:
            status, why = 503, "There was no answer in time, or no end of the request."
        else:
            status, why = 413, "A request to this port has no body."
        call.close_after()
        call.respond(messages.Response(status, _TEXT, f"{why}\n".encode()))

    return handle


async def _answered(app: ASGIApp, call: ServerRequest) -> messages.Response:
    request = call.request(b"")
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
        "method": request.method, "path": request.path, "raw_path": request.path.encode("latin-1"),
        "query_string": request.query.encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers],
    }  # fmt: skip
    start: dict[str, Any] = {}
    pieces: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            pieces.append(message.get("body", b""))

    await app(scope, receive, send)
    named = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    headers = tuple([(name, value) for name, value in named if name != "content-length"])
    return messages.Response(start["status"], headers, b"".join(pieces))
