"""The front: ASGI in, the exchange driven against the backs, ASGI out.

    receive ─▶ Request ─▶ exchange ─▶ driven, want by want ─▶ Reply ─▶ send
               one deadline covers everything from the first byte to the Reply

A send, once begun, is driven to its end whatever becomes of the caller: what was half done could be neither reported nor repeated.
A read is dropped when its caller is gone.
"""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from translator import wire
from translator.accounts import Accounts
from translator.exchange import Limits, Reply, exchange, failure
from translator.shell.admin import Meter
from translator.shell.driving import Asker, Driver, Errand, Scribe
from translator.shell.log import logger, where_it_broke
from translator.shell.memory import Memory
from translator.shell.receipts import ROOT as RECEIPTS

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


TakeReceipt: TypeAlias = Callable[[str], Awaitable[bool]]
"""Takes the path of a receipt, and says whether we had signed it."""


class _Gone(Exception):
    """The caller has left before its request was whole."""


class Proxy:
    """The ASGI endpoint. `deadline` is in seconds, `max_body` in bytes, `queue_max` how many requests are under way at most; `clock`
    answers seconds since the epoch."""

    def __init__(
        self,
        accounts: Accounts,
        limits: Limits,
        backs: Mapping[str, Asker],
        *,
        deadline: float = 30.0,
        max_body: int = 65536,
        queue_max: int = 10_000,
        memory: Memory | None = None,
        scribe: Scribe | None = None,
        receipts: TakeReceipt | None = None,
        explain_headers: bool = False,
        meter: Meter | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._accounts, self._limits = accounts, limits
        self._deadline, self._max_body, self._queue_max = deadline, max_body, queue_max
        self._answering = 0
        self._explain_headers = explain_headers
        self._meter = meter or Meter()
        self._receipts = receipts
        self.driver = Driver(backs, memory or Memory(), self._meter, scribe)
        self._clock = clock
        self._under_way: set[asyncio.Task[Reply]] = set()

    def application(self) -> Starlette:
        """This endpoint as an application that ends when all sends have. No path is routed: the dialects do that."""

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            yield
            await asyncio.gather(*self._under_way, return_exceptions=True)

        application = Starlette(lifespan=lifespan)
        application.router.redirect_slashes = False
        application.router.default = self
        return application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003})
            return
        call = _Call(scope)
        if self._receipts is not None and scope["path"].startswith(RECEIPTS):
            status = 200 if await self._receipts(scope["path"]) else 404
            await _respond(send, call, wire.Response(status, (("content-type", "text/plain"),)), keep=False)
            return
        try:
            reply, whole = await self._admitted(call, receive)
        except _Gone:
            logger().info("gone", method=call.method, request_id=call.id)
            return
        self._record(call, reply)
        try:
            await _respond(send, call, self._explained(reply), keep=whole)
        except (RuntimeError, OSError) as error:
            # The caller hung up while it was being answered; the transport says so in its own way.
            logger().info("gone", method=call.method, request_id=call.id, where=where_it_broke(error))

    async def _admitted(self, call: "_Call", receive: Receive) -> tuple[Reply, bool]:
        """The reply, unless there are as many requests under way as are taken: who queues without end answers nobody in time."""
        if self._answering >= self._queue_max:
            return failure(self._accounts, call.request(None), "too-busy", retry_after=1), False
        self._answering += 1
        try:
            return await self._answered(call, receive)
        finally:
            self._answering -= 1

    async def _answered(self, call: "_Call", receive: Receive) -> tuple[Reply, bool]:
        """The reply, and whether the request was read: a connection on which a body stalled is of no further use."""
        until = asyncio.get_running_loop().time() + self._deadline
        try:
            async with asyncio.timeout_at(until):
                most = self._most(call)
                body = None if call.declares > most else await _body(receive, most)
        except TimeoutError:
            return failure(self._accounts, call.request(None), "body-overdue"), False
        request = call.request(body)
        work = asyncio.create_task(self._drive(call, request))
        if request.method == "POST":
            self._under_way.add(work)
            work.add_done_callback(self._under_way.discard)
            return await self._finished(call, request, [work], until), True
        leaving = asyncio.create_task(_left(receive))
        try:
            return await self._finished(call, request, [work, leaving], until), True
        finally:
            work.cancel()
            leaving.cancel()

    def _most(self, call: "_Call") -> int:
        """How many bytes of its body are read."""
        request = call.request(b"")
        spoken = self._accounts.dialect_of(request.path)
        return self._max_body * (wire.LARGE if spoken.front.is_large(request.method, request.path) else 1)

    async def _finished(
        self, call: "_Call", request: wire.Request, tasks: list[asyncio.Task[Any]], until: float
    ) -> Reply:
        """The reply of the first task, unless the deadline passes or one of the others ends before it."""
        work = tasks[0]
        left = max(0.0, until - asyncio.get_running_loop().time())
        done, _ = await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if work in done:
            reply: Reply = work.result()
            return reply
        if done:
            raise _Gone
        if not call.back:
            work.cancel()
        # A message that may have reached the provider is not one that simply took too long.
        fault = "outcome-unknown" if call.back and request.method == "POST" else "overdue"
        return failure(self._accounts, request, fault)

    async def _drive(self, call: "_Call", request: wire.Request) -> Reply:
        """The exchange, run to its reply. A defect of ours is an answer too, and its traceback is in the log."""
        try:
            steps = exchange(self._accounts, self._limits, request, self._clock())
            reply: Reply = await self.driver.run(call, steps)
        except Exception as error:  # noqa: BLE001 - the last line of defence, and it is logged
            logger().error("defect", request_id=call.id, traceback=where_it_broke(error))
            # A defect after an ask must not make a send look like one that was not sent.
            return failure(
                self._accounts, request, "outcome-unknown" if call.back and request.method == "POST" else "internal"
            )
        return reply

    def _explained(self, reply: Reply) -> wire.Response:
        """The answer, with what it took where the operator wants that said."""
        if not self._explain_headers:
            return reply.response
        told = [("x-translator-back-calls", str(reply.asks))]
        if reply.total:
            told.append(("x-translator-total", reply.total))
        return reply.response._replace(headers=(*reply.response.headers, *told))

    def _record(self, call: "_Call", reply: Reply) -> None:
        """One line and the counters. No number, text, token or path is in either: names, counts and a duration."""
        seconds = time.perf_counter() - call.began
        self._meter.count(reply, seconds, call.back)
        write = logger().warning if reply.log or reply.response.status >= 500 else logger().info
        write(
            "request",
            method=call.method,
            dialect=reply.dialect,
            operation=reply.operation or None,
            status=reply.response.status,
            fault=reply.fault or None,
            why=reply.log or None,
            back=call.back or None,
            asks=reply.asks,
            ms=round(seconds * 1000, 1),
            request_id=call.id,
            notes=",".join(f"{note.name}:{note.detail}".rstrip(":") for note in reply.notes) or None,
        )


