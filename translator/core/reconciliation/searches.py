"""The sends that a search looks for, by what their messages show, and what a second of messages costs to read."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from translator.core.model import Message, Unread
from translator.core.reconciliation.unknown_send import UnknownSearch


class Searches:
    """The searches of one round. `all` has them in their order."""

    def __init__(self, searches: Sequence[UnknownSearch]) -> None:
        self.all = searches
        self._wanted: dict[tuple[str, str], list[UnknownSearch]] = defaultdict(list)
        self._to: dict[str, list[UnknownSearch]] = defaultdict(list)
        for search in searches:
            self._wanted[search.sought.key].append(search)
            self._to[search.sought.recipient].append(search)

    def compare(self, rows: Iterable[Message]) -> None:
        """Compare rows with every send."""
        for row in rows:
            for search in self._wanted.get((row.recipient, row.text), ()):
                search.see(row)
            for search in self._to.get(row.recipient, ()):
                search.notice(row)

    def notice(self, unread: Iterable[Unread]) -> None:
        """Note the rows that cannot be shown. Each may be a send too, unless its known attributes say otherwise."""
        for row in unread:
            if "direction" in row.known and row.direction == "inbound":
                continue
            for search in self._to.get(row.recipient, ()) if "recipient" in row.known else self.all:
                search.notice(row)


class ReadingCost:
    """The number of requests for one second of messages.

    `a_second` is the highest cost of this round. Before the first measurement it is that of earlier rounds, or None if it is not known.
    """

    def __init__(self, a_second: float | None) -> None:
        self.a_second = a_second
        self._is_measured = False

    def measure(self, seconds: int, asks: int) -> None:
        """Record the number of requests for so many seconds."""
        if seconds <= 0:
            return
        cost = max(0, asks) / seconds
        self.a_second = max(cost, self.a_second or 0.0) if self._is_measured else cost
        self._is_measured = True
