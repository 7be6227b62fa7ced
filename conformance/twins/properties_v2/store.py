"""The messages of the simulated provider: found by SID, or as a range of Created within one property."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from .lifecycle import Pace, as_of
from .rows import MessageRow
from .search import Search


class MessageStore:
    """Rows in the order of Created; equal ones in the order of arrival. Rows are stored as they came, and the clock applies on read."""

    def __init__(self) -> None:
        self._by_sid: dict[str, MessageRow] = {}
        self._by_property: dict[str, list[tuple[int, int, MessageRow]]] = {}

    def add(self, row: MessageRow) -> None:
        """Store a row. Raises ValueError if the SID exists already."""
        if row.sid in self._by_sid:
            raise ValueError(f"the message {row.sid} is there already")
        arrival = len(self._by_sid)
        self._by_sid[row.sid] = row
        insort(self._by_property.setdefault(row.property_sid, []), (row.created, arrival, row))

    def find(self, sid: str) -> MessageRow | None:
        """Return the row as it came, or None."""
        return self._by_sid.get(sid)

    def __iter__(self) -> Iterator[MessageRow]:
        """Return every row as it came, in the order of arrival."""
        return iter(self._by_sid.values())

    def search(
        self, property_sid: str, asked: Search, now: float, pace: Pace, *, descending: bool = False
    ) -> list[MessageRow]:
        """Return the rows that match at *now*, in their state at that time. A range that ends before it begins is empty."""
        rows = self._by_property.get(property_sid, [])
        first, end = bisect_left(rows, (asked.date_from,)), bisect_left(rows, (asked.date_to,))
        places = range(end - 1, first - 1, -1) if descending else range(first, end)
        wanted = slice(asked.skip, asked.skip + asked.count)
        if asked.status is None and asked.direction is None:
            return [as_of(rows[place][2], now, pace) for place in places[wanted]]
        found = (as_of(rows[place][2], now, pace) for place in places)
        return [
            row for row in found if asked.status in (None, row.status) and asked.direction in (None, row.direction)
        ][wanted]
