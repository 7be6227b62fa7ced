"""How many rows a range has, without reading it.

    one of the first slices is short   the end is in it
    else leap ahead, one row each      ├──────┼───────────┼────────────────────────┤ the first that is missing
    and bisect what lies between       ├──┼──┼──┤ one row each, several at once, until a few slices cover the rest

A total that was counted once is extended by what came since: in a back that lists the oldest first nothing before it moves.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from translator.errors import Refused, Unreadable
from translator.model import Fault, Message
from translator.planning.slices import Block, Slices
from translator.wants import Steps

_LEAPS: Final = (2, 16, 128)
"""How many times farther each of the first marks is than the rows that are known: 100,000 rows are found in 23 asks."""

_NEW: Final = 48
"""How many slices ahead a total is looked for that has outgrown the first of them: 9,600 new rows are found in 10 asks."""

SEEN: Final = 16
"""How many totals of one list are remembered to have been shown."""


class Total(NamedTuple):
    """A total that is remembered: how many rows there were at the instant `at`, the most rows that the back served in one slice
    meanwhile, the totals that were shown of this list, latest last, and how many sends there had been."""

    rows: int
    at: float
    served: int
    seen: tuple[int, ...]
    sends: int


class Counted(NamedTuple):
    """A count, those rows, by index, that were read on the way, and whether it was counted just now."""

    rows: int
    read: dict[int, Message]
    fresh: bool = True


def first(slices: Slices) -> Steps:
    """The first slice, and whether the list ends in it. Returns Block and whether it does."""
    block = yield from slices.block(0)
    if block.full:
        return block, False
    return block, not block.served or (yield from slices.ends_behind(block.served, block.end))


def count(slices: Slices, wanted: int, begun: tuple[Block, bool] | None = None) -> Steps:
    """How many rows there are. `wanted` of the last of them are read on the way, where that costs nothing; `begun` is what `first`
    returned where that has been asked already. Returns Counted."""
    if slices.is_empty:
        return Counted(0, {})
    block, ends = begun or (yield from first(slices))
    read: dict[int, Message] = {}
    _put(read, 0, block.rows)
    if ends:
        return Counted(block.end, read)
    lowest = block.end + (not block.full)
    ahead = slices.in_flight * (slices.size - 1) + 1
    rows = yield from _read(slices, lowest, lowest + ahead, read)
    lowest += rows
    if rows < ahead:
        return Counted(lowest, read)
    marks = [lowest * times for times in _LEAPS]
    return (yield from _search(slices, lowest, marks, wanted, read, slices.in_flight))


def extend(slices: Slices, total: Total, wanted: int) -> Steps:
    """The count now, from one that was right before: one ask where little came since. Returns Counted."""
    read: dict[int, Message] = {}
    start = total.rows - min(wanted, slices.size // 2, total.rows)
    block = yield from slices.block(start)
    _put(read, start, block.rows)
    if block.end < total.rows:
        return (yield from count(slices, wanted))  # rows are gone, and every index with them
    if not block.full:
        # It served more than this at once while the total was counted, so this is no more than it serves: it is the end.
        proven = block.served < total.served
        if proven or not block.served or (yield from slices.ends_behind(block.served, block.end)):
            return Counted(block.end, read)
    lowest = block.end + (not block.full)
    marks = [lowest + slices.size * _NEW ** (power + 1) for power in range(4)]
    return (yield from _search(slices, lowest, marks, wanted, read, 1))


def _search(
    slices: Slices, lowest: int, marks: Sequence[int], wanted: int, read: dict[int, Message], width: int
) -> Steps:
    """The count, where there are `lowest` rows or more. `marks` are the first indices to leap to, `width` how many at once."""
    highest: int | None = None
    while highest is None:
        leaps, marks = marks[:width], marks[width:] or [mark * _LEAPS[-1] for mark in marks[:width]]
        lowest, highest = yield from _probe(slices, leaps, lowest, None)
    tail = min(wanted, slices.size // 2, lowest)
    while highest - lowest > slices.size * width - tail:
        lowest, highest = yield from _probe(slices, _between(lowest, highest, width), lowest, highest)
    end = lowest - tail + (yield from _read(slices, lowest - tail, highest, read))
    if end < lowest:
        raise Unreadable("rows of a range that only grows are gone")
    return Counted(end, read)


def _read(slices: Slices, start: int, stop: int, read: dict[int, Message]) -> Steps:
    """Read the rows from `start` up to `stop`. How many there are."""
    rows = yield from slices.stretch(start, stop)
    if slices.capped:
        raise Refused(Fault("list-too-long"))
    _put(read, start, rows)
    return len(rows)


def _between(lowest: int, highest: int, width: int) -> list[int]:
    """Up to `width` indices that divide what is not known yet into equal parts."""
    return sorted({lowest + (highest - lowest) * part // (width + 1) for part in range(1, width + 1)})


def _probe(slices: Slices, marks: Sequence[int], lowest: int, highest: int | None) -> Steps:
    """What is known after one round of one-row asks: how many rows there are at least, and the first index known to be missing."""
    for mark, there in zip(marks, (yield from slices.probe(marks)), strict=True):
        if not there:
            return lowest, mark
        lowest = mark + 1
    return lowest, highest


def _put(read: dict[int, Message], start: int, rows: Iterable[Message]) -> None:
    read.update(enumerate(rows, start))
