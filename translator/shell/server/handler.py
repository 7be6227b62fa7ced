"""The handler of the front: takes a request of either server protocol, runs its exchange with the providers, and responds.

    request ─▶ its head ─▶ admitted? ─▶ its body ─▶ exchange ─▶ run, effect by effect ─▶ Reply ─▶ respond
                            └ no: a response, and no body is read
               one deadline covers everything from the head to the Reply

A send that has started runs to its end even if the client disconnects, because a half-done send could be neither reported nor repeated.
A read is cancelled when its client disconnects. All of it runs in the task that the server protocol made for the request. A second task
and a wait for both cost more than the translation, so a timer enforces the deadline.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final, TypeAlias

import msgspec
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from translator.core.accounts import Accounts
from translator.core.effects import MigrationState, Render, stage_at_begin
from translator.core.exchange import Admission, Limits, Reply, admit, exchange, failure
from translator.core.http import messages
from translator.core.listing import slice_sizes
from translator.core.losses import Losses
from translator.core.migration import MigrationStage
from translator.shell.aio.timeouts import Timeouts
from translator.shell.delivery.receipt_urls import ROOT as RECEIPTS
from translator.shell.observability.admin import Meter
from translator.shell.observability.log import logger, redacted_traceback
from translator.shell.runtime.effect_runner import EffectRunner, JournalPort, ProviderPort
from translator.shell.runtime.single_flight_cache import SingleFlightCache
from translator.shell.server.asgi import AsgiCall
from translator.shell.server.in_flight import Guesses, LoadLimits
from translator.shell.server.limits import LIMITS
from translator.shell.server.protocol_factory import ProtocolFactory
from translator.shell.server.request import Gone, NoRoom, ServerRequest, new_ids
from translator.shell.server.request_log import log_request
from translator.shell.server.work import GONE

TakeReceipt: TypeAlias = Callable[[str], Awaitable[bool]]
"""Takes the path of a delivery receipt. Returns true if its signature is right."""

_SLOW_DOWN: Final = 429
_FREE: Final = LIMITS.free


class Proxy:
    """The ASGI endpoint of one configuration.

    deadline: Seconds from the head of a request to its reply.
    max_body: Bytes of a request body.
    queue_max: The number of requests in flight.
    before: The proxy of the previous configuration, which this one replaces.
    clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        accounts: Accounts,
        limits: Limits,
        backs: Mapping[str, ProviderPort],
        *,
        deadline: float = 30.0,
        max_body: int = 65536,
        queue_max: int = 10_000,
        memory: SingleFlightCache | None = None,
        scribe: JournalPort | None = None,
        stage: Callable[[MigrationState], MigrationStage] = stage_at_begin,
        render: Callable[[Render], None] = lambda _: None,
        receipts: TakeReceipt | None = None,
        explain_headers: bool = False,
        meter: Meter | None = None,
        guesses: Guesses | None = None,
        before: "Proxy | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._accounts, self._limits = accounts, limits
        self._overdue = Timeouts(deadline)
        self._ids: Iterator[str] = new_ids() if before is None else before._ids
        load = None if before is None else before._load
        self._load: LoadLimits = LoadLimits(
            queue_max, max_body, is_shared=len(accounts.entries) > 1, guesses=guesses, before=load
        )
        self._loop: asyncio.AbstractEventLoop | None = None  # looked up once
        self._losses = Losses() if explain_headers else None
        self._meter = meter or Meter()
        self._receipts = receipts
        self._memory = memory or SingleFlightCache()
        self.driver = EffectRunner(backs, self._memory, self._meter, scribe, stage, render)
        self._clock = clock
        self._meter.rows_served = self._rows_served

    def _rows_served(self) -> Iterator[tuple[str, int]]:
        """Yield each provider with the number of rows that one provider request asks for now."""
        for back in {home.back.name: home.back for home in self._accounts.by_place.values()}.values():
            known = self._memory.recall(slice_sizes.key(back.name))
            yield back.name, slice_sizes.at_once(back.dialect.back.slice, known, self._clock())

    def application(self) -> Starlette:
        """Return this endpoint as an ASGI application. It has no routes, because the dialects route paths."""
        return _Application(self)

    def door(self, tls: ssl.SSLContext | None = None) -> ProtocolFactory:
        """Return the protocol factory of our own server, with TLS if `tls` is given."""
        refused, budget = self._meter.count_refused, self._memory.budget
        return ProtocolFactory(self.handle, self._ids, self._meter.count_handshake, tls, refused=refused, budget=budget)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003})
            return
        call = AsgiCall(scope, receive, send, self._ids)
        call.work.start(asyncio.current_task())
        try:
            await self.handle(call)
        finally:
            await call.over()

    async def handle(self, call: ServerRequest) -> None:
        """Answer a request, in the task of its `work`."""
        if self._receipts is not None and call.head.target.startswith(RECEIPTS):
            await self._receipt(call, self._receipts)
            return
        admission = admit(self._accounts, call.request(b""))
        if admission.entries:
            call.account = admission.entries[0].name
        if admission.fault is not None:
            call.skip()
            reply = admission.refusal(admission.fault)
            if reply.fault == "unauthenticated":
                reply = self._unknown(call, reply)
            self._tell(call, reply, may_refuse=False)
            return
        only_reads = admission.only_reads
        if self._load.has_room(call.account) and call.has_connection(is_shared=self._load.is_shared):
            try:
                found = await self._answered(call, admission, only_reads=only_reads)
            except Gone:
                logger().info("gone", method=call.method, request_id=call.id)
                return
        else:
            found = self._overload_reply(call)
        if not call.answered:
            self._tell(call, found, may_refuse=only_reads)

    async def _receipt(self, call: ServerRequest, takes: TakeReceipt) -> None:
        """Answer a delivery receipt. Only its path is read, and nothing cancels it."""
        call.close_after()
        call.work.end()
        call.skip()
        status, crowd = 503, self._load.crowd
        if self._load.has_room_for_receipt(RECEIPTS):
            crowd.enters(RECEIPTS)
            try:
                status = 200 if await takes(call.head.target) else 404
            finally:
                crowd.leaves(RECEIPTS)
        later = (("retry-after", "1"),) if status == 503 else ()
        call.respond(messages.Response(status, (("content-type", "text/plain"), *later)))

    def _unknown(self, call: ServerRequest, reply: Reply) -> Reply:
        """Return the reply to an unauthenticated client: 401, or 429 and a closed connection if its address has failed too often.
        Requests with right credentials are still served from such an address, because many clients may share it."""
        is_limited = self._load.is_guessing(call.peer(), time.monotonic())
        self._meter.count_unknown(reply.dialect, "limited" if is_limited else "refused")
        if not is_limited:
            return reply
        call.close_after()
        headers = [(name, value) for name, value in reply.response.headers if name != "www-authenticate"]
        limited = reply.response.replace(status=_SLOW_DOWN, headers=(*headers, ("retry-after", "1")))
        return msgspec.structs.replace(reply, response=limited)

    def _overload_reply(self, call: ServerRequest) -> Reply:
        """Return a 503 reply, because no slot is free for the account, or it has too many connections."""
        call.close_after()
        call.skip()
        return failure(self._accounts, call.request(None), "too-busy", retry_after=1)

    async def _answered(self, call: ServerRequest, admission: Admission, *, only_reads: bool) -> Reply:
        """Run the exchange and return its reply, or the reply for the reason why it was cancelled. Raises Gone."""
        loop = self._loop = self._loop or asyncio.get_running_loop()
        overdue = self._overdue.add(loop, self._is_overdue, call)
        self._load.crowd.enters(call.account)
        hold = self._memory.budget.hold(call.account, "body")
        request = None
        try:
            if call.head.weight > _FREE and not hold.grow(call.head.weight):
                raise NoRoom
            most = self._load.max_body * (messages.LARGE if admission.is_large else 1)
            request = call.request(await call.read(most, hold, may_drop=only_reads))
            steps = exchange(self._accounts, self._limits, request, self._clock(), self._losses, admission)
            reply: Reply = await self.driver.run(call, steps)
        except NoRoom:
            call.skip()
            return failure(self._accounts, call.request(None), "too-busy", retry_after=1)
        except asyncio.CancelledError:
            reason = call.work.cancelled()
            if not reason:
                raise
            if reason == GONE:
                raise Gone from None
            if not call.work.is_read:
                call.close_after()  # a connection with an unfinished body cannot be used again
            return failure(self._accounts, call.request(None), reason)
        except Exception as error:
            if request is None:
                raise
            return self._broken(call, request, error)
        finally:
            call.work.end()
            self._overdue.drop(overdue)
            self._load.crowd.leaves(call.account)
            hold.release()
        return reply

    def _broken(self, call: ServerRequest, request: messages.Request, error: Exception) -> Reply:
        """Log an internal error and return its reply. Within a send the outcome is unknown, so the reply may not say that nothing was
        sent."""
        logger().error("defect", request_id=call.id, traceback=redacted_traceback(error))
        return failure(self._accounts, request, "outcome-unknown" if call.is_sending else "internal")

    def _is_overdue(self, call: ServerRequest) -> None:
        """Answer or cancel a request whose deadline has passed."""
        if call.is_sending:
            # The message may still reach the provider, so the outcome is unknown and the work goes on.
            call.answered = True
            self._tell(call, failure(self._accounts, call.request(None), "outcome-unknown"), may_refuse=False)
        else:
            call.work.cancel("overdue" if call.work.is_read else "body-overdue")

    def _tell(self, call: ServerRequest, reply: Reply, *, may_refuse: bool) -> None:
        """Respond and log. A large response takes memory until the client has read it.

        may_refuse: True if a 503 may replace the response because no memory is free. The response to a send needs no free memory.
        """
        response, hold = self._explained(reply), None
        if len(response.body) > _FREE:
            hold = self._memory.budget.take(call.account, "unsent", len(response.body))
            if hold is None and may_refuse:
                reply = failure(self._accounts, call.request(None), "too-busy", retry_after=1)
                response = self._explained(reply)
        call.respond(response, hold)
        self._record(call, reply)

    def _explained(self, reply: Reply) -> messages.Response:
        """Return the response, with the headers that explain its cost and losses if the operator wants them. A total that is not exact
        is always shown."""
        if self._losses is None:
            if reply.total in ("", "exact"):
                return reply.response
            return reply.response.replace(headers=(*reply.response.headers, ("x-translator-total", reply.total)))
        told = [("x-translator-back-calls", str(reply.asks))]
        if reply.total:
            told.append(("x-translator-total", reply.total))
        if reply.lost:
            told.append(("x-translator-loss", ", ".join(reply.lost)))
        return reply.response.replace(headers=(*reply.response.headers, *told))

    def _record(self, call: ServerRequest, reply: Reply) -> None:
        """Write the log line and count the request."""
        seconds = time.perf_counter() - call.began
        self._meter.count(reply, seconds, call.back)
        log_request(call, reply, seconds)


class _Application(Starlette):
    """A Starlette application around the proxy, used for its lifespan. Requests bypass its middleware, because the proxy is the only
    endpoint and handles every path and every error itself."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__()
        self._proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
        else:
            await self._proxy(scope, receive, send)
