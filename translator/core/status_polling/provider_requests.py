"""The provider requests of a round, one after another: rows of a window, and single messages.

A row shows the status of its message. A row that is missing proves nothing, so its message is retrieved.
"""

from collections.abc import Sequence
from typing import NamedTuple

from translator.core.accounts import Account
from translator.core.effects import EffectGenerator, ProviderRequests
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.listing import plan, read_retrieve, write_retrieve
from translator.core.listing.blocks import RequestBudget
from translator.core.listing.local_query import readable
from translator.core.listing.range_reader import RangeReader
from translator.core.model import Message, Notes, Query
from translator.core.status_polling.scheduling import Chosen, Sweep, Window
from translator.core.status_polling.windows import Held


class Reading(NamedTuple):
    """The result of one read. `until` is the creation time up to which `rows` are complete. `unproven` says that a short slice was
    taken for the last one without a probe after it. `size` is the number of rows in one request."""

    rows: Sequence[Message]
    until: int
    unproven: bool
    size: int


class Seen:
    """The results of a round so far; they hold even if a later request fails. `rows` are the messages by SID. `read` are the windows
    that were read. `retrieved` are the messages that were requested singly. `failed` says that a search returned unusable rows."""

    def __init__(self) -> None:
        self.rows: dict[str, Message] = {}
        self.read: list[tuple[Window, Reading]] = []
        self.retrieved: list[Held] = []
        self.failed = False


def look(entry: Account, chosen: Chosen, asks: int, seen: Seen, now: float, notes: Notes) -> EffectGenerator:
    """Make the chosen requests, `asks` at most. If a search returns unusable rows, note it and retrieve its messages one by one. Raises
    FaultRaised."""
    left, singles = asks, list(chosen.singles)
    for window in chosen.windows:
        if seen.failed:
            singles += window.waits()
            continue
        before = notes.asks
        try:
            reading = yield from read(
                entry,
                window.first,
                window.until,
                min(window.asks, left),
                now,
                notes,
                skip=window.skip,
                spare=window.spare,
            )
        except (MalformedProviderResponse, FaultRaised) as error:
            if isinstance(error, FaultRaised) and error.fault.name != "back-failed":
                raise
            notes.add("poll-search-failed")
            seen.failed = True
            singles += window.waits()
        else:
            seen.rows |= {row.sid: row for row in reading.rows}
            seen.read.append((window, reading))
        left -= notes.asks - before
    yield from _retrieve(entry, singles[: max(0, left)], seen, now, notes)


def look_through(entry: Account, what: Sweep, now: float, notes: Notes) -> EffectGenerator:
    """Return the rows of one status, as a Reading. Raises FaultRaised and MalformedProviderResponse."""
    return (yield from read(entry, what.first, what.until, what.asks, now, notes, status=what.status))


def read(
    entry: Account,
    first: int,
    until: int,
    asks: int,
    now: float,
    notes: Notes,
    *,
    status: str = "",
    skip: int = 0,
    spare: int = 0,
) -> EffectGenerator:
    """Read as many rows of a range as `asks` requests bring, from index `skip` on. `spare` of them are kept for the probe after a short
    slice. Raises FaultRaised and MalformedProviderResponse."""
    query = Query(since=first, until=until, statuses=frozenset({status}) if status else None)
    planned = plan(query, entry.back.dialect.back)
    slices = RangeReader(entry, planned.pushed, now, RequestBudget(asks, cap=True), notes, ordered=False)
    yield from slices.recall()
    if slices.in_pages:  # a read begins at a multiple of the page size, so that each request is a whole page
        skip -= skip % slices.size
        most = slices.size * max(1, asks - spare) if asks else 0
    else:
        most = max(1, slices.reach * (asks - spare) // asks) if asks else 0
    rows: Sequence[Message] = yield from slices.stretch(skip, skip + most)
    if slices.capped or len(rows) >= most:
        in_order = entry.back.dialect.back.order == "ascending"
        until = max((row.created for row in rows), default=first) if in_order else first
    return Reading(readable(rows) if slices.judge.unread else rows, until, slices.unproven, slices.size)


def _retrieve(entry: Account, singles: Sequence[Held], seen: Seen, now: float, notes: Notes) -> EffectGenerator:
    wide = entry.back.in_flight
    for at in range(0, len(singles), wide):
        some = singles[at : at + wide]
        notes.asks += len(some)
        answers = yield ProviderRequests(
            entry.back.name, tuple(write_retrieve(entry, one.sid) for one in some), entry.name
        )
        refused: list[FaultRaised] = []
        for one, answer in zip(some, answers, strict=True):
            seen.retrieved.append(one)
            try:
                message = read_retrieve(entry, one.sid, answer, now)
            except MalformedProviderResponse:
                continue  # one malformed response does not delay the other messages
            except FaultRaised as error:
                refused.append(error)
                continue
            if message is not None:
                seen.rows[message.sid] = message
        if len(refused) == len(some) or any(error.fault.name != "back-failed" for error in refused):
            raise refused[-1]
