"""The simulated Restcomm service.

bytes ─▶ Door ─▶ Call ─▶ credentials ▶ size ▶ route ▶ method ▶ format ▶ account ─▶ list | one | send ─▶ bytes
                  │        401           413    404     405      406 415   403 404     400
                  └─▶ twin.calls
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, timezone
from hmac import compare_digest
from random import Random
from typing import Final, Literal, NoReturn

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope
from starlette.types import Send as AsgiSend

from conformance.clock import Clock
from conformance.twins.arrivals import Arrival, Arrivals, BetweenAsks
from conformance.twins.restcomm import callbacks, reading, writing
from conformance.twins.restcomm.history import mint_sid
from conformance.twins.restcomm.life import DELIVERED_AFTER, SENT_AFTER, Sms, Step, arrived, outbound_steps
from conformance.twins.restcomm.listing import BESIDE, read_list_query, select
from conformance.twins.restcomm.refusal import Refusal

CALLS_KEPT: Final = 10_000
"""The number of latest requests in `RestcommTwin.calls`."""

CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="Restcomm realm"'}


@dataclass(frozen=True, slots=True)
class Account:
    """An account that may log in with its SID or its e-mail address, and its token.

    It may also use the accounts below it: those whose `parent` it is, and theirs. If it is not `active`, requests get 403.
    """

    token: str = field(repr=False)
    email: str | None = None
    parent: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it arrived, `query` still encoded. `credentials` is true if it had an Authorization header."""

    method: str
    path: str
    query: str = field(repr=False)
    body: bytes = field(repr=False)
    credentials: bool


