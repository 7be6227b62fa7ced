"""One search at a provider for all unknown sends of one provider account: which intervals to read, in which order, within a budget.

near interval of the most urgent send ─▶ those of the others ─▶ outwards, the second next to a send first ─▶ the budget is used up
every row that is read is compared with every send
if all windows together take few requests, they are read whole
"""

from collections.abc import Iterable, Sequence
from typing import Final

from translator.core.accounts import Account
from translator.core.codegen.row_repair import as_sent
from translator.core.effects import EffectGenerator, ProviderRequests
from translator.core.errors import FaultRaised, TranslatorError
from translator.core.listing import Limits, messages_between, read_retrieve, write_retrieve
from translator.core.model import DIRECTIONS, Message, Notes, Query, Unread
from translator.core.reconciliation.intervals import Interval, joined
from translator.core.reconciliation.searches import ReadingCost, Searches
from translator.core.reconciliation.unknown_send import BEFORE, UnknownSearch

ASKS: Final = 60
"""The maximum number of provider requests in one round."""

_CHEAP: Final = 10
"""The number of provider requests that may be used to read whole windows, even if fewer would find a message."""

_FIRST: Final = 6
"""The number of seconds that are read first if the rate of messages is not known."""

_SHARE: Final = 0.8
"""The share of the remaining budget that is planned for one reading. More messages may come than there were before."""

_ENDS: Final = 2
"""The provider requests that every reading takes: one slice, and the probe after it."""

_TELLING: Final = frozenset(("sid", "created", "recipient", "text"))
"""The attributes that must be known of an unreadable row before it can be assigned to a send."""

_OUTBOUND: Final = frozenset(DIRECTIONS) - {"inbound"}


class _OutOfAsks(Exception):
    """The budget has no provider requests left for the next reading."""


