"""Reads the messages after an anchor from a provider that lists newest first, so that each new message shifts all others.

when it was found      … │ M │ m m m        M at index `place`
when it is read        n n … │ M │ m m m    n: came meanwhile; M has a higher index, and as much follows it as before
"""

from collections.abc import Sequence

from translator.core.effects import EffectGenerator
from translator.core.listing.local_query import PageWindow
from translator.core.listing.range_reader import RangeReader
from translator.core.model import Message, Query


def following(
    slices: RangeReader, query: Query, place: int, sid: str, matches: int, *, whole: bool, sure: bool
) -> EffectGenerator:
    """Return the page after an anchor, as the PageWindow and its rows. The list has `matches` messages, and the anchor was at index
    `place`.

    Messages that came in front meanwhile are not in it. `sure` says that the list was counted when the anchor was found or later, so that
    no more than that follows it. `whole` says that it was counted to its end.
    """
    before = place + 1
    matches = max(matches, before)
    stretch = PageWindow(query, matches, before)
    if not stretch.shown and (sure or before < matches):
        return stretch, []
    ends = whole and before + stretch.shown == matches
    rows, first, at_end = yield from _behind(slices, place, sid, None if ends else stretch.shown)
    end = first + len(rows)
    stretch = PageWindow(query, end if at_end else max(matches, end), first)
    return stretch, rows[: stretch.shown]


def _behind(slices: RangeReader, place: int, sid: str, wanted: int | None) -> EffectGenerator:
    """Return up to `wanted` rows (None: all) after the anchor that was at index `place`, and one more that shows whether more follow. Also
    return the index of the first of them, and whether the list ends with the last.

    If the anchor is no longer in the list, they are the rows from that index on.
    """
    start, extra = place, 0
    while True:
        stop = None if wanted is None else start + wanted + 2 + extra
        rows: Sequence[Message] = yield from slices.stretch(start, stop)
        ends = stop is None or len(rows) < stop - start
        at = next((at for at, row in enumerate(rows) if row.sid == sid), None)
        if at is None and (ends or slices.capped):
            return rows, start, ends
        if at is None:
            start += len(rows)  # more messages came than were read: the anchor has a higher index
        elif ends or slices.capped or len(rows) - at > (wanted or 0) + 1:
            return rows[at + 1 :], start + at + 1, ends
        else:
            start, extra = start + at, 2 * at
