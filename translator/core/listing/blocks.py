"""One slice of a range, and the request budget of a reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from translator.core.errors import FaultRaised
from translator.core.listing.slice_merger import Span
from translator.core.model import Fault, Message


@dataclass(slots=True)
class RequestBudget:
    """The provider requests that one list may still use, and the bytes of its rows. With `cap`, an empty budget ends the reading
    without an error. If the rows take more than `most` bytes, no requests are left."""

    left: int
    cap: bool = False
    most: int = 2**62
    held: int = 0

    def take(self, asks: int) -> bool:
        """Take that many requests, and return whether they were left. Without `cap`, raises FaultRaised if they were not."""
        if asks <= self.left:
            self.left -= asks
            return True
        if self.cap:
            return False
        raise FaultRaised(Fault("list-too-long"))

    def hold(self, size: int) -> None:
        """Count rows of `size` bytes."""
        self.held += size
        if self.held > self.most:
            self.left = 0


class Block(NamedTuple):
    """One slice, `whole`. Its rows from index `start` on are wanted."""

    start: int
    span: Span
    whole: Sequence[Message]

    @property
    def rows(self) -> Sequence[Message]:
        """The wanted rows."""
        return self.whole[self.start - self.span.start :]

    @property
    def end(self) -> int:
        """The index after the last row."""
        return self.span.start + self.served

    @property
    def served(self) -> int:
        """The number of rows of the whole slice."""
        return len(self.whole)

    @property
    def full(self) -> bool:
        """True if the slice has as many rows as requested."""
        return self.served == self.span.size


def one_span(at: int, need: int, most: int, *, in_pages: bool) -> Span | None:
    """Return the smallest span of up to `most` rows that holds `need` rows from an index on. Numbered pages have one only if there is a
    size of which no page ends among these rows."""
    if not in_pages:
        return Span(at, need)
    size = next((size for size in range(need, most + 1) if at // size == (at + need - 1) // size), None)
    return None if size is None else Span(at // size * size, size)


def pushed_along(span: Span, rows: Sequence[Message], again: Sequence[Message]) -> bool:
    """True if a slice is longer only because new messages shifted the others. Then nothing was behind it before."""
    came = next((at for at, row in enumerate(again) if row.sid == rows[0].sid), 0)
    return came > 0 and len(again) == min(span.size, len(rows) + came)
