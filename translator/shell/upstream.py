"""The one seam to a back: a request as a value in, an answer or a failure as a value out. Any httpx transport fits it.

    waiting for a slot ─▶ connecting ─▶ sending ─▶ reading ─▶ Response
          never-left        never-left    timeout or broken

One deadline covers it all. Nothing is asked twice, no redirect is followed, no cookie is kept: what a back says is the
core's to judge.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx

from translator import __version__
from translator.wire import Answer, Failure, Request, Response

LARGEST: Final = 16 * 1024 * 1024
"""How many bytes of an answer's body are read, unless told otherwise."""

_NEVER_LEFT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


_CONNECTING: Final = 0.9
"""The share of a call's time that a connection may take: a transport closes what it gave up on itself, and not always what is
cancelled from outside."""


class _Unusable(Exception):
    """An answer that is not read to its end."""


class Upstream:
    """One back. `timeout` is seconds for a whole call, the wait for one of `concurrency` slots included."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        concurrency: int = 64,
        largest: int = LARGEST,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base = httpx.URL(url)
        self._prefix = self._base.raw_path.decode("ascii").rstrip("/")
        self._timeout = timeout
        self._largest = largest
        self._slots = asyncio.Semaphore(concurrency)
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        self._transport = transport or httpx.AsyncHTTPTransport(retries=0, limits=limits)

    async def ask(self, request: Request, request_id: str) -> Answer:
        """The back's answer, whole, or why there is none. Never raises for what a network or a back can do."""
        progress = _Progress()
        try:
            async with asyncio.timeout(self._timeout), self._slots:
                progress.may_have_left = True
                return await self._call(self._written(request, request_id, progress.follow))
        except _NEVER_LEFT as error:
            return Failure("never-left", type(error).__name__)
        except (TimeoutError, httpx.TimeoutException):
            return Failure("timeout" if progress.may_have_left else "never-left", "deadline")
        except httpx.TransportError as error:
            return Failure("broken", type(error).__name__)
        except _Unusable as error:
            return Failure("broken", str(error))

    async def aclose(self) -> None:
        """Close what is connected."""
        await self._transport.aclose()

    def _written(self, request: Request, request_id: str, trace: Callable[..., Awaitable[None]]) -> httpx.Request:
        target = f"{self._prefix}{request.path}" + (f"?{request.query}" if request.query else "")
        url = self._base.copy_with(raw_path=target.encode("ascii"))
        if url.raw_path != target.encode("ascii"):
            raise httpx.InvalidURL("the path is not one that can be asked for as it is written")
        headers = [
            *request.headers,
            ("accept-encoding", "identity"),
            ("user-agent", f"sms-translator/{__version__}"),
            ("x-request-id", request_id),
        ]
        connecting = self._timeout * _CONNECTING
        extensions = {"trace": trace, "timeout": {"connect": connecting, "pool": connecting}}
        return httpx.Request(request.method, url, headers=headers, content=request.body or b"", extensions=extensions)

    async def _call(self, request: httpx.Request) -> Response:
        answer = await self._transport.handle_async_request(request)
        try:
            if answer.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
                raise _Unusable("an encoded body, which was not asked for")
            body = await self._body(answer)
        finally:
            await answer.aclose()
        headers = tuple((name.lower().decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw)
        return Response(answer.status_code, headers, body)

    async def _body(self, answer: httpx.Response) -> bytes:
        if not isinstance(answer.stream, httpx.AsyncByteStream):
            raise _Unusable("a body that cannot be read here")
        pieces, size = [], 0
        async for piece in answer.stream:
            size += len(piece)
            if size > self._largest:
                raise _Unusable("a body larger than is read")
            pieces.append(piece)
        return b"".join(pieces)


class _Progress:
    """How far a call has come. Until a transport says otherwise, what has a slot may have left."""

    def __init__(self) -> None:
        self.may_have_left = False

    async def follow(self, event: str, info: dict[str, Any]) -> None:  # noqa: ARG002 - what httpcore's trace calls
        """httpcore tells its steps: while it connects nothing has left, once it writes the headers something may have."""
        if event in ("connection.connect_tcp.started", "connection.start_tls.started"):
            self.may_have_left = False
        elif event.endswith("send_request_headers.started"):
            self.may_have_left = True
