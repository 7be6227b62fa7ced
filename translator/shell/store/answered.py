"""The messages that sends were answered with, and nothing else of them: what an unknown send is not, as long as it could be taken for one.

this second: a list for each account ─▶ that second is over: one text for each account ─▶ forgotten

There may be ten thousand a second for twenty minutes; in a text each takes 33 bytes, where an object for each takes 150.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

_BETWEEN = "\n"
"""What no SID holds."""


class Made(NamedTuple):
    """A message: in which second its send was answered, at which account of which back, and its SID."""

    second: int
    place: str
    sid: str


class Answered:
    """What was added, in order, until it is forgotten."""

    def __init__(self) -> None:
        self._past: deque[tuple[int, str, str]] = deque()
        self._second = 0
        self._lists: dict[str, list[str]] = {}

    def add(self, now: float, place: str, sid: str) -> None:
        """One more. Whoever adds goes by a clock that may be put back: what comes late counts for the second that is under way."""
        if now >= self._second + 1:
            self._put_together()
            self._second = int(now)
        self._lists.setdefault(place, []).append(sid)

    def forget(self, before: float) -> None:
        """Forget what was answered before that second."""
        while self._past and self._past[0][0] < int(before):
            self._past.popleft()

    def clear(self) -> None:
        """Forget all of it."""
        self._past.clear()
        self._lists.clear()

    def __iter__(self) -> Iterator[Made]:
        self._put_together()
        for second, place, sids in self._past:
            for sid in sids.split(_BETWEEN):
                yield Made(second, place, sid)

    def _put_together(self) -> None:
        self._past.extend((self._second, place, _BETWEEN.join(sids)) for place, sids in self._lists.items())
        self._lists = {}
