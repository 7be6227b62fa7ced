"""Finds the number of rows of a range without reading it.

    one of the first slices is short   the end is in it
    else gallop ahead, one row each    ├──────┼───────────┼────────────────────────┤ the first that is missing
    and bisect the rest                ├──┼──┼──┤ one row each, several at once, until a few slices cover the rest

A known total is extended by the rows that came since. If a provider lists the oldest first, nothing before it moves. The extension reads
whole slices, because the slice in which the list ends shows the end and holds the newest rows.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from translator.core.effects import EffectGenerator
from translator.core.errors import MalformedProviderResponse
from translator.core.listing.range_reader import RangeReader
from translator.core.listing.slice_merger import SETTING
from translator.core.model import Message, Query

_LEAPS: Final = (2, 16, 128)
"""The distance of each of the first marks, as a multiple of the known rows. With it, 100,000 rows are found in 23 requests."""

_NEW: Final = 9
"""The number of slices in which a total is found again after more than a slice of new rows. It covers 101,000 new rows in slices of
200."""

_GUESSES: Final = 3
"""The number of slices in which an anchor is searched by its page number."""

SEEN: Final = 16
"""The number of shown totals that are remembered for one list."""


class CachedTotal(NamedTuple):
    """A remembered total: `rows` at the instant `at`. `served` is the largest slice of the provider meanwhile. `seen` are the totals of
    this list that were shown, the latest last. `sends` is the number of sends of the account at that time."""

    rows: int
    at: float
    served: int
    seen: tuple[int, ...]
    sends: int


class CountResult(NamedTuple):
    """A count. `read` has the rows that were read on the way, by index. `fresh` says that it was counted just now. `whole` says that
    all rows were counted. If a budget with a cap runs out, it counts only the rows that are known to exist."""

    rows: int
    read: dict[int, Message]
    fresh: bool = True
    whole: bool = True


def first(slices: RangeReader) -> EffectGenerator:
    """Return the first slice as a Block, and whether the list ends in it. Without a request left to prove it, the end is assumed."""
    block = yield from slices.block(0)
    if block.full or not block.served:
        return block, not block.served
    return (yield from slices.ended(block))


def count(slices: RangeReader, wanted: int, keep: int = 1) -> EffectGenerator:
    """Count the rows, and return a CountResult. The last `wanted` rows are read on the way if that costs nothing. `keep` requests are
    left for other reads if the budget may run out."""
    if slices.is_empty:
        return CountResult(0, {})
    block, ends = yield from first(slices)
    read: dict[int, Message] = {}
    _put(read, 0, block.rows)
    if ends:
        return CountResult(block.end, read, whole=not slices.unproven)
    lowest = block.end + (not block.full)
    width = min(slices.in_flight, slices.spare - keep - 1)
    if width > 0:
        ahead = width * (slices.size - 1) + 1
        rows = yield from _read(slices, lowest, lowest + ahead, read)
        lowest += rows
        if rows < ahead:
            return CountResult(lowest, read, whole=not slices.unproven)
    return (yield from _search(slices, lowest, wanted, read, keep))


def extend(slices: RangeReader, total: CachedTotal, wanted: int) -> EffectGenerator:
    """Return the present CountResult from an earlier total. It takes one request if few rows came since."""
    read: dict[int, Message] = {}
    start = total.rows - min(wanted, slices.size // 2, total.rows)
    block = yield from slices.block(start)
    if block.end < total.rows:
        return (yield from count(slices, wanted))  # rows have vanished, so no index is right
    # During the count the provider served larger slices than this one, so this slice is short because the list ends.
    ends = not block.full and (block.served < total.served or not block.served)
    if not block.full and not ends:
        block, ends = yield from slices.ended(block)
    _put(read, start, block.rows)
    if ends:
        return CountResult(block.end, read, whole=not slices.unproven)
    return (yield from _grown(slices, block.end, read))


def _grown(slices: RangeReader, lowest: int, read: dict[int, Message]) -> EffectGenerator:
    """Return the count if there are at least `lowest` rows and those before them were read. Each request is for a whole slice, and a
    slice in which the list ends shows where. So `_NEW` requests find any end within `2**_NEW` slices, and have read the rows before it."""
    highest, asks = math.inf, _NEW
    while lowest < highest:
        if not slices.spare:
            return CountResult(lowest, read, whole=False)
        if highest == math.inf:
            at = lowest + (2 ** (asks - 1) - 1) * slices.size
            asks = asks - 1 or _NEW
        else:
            at = lowest + max(0, int(highest) - lowest - slices.size + 1) // 2
        block = yield from slices.block(at)
        known = {row.sid for row in read.values()}
        again = sum(row.sid in known for row in block.rows)
        if again and (slices.stays or (not slices.moves and again == len(block.rows))):
            raise MalformedProviderResponse(f"rows at different places are the same one: {SETTING}")
        if not block.served:
            highest = at
            continue
        ends = not block.full and block.served < slices.served
        if not block.full and not ends:
            block, ends = yield from slices.ended(block)
        _put(read, at, block.rows)
        lowest, highest = block.end, block.end if ends else highest
    return CountResult(lowest, read, whole=not slices.unproven)


def newest(slices: RangeReader) -> EffectGenerator:
    """Return the last rows of a list in the provider's order, and whether they are the whole list. The budget may not suffice for all
    rows. The rows reach to the end of the list if half of the budget finds that, else to the last known row."""
    block, ends = yield from first(slices)
    if ends:
        return block.rows, not slices.unproven
    lowest, highest, half = block.end, None, slices.budget.left // 2
    mark = lowest * _LEAPS[0]
    while slices.budget.left > max(1, half) and (highest is None or highest - lowest > 2 * slices.size):
        if highest is not None and highest - block.end <= _within(slices):
            break
        [there] = yield from slices.probe([mark])
        lowest, highest = (mark + 1, highest) if there else (lowest, mark)
        mark = lowest * _LEAPS[1] if highest is None else (lowest + highest) // 2
    found = highest is not None and highest - lowest <= _within(slices)
    end, reach = (highest or lowest, _within(slices)) if found else (lowest, slices.reach)
    if end == block.end and not found:
        end = min(block.end + reach, highest or block.end + reach)
    start = max(block.end, end - reach)
    rows = yield from slices.stretch(start, end)
    if start > block.end:
        return rows, False
    return [*block.rows, *rows], not slices.capped and not slices.unproven and (
        len(rows) < end - start or end == highest
    )


def _within(slices: RangeReader) -> int:
    """Return the number of consecutive rows that the budget can read, with one request left for the row after them."""
    return max(0, slices.budget.left - 1) * max(1, slices.size - 1)


def _search(slices: RangeReader, lowest: int, wanted: int, read: dict[int, Message], keep: int) -> EffectGenerator:
    """Return the count if there are at least `lowest` rows."""
    highest: int | None = None
    marks: Sequence[int] = [lowest * times for times in _LEAPS]
    while highest is None:
        width = min(slices.in_flight, slices.spare - keep)
        if width < 1:
            return CountResult(lowest, read, whole=False)
        leaps, marks = marks[:width], marks[width:] or [mark * _LEAPS[-1] for mark in marks[:width]]
        lowest, highest = yield from _probe(slices, leaps, lowest, None)
    while True:
        tail = min(wanted, slices.size // 2, lowest)
        width = min(slices.in_flight, slices.spare - 1 - (0 if tail else keep))
        if highest - lowest <= slices.size * width - tail:
            break
        width = min(slices.in_flight, slices.spare - max(keep, 2))
        if width < 1:
            return CountResult(lowest, read, whole=False)
        lowest, highest = yield from _probe(slices, _between(lowest, highest, width), lowest, highest)
    end = lowest - tail + (yield from _read(slices, lowest - tail, highest, read))
    if end < lowest:
        raise MalformedProviderResponse("rows of a range that only grows are gone")
    return CountResult(end, read, whole=not slices.unproven)


def _read(slices: RangeReader, start: int, stop: int, read: dict[int, Message]) -> EffectGenerator:
    """Read the rows from `start` up to `stop`, and return their number."""
    rows = yield from slices.stretch(start, stop)
    if slices.capped:
        slices.capped, slices.unproven = False, True
    _put(read, start, rows)
    return len(rows)


def guesses(query: Query, size: int, shown: Collection[int]) -> list[tuple[int, int]]:
    """Return index ranges for an anchor of a list that is shown newest first, with the rows of the page after it. Each range has up to
    `size` rows. They are right if the page number is, and if the list had one of the totals in `shown`."""
    places = sorted((rows - query.skip for rows in shown if rows > query.skip), reverse=True)
    found: list[tuple[int, int]] = []
    while places and len(found) < _GUESSES:
        near = [place for place in places if places[0] - place < max(1, size - query.count)]
        found.append((max(0, near[-1] - query.count, near[0] + 1 - size), near[0] + 1))
        places = places[len(near) :]
    return found


def _between(lowest: int, highest: int, width: int) -> list[int]:
    """Return up to `width` indices that divide the unknown range into equal parts."""
    return sorted({lowest + (highest - lowest) * part // (width + 1) for part in range(1, width + 1)})


def _probe(slices: RangeReader, marks: Sequence[int], lowest: int, highest: int | None) -> EffectGenerator:
    """Return the bounds after one round of one-row requests: the minimum number of rows, and the first index that is known to be
    missing."""
    for mark, there in zip(marks, (yield from slices.probe(marks)), strict=True):
        if not there:
            return lowest, mark
        lowest = mark + 1
    return lowest, highest


def _put(read: dict[int, Message], start: int, rows: Iterable[Message]) -> None:
    read.update(enumerate(rows, start))
