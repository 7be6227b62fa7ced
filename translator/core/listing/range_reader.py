"""Reads a range of a provider's list slice by slice, and checks everything that the provider returns.

    row by row     inside the bounds and words that the provider was told · our own · in the order of the dialect
    slice by slice not longer than requested · not a repetition · short only if no row is behind it

If a row is behind a short slice, a message came meanwhile, or the provider serves fewer rows than requested. So the slice is requested
again. If it is longer now, a message came. If not, the provider serves fewer, and later requests are smaller.
"""

from collections.abc import Sequence
from typing import Final

from translator.core.accounts import Account
from translator.core.dialect.back import Pushed, Slice
from translator.core.effects import EffectGenerator, ProviderRequests
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.http.messages import Answer
from translator.core.listing import slice_sizes
from translator.core.listing.answers import largest, naming_the_setting, read_list
from translator.core.listing.blocks import Block, RequestBudget, one_span, pushed_along
from translator.core.listing.row_checks import End, RowChecker
from translator.core.listing.row_match import RowMatch
from translator.core.listing.row_sizes import taken
from translator.core.listing.slice_merger import SETTING, SliceMerger, Span
from translator.core.model import Fault, Message, Notes, Unread
from translator.core.values.codecs.instants import LAST

_FARTHEST: Final = 10**9
"""An index at which no list of messages has a row."""

_MOST_GROWTHS: Final = 3
"""The number of times that a slice is requested again and read to its end, if it is longer each time."""


