"""One slice of a range, and how many asks a reading may take for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from translator.core.errors import FaultRaised
from translator.core.listing.slice_merger import Span
from translator.core.model import Fault, Message


@dataclass(slots=True)
class RequestBudget:
    """How many asks one list may still take, and how many bytes its rows take. With `cap`, running out of asks is not an error but ends the
    reading. A list whose rows take more than `most` bytes has no asks left."""

    left: int
    cap: bool = False
    most: int = 2**62
    held: int = 0

    def take(self, asks: int) -> bool:
        """Whether that many more may be asked. Raises Refused where they may not and nobody wants less."""
        if asks <= self.left:
            self.left -= asks
            return True
        if self.cap:
            return False
        raise FaultRaised(Fault("list-too-long"))

    def hold(self, size: int) -> None:
        """Rows of so many bytes were read."""
        self.held += size
        if self.held > self.most:
            self.left = 0


class Block(NamedTuple):
    """One slice, `whole`, of which the rows from index `start` on are wanted."""

    start: int
    span: Span
    whole: Sequence[Message]

    @property
    def rows(self) -> Sequence[Message]:
        """The rows that are wanted."""
        return self.whole[self.start - self.span.start :]

    @property
    def end(self) -> int:
        """The index behind the last of them."""
        return self.span.start + self.served

    @property
    def served(self) -> int:
        """How many rows the whole slice has."""
        return len(self.whole)

    @property
    def full(self) -> bool:
        """Whether that is as many as were asked for."""
        return self.served == self.span.size


def pushed_along(span: Span, rows: Sequence[Message], again: Sequence[Message]) -> bool:
    """Whether a slice is the same as before behind as many new rows as it is longer, where each message that comes moves all others
    along: then nothing was behind it before."""
    came = next((at for at, row in enumerate(again) if row.sid == rows[0].sid), 0)
    return came > 0 and len(again) == min(span.size, len(rows) + came)
