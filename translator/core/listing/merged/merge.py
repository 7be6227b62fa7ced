"""Reads a page of a merged list. It finds the ranks at which the page begins in both lists, and reads the rows of each."""

from typing import Final, NamedTuple

from translator.core.effects import EffectGenerator
from translator.core.errors import MalformedProviderResponse
from translator.core.listing.merged.cuts import Search, bracket, crossing, start_after
from translator.core.listing.merged.home_list import ANY, HomeList
from translator.core.listing.merged.together import at_both
from translator.core.model import Message

_MOST_TRIES: Final = 6
"""The number of times that rows are read again because they have shifted, or because a row has no date."""


class RowWindow(NamedTuple):
    """The rows of a page, and the ranks in both lists at which it begins and ends. `of_old` says for each row whether it is of the old
    provider."""

    rows: list[Message]
    of_old: list[bool]
    start: tuple[int, int]
    end: tuple[int, int]


class _Missing(NamedTuple):
    """The ranges of ranks to read next, or None where nothing is to be read."""

    new: tuple[int, int] | None
    old: tuple[int, int] | None


class Anchored(NamedTuple):
    """The row that a page follows: its SID, its place, and whether the new provider has it."""

    sid: str
    place: int
    is_new: bool

    def rank(self, home: HomeList, found: int) -> int | None:
        """Return the rank of the first row after this one in a list, in which it was `found` before. If ranks may have changed, it is
        looked for among the rows of the last reading, and None if it is not there."""
        if home.stays:
            return found
        if home.is_new == self.is_new:
            at = home.rank_with(self.sid)
            return None if at is None else at + 1
        least, most = start_after({rank: home.marks[rank] for rank in home.rows}, self.place, 0, home.most)
        return least if least == most else None


