"""A send that is looked for, where its message may be, and what earlier looks have learnt of it."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from translator.core.model import Message
from translator.core.reconciliation.intervals import Interval, covers, joined, without

BEFORE: Final = 120
AFTER: Final = 900
"""Seconds before and after we began to send that a back may say the message was created: clocks differ, and backs queue."""

EARLY: Final = 5
LATE: Final = 5
"""Seconds by which the near stretch begins before we began to send, and ends after the back's own time for an answer."""

SETTLED: Final = 120
"""Seconds after which no more messages of a second are expected to come in sight: what was read of it then need not be read again."""

_KEPT: Final = 50
"""Candidates of one send that are remembered. Two are too many already."""

_PAUSE: Final = 12
"""Looks for which the far part of a window is not read again, after all of it was read and its time was over."""


class UnknownSend(NamedTuple):
    """A send that is looked for: the journal's id, when it was made by the back's clock as far as that is known, and what was to be sent
    by which account. `under_way`: its answer may still come."""

    id: str
    made: float
    sender: str
    recipient: str
    text: str
    entry: str = ""
    under_way: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What a message shows of the send."""
        return self.recipient, self.text

    @property
    def window(self) -> Interval:
        """The seconds in which the message may have been created."""
        return Interval(max(0, int(self.made) - BEFORE), int(self.made) + AFTER)

    def near(self, timeout: float) -> Interval:
        """The seconds in which it was created unless clocks differ or the back has queued it. `timeout` is the back's, in seconds."""
        return Interval(max(0, int(self.made) - EARLY), int(self.made + timeout) + LATE + 1)


class UnknownSearch:
    """One send over all looks for it. `found` is the message that carries our id, where backs show one.

    `seen` are the messages that may be it by SID, `taken` SIDs that are known to be other sends, `refuted` SIDs of messages that carry
    another id; `was_seen`: there was any message of that recipient and text, whoever sent it. `could_be` are all messages to that
    recipient, whatever their text: a back may show a text otherwise than it was sent.

    Of the last look: `is_reached`: it has read some of the near stretch; `is_near_read`: by now all of that was read; `is_over`: its time
    was over; `is_whole`: by now all of the window was read. `was_whole`: it ever was.
    """

    def __init__(self, sought: UnknownSend, timeout: float) -> None:
        self.sought, self.near, self.window = sought, sought.near(timeout), sought.window
        self.seen: dict[str, Message] = {}
        self.taken: set[str] = set()
        self.refuted: set[str] = set()
        self.could_be: set[str] = set()
        self.found: Message | None = None
        self.is_near_read = self.is_whole = self.was_whole = self.is_reached = self.is_over = False
        self.was_seen = False
        self._near_read: list[Interval] = []
        self._covered: list[Interval] = []
        self._pause = 0

    def see(self, message: Message) -> None:
        """A row has the recipient and the text of the send."""
        if not self.window.holds(message.created) or message.sid in self.refuted:
            return
        self.was_seen = True
        if message.sid not in self.taken and len(self.seen) < _KEPT:
            self.seen[message.sid] = message

    def notice(self, message: Message) -> None:
        """A row goes to the recipient of the send, or nothing that is known of it says otherwise."""
        if self.window.holds(message.created) and len(self.could_be) < _KEPT:
            self.could_be.add(message.sid)

    def take_away(self, sids: set[str]) -> None:
        """These messages are other sends'."""
        for sid in sids & self.seen.keys():
            del self.seen[sid]
            self.taken.add(sid)

    @property
    def is_seen_near(self) -> bool:
        """Whether a message that may be it was created in the near stretch."""
        return any(self.near.holds(message.created) for message in self.seen.values())

    def unread_near(self, read: Sequence[Interval]) -> list[Interval]:
        """What is to be read of the near stretch in this look, of which `read` was read already."""
        return without(self.near, joined([*read, *self._near_read]))

    def unread(self, read: Sequence[Interval], *, anew: bool = False) -> list[Interval]:
        """The same of the window. `anew`: also what earlier looks have read."""
        return without(self.window, read if anew else joined([*read, *self._covered]))

    def is_nowhere(self, *, by_id: bool) -> bool:
        """Whether all of the window was read, and no message of it may be the send. `by_id`: one that carries another id is not."""
        return self.is_whole and self.found is None and not self.seen and (by_id or not self.was_seen)

    def begin_anew(self) -> None:
        """What was read of the window so far counts no more."""
        self._covered, self._pause = [], 0

    def note(self, read: Sequence[Interval], now: float) -> None:
        """A look has ended in which all of `read` was read. `now` is by the back's clock."""
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
