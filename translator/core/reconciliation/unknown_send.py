"""An unknown send, the time window of its message, and what earlier rounds have learnt of it."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from translator.core.model import Message
from translator.core.reconciliation.intervals import Interval, covers, joined, without

BEFORE: Final = 120
AFTER: Final = 900
"""Seconds before and after the start of the send in which the provider may have created the message: clocks differ, and providers
queue."""

EARLY: Final = 5
LATE: Final = 5
"""The near interval begins `EARLY` seconds before the start of the send. It ends `LATE` seconds after the provider's timeout."""

SETTLED: Final = 120
"""Seconds after which no more messages of a second are expected to appear. A second that was read after that is not read again."""

_KEPT: Final = 50
"""The maximum number of candidates that are remembered for one send. Two are already too many."""

_PAUSE: Final = 12
"""The number of rounds in which the far part of a window is not read again, after all of it was read and settled."""


class UnknownSend(NamedTuple):
    """An unknown send. `id` is the journal's id. `made` is its time by the provider's clock, as far as that is known. `entry` is its
    account. `under_way` says that its response may still come."""

    id: str
    made: float
    sender: str
    recipient: str
    text: str
    entry: str = ""
    under_way: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """The recipient and the text, which a message shows too."""
        return self.recipient, self.text

    @property
    def window(self) -> Interval:
        """The seconds in which the message may have been created."""
        return Interval(max(0, int(self.made) - BEFORE), int(self.made) + AFTER)

    def near(self, timeout: float) -> Interval:
        """Return the seconds in which the message was created, unless clocks differ or the provider queued it. `timeout` is the
        provider's, in seconds."""
        return Interval(max(0, int(self.made) - EARLY), int(self.made + timeout) + LATE + 1)


class UnknownSearch:
    """The search for one send over all rounds. `found` is the message that carries the id of the send, if the provider shows one.

    `seen` has the candidates by SID. `taken` has the SIDs that are known to be other sends, `refuted` those of messages with another id.
    `was_seen` says that there was any message of that recipient and text. `could_be` has all messages to that recipient, whatever their
    text, because a provider may show a text differently. `coverage` has the parts of the window that were read.
    """

    def __init__(self, sought: UnknownSend, timeout: float) -> None:
        self.sought, self.coverage = sought, Coverage(sought.near(timeout), sought.window)
        self.seen: dict[str, Message] = {}
        self.taken: set[str] = set()
        self.refuted: set[str] = set()
        self.could_be: set[str] = set()
        self.found: Message | None = None
        self.was_seen = False

    def see(self, message: Message) -> None:
        """Add a row that has the recipient and the text of the send."""
        if not self.coverage.window.holds(message.created) or message.sid in self.refuted:
            return
        self.was_seen = True
        if message.sid not in self.taken and len(self.seen) < _KEPT:
            self.seen[message.sid] = message

    def notice(self, message: Message) -> None:
        """Add a row to the recipient of the send, or a row whose known attributes do not exclude that."""
        if self.coverage.window.holds(message.created) and len(self.could_be) < _KEPT:
            self.could_be.add(message.sid)

    def take_away(self, sids: set[str]) -> None:
        """Remove messages that are other sends."""
        for sid in sids & self.seen.keys():
            del self.seen[sid]
            self.taken.add(sid)

    @property
    def is_seen_near(self) -> bool:
        """True if a candidate was created in the near interval."""
        return any(self.coverage.near.holds(message.created) for message in self.seen.values())

    @property
    def is_reached(self) -> bool:
        """True if the last round read some of the near interval."""
        return self.coverage.is_reached

    @property
    def is_whole(self) -> bool:
        """True if all of the window has been read."""
        return self.coverage.is_whole

    @property
    def was_whole(self) -> bool:
        """True if all of the window had been read after some round."""
        return self.coverage.was_whole

    def is_nowhere(self, *, by_id: bool) -> bool:
        """True if all of the window was read and no message in it may be the send. `by_id`: a message with another id is excluded."""
        return self.is_whole and self.found is None and not self.seen and (by_id or not self.was_seen)

    def begin_anew(self) -> None:
        """Forget what was read of the window so far."""
        self.coverage.begin_anew()


class Coverage:
    """The parts of the near interval and of the window that were read.

    These describe the last round. `is_reached`: it read some of the near interval. `is_near_read`: all of the near interval has been read.
    `is_over`: it came after the near interval. `is_whole`: all of the window has been read. `was_whole`: it was so after some round.
    """

    def __init__(self, near: Interval, window: Interval) -> None:
        self.near, self.window = near, window
        self.is_near_read = self.is_whole = self.was_whole = self.is_reached = self.is_over = False
        self._near_read: list[Interval] = []
        self._covered: list[Interval] = []
        self._pause = 0

    def unread_near(self, read: Sequence[Interval]) -> list[Interval]:
        """Return the parts of the near interval that this round still has to read. `read` was read already."""
        return without(self.near, joined([*read, *self._near_read]))

    def unread(self, read: Sequence[Interval], *, anew: bool = False) -> list[Interval]:
        """Return the same for the window. `anew` adds what earlier rounds have read."""
        return without(self.window, read if anew else joined([*read, *self._covered]))

    def begin_anew(self) -> None:
        """Forget what was read of the window so far."""
        self._covered, self._pause = [], 0

    def note(self, read: Sequence[Interval], now: float) -> None:
        """Update the state after a round that read all of `read`. `now` is by the provider's clock."""
        self.is_reached = without(self.near, read) != [self.near]
        self.is_over = now >= self.near.until
        self.is_near_read = covers(joined([*read, *self._near_read]), self.near)
        self.is_whole = covers(joined([*read, *self._covered]), self.window)
        self.was_whole |= self.is_whole
        past, settled = Interval(0, int(now)), Interval(0, max(0, int(now) - SETTLED))
        near = [] if self.is_near_read else [*self._near_read, *_parts(read, self.near.common(past))]
        self._near_read = joined(near)
        self._covered = joined([*self._covered, *_parts(read, self.window.common(settled))])
        if self._pause == 1:
            self.begin_anew()
        elif self._pause:
            self._pause -= 1
        elif covers(self._covered, self.window):
            self._pause = _PAUSE


def _parts(intervals: Sequence[Interval], of: Interval) -> Iterator[Interval]:
    return (one.common(of) for one in intervals)