class RestcommTwin:
    """A Restcomm service that lives in memory; `app` is an ASGI application.

    accounts         account SID to token, or to an `Account`
    clock            returns *now*, in epoch seconds; every life cycle is computed from it
    seed             of the SIDs that are made
    inbound_word     the direction of inbound messages: "incoming" (the document) or "inbound" (open server)
    nulls_written    true if a member without a value is written as null; the document's samples leave it out
    page_size_max    a greater PageSize is lowered to it without an error; None, as in the document, for no maximum
    zone             the zone of date_created and date_updated; the document's newer samples have +0000
    bounds           the meaning of StartTime and EndTime: "instants" in UTC (the document), or whole "days" in `zone` (open server)
    sent_after       seconds from send to sent (or to the failure before it)
    delivered_after  seconds from sent to the delivery status
    arrivals         messages that arrive between two requests: see `conformance.twins.arrivals`
    """

    def __init__(
        self,
        *,
        accounts: Mapping[str, str | Account],
        clock: Clock = time.time,
        seed: int = 1,
        inbound_word: Literal["incoming", "inbound"] = "incoming",
        nulls_written: bool = False,
        page_size_max: int | None = None,
        zone: timezone = UTC,
        bounds: Literal["instants", "days"] = "instants",
        sent_after: float = SENT_AFTER,
        delivered_after: float = DELIVERED_AFTER,
        arrivals: Arrivals | None = None,
    ) -> None:
        self.calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self.arrivals = arrivals or iter(())
        self.app = Starlette(
            routes=[StarletteRoute("/{path:path}", _Door(self))],
            middleware=[Middleware(BetweenAsks, arrive=self._arrive)],
        )
        self._accounts = {
            sid: Account(account) if isinstance(account, str) else account for sid, account in accounts.items()
        }
        self._clock = clock
        self._random = Random(seed)
        self._writer = writing.Writer(inbound_word, nulls_written, zone)
        self._page_size_max = page_size_max
        self._days_of = zone if bounds == "days" else None
        self._waits = (sent_after, delivered_after)
        self._messages: dict[str, dict[str, Sms]] = {sid: {} for sid in self._accounts}
        self._owed = callbacks.CallbackBook()

    @property
    def messages(self) -> tuple[Sms, ...]:
        """Every message of every account. The messages of one account are in order of arrival."""
        return tuple(sms for of_account in self._messages.values() for sms in of_account.values())

    def load(self, messages: Iterable[Sms]) -> None:
        """Store messages as they are, in order of arrival.

        Raises ValueError if the account is unknown, or if it already has the SID.
        """
        for sms in messages:
            if sms.account not in self._messages:
                raise ValueError(f"no account {sms.account}")
            if sms.sid in self._messages[sms.account]:
                raise ValueError(f"account {sms.account} already has {sms.sid}")
            self._messages[sms.account][sms.sid] = sms
            self._owed.owe(sms)

    def receive(self, account: str, *, sender: str, recipient: str, body: str) -> Sms:
        """Let an inbound message arrive now. Raises ValueError if the account is unknown.

        Source: "received: Restcomm has received the message." Its DateSent is the same instant:
        "The date on which the SMS was sent or received by CPaaS."
        """
        now = self._clock()
        received = Step(now, "received", sent=now)
        sms = Sms(mint_sid(self._random), account, sender, recipient, body, now, "incoming", (received,))
        self.load([sms])
        return sms

    def arrive(self, arrival: Arrival) -> Sms:
        """Create the message of an arrival, in either direction. Raises ValueError if the account is unknown."""
        sms = arrived(arrival, mint_sid(self._random), next(iter(self._accounts)), self._clock(), self._waits)
        self.load([sms])
        return sms

    def _arrive(self) -> None:
        for arrival in next(self.arrivals, ()):
            self.arrive(arrival)

    def due_callbacks(self) -> list[callbacks.Callback]:
        """Return the status callbacks that are due and were not returned before, in order of time."""
        return self._owed.due(self._clock())

    async def run_callbacks(self, client: httpx.AsyncClient) -> list[callbacks.Attempt]:
        """Send the callbacks that are due, one attempt each, in order per message."""
        return await callbacks.deliver(self.due_callbacks(), client)

    async def keep_calling_back(self, client: httpx.AsyncClient, *, every: float = 0.25) -> NoReturn:
        """Send the callbacks that are due every `every` seconds, until cancelled, as a live server does."""
        while True:
            await self.run_callbacks(client)
            await asyncio.sleep(every)

    def authenticated(self, authorization: str | None) -> str:
        """Return the SID of the account of these credentials. Raises Refusal: 401, or 403 if it is not active."""
        user, password = reading.read_credentials(authorization) or ("", "")
        for sid, account in self._accounts.items():
            if user not in (sid, account.email) or not compare_digest(password.encode(), account.token.encode()):
                continue
            if not account.active:
                raise Refusal(403, "Provided Account is not active")
            return sid
        raise Refusal(401, "Authentication with the account sid and its auth token is required.", CHALLENGE)

    def respond(self, call: Call, caller: str, headers: Mapping[str, str]) -> Response:
        """Return the response to an authenticated request of the account `caller`. Raises Refusal."""
        route = reading.read_route(call.path)
        if route is None:
            raise Refusal(404, "There is no such resource.")
        allow = {"Allow": route.allow}
        if call.method not in route.allow.split(", "):
            raise Refusal(405, f"{call.method} is not allowed here.", allow)
        form = reading.negotiate(call.path, headers.get("accept"))
        if form is None:
            raise Refusal(406, "Only application/json and application/xml can be produced.")
        if call.method == "POST":
            reading.check_form(headers.get("content-type"))
        self._check_access(caller, route.account)
        if call.method == "OPTIONS":
            return Response(headers=allow)
        if call.method == "POST":
            content = self._send(route.account, call.body, form)
        elif route.sid is not None:
            content = self._one(route.account, route.sid, form)
        else:
            content = self._list(route, call.query, form)
        return Response(content, headers={"Content-Type": writing.CONTENT_TYPES[form]})

    def _check_access(self, caller: str, account: str) -> None:
        """Check that an account uses itself or one below it. Raises Refusal: 403 for another account, 404 for an unknown one."""
        if account not in self._accounts:
            raise Refusal(404, "There is no such account.")
        above: str | None = account
        for _ in self._accounts:
            if above == caller:
                return
            above = self._accounts[above].parent if above in self._accounts else None
        raise Refusal(403, "This account is not yours.")

    def _send(self, account: str, body: bytes, form: reading.Format) -> bytes:
        """Return the message of a new send in `sending`. Source: "Sends a new SMS and returns its representation"."""
        send = reading.read_send(reading.read_pairs(body))
        now = self._clock()
        sms = Sms(
            sid=mint_sid(self._random),
            account=account,
            sender=send.sender,
            recipient=send.recipient,
            body=send.body,
            created=now,
            direction="outbound-api",
            steps=outbound_steps(send.recipient, now, *self._waits),
            status_callback=send.status_callback,
            status_callback_method=send.status_callback_method,
        )
        self.load([sms])
        return self._writer.message(sms, sms.steps[0], form, single=False)

    def _one(self, account: str, sid: str, form: reading.Format) -> bytes:
        """Source: "Returns detailed information for a single SMS identified by the MessageSid"."""
        sms = self._messages[account].get(sid)
        if sms is not None:
            return self._writer.message(sms, sms.at(self._clock()), form, single=True)
        if any(sid in of_account for of_account in self._messages.values()):
            raise Refusal(403, "This message belongs to another account.")
        raise Refusal(404, "There is no such message.")

    def _list(self, route: reading.Route, encoded_query: str, form: reading.Format) -> bytes:
        """Source: "Returns a list of SMS records corresponding to SMS messages sent or received"."""
        asked = reading.read_pairs(encoded_query.encode("latin-1"))
        query = read_list_query(asked, self._page_size_max, self._days_of)
        now = self._clock()
        page = select(self._messages[route.account].values(), query, now, self._writer.direction)
        beside = tuple((name, asked[name]) for name in BESIDE if name in asked)
        return self._writer.page(replace(page, beside=beside), route.uri, now, form)


class _Door:
    """The ASGI side: reads a request, records it, and writes the response or the refusal."""

    def __init__(self, twin: RestcommTwin) -> None:
        self._twin = twin

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend) -> None:
        request = Request(scope, receive)
        response = await self._answer(request)
        if request.method == "HEAD":
            response.body = b""  # the headers, with the length, stay those of the GET
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        body = await _read_body(request)
        call = Call(
            method=request.method,
            path=request.scope["path"],
            query=request.scope["query_string"].decode("latin-1"),
            body=body or b"",
            credentials="authorization" in request.headers,
        )
        self._twin.calls.append(call)
        try:
            if not reading.is_versioned(call.path):
                raise Refusal(404, "There is no such resource.")
            caller = self._twin.authenticated(request.headers.get("authorization"))
            if body is None:
                raise Refusal(413, f"The request body is longer than {reading.BODY_MAX} bytes.")
            return self._twin.respond(call, caller, request.headers)
        except Refusal as refusal:
            form = reading.negotiate(call.path, request.headers.get("accept")) or "json"
            headers = {**refusal.headers, "Content-Type": writing.CONTENT_TYPES[form]}
            return Response(writing.fault(refusal.message, form), refusal.status, headers)


async def _read_body(request: Request) -> bytes | None:
    """Return the body, read whole before any response, or None as soon as it is known to be too long."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > reading.BODY_MAX:
        return None
    chunks: list[bytes] = []
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > reading.BODY_MAX:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