class SearchRound:
    """A round. `searches` are the sends of one provider account, the most urgent first. `cost` is the number of requests for one second of
    messages in earlier rounds, or None if it is not known. `ahead` is the lead of the provider's clock in seconds.

    After the round, `read` has the intervals that were read, `asks` the number of provider requests, and `error` the error that ended it.
    `is_cut` says that the budget ended it.
    """

    def __init__(
        self, entry: Account, searches: Sequence[UnknownSearch], limits: Limits, now: float, *, cost: float | None = None,
        ahead: float = 0.0,
    ) -> None:  # fmt: skip
        self._entry, self._limits, self._now = entry, limits, now
        self._there = now + ahead
        self._searches = Searches(searches)
        self._budget = limits.max_asks if self._is_coarse else min(ASKS, limits.max_asks)
        self._by_sid: dict[str, Message | None] = {}
        self.notes = Notes()
        self.read: list[Interval] = []
        self._cost = ReadingCost(cost)
        self.error: TranslatorError | None = None
        self.is_cut = False

    @property
    def asks(self) -> int:
        """The number of provider requests so far."""
        return self.notes.asks

    @property
    def cost(self) -> float | None:
        """The number of requests for one second of messages, or None if it is not known."""
        return self._cost.a_second

    @property
    def _left(self) -> int:
        return self._budget - self.notes.asks

    def _shown(self, since: int | None, until: int | None) -> tuple[int | None, int | None]:
        """Return the range that the provider shows if it is asked for this one."""
        return self._entry.back.dialect.back.lets_through(since, until)

    @property
    def _is_coarse(self) -> bool:
        """True if the provider's bounds let more through than the near interval of some send."""
        nears = [search.coverage.near for search in self._searches.all]
        return any(self._shown(*near) != near for near in nears)

    def steps(self) -> EffectGenerator:
        """Read, and update every search. Raises no error that the provider causes: see `error`."""
        try:
            if self._is_coarse:
                yield from self._at_once()
            else:
                yield from self._whole()
                yield from self._near()
                yield from self._whole()
                yield from self._far()
        except _OutOfAsks:
            self.is_cut = True
        except TranslatorError as error:
            self.error = error
        for search in self._searches.all:
            search.coverage.note(self.read, self._there)

    # -------------------------------------------------------------------------------------------- the choice of what to read

    def _at_once(self) -> EffectGenerator:
        """Read all windows, because the provider's bounds let more through than requested, perhaps days. Reading a part would cost as
        much. Windows are read together if one shows the other."""
        regions: list[Interval] = []
        for window in joined(search.coverage.window for search in self._searches.all):
            if regions and window.since <= (self._shown(*regions[-1])[1] or 0):
                regions[-1] = Interval(regions[-1].since, window.until)
            else:
                regions.append(window)
        for region in regions:
            yield from self._read(region, self._left)
            self.is_cut |= region not in self.read
        yield from self._ask_for_ids()

    def _whole(self) -> EffectGenerator:
        """Read all windows, as long as that takes few requests."""
        gaps = joined(gap for search in self._searches.all for gap in search.coverage.unread(self.read, anew=True))
        while gaps and self._is_cheap:
            yield from self._read(gaps.pop(0), 2 * _CHEAP)
        yield from self._ask_for_ids()

    def _near(self) -> EffectGenerator:
        """Read the near intervals, beginning with that of the most urgent send."""
        while not self._is_cheap:
            gaps = [(search, gap) for search in self._searches.all for gap in search.coverage.unread_near(self.read)]
            if not gaps:
                break
            search, gap = gaps[0]
            region = _around(gap, joined(one for _, one in gaps))
            yield from self._read(self._part(region, gap, search.sought.made))
        yield from self._ask_for_ids()

    def _far(self) -> EffectGenerator:
        """Read the rest of the windows for the sends that have no candidate in their near interval."""
        while True:
            gaps = [
                (_distance(gap, search.sought.made), number, gap)
                for number, search in enumerate(self._searches.all)
                if not (search.found or search.is_seen_near)
                for gap in search.coverage.unread(self.read)
            ]
            if not gaps:
                break
            _, number, gap = min(gaps)
            region = _around(gap, joined(one for *_, one in gaps))
            yield from self._read(self._part(region, gap, self._searches.all[number].sought.made))
            yield from self._ask_for_ids()

    @property
    def _is_cheap(self) -> bool:
        """True if few requests suffice for every window."""
        windows = joined(search.coverage.window for search in self._searches.all)
        seconds = sum(self._seconds(window) for window in windows)
        return self.cost is not None and self.cost * seconds + _ENDS * len(windows) <= _CHEAP

    def _seconds(self, interval: Interval) -> int:
        """Return the number of seconds of an interval that may hold messages. Clocks may differ by `BEFORE`; later seconds hold none."""
        return max(0, min(interval.until, int(self._there) + BEFORE) - interval.since)

    def _part(self, region: Interval, gap: Interval, made: float) -> Interval:
        """Return as much of a region as the budget suffices for. It contains the part of the gap that is next to the time of the send."""
        most = self._affordable()
        if self._seconds(region) <= most:
            return region
        if gap.until - gap.since <= most:
            since = max(region.since, gap.until - most)
            return Interval(since, min(region.until, since + most))
        if gap.until <= made:
            return Interval(gap.until - most, gap.until)
        since = gap.since if made - gap.since < most else int(made) - most // 2
        return Interval(since, min(gap.until, since + most))

    def _affordable(self) -> int:
        """Return the number of seconds that the remaining budget can read. Raises _OutOfAsks."""
        if self._left <= _ENDS:
            raise _OutOfAsks
        if self.cost is None:
            return _FIRST
        if not self.cost:
            return 1 << 40
        seconds = int((self._left * _SHARE - _ENDS) / self.cost)
        if seconds < 1 and self.read:
            raise _OutOfAsks
        return max(1, seconds)

    # ------------------------------------------------------------------------------------------------------------ reading

    def _read(self, interval: Interval, most: int = ASKS) -> EffectGenerator:
        """Read an interval. It is not marked as read if it takes more than `most` requests. Raises _OutOfAsks if none are left."""
        before = self._left
        if before <= 0:
            raise _OutOfAsks
        window = Query(since=interval.since, until=interval.until, directions=_OUTBOUND)
        limits = self._limits._replace(max_asks=min(before, most))
        unread: list[Unread] = []
        try:
            rows = yield from messages_between(self._entry, window, limits, self._now, self.notes, unread)
        except FaultRaised as refused:
            if refused.fault.name != "list-too-long":
                raise
            self._measure(interval, 2 * limits.max_asks)
            return
        self._measure(interval, before - self._left)
        self.read = joined([*self.read, interval])
        self._searches.compare([*rows, *(as_sent(row, self._now) for row in unread if row.known >= _TELLING)])
        self._searches.notice(unread)

    def _measure(self, interval: Interval, asks: int) -> None:
        """Record the number of requests for an interval."""
        self._cost.measure(min(interval.until, int(self._there) + 1) - interval.since, asks - _ENDS)

    def _ask_for_ids(self) -> EffectGenerator:
        """Retrieve each candidate if messages carry an id of the proxy. Only the message with the id of the send is the send."""
        if not self._entry.back.dialect.back.facts.takes_our_id:
            return
        for search in self._searches.all:
            for sid in [] if search.found else list(search.seen):
                message = yield from self._retrieved(sid)
                if message is not None and message.external_id == search.sought.id:
                    search.found = message
                elif message is not None:
                    search.refuted.add(sid)
                    del search.seen[sid]

    def _retrieved(self, sid: str) -> EffectGenerator:
        """Return the message with that SID. It is requested once in a round."""
        if sid not in self._by_sid:
            if self._left <= 0:
                raise _OutOfAsks
            self.notes.asks += 1
            [answer] = yield ProviderRequests(
                self._entry.back.name, (write_retrieve(self._entry, sid),), self._entry.name
            )
            self._by_sid[sid] = read_retrieve(self._entry, sid, answer, self._now)
        return self._by_sid[sid]


def _around(gap: Interval, regions: Iterable[Interval]) -> Interval:
    return next(region for region in regions if region.since <= gap.since and gap.until <= region.until)


def _distance(interval: Interval, made: float) -> float:
    """Return the number of seconds between the time of a send and an interval."""
    return max(interval.since - made, made - interval.until, 0.0)
