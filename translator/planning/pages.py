"""Lists whose order the back has: only the slices that cover the page are read, and the total is found without reading it.

back, oldest first    0 1 2 3 … │ n-4 n-3 n-2 n-1       an index never moves when messages come: newest first is cut from the end,
list, newest first     … │ page 1 │   page 0   │         and a page that follows a message is anchored by the index of that one
"""

import math
from collections.abc import Hashable
from typing import NamedTuple

from translator.accounts import Entry
from translator.errors import Refused, Unreadable
from translator.model import Message, Page, Query
from translator.planning import totals
from translator.planning.arrange import Stretch
from translator.planning.limits import Limits
from translator.planning.plan import Plan
from translator.planning.run import Span
from translator.planning.slices import Block, Slices, is_ours, read_answer
from translator.planning.totals import Counted, Total
from translator.wants import Ask, Kept, Once, Steps, recall

_WEIGHT = 400
"""Bytes that a remembered total takes, its key included."""


class _Anchor(NamedTuple):
    """Where a message stands in the back's order, and the rows around it that were read, by index."""

    place: int
    read: dict[int, Message]


class Pages:
    """One list. `kept_as` names it whatever its page, `sends` is how many sends its account had made."""

    def __init__(
        self, entry: Entry, slices: Slices, query: Query, planned: Plan, limits: Limits, now: float, sends: int,
        kept_as: tuple[Hashable, ...], *, shows_total: bool, in_pages: bool,
    ) -> None:  # fmt: skip
        self._entry, self._slices, self._query, self._plan = entry, slices, query, planned
        self._limits, self._now, self._sends, self._key = limits, now, sends, kept_as
        self._shows_total, self._in_pages = shows_total, in_pages
        self._begun: tuple[Block, bool] | None = None

    def page(self) -> Steps:
        """The page that the query asks for. Raises Refused for one past the last, where pages are numbered."""
        query = self._query
        yield from self._slices.recall()
        if not self._shows_total and not self._plan.mirrored:
            rows = yield from self._slices.stretch(query.skip, query.skip + query.count)
            total = query.skip + len(rows)
            return Page(
                messages=rows, skip=query.skip, count=query.count, total=total, limit=None, capped=self._slices.capped
            )
        if query.after is not None and not self._slices.is_empty:
            anchor = yield from self._anchor(query.after)
            if anchor is not None:
                return (yield from self._following(anchor))
        counted = yield from self._counted(renew=False)
        if query.skip > counted.rows and not counted.fresh:
            counted = yield from self._counted(renew=True)
        return (yield from self._numbered(counted))

    # -------------------------------------------------------------------------------------------------- pages by number

    def _numbered(self, counted: Counted) -> Steps:
        stretch = Stretch(self._query, matches=counted.rows)
        first = self._query.skip
        in_one_slice = len(counted.read) == counted.rows < self._slices.size
        if self._moves and not in_one_slice:
            return (yield from self._moving(stretch, first, None, ends=first + stretch.shown == counted.rows))
        start = counted.rows - first - stretch.shown if self._plan.mirrored else first
        return (yield from self._shown(stretch, start, counted.read))

    def _shown(self, stretch: Stretch, start: int, read: dict[int, Message]) -> Steps:
        """The page whose rows begin at an index of the back; those that were read already are not asked for again."""
        stop, slices = start + stretch.shown, self._slices
        missing = [index for index in range(start, stop) if index not in read]
        if missing:
            first, last = missing[0], missing[-1] + 1
            if last - first > slices.reach:
                slices.cut_short()
                first, last = (last - slices.reach, last) if self._plan.mirrored else (first, first + slices.reach)
                start, stop = (first, stop) if self._plan.mirrored else (start, last)
            rows = yield from slices.stretch(first, last)
            if len(rows) < last - first:
                raise Unreadable("rows of a list are gone while it is read")
            read = {**read, **dict(enumerate(rows, first))}
        messages = [read[index] for index in range(start, stop)]
        if self._plan.mirrored:
            messages.reverse()
        return self._page(stretch, messages)

    def _moving(self, stretch: Stretch, start: int, after: str | None, *, ends: bool) -> Steps:
        """The page of a back whose rows move along with each message that comes: read in one go, from index `start` or behind the
        message that was there, and to the end of the list where the page `ends` it."""
        if not stretch.shown:
            return self._page(stretch, [])
        rows = yield from self._slices.stretch(start, None if ends else start + stretch.shown + (after is not None))
        if after is not None:
            rows = rows[next((at + 1 for at, row in enumerate(rows) if row.sid == after), 0) :]
        if ends:
            stretch = Stretch(self._query, following=len(rows))
        return self._page(stretch, rows[: stretch.shown])

    def _page(self, stretch: Stretch, messages: list[Message]) -> Page:
        capped = self._slices.capped
        if capped:
            stretch.total = self._query.skip + len(messages)
        return stretch.page(messages, in_pages=self._in_pages, capped=capped)

    @property
    def _moves(self) -> bool:
        """Whether a row's index changes when messages come."""
        return self._entry.back.dialect.back.order == "descending"

    # ------------------------------------------------------------------------------------------------------------ totals

    def _counted(self, *, renew: bool) -> Steps:
        """The count of the range as Counted, from what is remembered of it where that is still right."""
        wanted = self._query.count if self._plan.mirrored and self._query.skip == 0 else 0

        def steps(previous: Total | None) -> Steps:
            if previous is not None and self._stands(previous, renew=renew):
                return Counted(previous.rows, {}, fresh=False), None
            if previous is None:
                counted = yield from totals.count(self._slices, wanted, self._begun)
            else:
                counted = yield from totals.extend(self._slices, previous, wanted)
            return counted, Kept(self._total(counted.rows, previous), _WEIGHT, self._life)

        return (yield Once(self._key, steps))

    @property
    def _life(self) -> float:
        """A status moves messages in and out of a range, so a count of one is not kept."""
        return 0.0 if self._plan.pushed.status is not None else self._limits.total_ttl

    def _stands(self, total: Total, *, renew: bool) -> bool:
        """Whether nothing can have been added to what was counted, or the first page of this very list was shown just now."""
        until = self._plan.pushed.until
        if until is not None and until + self._limits.settle <= total.at:
            return True
        follows = self._query.skip > 0 and not renew
        return follows and total.sends == self._sends and self._now - total.at < self._limits.snapshot_ttl

    def _total(self, rows: int, previous: Total | None) -> Total:
        seen = previous.seen if previous is not None else ()
        if rows not in seen:
            seen = (*seen, rows)[-totals.SEEN :]
        return Total(rows, self._now, self._slices.served, seen, self._sends)

    # ------------------------------------------------------------------------------------------- pages behind a message

    def _following(self, anchor: _Anchor) -> Steps:
        """The page that follows a message of the list."""
        if self._plan.mirrored:
            stretch = Stretch(self._query, following=anchor.place)
            return (yield from self._shown(stretch, anchor.place - stretch.shown, anchor.read))
        counted = yield from self._counted(renew=True)
        following = max(0, counted.rows - anchor.place - 1)
        stretch = Stretch(self._query, following=following)
        if self._moves:
            after = anchor.read[anchor.place].sid
            return (yield from self._moving(stretch, anchor.place, after, ends=stretch.shown == following))
        return (yield from self._shown(stretch, anchor.place + 1, {**counted.read, **anchor.read}))

    def _anchor(self, sid: str) -> Steps:
        """The message with that SID in this list, or None where it is not in it."""
        guess = yield from self._guess()
        if guess is not None:
            found = yield from self._look(sid, *guess)
            if found is not None:
                return found
        found = yield from self._searched(sid)
        if found is not None and self._plan.mirrored:
            yield from self._note_shown(self._query.skip + found.place)
        return found

    def _guess(self) -> Steps:
        """From which index to which the message may be, with the rows of its page, if that is numbered rightly; None: no idea."""
        query, size = self._query, self._slices.size
        if query.skip == 0:
            return None
        if not self._plan.mirrored:
            return query.skip - 1, query.skip + query.count
        total: Total | None = yield from recall(self._key)
        places = [rows - query.skip for rows in (total.seen if total else ()) if rows > query.skip]
        near = [place for place in places if places[-1] - place < max(1, size - query.count)]
        return (max(0, min(near) - query.count, max(near) + 1 - size), max(near) + 1) if near else None

    def _look(self, sid: str, start: int, stop: int) -> Steps:
        """One slice in which the message may be."""
        slices = self._slices
        if slices.in_pages:
            block = yield from slices.block(start)
            rows = block.rows
        else:
            slices.must_take(1)
            [slice_] = yield from slices.ask([Span(start, min(stop - start, slices.size))])
            rows = slice_.rows
        read = dict(enumerate(rows, start))
        return next((_Anchor(index, read) for index, message in read.items() if message.sid == sid), None)

    def _note_shown(self, rows: int) -> Steps:
        """A page was shown of the list as it was with so many rows, which says where its next page begins."""

        def noted(previous: Total | None) -> Steps:
            if previous is not None and rows in previous.seen:
                return None, None
            known = previous or Total(rows, -math.inf, self._slices.served, (), self._sends)
            return None, Kept(known._replace(seen=(*known.seen, rows)[-totals.SEEN :]), _WEIGHT, self._life)
            yield

        yield Once(self._key, noted)

    def _searched(self, sid: str) -> Steps:
        """The message: in the first slice where that is all there is, else retrieved for the second in which it was created, and
        what stands before that second is counted."""
        block, ends = self._begun = yield from totals.first(self._slices)
        for place, row in enumerate(block.rows):
            if row.sid == sid:
                return _Anchor(place, dict(enumerate(block.rows)))
        if ends:
            return None
        message = yield from self._retrieved(sid)
        pushed = self._plan.pushed
        if message is None or not (pushed.since or 0) <= message.created < (pushed.until or math.inf):
            return None
        if self._moves:
            before = self._slices.narrowed(message.created + 1, pushed.until)
        else:
            before = self._slices.narrowed(pushed.since, message.created)
        begun = (block, False) if block.full and _before(block.rows[-1], message, descending=self._moves) else None
        counted = yield from totals.count(before, 0, begun)
        self._slices.size = before.size
        shown = min(self._query.count, self._slices.size // 2) if self._plan.mirrored else 0
        start = max(0, counted.rows - shown)
        while True:
            block = yield from self._slices.block(start)
            read = dict(enumerate(block.rows, start))
            for index, row in read.items():
                if row.sid == sid:
                    return _Anchor(index, read)
            if not block.rows or _before(message, block.rows[-1], descending=self._moves):
                return None
            start = block.end

    def _retrieved(self, sid: str) -> Steps:
        verbs, behind = self._entry.back.dialect.back, self._entry.behind
        self._slices.must_take(1)
        request = verbs.write_get(sid, behind.account, behind.property, behind.token)
        [answer] = yield Ask(self._entry.back.name, (request,))
        try:
            message = verbs.read_message("get", read_answer(answer), self._now)
        except Refused as refused:
            if refused.fault.name == "unknown-message":
                return None
            raise
        return message if message.sid == sid and is_ours(message, self._entry) else None


def _before(row: Message, other: Message, *, descending: bool) -> bool:
    """Whether a row's second comes before another's in the back's order."""
    return row.created > other.created if descending else row.created < other.created