class RangeReader:
    """Reads one range. `size` is the number of rows in one request, `served` the most rows that came at once.

    `ordered` makes it check the provider's order, which its plan relies on. If a budget with a cap runs out, `capped` says that rows
    were not read. `unproven` says that the end of the list was assumed without the request that proves it.
    """

    def __init__(
        self, entry: Account, pushed: Pushed, now: float, budget: RequestBudget, notes: Notes, *, ordered: bool
    ) -> None:
        self._entry, self._now, self.notes = entry, now, notes
        self._verbs = entry.back.dialect.back
        self._match = RowMatch(entry, pushed, ordered=ordered)
        self.budget = budget
        self.size = self._verbs.slice
        self.served = 0
        by_place = self._verbs.order == "ascending"
        self.judge = RowChecker(self._match.why_not, notes, by_place=by_place, descending=self.moves)
        self.capped = self.unproven = False
        self.probed: dict[int, int] = {}  # the second of each row that was read alone, by its index

    @property
    def account(self) -> str:
        """The name of the account."""
        return self._entry.name

    @property
    def in_flight(self) -> int:
        """The number of provider requests that may be sent at the same time."""
        return self._entry.back.in_flight

    @property
    def in_pages(self) -> bool:
        """True if the provider counts in pages."""
        return self._verbs.in_pages

    @property
    def order(self) -> str:
        """The order of the provider's list: ascending, descending or unknown."""
        return self._verbs.order

    @property
    def moves(self) -> bool:
        """True if a new message shifts every index."""
        return self._verbs.order == "descending"

    @property
    def stays(self) -> bool:
        """True if an index never changes its row. A server that counts in pages may insert a message before those of its second."""
        return self._verbs.order == "ascending" and not self._verbs.in_pages

    @property
    def spare(self) -> int:
        """The number of provider requests that optional work may use. It is unbounded if the budget has no cap."""
        return self.budget.left if self.budget.cap else _FARTHEST

    @property
    def reach(self) -> int:
        """The number of consecutive rows that the budget can still read. Consecutive slices share a row. Pages share none."""
        return max(
            0,
            self.budget.left * self.size - self.size + 1 if self.in_pages else self.budget.left * max(1, self.size - 1),
        )

    @property
    def is_empty(self) -> bool:
        """True if no message can be created in the range. No dialect could write its bounds."""
        since, until = self._match.pushed.since or 0, self._match.pushed.until
        return since > LAST or (until is not None and until <= max(since, 0))

    def narrowed(self, since: int | None, until: int | None) -> "RangeReader":
        """Return a reader of a part of the range, with the same budget. It is smaller if the provider would show rows outside it."""
        since, until = self._verbs.times.within(since, until)
        pushed = self._match.pushed._replace(since=since, until=until)
        part = RangeReader(self._entry, pushed, self._now, self.budget, self.notes, ordered=self._match.ordered)
        part.size, part.served = self.size, self.served
        part.judge.trusts(self.judge)
        return part

    # ------------------------------------------------------------------------------------------------- the size of a slice

    def recall(self) -> EffectGenerator:
        """Start with the slice size that this provider was seen to serve lately, if it is less than the table says."""
        self.size = yield from slice_sizes.known_of(self._entry.back.name, self.size, self._now)

    def _lower(self, got: int) -> EffectGenerator:
        """Note that the provider serves only `got` rows at once, and request fewer. Other lists learn it too, unless the range is
        limited to one status: rows enter and leave such a range at any time."""
        self.notes.add("back-serves-less", f"{got} rows where {self.size} were asked for")
        self.size = got
        if self._match.pushed.status is None:
            yield from slice_sizes.learn(self._entry.back.name, got, self._now)

    # ----------------------------------------------------------------------------------------------------------- requests

    def ask(self, spans: Sequence[Span]) -> EffectGenerator:
        """Request the slices of these spans at once, and check them. If the provider used another page size, the slice is empty and has
        that size."""
        behind = self._entry.behind
        who = (behind.account, behind.property, behind.token)
        requests = [self._verbs.write_slice(self._match.pushed, *span, *who, self._now) for span in spans]
        self.notes.asks += len(requests)
        most = largest(max(span.size for span in spans))
        answers = yield ProviderRequests(self._entry.back.name, tuple(requests), self.account, self.budget.held, most)
        end = self.judge.end
        slices = [self._checked(span, answer, end) for span, answer in zip(spans, answers, strict=True)]
        yield from slice_sizes.unlearn(self._entry.back.name, max(len(slice_.rows) for slice_ in slices), self._now)
        return slices

    def probe(self, indices: Sequence[int]) -> EffectGenerator:
        """Return for each index whether it has a row. Each index takes one request for one row, and all are sent at once."""
        self.spend(len(indices))
        slices = yield from self.ask([Span(index, 1) for index in indices])
        sids = [message.sid for slice_ in slices for message in slice_.rows]
        seen = [(index, row) for index, slice_ in zip(indices, slices, strict=True) for row in slice_.rows[:1]]
        self.probed.update([(index, row.created) for index, row in seen if not isinstance(row, Unread)])
        if (self.stays and len(sids) > len(set(sids))) or max(indices) > _FARTHEST:
            raise MalformedProviderResponse(f"rows at different places are the same one: {SETTING}")
        return [bool(slice_.rows) for slice_ in slices]

    def spend(self, asks: int) -> None:
        """Take provider requests without which no answer is possible. Raises FaultRaised if the budget has no more."""
        if not self.budget.take(asks):
            raise FaultRaised(Fault("list-too-long"))

    def truncate(self) -> None:
        """Set `capped`: more rows are wanted than can be read. Raises FaultRaised if the budget has no cap."""
        self.spend(0 if self.budget.cap else self.budget.left + 1)
        self.capped = True

    def block(self, start: int) -> EffectGenerator:
        """Return one slice that holds the rows from `start` on, as a Block."""
        [span] = self._spans(start, None, 1)
        self.spend(1)
        [slice_] = yield from self.ask([span])
        if slice_.size is not None:
            yield from self._lower(slice_.size)
            return (yield from self.block(start))
        return Block(start, span, slice_.rows)

    def ended(self, block: Block) -> EffectGenerator:
        """Return a short slice, longer if messages came, and whether the list ends in it. If not, later requests are for fewer rows."""
        rows, ends = yield from self._behind(block.span, block.whole)
        return block._replace(whole=rows), ends

    def _behind(self, span: Span, rows: Sequence[Message]) -> EffectGenerator:
        """Return the rows of a short slice, or more if messages came, and whether the list ends with them.

        A list that grows into every gap is not likely. If it does, the first end is taken for its end."""
        for _ in range(_MOST_GROWTHS):
            if not self.spare:
                break
            [more] = yield from self.probe([span.start + len(rows)])
            if not more:
                return rows, True
            if not self.spare:
                break
            self.spend(1)
            [again] = yield from self.ask([span])
            if again.size is not None:
                yield from self._lower(again.size)
                return rows, False
            if len(again.rows) <= len(rows):
                yield from self._lower(len(rows))
                return rows, False
            if self.moves and pushed_along(span, rows, again.rows):
                return rows, True
            rows = again.rows
            if len(rows) == span.size:
                return rows, False
        else:
            return rows, True
        self.unproven = True
        return rows, True

    def stretch(self, start: int, stop: int | None = None) -> EffectGenerator:
        """Return the rows from index `start` up to `stop`, or to the end, in the provider's order and each once. Fewer rows come if the
        list ends earlier, or if a budget with a cap runs out: then `capped` is set."""
        run = SliceMerger(start, stop, moves=not self.stays)
        width = 1 if stop is None else self._width
        while run.lacks and not self.is_empty:
            run.overlap = 0 if self.in_pages or self.size == 1 else 1
            spans = self._spans(run.next, run.need, width, run.overlap)
            if not self.budget.take(len(spans)):
                self.capped = True
                break
            width = self._width
            for span, slice_ in zip(spans, (yield from self.ask(spans)), strict=True):
                if slice_.size is not None:
                    yield from self._lower(slice_.size)
                elif not run.joins(slice_.rows):
                    run.step_back()
                elif span is not spans[0] and self._affords_again(run) and run.may_miss_before(slice_.rows, self._now):
                    pass  # it is requested again, alone
                elif run.takes(span, slice_.rows):
                    continue
                elif not slice_.rows or (yield from self._last(run, span, slice_.rows)):
                    return run.taken()
                width = 1
                break
        return run.taken()

    def _affords_again(self, run: SliceMerger) -> bool:
        """True if a page from a parallel request may be requested again, and the rest of the run can still be read."""
        return self.in_pages and self.spare > self.in_flight + (run.need or 0) // self.size

    @property
    def _width(self) -> int:
        """The number of slices in one parallel request. Slices of one row share no row, so they are requested one by one if rows may
        move."""
        return self.in_flight if self.size > 1 or self.in_pages or self._verbs.order == "ascending" else 1

    def _last(self, run: SliceMerger, span: Span, rows: Sequence[Message]) -> EffectGenerator:
        """Return whether the list ends in a short slice that the run has taken. Add the rows that came meanwhile to the run."""
        longer, ends = yield from self._behind(span, rows)
        if longer is rows:
            return ends
        if not run.joins(longer):
            run.step_back()
            return False
        run.takes(span, longer)
        return ends

    def all(self) -> EffectGenerator:
        """Return the rows from the first on, as far as the budget goes, and whether they are the whole list."""
        rows = yield from self.stretch(0)
        return rows, not self.capped and not self.unproven

    def _spans(self, at: int, need: int | None, width: int, overlap: int = 0) -> list[Span]:
        """Return up to `width` spans from index `at` on. Each begins with the last `overlap` rows of the span before it. If the
        provider counts in pages, each span begins at a multiple of its size."""
        size = self.size
        if need is not None and need <= size and (whole := one_span(at, need, size, in_pages=self.in_pages)):
            return [whole]
        first = at - at % size if self.in_pages else at
        spans = []
        for number in range(width):
            start = first + number * (size - overlap)
            if need is not None and start + overlap >= at + need:
                break
            spans.append(Span(start, size if need is None or self.in_pages else min(size, at + need - start)))
        return spans

    # ------------------------------------------------------------------------------------------------------------- checks

    def _checked(self, span: Span, answer: Answer, end: End) -> Slice:
        try:
            slice_: Slice = self._verbs.read_slice(read_list(answer, span.size, self._verbs.sid_member), self._now)
        except FaultRaised as refused:
            if refused.fault.name != "page-out-of-range":
                raise naming_the_setting(refused, answer) from None
            if not end.allows_past(span.start, span.size):
                raise MalformedProviderResponse("the back refuses a page that the list has") from None
            return Slice([])  # a page after the last one is empty
        rows = slice_.rows
        if slice_.size is not None and 0 < slice_.size < span.size:
            return Slice([], slice_.size)  # pages of another size: these rows have other indices
        if len(rows) > span.size:
            raise MalformedProviderResponse(f"a slice is longer than asked for: {SETTING}")
        self.budget.hold(taken(rows, answer))
        self.served = max(self.served, len(rows))
        self.judge.saw(span.start, span.size, len(rows), slice_.last)
        return Slice(self.judge.judged(span.start, rows))
