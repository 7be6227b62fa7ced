"""Explains a request: shows its provider requests without sending anything.

Without rows, the first provider request is shown literally. Each later one is shown as a rule, because it depends on the answers. With
rows, the whole exchange runs against that many invented messages, which the provider's own dialect serves as a front.
"""

from collections.abc import Iterator

import msgspec

from translator.core.accounts import Account, Accounts
from translator.core.dialect.drafts import Batch
from translator.core.dialect.list_reader import Listed
from translator.core.effects import ProviderRequests, run_without_shell
from translator.core.errors import FaultRaised
from translator.core.exchange import Limits, Reply, exchange
from translator.core.http.messages import Answer, Request, Response
from translator.core.listing import rules
from translator.core.listing.local_query import cut, filter_and_sort
from translator.core.losses import Losses
from translator.core.model import Draft, Fault, Message, Notes, Query

_SPACING = 60
"""Seconds between two invented messages."""

_SHOWN = 12
"""The number of provider requests of a run that are shown one by one. The others are counted."""


def explain(
    entry: Account, request: Request, now: float, rows: int | None, *, every_ask: bool = False
) -> Iterator[str]:
    """Yield lines that describe a request. `request` carries the account's own credentials.

    A run against `rows` invented messages shows the first twelve provider requests and counts the others, unless `every_ask` is set.
    """
    accounts = Accounts([entry])
    running = run_without_shell(exchange(accounts, Limits(), request, now, Losses()), {})
    provider = None if rows is None else InventedProvider(entry, rows, now)
    asks = shown = 0
    try:
        ask = next(running)
        while True:
            is_shown = every_ask or shown < _SHOWN
            for number, one in enumerate(ask.requests, asks + 1):
                if is_shown:
                    shown += 1
                    yield from _shown(number, ask, one)
            asks += len(ask.requests)
            if provider is None:
                yield from _later(entry, request)
                return
            answers: tuple[Answer, ...] = tuple(provider.answer(one) for one in ask.requests)
            if is_shown:
                sizes = [f"{len(answer.body)} bytes" for answer in answers if isinstance(answer, Response)]
                yield f"    {', '.join(sizes)} came back"
            ask = running.send(answers)
    except StopIteration as done:
        if asks > shown:
            yield f"and {asks - shown} more asks: {asks} in all; --every-ask shows each"
        yield from _answered(done.value)


def _shown(number: int, ask: ProviderRequests, request: Request) -> Iterator[str]:
    query = f"?{request.query}" if request.query else ""
    yield f"ask {number} at {ask.back}: {request.method} {request.path}{query}"
    if request.body:
        yield f"    {request.body.decode('utf-8', 'replace')}"


def _later(entry: Account, request: Request) -> Iterator[str]:
    front = entry.front.dialect.front
    try:
        at = front.routing.locate(request)
        asked = front.read_request(at, request, Notes())
    except FaultRaised:
        return
    if isinstance(asked, Listed):
        yield from (f"then {line.removeprefix('then ')}" for line in rules(entry, asked.query))
    elif isinstance(asked, Batch):
        yield f"then the other messages of the batch, {entry.back.in_flight} at once, each by itself and once"
    elif isinstance(asked, Draft):
        yield "then nothing: a send is asked once, and never again because its outcome is unknown"
    elif entry.shared:
        yield "then, where the answer does not say whose message it is: a list of its second, to see that it is the entry's own"
    else:
        yield "then nothing"
    operation = "send" if isinstance(asked, Draft | Batch) else at.operation.name
    static_losses = Losses().static_losses(entry.front.dialect, entry.back.dialect, operation)
    yield from (f"lost, where the answer has a place for it: {id_}" for id_ in static_losses)


def _answered(reply: Reply) -> Iterator[str]:
    yield f"answer: {reply.response.status}{f' ({reply.fault})' if reply.fault else ''}"
    yield f"    {reply.response.body.decode('utf-8', 'replace')}"
    yield from (f"lost: {id_}" for id_ in reply.lost)
    yield from (f"note: {note.name} {note.detail}".rstrip() for note in reply.notes)


class InventedProvider:
    """A provider with `rows` invented messages, one a minute up to `now`, that answers in the dialect of the account's provider."""

    def __init__(self, entry: Account, rows: int, now: float) -> None:
        self._entry, self._now = entry, now
        self._messages = [_message(number, now - number * _SPACING) for number in reversed(range(rows))]
        self._lists: dict[Query, list[Message]] = {}

    def answer(self, request: Request) -> Response:
        """Return the provider's answer to one request."""
        front, behind = self._entry.back.dialect.front, self._entry.behind
        at = front.routing.locate(request)
        who = (behind.account, behind.property, "json", Notes())
        asked = front.read_request(at, request, Notes())
        if isinstance(asked, Draft):
            return front.write_message("send", _message(0, self._now), *who, asked)
        if isinstance(asked, Listed):
            try:
                page = cut(self._listed(asked.query), asked.query, in_pages=front.in_pages)
            except FaultRaised as refused:
                return front.write_fault(refused.fault, "json")
            return front.write_page(page, asked, at, request.path, *who)
        if isinstance(asked, Batch):
            return front.write_fault(
                Fault("no-route"), "json"
            )  # the proxy never sends a batch: each draft is one request
        message = _message(0, self._now)
        message.sid = asked
        return front.write_message("get", message, *who)

    def _listed(self, query: Query) -> list[Message]:
        """Return all messages of a list in its order. The slices of one list are cut from one result."""
        whole = msgspec.structs.replace(query, skip=0, count=1, after=None)
        if whole not in self._lists:
            key = self._entry.back.dialect.front.sort_key(query.order.attribute)
            self._lists[whole] = filter_and_sort(self._messages, query, key)
        return self._lists[whole]


def _message(number: int, created: float) -> Message:
    """Return an invented message: numbers that are not in use, and a SID that tells its row."""
    return Message(
        sid="M" + "A" * 24 + "".join("ABCDEFGHIJ"[int(digit)] for digit in f"{number:07}"),
        sender="+15550100001",
        recipient=f"+1555010{number % 10000:04}",
        text=f"invented message {number}",
        status="delivered",
        direction="outbound-api",
        created=int(created),
        submitted=int(created) + 1,
        delivered=int(created) + 3,
        segments=1,
    )
