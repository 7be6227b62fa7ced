"""Explaining a request: what it becomes at the back, without sending anything.

Without rows, the first ask is shown literally and each later one as a rule, since it depends on the answers. With rows, the whole
exchange runs against that many invented messages, answered by the back's own dialect as a front.
"""

from collections.abc import Iterator

from translator.accounts import Accounts, Entry
from translator.dialect.drafting import Batch
from translator.dialect.front import Listed
from translator.errors import Refused
from translator.exchange import Limits, Reply, exchange
from translator.losses import Losses
from translator.model import Draft, Fault, Message, Notes
from translator.planning import rules
from translator.planning.arrange import arranged, cut
from translator.wants import Ask, alone
from translator.wire import Answer, Request, Response

_SPACING = 60
"""Seconds between two invented messages."""


def explain(entry: Entry, request: Request, now: float, rows: int | None) -> Iterator[str]:
    """Lines that say what a request becomes; `request` carries the entry's own credentials."""
    accounts = Accounts([entry])
    running = alone(exchange(accounts, Limits(), request, now, Losses()), {})
    asks = 0
    try:
        ask = next(running)
        while True:
            for one in ask.requests:
                asks += 1
                yield from _shown(asks, ask, one)
            if rows is None:
                yield from _later(entry, request)
                return
            answers: tuple[Answer, ...] = tuple(invented(entry, one, rows, now) for one in ask.requests)
            yield f"    {', '.join(f'{len(answer.body)} bytes' for answer in answers if isinstance(answer, Response))} came back"
            ask = running.send(answers)
    except StopIteration as done:
        yield from _answered(done.value)


def _shown(number: int, ask: Ask, request: Request) -> Iterator[str]:
    query = f"?{request.query}" if request.query else ""
    yield f"ask {number} at {ask.back}: {request.method} {request.path}{query}"
    if request.body:
        yield f"    {request.body.decode('utf-8', 'replace')}"


def _later(entry: Entry, request: Request) -> Iterator[str]:
    front = entry.front.dialect.front
    try:
        at = front.routing.locate(request)
        asked = front.read_request(at, request, Notes())
    except Refused:
        return
    if isinstance(asked, Listed):
        yield from (f"then {line}" for line in rules(entry, asked.query))
    elif isinstance(asked, Batch):
        yield f"then the other messages of the batch, {entry.back.in_flight} at once, each by itself and once"
    elif isinstance(asked, Draft):
        yield "then nothing: a send is asked once, and never again because its outcome is unknown"
    elif entry.shared:
        yield "then, where the answer does not say whose message it is: a list of its second, to see that it is the entry's own"
    else:
        yield "then nothing"
    operation = "send" if isinstance(asked, Draft | Batch) else at.operation.name
    foreseen = Losses().foreseen(entry.front.dialect, entry.back.dialect, operation)
    yield from (f"lost, where the answer has a place for it: {id_}" for id_ in foreseen)


def _answered(reply: Reply) -> Iterator[str]:
    yield f"answer: {reply.response.status}{f' ({reply.fault})' if reply.fault else ''}"
    yield f"    {reply.response.body.decode('utf-8', 'replace')}"
    yield from (f"lost: {id_}" for id_ in reply.lost)
    yield from (f"note: {note.name} {note.detail}".rstrip() for note in reply.notes)


def invented(entry: Entry, request: Request, rows: int, now: float) -> Response:
    """What a back with that many invented messages answers to an ask."""
    front, behind = entry.back.dialect.front, entry.behind
    at = front.routing.locate(request)
    who = (behind.account, behind.property, "json", Notes())
    asked = front.read_request(at, request, Notes())
    if isinstance(asked, Draft):
        return front.write_message("send", _message(0, now), *who, asked)
    messages = [_message(number, now - number * _SPACING) for number in range(rows)][::-1]
    if isinstance(asked, Listed):
        query = asked.query
        try:
            found = arranged(messages, query, front.sort_key(query.order.attribute))
            page = cut(found, query, in_pages=front.in_pages)
        except Refused as refused:
            return front.write_fault(refused.fault, "json")
        return front.write_page(page, asked, at, request.path, *who)
    if isinstance(asked, Batch):
        return front.write_fault(Fault("no-route"), "json")  # a back is never asked for one: each draft goes by itself
    message = _message(0, now)
    message.sid = asked
    return front.write_message("get", message, *who)


def _message(number: int, created: float) -> Message:
    """An invented message: numbers that nobody has, and a SID that says which row it is."""
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
