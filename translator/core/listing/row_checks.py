"""Decides which row of a slice is wrong. An error concerns one row. The list fails only if the provider ignores its parameters.

one row does not match the request, among others that do       it is odd: left out, and noted
only its position differs from that of its date                it is shown at its position, and noted
two such rows, or one of too few rows to decide                the provider does not read its parameters: a fault
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from translator.core.errors import MalformedProviderResponse
from translator.core.model import Message, Notes, Unread

_ENOUGH: Final = 3
"""The number of correct rows that prove one other row to be the odd one."""


class End(NamedTuple):
    """The known extent of a list: at least `there` rows. `last` is the number of its last page of `size` rows, if the provider counts
    pages."""

    there: int = 0
    size: int = 1
    last: int | None = None

    def allows_past(self, start: int, size: int) -> bool:
        """True if a page that the provider refuses can be past the last. No known row is in it or after it, and it is not one of the
        pages that the provider counts. For pages of a parallel request, the end before that request counts. Each answer is from another
        instant, and messages may have come between them."""
        return start >= max(self.there, 1) and (self.last is None or self.size != size or start // size > self.last)


class RowChecker:
    """Checks the rows of one reading of a list. `why_not` returns why rows do not match the request, or an empty text. `by_place` says
    that the index of a row identifies it."""

    def __init__(
        self, why_not: Callable[[Sequence[Message]], str], notes: Notes, *, by_place: bool, descending: bool
    ) -> None:
        self._why_not, self._notes, self._by_place, self._descending = why_not, notes, by_place, descending
        self._good = 0
        self._odd: set[str] = set()
        self._noted: set[str] = set()
        self.end = End()
        self.unread = False
        """True if a row was Unread."""

    def trusts(self, other: "RowChecker") -> None:
        """Continue with the observations of another reading of the same list."""
        self._good, self._odd, self._noted = other._good, other._odd, other._noted

    def judged(self, start: int, rows: Sequence[Message]) -> Sequence[Message]:
        """Return the rows from index `start` on after their check. Raises MalformedProviderResponse."""
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
        """Record that a slice of `size` was served with `rows` rows. `last` is the number of the last page, if the provider says it."""
        self.end = End(max(self.end.there, start + rows), size, last)

    def _readable(self, start: int, rows: Sequence[Message]) -> list[Message]:
        """Return the readable rows. Note the others, and mark those without a SID by their index."""
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
    """Return the one row without which the others are in order, or all rows if there is none."""
    created = [row.created for row in (rows[::-1] if descending else rows)]
    breaks = next(at for at in range(len(created) - 1) if created[at] > created[at + 1])
    for at in (breaks + 1, breaks):
        others = created[:at] + created[at + 1 :]
        if others == sorted(others):
            return [rows[len(rows) - 1 - at if descending else at]]
    return list(rows)


def _unread(row: Message) -> Unread:
    """Return a row that was read as one that is not shown. It may belong to another account, so none of its attributes count as known."""
    return Unread(**{name: getattr(row, name) for name in Message.__struct_fields__}, why="")
