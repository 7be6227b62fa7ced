"""Planning a list: what is asked of the back, what is left for us, and how the answers become the page.

The back is asked for the range of time and nothing narrower; its rows are then sifted, sorted and cut here, so that the
total is true. A slice shorter than asked is the end only when one row asked for behind it does not come: a back that serves less at
once than we think is noticed, and asked for less from then on.
"""

import math
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeAlias

from translator.accounts import Entry
from translator.errors import Refused, Unreadable
from translator.kinds.instants import LAST
from translator.model import Fault, Message, Notes, Page, Query
from translator.wire import Answer, Ask, Failure, Request, Response

Steps: TypeAlias = Generator[Ask, tuple[Answer, ...], Any]


def read_answer(answer: Answer) -> Response:
    """The answer to a read, or the fault that its failure is. Raises Refused."""
    if not isinstance(answer, Failure):
        return answer
    names = {"never-left": "back-unreachable", "timeout": "back-timeout", "broken": "back-failed"}
    raise Refused(Fault(names[answer.kind], log=f"the ask failed: {answer.kind} {answer.detail}"))


class Scan:
    """Reads a whole range of a back, slice by slice. `rows` are what came so far, in the back's order, none twice."""

    def __init__(self, entry: Entry, since: int | None, until: int | None, now: float, most: int) -> None:
        self._entry, self._now, self._left = entry, now, most
        self._since, self._until = since, until
        self._verbs = entry.back.dialect.back
        self._seen: set[str] = set()
        self.rows: list[Message] = []

    def steps(self, notes: Notes) -> Steps:
        """The asks, one after another; when they end, `rows` is complete. Raises Refused and Unreadable."""
        if (self._since or 0) > LAST or (self._until is not None and self._until <= 0):
            return  # no message can be created then, and no dialect can write such a bound
        size, width = self._verbs.slice, 1
        skip = 0
        while True:
            answers = yield from self._ask([self._slice(skip + at * size, size) for at in range(width)])
            for answer in answers:
                got = self._take(answer, size)
                skip += got
                if got < size:
                    break
            else:
                width = 1 if self._verbs.in_pages else self._entry.back.in_flight
                continue
            if got == 0 or not (yield from self._more_behind(skip)):
                return
            notes.add("back-serves-less", f"{got} rows where {size} were asked for")
            size, width = (math.gcd(skip, got) if self._verbs.in_pages else got), 1

    def in_base_order(self) -> list[Message]:
        """The rows by Created and then the back's own position."""
        rows = self.rows[::-1] if self._verbs.descending else self.rows
        return sorted(rows, key=lambda message: message.created)

    def _slice(self, skip: int, count: int) -> Request:
        behind = self._entry.behind
        who = (behind.account, behind.property, behind.token)
        return self._verbs.write_slice(self._since, self._until, skip, count, *who, self._now)

    def _ask(self, requests: list[Request]) -> Steps:
        self._left -= len(requests)
        if self._left < 0:
            raise Refused(Fault("list-too-long"))
        return (yield Ask(self._entry.back.name, tuple(requests)))

    def _more_behind(self, skip: int) -> Steps:
        answers = yield from self._ask([self._slice(skip, 1)])
        return bool(self._verbs.read_slice(read_answer(answers[0]), self._now))

    def _take(self, answer: Answer, size: int) -> int:
        """Keep what is new of a slice; how many rows the slice had."""
        slice_ = self._verbs.read_slice(read_answer(answer), self._now)
        if len(slice_) > size:
            raise Unreadable("a slice is longer than asked for: does the back read search_params?")
        fresh = [message for message in slice_ if message.sid not in self._seen]
        # Newest first, messages that come meanwhile push the tail along: a short slice may hold nothing that is new.
        if len(slice_) == size and not fresh:
            raise Unreadable("a slice repeats an earlier one: does the back read search_params?")
        for message in fresh:
            self._check(message)
            self._seen.add(message.sid)
        self.rows += fresh
        return len(slice_)

    def _check(self, message: Message) -> None:
        lower, upper = self._since, self._until
        if (lower is not None and message.created < lower) or (upper is not None and message.created >= upper):
            raise Unreadable("a row is outside the range asked for: does the back read search_params?")
        if not is_ours(message, self._entry):
            raise Unreadable("a row belongs to another account or property than the one asked for")


def is_ours(message: Message, entry: Entry) -> bool:
    """Whether a message may belong to the entry, as far as the back says whose it is."""
    behind = entry.behind
    return message.account in (None, behind.account) and (
        not behind.property or message.property in (None, behind.property)
    )


def sift(query: Query) -> Callable[[Message], bool]:
    """Whether a message passes the filters that the back was not asked to apply."""
    wanted = [
        (name, value) for name, value in (("recipient", query.recipient), ("sender", query.sender)) if value is not None
    ]
    among = [
        (name, words)
        for name, words in (("status", query.statuses), ("direction", query.directions))
        if words is not None
    ]

    def passes(message: Message) -> bool:
        return all(getattr(message, name) == value for name, value in wanted) and all(
            getattr(message, name) in words for name, words in among
        )

    return passes


def assemble(rows: list[Message], query: Query, key: Callable[[Message], Any], *, in_pages: bool) -> Page:
    """The page of a list whose rows stand in base order: sifted, sorted, kept up to the limit, counted, cut.

    Newest first is the exact reverse of the base order; every other attribute breaks ties by that reverse, whichever way it
    is sorted. Raises Refused for a page past the last one, where pages are numbered.
    """
    matches = list(filter(sift(query), rows))
    if query.order.attribute != "created":
        matches.reverse()
        matches.sort(key=key, reverse=query.order.descending)
    elif query.order.descending:
        matches.reverse()
    kept = matches if query.limit is None else matches[: query.limit]
    if in_pages and query.skip > len(kept):
        page, last = query.skip // query.count, len(kept) // query.count
        raise Refused(Fault("page-out-of-range", reason=f"{page} is past the last page, which is {last}"))
    after = next((at + 1 for at, message in enumerate(kept) if message.sid == query.after), query.skip)
    return Page(
        messages=kept[after : after + query.count],
        skip=query.skip,
        count=query.count,
        total=len(kept),
        limit=query.limit,
    )


def rules(entry: Entry, query: Query) -> Iterator[str]:
    """What follows the first ask of a list, as sentences for a person."""
    verbs = entry.back.dialect.back
    table = entry.back.dialect.table.paging
    yield f"while slices come back full: the next {entry.back.in_flight} at once, {table.position} {verbs.slice} further each"
    yield f"behind a slice that is shorter: one row ({table.size}=1) at {table.position} = rows so far; nothing there is the end"
    filters = [name for name in ("recipient", "sender", "statuses", "directions") if getattr(query, name) is not None]
    if filters:
        yield f"sifted here: {', '.join(filters)}"
    yield f"sorted here: {query.order.attribute}, {'descending' if query.order.descending else 'ascending'}"
    yield f"kept: the first {query.limit or 'all'}; shown: {query.count} from index {query.skip}; total: counted here"
