"""What this process remembers of unknown sends between two looks for them. Another process begins anew."""

from collections import OrderedDict
from typing import Final

from translator.core.reconciliation import ASKS, SearchRound, UnknownSearch, UnknownSend

GAPS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds between two looks; the last one goes on until `give_up`."""

_AT_LEAST: Final = 3600.0
"""Seconds, by a clock that is never put forward, for which a send is looked for before it is lost to sight, unless `give_up` is less."""

_RATE: Final = 20.0
"""Asks a second that a place is asked in the long run."""

_COST_LIFE: Final = 900.0
"""Seconds after which nobody knows any more how many messages a second holds."""

MOST: Final = 500
_FEWEST: Final = 16
"""How many sends of one place are taken at once. They are fewer where a look does not reach all of them."""

_KEPT: Final = 20_000
_MINUTE: Final = 60.0
_DIFFERENCES: Final = 1000


class Watched:
    """A send that is looked for, and how often it was. `ahead` is by how much the back's clock was ahead when it was made, `since` when
    this process first looked, by a steady clock."""

    def __init__(self, sought: UnknownSend, ahead: float, timeout: float, since: float) -> None:
        self.search, self.ahead = UnknownSearch(sought, timeout), ahead
        self._since = since
        self._tries = self._looks = 0
        self._is_old = False

    def tried(self, *, answered: bool) -> None:
        """It was looked for; `answered` says whether the back let us."""
        self._tries += 1
        self._looks += answered

    def is_old_enough(self) -> None:
        """The operator wants it made again from now on, if it is nowhere to be seen: only what is read from now on says that."""
        if not self._is_old:
            self._is_old = True
            self.search.begin_anew()

    def is_lost(self, age: float, give_up: float, steady: float) -> bool:
        """Whether it is looked for no more. `age` may be wrong, where a clock was put forward: so it was looked for as often as it should
        be in an hour's beginning, and for that hour. A back that answers no search at all has twice the time."""
        least = min(give_up, _AT_LEAST)
        if steady - self._since < least or self._tries < _looks_within(least):
            return False
        return age >= 2 * give_up or (age >= give_up and self._looks >= _looks_within(least))


def _looks_within(seconds: float) -> int:
    """How many looks there are in so many seconds, of the first ten: from then on time alone counts."""
    passed, looks = 0.0, 0
    for gap in GAPS:
        passed += gap
        looks += passed < seconds
    return max(1, looks)


class Place:
    """An account at a back. `cost` is how many asks a second of its messages took lately, None where nobody knows; `most` is how many sends
    are looked for at once."""

    def __init__(self) -> None:
        self.watched: OrderedDict[str, Watched] = OrderedDict()
        self._differences: OrderedDict[float, float] = OrderedDict()
        self.cost: float | None = None
        self.most = MOST
        self._measured = self._free_at = 0.0

    def is_free(self, steady: float) -> bool:
        """Whether it may be asked for another look. Two may follow one another at once; then it is left alone for what they have cost."""
        if steady - self._measured > _COST_LIFE:
            self.cost = None
        return self._free_at - steady <= ASKS / _RATE

    def watch(self, sought: UnknownSend, ahead: float, timeout: float, steady: float) -> Watched:
        """Begin to look for a send. Those that were looked for the longest ago are forgotten."""
        while len(self.watched) >= _KEPT:
            self.watched.popitem(last=False)
        watched = self.watched[sought.id] = Watched(sought, ahead, timeout, steady)
        return watched

    def known(self, id_: str) -> Watched | None:
        """What is remembered of a send."""
        if id_ in self.watched:
            self.watched.move_to_end(id_)
        return self.watched.get(id_)

    def looked(self, look: SearchRound, reached: int, sends: int, steady: float) -> None:
        """A look has ended, for so many sends, of which it has reached some."""
        self.most = min(MOST, 2 * self.most) if reached == sends else max(_FEWEST, 2 * reached)
        self.cost, self._measured = look.cost, steady
        self.spend(look.asks, steady)

    def spend(self, asks: int, steady: float) -> None:
        """So many asks were made."""
        self._free_at = max(self._free_at, steady) + asks / _RATE

    def knows(self, made: float) -> bool:
        """Whether it is known by how much its clock was ahead then."""
        return made // _MINUTE in self._differences

    def ahead_at(self, made: float) -> float:
        """By how much its clock was ahead then, in seconds; 0 where nobody knows."""
        return self._differences.get(made // _MINUTE, 0.0)

    def remember(self, made: float, difference: float) -> None:
        """By how much its clock was ahead then."""
        self._differences[made // _MINUTE] = difference
        while len(self._differences) > _DIFFERENCES:
            self._differences.popitem(last=False)
