"""The progress of reconciliation in this process, kept between two searches. Another process starts from the beginning."""

from collections import OrderedDict
from typing import Final, NamedTuple

from translator.core.accounts import Accounts
from translator.core.exchange import Limits
from translator.core.reconciliation import ASKS, SearchRound, UnknownSearch, UnknownSend
from translator.shell.delivery.journal import Patience
from translator.shell.runtime.effect_runner import EffectRunner

GAPS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds between two searches. The last value repeats until `give_up`."""

_AT_LEAST: Final = 3600.0
"""The least time before a send is unresolved, in seconds of a steady clock, unless `give_up` is less."""

_RATE: Final = 20.0
"""Provider requests a second to one provider account, on average."""

_COST_LIFE: Final = 900.0
"""Seconds after which a measured `Place.cost` is dropped."""

MOST: Final = 500
_FEWEST: Final = 16
"""The largest and the smallest number of sends that one search covers. The number falls if a search does not reach all of them."""

_KEPT: Final = 20_000
_MINUTE: Final = 60.0
_DIFFERENCES: Final = 1000


class SearchConfiguration(NamedTuple):
    """The configuration that the reconciler uses. `timeout` is that of the slowest provider, in seconds."""

    accounts: Accounts
    driver: EffectRunner
    limits: Limits
    patience: Patience
    timeout: float


class Watched:
    """The search for one unknown send, and the number of attempts.

    ahead: Seconds by which the provider's clock was ahead at the time of the send.
    since: The time of this process's first search, by a steady clock.
    """

    def __init__(self, sought: UnknownSend, ahead: float, timeout: float, since: float) -> None:
        self.search, self.ahead = UnknownSearch(sought, timeout), ahead
        self._since = since
        self._tries = self._looks = 0
        self._is_old = False

    def tried(self, *, answered: bool) -> None:
        """Count an attempt. `answered` is true if the provider answered the search."""
        self._tries += 1
        self._looks += answered

    def is_old_enough(self) -> None:
        """Start the search again once `resend` has passed, because only later reads can show that the send is missing."""
        if not self._is_old:
            self._is_old = True
            self.search.begin_anew()

    def is_lost(self, age: float, give_up: float, steady: float) -> bool:
        """True if the search is given up. `age` may be wrong because a clock was put forward, so two more conditions hold.

        The search has lasted an hour by a steady clock. It had as many attempts as the schedule has in that hour.
        A provider that answers no search has twice the time.
        """
        least = min(give_up, _AT_LEAST)
        if steady - self._since < least or self._tries < _looks_within(least):
            return False
        return age >= 2 * give_up or (age >= give_up and self._looks >= _looks_within(least))


def _looks_within(seconds: float) -> int:
    """The number of searches that the schedule has in so many seconds, at most ten. Beyond ten only the time counts."""
    passed, looks = 0.0, 0
    for gap in GAPS:
        passed += gap
        looks += passed < seconds
    return max(1, looks)


class Place:
    """The progress at one provider account.

    cost: The provider requests that one second of its messages took lately, None if unknown.
    most: The number of sends that one search covers.
    """

    def __init__(self) -> None:
        self.watched: OrderedDict[str, Watched] = OrderedDict()
        self._differences: OrderedDict[float, float] = OrderedDict()
        self.cost: float | None = None
        self.most = MOST
        self._measured = self._free_at = 0.0

    def is_free(self, steady: float) -> bool:
        """True if another search may start. Two may follow one another at once. Then it rests in proportion to their cost."""
        if steady - self._measured > _COST_LIFE:
            self.cost = None
        return self._free_at - steady <= ASKS / _RATE

    def watch(self, sought: UnknownSend, ahead: float, timeout: float, steady: float) -> Watched:
        """Start the search for a send. At more than 20,000 sends the least recently searched one is dropped."""
        while len(self.watched) >= _KEPT:
            self.watched.popitem(last=False)
        watched = self.watched[sought.id] = Watched(sought, ahead, timeout, steady)
        return watched

    def known(self, id_: str) -> Watched | None:
        """Return the progress of a send's search, or None."""
        if id_ in self.watched:
            self.watched.move_to_end(id_)
        return self.watched.get(id_)

    def looked(self, look: SearchRound, reached: int, sends: int, steady: float) -> None:
        """Record a finished search for `sends` sends, of which it has reached `reached`."""
        self.most = min(MOST, 2 * self.most) if reached == sends else max(_FEWEST, 2 * reached)
        self.cost, self._measured = look.cost, steady
        self.spend(look.asks, steady)

    def spend(self, asks: int, steady: float) -> None:
        """Count provider requests."""
        self._free_at = max(self._free_at, steady) + asks / _RATE

    def knows(self, made: float) -> bool:
        """True if the clock difference at that time is known."""
        return made // _MINUTE in self._differences

    def ahead_at(self, made: float) -> float:
        """Return the seconds by which the provider's clock was ahead at that time, 0 if unknown."""
        return self._differences.get(made // _MINUTE, 0.0)

    def remember(self, made: float, difference: float) -> None:
        """Store the clock difference at that time."""
        self._differences[made // _MINUTE] = difference
        while len(self._differences) > _DIFFERENCES:
            self._differences.popitem(last=False)
