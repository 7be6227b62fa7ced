"""One look at a back for all unknown sends of one place: which stretches of time are read, in which order, within a budget of asks.

near stretch of the most urgent send ─▶ those of the others ─▶ outwards, the second next to a send first ─▶ no asks are left
every row that is read is compared with every send
where all windows together take few asks, they are read whole
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from translator.core.accounts import Account
from translator.core.codegen.row_repair import as_sent
from translator.core.effects import EffectGenerator, ProviderRequests
from translator.core.errors import FaultRaised, TranslatorError
from translator.core.listing import Limits, messages_between, read_retrieve, write_retrieve
from translator.core.model import DIRECTIONS, Message, Notes, Query, Unread
from translator.core.reconciliation.intervals import Interval, joined
from translator.core.reconciliation.unknown_send import BEFORE, UnknownSearch

ASKS: Final = 60
"""How many asks one look takes at most."""

_CHEAP: Final = 10
"""So many asks are spent on whole windows, though less would be enough to take a message."""

_FIRST: Final = 6
"""Seconds that are read first where nobody knows how many messages a second holds."""

_SHARE: Final = 0.8
"""How much of what is left is planned for one reading. More messages may come than there were."""

_ENDS: Final = 2
"""Asks that a reading takes whatever it holds: one slice, and the look behind it."""

_TELLING: Final = frozenset(("sid", "created", "recipient", "text"))
"""What has to be known of a row that cannot be shown, so that it may be taken for a send."""

_OUTBOUND: Final = frozenset(DIRECTIONS) - {"inbound"}


class _OutOfAsks(Exception):
    """No asks are left for what is to be read."""


class SearchRound:
    """`searches` are the sends of one place, the most urgent first; `cost` is how many asks a second of messages took in earlier looks,
    None where nobody knows; `ahead` by how many seconds the back's clock is ahead of ours.

    Afterwards `read` has what was read, `asks` how many asks that took, and `error` what ended it early. `is_cut` says that it ended for
    want of asks.
    """

    def __init__(
        self, entry: Account, searches: Sequence[UnknownSearch], limits: Limits, now: float, *, cost: float | None = None,
        ahead: float = 0.0,
    ) -> None:  # fmt: skip
        self._entry, self._searches, self._limits, self._now = entry, searches, limits, now
        self._there = now + ahead
        verbs = entry.back.dialect.back
        self._shown = verbs.lets_through
        self._is_coarse = any(self._shown(*search.near) != search.near for search in searches)
        self._budget = limits.max_asks if self._is_coarse else min(ASKS, limits.max_asks)
        self._by_id = verbs.takes_our_id
        self._wanted: dict[tuple[str, str], list[UnknownSearch]] = defaultdict(list)
        self._to: dict[str, list[UnknownSearch]] = defaultdict(list)
        for search in searches:
            self._wanted[search.sought.key].append(search)
            self._to[search.sought.recipient].append(search)
        self._by_sid: dict[str, Message | None] = {}
        self.notes = Notes()
        self.read: list[Interval] = []
        self.cost = cost
        self._measured = False
        self.error: TranslatorError | None = None
        self.is_cut = False

    @property
    def asks(self) -> int:
        """How many asks were made so far."""
        return self.notes.asks

    @property
    def _left(self) -> int:
        return self._budget - self.notes.asks

    def steps(self) -> EffectGenerator:
        """Read, and let every search know of it. Raises nothing that a back does wrong: see `error`."""
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
        for search in self._searches:
            search.note(self.read, self._there)

    # ------------------------------------------------------------------------------------------------ what is read, and when

    def _at_once(self) -> EffectGenerator:
        """All windows, of a back whose bounds let more through than is asked for, days perhaps: to read a part costs as much. Windows
        of which one shows the other are read together."""
        regions: list[Interval] = []
        for window in joined(search.window for search in self._searches):
            if regions and window.since <= (self._shown(*regions[-1])[1] or 0):
                regions[-1] = Interval(regions[-1].since, window.until)
            else:
                regions.append(window)
        for region in regions:
            yield from self._read(region, self._left)
            self.is_cut |= region not in self.read
        yield from self._ask_for_ids()

    def _whole(self) -> EffectGenerator:
        """All windows, as long as that takes few asks."""
        gaps = joined(gap for search in self._searches for gap in search.unread(self.read, anew=True))
        while gaps and self._is_cheap:
            yield from self._read(gaps.pop(0), 2 * _CHEAP)
        yield from self._ask_for_ids()

    def _near(self) -> EffectGenerator:
        """The near stretches, from that of the most urgent send on."""
        while not self._is_cheap:
            gaps = [(search, gap) for search in self._searches for gap in search.unread_near(self.read)]
            if not gaps:
                break
            search, gap = gaps[0]
            region = _around(gap, joined(one for _, one in gaps))
            yield from self._read(self._part(region, gap, search.sought.made))
        yield from self._ask_for_ids()

    def _far(self) -> EffectGenerator:
        """What is left of the windows, for the sends that no message of their near stretch may be."""
        while True:
            gaps = [
                (_distance(gap, search.sought.made), number, gap)
                for number, search in enumerate(self._searches)
                if not (search.found or search.is_seen_near)
                for gap in search.unread(self.read)
            ]
            if not gaps:
                break
            _, number, gap = min(gaps)
            region = _around(gap, joined(one for *_, one in gaps))
            yield from self._read(self._part(region, gap, self._searches[number].sought.made))
            yield from self._ask_for_ids()

    @property
    def _is_cheap(self) -> bool:
        """Whether few asks suffice for all of every window."""
        if self.cost is None:
            return False
        windows = joined(search.window for search in self._searches)
        seconds = sum(self._seconds(window) for window in windows)
        return self.cost * seconds + _ENDS * len(windows) <= _CHEAP

    def _seconds(self, interval: Interval) -> int:
        """How many seconds of an interval may hold messages: clocks may differ by `BEFORE`, and behind that is nothing."""
        return max(0, min(interval.until, int(self._there) + BEFORE) - interval.since)

    def _part(self, region: Interval, gap: Interval, made: float) -> Interval:
        """As much of a region as asks suffice for, with the part of the gap that is next to when the send was made."""
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
        """How many seconds can be read with what is left. Raises _OutOfAsks."""
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

    # --------------------------------------------------------------------------------------------------------- reading it

    def _read(self, interval: Interval, most: int = ASKS) -> EffectGenerator:
        """Read a stretch. One that takes more than `most` asks is not read. Raises _OutOfAsks where none are left."""
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
        self._compare([*rows, *(as_sent(row, self._now) for row in unread if row.known >= _TELLING)])
        self._notice(unread)

    def _measure(self, interval: Interval, asks: int) -> None:
        """So many asks were spent on an interval. The dearest one of a look says what a second costs."""
        seconds = min(interval.until, int(self._there) + 1) - interval.since
        if seconds <= 0:
            return
        cost = max(0, asks - _ENDS) / seconds
        self.cost = max(cost, self.cost or 0.0) if self._measured else cost
        self._measured = True

    def _compare(self, rows: Iterable[Message]) -> None:
        for row in rows:
            for search in self._wanted.get((row.recipient, row.text), ()):
                search.see(row)
            for search in self._to.get(row.recipient, ()):
                search.notice(row)

    def _notice(self, unread: Iterable[Unread]) -> None:
        """A row that cannot be shown may be a send too, unless what is known of it says otherwise."""
        for row in unread:
            if "direction" in row.known and row.direction == "inbound":
                continue
            for search in self._to.get(row.recipient, ()) if "recipient" in row.known else self._searches:
                search.notice(row)

    def _ask_for_ids(self) -> EffectGenerator:
        """Where messages carry an id of ours, ask for each that may be a send: only the one with its id is it."""
        if not self._by_id:
            return
        for search in self._searches:
            for sid in [] if search.found else list(search.seen):
                message = yield from self._retrieved(sid)
                if message is not None and message.external_id == search.sought.id:
                    search.found = message
                elif message is not None:
                    search.refuted.add(sid)
                    del search.seen[sid]

    def _retrieved(self, sid: str) -> EffectGenerator:
        """The message with that SID, asked for once in a look."""
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
    """How many seconds lie between when a send was made and an interval."""
    return max(interval.since - made, made - interval.until, 0.0)
