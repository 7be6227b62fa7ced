"""The SIDs of accepted messages, kept while an unknown send could be taken for one of them. Nothing else of a message is kept.

current second: a list for each place ─▶ when it is over: one text for each place ─▶ forgotten

Ten thousand SIDs a second may arrive for twenty minutes. In a text each SID takes 33 bytes; as an object it would take 150.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

_BETWEEN = "\n"
"""The separator. No SID contains it."""


class Made(NamedTuple):
    """A message: the second of its response, the provider account (`place`), and its SID."""

    second: int
    place: str
    sid: str


class Answered:
    """The added messages, in order, until they are forgotten."""

    def __init__(self) -> None:
        self._past: deque[tuple[int, str, str]] = deque()
        self._second = 0
        self._lists: dict[str, list[str]] = {}

    def add(self, now: float, place: str, sid: str) -> None:
        """Add a message. `now` may come from a clock that was set back: a time before the current second counts as the current second."""
        if now >= self._second + 1:
            self._put_together()
            self._second = int(now)
        self._lists.setdefault(place, []).append(sid)

    def forget(self, before: float) -> None:
        """Forget the messages of the seconds before `before`."""
        while self._past and self._past[0][0] < int(before):
            self._past.popleft()

    def clear(self) -> None:
        """Forget all messages."""
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
