"""Which row of a slice is not to be believed. The unit of failure is the row; only a back that ignores what it is told fails as a whole.

one row is not what was asked for, among others that are     it is odd: left out, and said
it alone stands in another place than its date says          it is shown where it stands, and said
two such rows, or one of so few that nobody can tell          the back does not read what it is asked: a fault
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from translator.core.errors import MalformedProviderResponse
from translator.core.model import Message, Notes, Unread

_ENOUGH: Final = 3
"""So many rows that are as they should be say of one more that it is the odd one."""


class End(NamedTuple):
    """How far a list goes, as far as that was seen: `there` rows at least, and `last` as the number of its last page of `size` rows, where
    the back counts pages."""

    there: int = 0
    size: int = 1
    last: int | None = None

    def allows_past(self, start: int, size: int) -> bool:
        """Whether a page that the back refuses can be one past the last: no row that was seen stands in it or behind it, and it is none
        of those that the back itself counts. Of pages that are asked for at once it is the end before them that counts: each answer is of
        an instant of its own, and messages may have come between two of them."""
        return start >= max(self.there, 1) and (self.last is None or self.size != size or start // size > self.last)


class RowChecker:
    """The rows of one reading of a list. `why_not` says why rows are not what was asked for, empty where they are; `by_place` that a row's
    index tells which row it is."""

    def __init__(
        self, why_not: Callable[[Sequence[Message]], str], notes: Notes, *, by_place: bool, descending: bool
    ) -> None:
        self._why_not, self._notes, self._by_place, self._descending = why_not, notes, by_place, descending
        self._good = 0
        self._odd: set[str] = set()
        self._noted: set[str] = set()
        self.end = End()
        self.unread = False
        """Whether a row was Unread."""

    def trusts(self, other: "RowChecker") -> None:
        """Go on with what another reading of the same list has seen."""
        self._good, self._odd, self._noted = other._good, other._odd, other._noted

    def judged(self, start: int, rows: Sequence[Message]) -> Sequence[Message]:
        """The rows from index `start` on as they are believed. Raises Unreadable."""
        readable = self._readable(start, rows) if getattr(rows, "odd", 0) else rows
        why = self._why_not(readable)
        if not why:
            self._good = max(self._good, len(readable))
            return rows
        strangers = [row for row in readable if self._why_not([row])]
        odd = strangers or _out_of_place(readable, descending=self._descending)
        self._odd.update(row.sid for row in odd)
        self._good = max(self._good, len(readable) - len(odd))
        if len(self._odd) != 1 or self._good < _ENOUGH:
            raise MalformedProviderResponse(why)
        self._note(odd[0].sid, "odd-row", why)
        if not strangers:
            return rows
        self.unread = True
        return [_unread(row) if row is odd[0] else row for row in rows]

    def saw(self, start: int, size: int, rows: int, last: int | None) -> None:
        """A slice of that size was served with so many rows; `last` is the number of the last page, where the back says it."""
        self.end = End(max(self.end.there, start + rows), size, last)

    def _readable(self, start: int, rows: Sequence[Message]) -> list[Message]:
        """Those that can be read. The others are noted, and get the mark of their place where they have no SID."""
        self.unread = True
        readable: list[Message] = []
        for place, row in enumerate(rows, start):
            if not isinstance(row, Unread):
                readable.append(row)
                continue
            if "sid" not in row.known and self._by_place:
                row.sid = f"?{place}"
            self._note(row.sid, "unreadable-row", row.why)
        return readable

    def _note(self, sid: str, name: str, detail: str) -> None:
        if sid not in self._noted:
            self._noted.add(sid)
            self._notes.add(name, detail)


def _out_of_place(rows: Sequence[Message], *, descending: bool) -> list[Message]:
    """The one row without which the others are in order; all of them where there is none."""
    created = [row.created for row in (rows[::-1] if descending else rows)]
    breaks = next(at for at in range(len(created) - 1) if created[at] > created[at + 1])
    for at in (breaks + 1, breaks):
        others = created[:at] + created[at + 1 :]
        if others == sorted(others):
            return [rows[len(rows) - 1 - at if descending else at]]
    return list(rows)


def _unread(row: Message) -> Unread:
    """A row that was read, and is not shown. Nothing of it is known: it may be somebody else's."""
    return Unread(**{name: getattr(row, name) for name in Message.__struct_fields__}, why="")