class _Call(Errand):
    """One request on its way: what the scope says of it, and when it began."""

    def __init__(self, scope: Scope) -> None:
        self.began = time.perf_counter()
        self._scope = scope
        self._headers = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]
        )
        self.is_head = scope["method"] == "HEAD"
        self.method = scope["method"] if scope["method"] in _METHODS else "other"
        given = next((value for name, value in self._headers if name == "x-request-id"), "")
        super().__init__(given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16))
        length = next((value for name, value in self._headers if name == "content-length"), "0")
        self.declares = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
        """Bytes that the body is said to have; 0 where nothing is said."""

    def request(self, body: bytes | None) -> wire.Request:
        """The request as the core takes it: the path as sent, and HEAD as the GET that it is without the body."""
        scope = self._scope
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        method = "GET" if self.is_head else scope["method"]
        return wire.Request(method, path, scope["query_string"].decode("latin-1"), self._headers, body)


async def _body(receive: Receive, most: int) -> bytes | None:
    """The body, or None as soon as it is larger than `most`: the rest of it is not read here. Raises _Gone."""
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size > most:
            return None
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


async def _left(receive: Receive) -> None:
    """Return when the caller is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _respond(send: Send, call: _Call, response: wire.Response, *, keep: bool) -> None:
    headers = [
        *((name, value) for name, value in response.headers if name != "content-length"),
        ("content-length", str(len(response.body))),
        ("x-request-id", call.id),
        *([] if keep else [("connection", "close")]),
    ]
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if call.is_head else response.body})