class MergedRows:
    """The rows of two lists in one order."""

    def __init__(self, new: HomeList, old: HomeList) -> None:
        self.new, self.old = new, old

    @property
    def total(self) -> int:
        """The number of rows that were counted."""
        return self.new.known_size + self.old.known_size

    @property
    def least(self) -> int:
        """The number of rows that there are at least. It is more than the total if rows were found that came after it was counted."""
        return sum(max(home.known_size, home.seen) for home in (self.new, self.old))

    @property
    def slice(self) -> int:
        """The number of rows that both providers serve in one request."""
        return min(self.new.slices.size, self.old.slices.size)

    def room(self, shown: int) -> int:
        """Return the number of undecided rows that the slices of a page of `shown` rows cover too."""
        return max(self.slice - shown - 1, self.slice // 4)

    def _ends(self, rank: int) -> tuple[int, int]:
        return max(0, rank - self.old.most), min(rank, self.new.most)

    # ------------------------------------------------------------------------------------------------- a page by its rank

    def at(self, rank: int, shown: int) -> EffectGenerator:
        """Return the RowWindow of up to `shown` rows from a rank of the merged list on."""
        search = Search(self.room(shown), min(self.new.slices.in_flight, self.old.slices.in_flight))
        tried: set[_Missing] = set()
        tries = contradictions = 0
        while True:
            ends = self._ends(rank)
            if ends[0] > ends[1]:
                return RowWindow([], [], (self.new.most, self.old.most), (self.new.most, self.old.most))
            least, most = bracket(self.new.marks, self.old.marks, rank, *ends)
            if least > most:
                contradictions += 1
                if contradictions == 1:
                    self.new.forget()
                    self.old.forget()
                    continue
                least = most = max(min(most, ends[1]), ends[0])  # a row of a list is not where its date says
            found = self._wanted(rank, least, most, shown, tried)
            if isinstance(found, RowWindow):
                return found
            known = self._known(rank)
            if found is None:
                yield from self._compare(search, rank, least, most)
                if known == self._known(rank):
                    tries = _again(tries)
                    yield from self._read_around(rank, (least + most) // 2)
                continue
            if found in tried:
                search.spend()
            yield from self._read(found, (least, rank - most))
            if known == self._known(rank) or not (self.new.stays and self.old.stays):
                tries = _again(tries)

    def _wanted(
        self, rank: int, least: int, most: int, shown: int, tried: set[_Missing]
    ) -> RowWindow | _Missing | None:
        """Return the page if all its rows are known, or the rows to read, or None if rows have to be compared first. Rows that
        are read before the page's place is certain are added to `tried`."""
        if least == most:
            return self._walk(least, rank - least, shown)
        beyond = self._beyond(rank, least, most, shown)
        if beyond is not None and beyond not in tried:
            tried.add(beyond)
            return beyond
        if most - least > self.room(shown):
            return None
        return _Missing((least, most + shown), (rank - most, rank - least + shown))

    def _beyond(self, rank: int, least: int, most: int, shown: int) -> _Missing | None:
        """Return the rows of the page if probably all rows before it or all rows after it are of one list. They prove it then, because the
        nearest row of the other list is known. So a page outside of the overlap takes requests at one provider."""
        new, old = self.new, self.old
        at = crossing(new.marks, old.marks, rank, least, most)
        if at == most == rank and 0 in old.marks:
            return _Missing((rank - 1, rank + shown), None)
        if at == most == new.most and most - 1 in new.marks:
            return _Missing(None, (rank - most, rank - most + shown))
        if at == least == 0 and 0 in new.marks:
            return _Missing(None, (rank - 1, rank + shown))
        if at == least == rank - old.most and old.most - 1 in old.marks:
            return _Missing((least, least + shown), None)
        return None

    def _known(self, rank: int) -> tuple[int, ...]:
        """Return what changes if anything was read."""
        new, old = self.new, self.old
        return (*self._ends(rank), len(new.marks), len(old.marks), len(new.rows), len(old.rows))

    def _compare(self, search: Search, rank: int, least: int, most: int) -> EffectGenerator:
        """Compare some rows of the two lists."""
        rows = search.rows(self.new.marks, self.old.marks, rank, least, most)
        yield from at_both(self.new.compare(rows), self.old.compare([rank - 1 - row for row in rows]))

    def _read_around(self, rank: int, row: int) -> EffectGenerator:
        half = max(1, self.slice // 2)
        yield from at_both(self.new.read(row - half, row + half), self.old.read(rank - row - half, rank - row + half))

    # ------------------------------------------------------------------------------------------- a page from known places

    def after(self, anchor: Anchored, a: int, b: int, shown: int) -> EffectGenerator:
        """Return the RowWindow of up to `shown` rows after an anchor. It was found before these ranks of both lists."""
        tries, more = 0, shown
        while True:
            found = self._walk(a, b, shown)
            if isinstance(found, RowWindow):
                return found
            yield from self._read(found, (a, b))
            new, old = anchor.rank(self.new, a), anchor.rank(self.old, b)
            while new is None or old is None:  # its row has shifted further than was read
                tries, more = _again(tries), 2 * more
                lost = (a, a + more) if new is None else None, (b, b + more) if old is None else None
                yield from self._read(_Missing(*lost), (a, b))
                new, old = anchor.rank(self.new, a), anchor.rank(self.old, b)
            if not (self.new.stays and self.old.stays):
                tries = _again(tries)
            a, b = new, old

    def _walk(self, a: int, b: int, shown: int) -> RowWindow | _Missing:
        """Return the page that begins at these ranks, or the rows that are missing for it."""
        new, old, start = self.new, self.old, (a, b)
        rows: list[Message] = []
        of_old: list[bool] = []
        while len(rows) < shown:
            left = (new.sure(a) if a < new.most else ANY, old.sure(b) if b < old.most else ANY)
            if left == (ANY, ANY):
                break
            if left[0] is None or left[1] is None:
                return self._missing(a, b, shown - len(rows))
            from_old = left[1] < left[0]
            row = old.rows.get(b) if from_old else new.rows.get(a)
            if row is None:
                return self._missing(a, b, shown - len(rows))
            rows.append(row)
            of_old.append(from_old)
            a, b = (a, b + 1) if from_old else (a + 1, b)
        return RowWindow(rows, of_old, start, (a, b))

    def _missing(self, a: int, b: int, wanted: int) -> _Missing:
        """Return the rows to read if the next `wanted` rows begin at these ranks.

        If no row of a list was shown yet, and its first row is known, the other list is read first. It may fill the page. So a page before
        the seam of the two lists takes requests at one provider.
        """
        new, old = self.new, self.old
        lacks_new, lacks_old = a < new.most and a not in new.rows, b < old.most and b not in old.rows
        if lacks_new and lacks_old:
            first = (new.sure(0) if a == 0 else None, old.sure(0) if b == 0 else None)
            if first[1] is not None and (first[0] is None or first[0] < first[1]):
                lacks_old = False
            elif first[0] is not None:
                lacks_new = False
        return _Missing((a, a + wanted) if lacks_new else None, (b, b + wanted) if lacks_old else None)

    def _read(self, missing: _Missing, start: tuple[int, int]) -> EffectGenerator:
        """Read ranges of both lists. If ranks may have changed, the rows from the one before the start on are read again, so that all
        are of one instant."""
        steps: list[EffectGenerator | None] = []
        for home, wanted, begins in ((self.new, missing.new, start[0]), (self.old, missing.old, start[1])):
            read = None if wanted is None else home.read(wanted[0] if home.stays else begins - 1, wanted[1])
            steps.append(read)
        yield from at_both(*steps)


def _again(tries: int) -> int:
    """Count another reading. Raises MalformedProviderResponse after too many."""
    if tries >= _MOST_TRIES:
        raise MalformedProviderResponse("rows of a list come or go faster than it is read")
    return tries + 1
