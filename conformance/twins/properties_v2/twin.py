"""The simulated Properties/Messages v2 service itself.

request ─▶ Gate (log, 401) ─▶ route (404, 405) ─▶ property (403) ─▶ parameters (400) ─▶ store ─▶ resource ─▶ answer
                                                                                  ▲
                                                            clock ─▶ lifecycle ───┘
"""

import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conformance.clock import Clock
from conformance.twins.arrivals import Arrival, Arrivals, BetweenAsks

from .faults import Fault, answer
from .gate import Call, Gate, TwinAccount
from .lifecycle import Pace, as_of
from .parameters import Parameters, batch_entries, first_of_each, read_members
from .rows import PROCESSING, RECEIVE, RECEIVED, TRANSMIT, MessageRow, resource
from .search import read_search
from .segments import count_segments
from .sending import SENDER_ID, Draft, read_draft
from .sids import lease_number, mint_message_sid
from .store import MessageStore

CALLS_KEPT = 10_000
"""The number of requests that `calls` remembers. Then the oldest is dropped."""


@dataclass(kw_only=True, eq=False)
class PropertiesV2Twin:
    """A simulated Properties/Messages v2 service. `app` is its ASGI application. Every attribute may change while it runs."""

    accounts: Mapping[str, TwinAccount]
    """The token and the properties of each AccountSid."""
    clock: Clock = time.time
    """A function that returns now, in seconds since the epoch."""
    seed: int = 1
    """The seed of the SIDs and leased numbers."""
    results_max: int = 200
    """The maximum number of rows of one search. A greater Results_Count is lowered to it without an error."""
    order: Literal["ascending", "descending"] = "ascending"
    """The order of Created in search responses. The page does not say; its example ascends."""
    search_reads: Literal["both", "query", "body"] = "both"
    """The place of a search's parameters. With "both" the query string takes precedence."""
    show_owner: bool = True
    """True if AccountSid and PropertySid are shown. The page's table has them, and its example does not."""
    not_found_status: Literal[400, 404] = 404
    """The status of MESSAGE_NOT_FOUND."""
    retrieve_wrapped: bool = True
    """True if a retrieved message is `{"Message": {...}}`, as the official clients read it. Otherwise it is bare."""
    no_sender_id: tuple[str, ...] = ("+1",)
    """The prefixes of recipients that an alphanumeric sender cannot reach: "a leased number is used instead"."""
    text_max: int = 10_000
    """The maximum length of Text, in characters. No page states one."""
    batch_max: int = 100
    """The maximum number of entries of one batch. No page states one."""
    pace: Pace = field(default_factory=Pace)
    """The delays in the life of a sent message."""
    arrivals: Arrivals = field(default_factory=lambda: iter(()))
    """The messages that arrive between two requests: see `conformance.twins.arrivals`."""

    calls: deque[Call] = field(init=False, default_factory=lambda: deque(maxlen=CALLS_KEPT))
    """The requests so far, oldest first. They have no tokens."""
    app: Starlette = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._store = MessageStore()
        self._minted = 0
        messages = "/v2/Properties/{property_sid}/Messages"
        self.app = Starlette(
            routes=[
                Route(messages, self._search, methods=["GET"]),
                Route(messages, self._send, methods=["POST"]),
                Route("/v2/Properties/{property_sid}/BatchMessages", self._send_batch, methods=["POST"]),
                Route(messages + "/{message_sid}", self._retrieve, methods=["GET"]),
                Route("/v2/Messages/{message_sid}", self._retrieve, methods=["GET"]),
            ],
            middleware=[
                Middleware(BetweenAsks, arrive=self._arrive),
                Middleware(Gate, accounts=lambda: self.accounts, calls=self.calls),
            ],
            exception_handlers={Fault: _refuse, HTTPException: _refuse_route, Exception: _give_up},
        )

    def load(self, messages: Iterable[MessageRow]) -> None:
        """Store rows as they are. Raises ValueError if a SID exists already."""
        for row in messages:
            self._store.add(row)

    def receive(self, *, property_sid: str, sender: str, recipient: str, text: str) -> MessageRow:
        """Let an inbound message arrive now. Raises ValueError if no account has the property.

        DeliveryReceipt is false and NumSegments is 0, as in the page's two inbound examples. Received is set because of "Timestamp of
        when an inbound message was received".
        """
        owners = [sid for sid, account in self.accounts.items() if property_sid in account.properties]
        if not owners:
            raise ValueError(f"no account has the property {property_sid}")
        now = int(self.clock())
        row = MessageRow(
            sid=self._mint(),
            account_sid=owners[0],
            property_sid=property_sid,
            sender=sender,
            recipient=recipient,
            text=text,
            delivery_receipt=False,
            segments=0,
            status=RECEIVED,
            direction=RECEIVE,
            scheduled=now,
            created=now,
            received=now,
        )
        self._store.add(row)
        return row

    def arrive(self, arrival: Arrival) -> MessageRow:
        """Create the message of an arrival, in either direction. Raises ValueError if no account has the property."""
        owners = {place: sid for sid, account in self.accounts.items() for place in account.properties}
        place = arrival.place or next(iter(owners), "")
        if place not in owners:
            raise ValueError(f"no account has the property {place}")
        created = int(self.clock() - arrival.ago)
        comes_in = arrival.direction == "inbound"
        row = MessageRow(
            sid=self._mint(),
            account_sid=owners[place],
            property_sid=place,
            sender="+15550100031",
            recipient="+15550100032",
            text=arrival.text,
            delivery_receipt=False,
            segments=0 if comes_in else count_segments(arrival.text),
            status=RECEIVED if comes_in else PROCESSING,
            direction=RECEIVE if comes_in else TRANSMIT,
            scheduled=created,
            created=created,
            received=created if comes_in else None,
            advances=not comes_in,
        )
        self._store.add(row)
        return row

    def _arrive(self) -> None:
        for arrival in next(self.arrivals, ()):
            self.arrive(arrival)

    @property
    def messages(self) -> tuple[MessageRow, ...]:
        """Every message of every account, in the order of arrival, in its present state."""
        now = self.clock()
        return tuple(as_of(row, now, self.pace) for row in self._store)

    def _mint(self) -> str:
        self._minted += 1
        return mint_message_sid("sent", self.seed, self._minted)

    def _property(self, request: Request) -> str:
        """Return the property of the path. A property that the account does not have is a 403, whether it exists or not."""
        property_sid: str = request.path_params["property_sid"]
        if property_sid not in self.accounts[request.state.account_sid].properties:
            raise Fault(403, "FORBIDDEN", "This account has no such property")
        return property_sid

    async def _search(self, request: Request) -> Response:
        property_sid = self._property(request)
        sources: list[Mapping[str, object]] = []
        if self.search_reads != "body":
            sources.append(first_of_each(request.query_params.multi_items()))
        if self.search_reads != "query":
            sources.append(read_members(await request.body(), request.headers.get("content-type", "")))
        asked = read_search(Parameters(*sources), self.results_max)
        found = self._store.search(property_sid, asked, self.clock(), self.pace, descending=self.order == "descending")
        return JSONResponse({"Messages": [resource(row, show_owner=self.show_owner) for row in found]})

    async def _send(self, request: Request) -> Response:
        property_sid = self._property(request)
        members = read_members(await request.body(), request.headers.get("content-type", ""))
        query = first_of_each(request.query_params.multi_items())
        row = self._accept(Parameters(query, members), request.state.account_sid, property_sid)
        return JSONResponse({"Message": resource(row, show_owner=self.show_owner)})

    async def _send_batch(self, request: Request) -> Response:
        """Return the outcomes in the order of the entries. The status of the whole stays 200 if some entries fail."""
        property_sid = self._property(request)
        outcomes: list[dict[str, object]] = []
        for entry in batch_entries(await request.body(), self.batch_max):
            try:
                if isinstance(entry, Fault):
                    raise entry
                row = self._accept(entry, request.state.account_sid, property_sid)
            except Fault as fault:
                outcomes.append({"ErrorCode": fault.code, "Message": fault.message})
            else:
                outcomes.append(resource(row, show_owner=self.show_owner))
        return JSONResponse(outcomes)

    async def _retrieve(self, request: Request) -> Response:
        """Return one message of the requesting account. If the path names a property, the message has to be in it."""
        row = self._store.find(request.path_params["message_sid"])
        named = self._property(request) if "property_sid" in request.path_params else None
        if row is None or row.account_sid != request.state.account_sid or named not in (None, row.property_sid):
            raise Fault(self.not_found_status, "MESSAGE_NOT_FOUND", "This account has no such message")
        current = as_of(row, self.clock(), self.pace)
        shown = resource(current, show_owner=self.show_owner, show_external_id=True)
        return JSONResponse({"Message": shown} if self.retrieve_wrapped else shown)

    def _accept(self, parameters: Parameters, account_sid: str, property_sid: str) -> MessageRow:
        """Store a send, and return it in its first state. Two equal sends are two messages."""
        now = self.clock()
        draft = read_draft(parameters, now, self.text_max)
        row = MessageRow(
            sid=self._mint(),
            account_sid=account_sid,
            property_sid=property_sid,
            sender=self._sender(draft),
            recipient=draft.recipient,
            text=draft.text,
            delivery_receipt=draft.delivery_receipt,
            segments=count_segments(draft.text),
            status=PROCESSING,
            direction=TRANSMIT,
            scheduled=int(now) if draft.schedule is None else draft.schedule,
            created=int(now),
            external_id=draft.external_id,
            advances=True,
            options=draft.options,
        )
        self._store.add(row)
        return row

    def _sender(self, draft: Draft) -> str:
        """Return the sender that is really used.

        If a sender is missing, or is a sender ID that cannot reach the recipient, it is a leased number, one for each recipient.
        """
        if draft.sender is None or (
            SENDER_ID.fullmatch(draft.sender) and draft.recipient.startswith(self.no_sender_id)
        ):
            return lease_number("lease", self.seed, draft.recipient)
        return draft.sender


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Fault)
    return answer(error)


async def _refuse_route(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}[error.status_code]
    return answer(Fault(error.status_code, code, "There is no such call"), error.headers)


async def _give_up(_request: Request, _error: Exception) -> Response:
    return answer(Fault(500, "INTERNAL_ERROR", "The twin itself is at fault"))
