"""A journal that counts the sends of migrating accounts: by home and reason, and by home and outcome."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from translator.core.effects import Intent, Outcome, Recorded
from translator.core.migration import Home
from translator.core.model import FAULTS, Message
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import JournalPort
from translator.shell.store.stage_counts import Counted, bucket_of
from translator.shell.store.stage_counts import Outcome as Counts
from translator.shell.store.stages import Pair


class SendCounts:
    """The outcomes that were not written to the store yet. `open` are the sends in progress, by the journal's id."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.open: dict[str, tuple[Pair, Home]] = {}
        self._counts: defaultdict[Counted, dict[Counts, int]] = defaultdict(dict)

    def settle(self, outcome: Outcome) -> None:
        """Count the outcome of a send."""
        send = self.open.pop(outcome.id, None)
        name = counted_as(outcome)
        if send is not None and name is not None:
            numbers = self._counts[Counted(*send, bucket_of(self._clock()))]
            numbers[name] = numbers.get(name, 0) + 1

    def take(self) -> Mapping[Counted, Mapping[Counts, int]]:
        """Return the counts, and begin anew."""
        taken, self._counts = self._counts, defaultdict(dict)
        return taken

    def give_back(self, taken: Mapping[Counted, Mapping[Counts, int]]) -> None:
        """Take back counts that could not be written."""
        for counted, numbers in taken.items():
            there = self._counts[counted]
            for name, number in numbers.items():
                there[name] = there.get(name, 0) + number


def counted_as(outcome: Outcome) -> Counts | None:
    """Return the count that an outcome belongs to. None if the provider had no part in it, because the draft does not fit its dialect."""
    if outcome.state == "never-left":
        return None if outcome.fault is not None and FAULTS[outcome.fault.name] == "caller" else "refused"
    return outcome.state


class CountedJournal:
    """The journal of accounts of which one migrates at least."""

    def __init__(self, journal: JournalPort, pairs: Mapping[str, Pair], counts: SendCounts, meter: Meter) -> None:
        self._journal, self._pairs = journal, pairs
        self._counts, self._meter = counts, meter

    async def refused(self, intents: Sequence[Intent]) -> Sequence[Recorded | None]:
        """Return the rejection of each send because of its callback, or None."""
        return await self._journal.refused(intents)

    async def record(self, intents: Sequence[Intent], refused: Sequence[Recorded | None] = ()) -> Sequence[Recorded]:
        """Record intents before their provider requests, and count the new ones."""
        records = await self._journal.record(intents, refused)
        for intent, recorded in zip(intents, records, strict=True):
            if intent.choice is not None and recorded.state == "new":
                self._counts.open[recorded.id] = (self._pairs[intent.entry], intent.choice.home)
                self._meter.count_choice(intent.entry, *intent.choice)
        return records

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Record outcomes, and count them."""
        for outcome in outcomes:
            self._counts.settle(outcome)
        await self._journal.settle(outcomes)

    async def wait(self, ids: Sequence[str]) -> Sequence[Outcome]:
        """Wait a while for the outcomes of unknown sends."""
        return await self._journal.wait(ids)

    async def sent(self, place: str, sids: Sequence[str]) -> Mapping[str, Message]:
        """Return the messages of recorded sends by SID."""
        return await self._journal.sent(place, sids)
