"""A transport over any httpx transport, for features that the connection pool lacks, such as a proxy. It costs several times as much."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx

from translator.core.http.messages import Request, Response
from translator.shell.aio.body_chunks import BodyChunks
from translator.shell.aio.memory_budget import Hold
from translator.shell.client.connection_pool import AGENT, NotSent
from translator.shell.client.response_reader import HEADERS, OF_ERROR, SMALL, NoRoom, ResponseError

_NEVER_LEFT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)

_CONNECTING: Final = 0.9
"""The part of the timeout that connecting may take. A transport cleans up after its own timeout, but not always after a cancellation."""


class HttpxTransportAdapter:
    """A transport over httpx. `timeout` is the limit for a whole provider request in seconds; the provider client enforces it."""

    def __init__(
        self,
        url: str,
        largest: int,
        timeout: float,
        concurrency: int,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base = httpx.URL(url)
        self._prefix = self._base.raw_path.decode("ascii").rstrip("/")
        self._largest, self._connecting = largest, timeout * _CONNECTING
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        self._transport = transport or httpx.AsyncHTTPTransport(retries=0, limits=limits)

    async def call(
        self, request: Request, request_id: str, leaves: Callable[[], None], hold: Hold | None = None
    ) -> Response:
        """Send a request and return the whole response. Raises NotSent, ResponseError and NoRoom."""
        if not isinstance(self._transport, httpx.AsyncHTTPTransport):
            leaves()  # another transport has no trace, and the request may have left
        try:
            return await self._answered(self._written(request, request_id, leaves), hold)
        except _NEVER_LEFT as error:
            raise NotSent(type(error).__name__) from None
        except httpx.TransportError as error:
            raise ResponseError(type(error).__name__) from None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    def _written(self, request: Request, request_id: str, leaves: Callable[[], None]) -> httpx.Request:
        query = f"?{request.query}" if request.query else ""
        raw = f"{self._prefix}{request.path}{query}".encode("ascii")
        url = self._base.copy_with(raw_path=raw)
        if url.raw_path != raw:
            raise httpx.InvalidURL("the path is not one that can be asked for as it is written")
        extensions = {"trace": _follow(leaves), "timeout": {"connect": self._connecting, "pool": self._connecting}}
        headers = [*request.headers, *AGENT, ("x-request-id", request_id)]
        return httpx.Request(request.method, url, headers=headers, content=request.body or b"", extensions=extensions)

    async def _answered(self, request: httpx.Request, hold: Hold | None) -> Response:
        answer = await self._transport.handle_async_request(request)
        try:
            body = await self._body(answer, hold)
        finally:
            await answer.aclose()
        if len(answer.headers.raw) > HEADERS:
            raise ResponseError("more headers than are read")
        headers = tuple((name.lower().decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw)
        return Response(answer.status_code, headers, body)

    async def _body(self, answer: httpx.Response, hold: Hold | None) -> bytes:
        if not isinstance(answer.stream, httpx.AsyncByteStream):
            raise ResponseError("a body that cannot be read here")
        pieces, paid = BodyChunks(), SMALL
        async for piece in answer.stream:
            if answer.is_error and pieces.size + len(piece) > OF_ERROR:
                pieces.add(piece[: OF_ERROR - pieces.size])
                break
            pieces.add(piece)
            if pieces.size > (self._largest if hold is None else min(self._largest, hold.most)):
                raise ResponseError("a body larger than is read")
            if pieces.size > paid:
                if hold is not None and not hold.grow(pieces.size - paid):
                    raise NoRoom("the account has no memory left for this answer")
                paid = pieces.size
        return pieces.take()


def _follow(leaves: Callable[[], None]) -> Callable[[str, Any], Awaitable[None]]:
    """Return an httpcore trace hook: once httpcore writes the headers, a byte may have left."""

    async def follow(event: str, _: Any) -> None:
        if event.endswith("send_request_headers.started"):
            leaves()

    return follow
