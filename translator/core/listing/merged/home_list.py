"""The part of a list that one provider has. Its rows are numbered from 0 in the order of the list: their ranks.

provider, oldest first    0 1 2 3 … n-1        list, newest first: rank r is index n-1-r
                                               list in the provider's order: rank r is index r
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from translator.core.accounts import Account
from translator.core.effects import EffectGenerator
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.listing.merged.cuts import place_of
from translator.core.listing.pages import Pages
from translator.core.listing.plan import Plan
from translator.core.listing.range_reader import RangeReader
from translator.core.listing.slice_merger import Span
from translator.core.listing.totals import CountResult
from translator.core.model import Fault, Message, Query, Unread

ANY: Final = 2**62
"""More rows than any list has."""


class HomeList:
    """The rows of one provider account. `is_new` says which of the two it is.

    `size` is the number of its rows, or None if it was not counted, and `most` the most rows that it may have. `seen`
    is the least that it has if ranks may change. `rows` has the rows that
    were read, and `marks` the places of known rows, both by rank. `compared` are the ranks of rows that were read alone. `stays` says that
    a rank never changes its row during an exchange. That does not hold if the provider lists the newest first, because each new message
    shifts all others.
    """

    def __init__(
        self, home: Account, slices: RangeReader, pages: Pages, planned: Plan, query: Query, *, is_new: bool
    ) -> None:
        self.home, self.slices, self.plan, self.is_new = home, slices, planned, is_new
        self.stays = not slices.moves
        self._pages, self._descending = pages, query.order.descending
        self.size: int | None = None
        self.seen = 0
        self.most = ANY
        self.fresh = self.whole = True
        self.rows: dict[int, Message] = {}
        self.marks: dict[int, int] = {}
        self.compared: list[int] = []

    def place(self, created: int) -> int:
        """Return the place of a row of this provider in the list."""
        return place_of(created, new=self.is_new, descending=self._descending)

    # ------------------------------------------------------------------------------------------------------------ totals

    def count(self, *, renew: bool, anchored: bool) -> EffectGenerator:
        """Count the rows. The rows that are read on the way are kept. If ranks may change, a page after an anchor needs a new count."""
        counted: CountResult = yield from self._pages.counted(renew=renew)
        if anchored and not self.stays and not counted.fresh:
            counted = yield from self._pages.counted(renew=True)
        self.rows.clear()
        self.marks.clear()
        self.size = self.most = counted.rows
        self.seen = 0
        if not self.stays:
            self.most += self.slices.size  # others come while it is read
        self.fresh, self.whole = counted.fresh, counted.whole
        # Rows that shift are of one instant only if they came in one slice.
        if self.stays or len(counted.read) == counted.rows < self.slices.size:
            self.take(counted.read)
        if self.stays:
            for index, created in self.slices.probed.items():
                self.marks.setdefault(self.rank_of(index), self.place(created))

    def rank_of(self, index: int) -> int:
        """Return the rank of an index of the provider, or the index of a rank. It may be negative, if the list has grown since it was
        counted."""
        return self.known_size - 1 - index if self.plan.mirrored else index

    @property
    def known_size(self) -> int:
        """The number of rows. It is 0 if they were not counted."""
        return self.size or 0

    # ------------------------------------------------------------------------------------------------------------- marks

    def recall(self, marks: Mapping[int, int]) -> None:
        """Take places that were remembered by positions that new messages do not change, counted from the oldest message."""
        for position, created in marks.items():
            rank = self.at_position(position)
            if 0 <= rank < self.most:
                self.marks.setdefault(rank, self.place(created))

    def at_position(self, position: int) -> int:
        """Return the rank of a position that is counted from the oldest message, or the position of a rank."""
        return self.known_size - 1 - position if self._descending else position

    def created_at(self, rank: int) -> int | None:
        """Return the second of a known row, or None."""
        place = self.marks.get(rank)
        return None if place is None else abs(place) // 2

    def forget(self) -> None:
        """Forget what may have changed since it was read."""
        self.marks.clear()
        self.rows.clear()

    # -------------------------------------------------------------------------------------------------------------- rows

    def sure(self, rank: int) -> int | None:
        """Return the place of a row if it cannot have changed, or None. If ranks may change, that is so for rows of one reading."""
        return self.marks.get(rank) if self.stays or rank in self.rows else None

    def compare(self, ranks: Sequence[int]) -> EffectGenerator:
        """Learn the places of these rows. Each takes one request for one row, and all are sent at once."""
        ranks = [rank for rank in ranks if rank not in self.marks and rank < self.most]
        if not ranks:
            return
        self.slices.spend(len(ranks))
        answers = yield from self.slices.ask([Span(self.rank_of(rank), 1) for rank in ranks])
        for rank, answer in zip(ranks, answers, strict=True):
            if answer.rows:
                row = answer.rows[0]
                self.compared.append(rank)
                if not isinstance(row, Unread) or "created" in row.known:
                    self.marks[rank] = self.place(row.created)
            else:
                self._ends_before(rank)

    def read(self, first: int, stop: int) -> EffectGenerator:
        """Read the rows from rank `first` up to `stop`. Those that were read before are not read again, unless ranks may have changed. Then
        one row more is read, because it shows whether more follow."""
        first, stop = max(first, 0), min(stop + (not self.stays), self.most)
        if self.stays:
            while first < stop and first in self.rows:
                first += 1
            while first < stop and stop - 1 in self.rows:
                stop -= 1
        if first >= stop:
            return
        if self.plan.mirrored:
            rows = (yield from self.slices.stretch(self.known_size - stop, self.known_size - first))[::-1]
        else:
            rows = yield from self.slices.stretch(first, stop)
        if self.slices.capped:
            raise FaultRaised(Fault("list-too-long"))
        end, short = first + len(rows), len(rows) < stop - first
        if not self.stays:
            self.forget()
            self.seen = end if rows else 0
            if short and (rows or not first):
                self.size = end
        if short:
            self._ends_before(end)
        self._put(first, rows)

    def take(self, read: Mapping[int, Message]) -> None:
        """Keep rows that were read at once, by the index of the provider."""
        if not self.stays:
            self.forget()
        for index in sorted(read):
            self._put(self.rank_of(index), [read[index]])

    def _ends_before(self, rank: int) -> None:
        """Note that a rank has no row. Raises MalformedProviderResponse if the row was counted."""
        if self.size is not None and self.stays:
            raise MalformedProviderResponse("rows of a list are gone while it is read")
        self.most = min(self.most, rank)
        if not self.stays:
            self.size = min(self.known_size, self.most)

    def _put(self, first: int, rows: Iterable[Message]) -> None:
        """Keep rows that were read. A row without a known date has the place of the row beside it."""
        for rank, row in enumerate(rows, first):
            if rank < 0:
                continue
            self.rows[rank] = row
            if isinstance(row, Unread) and "created" not in row.known and row.created <= 0:
                if rank - 1 in self.marks:
                    self.marks[rank] = self.marks[rank - 1]
            else:
                self.marks[rank] = self.place(row.created)

    def rank_with(self, sid: str) -> int | None:
        """Return the rank of the row with that SID, if it was read."""
        return next((rank for rank, row in self.rows.items() if row.sid == sid), None)
