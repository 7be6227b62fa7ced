"""Runs the core: performs each effect that it yields, and sends the result back into it.

ProviderRequests                             ─▶ the provider client
SingleFlight, CacheGet, CacheIncrement       ─▶ the cache
Concurrently                                 ─▶ this runner, once for each of the steps
RecordIntents, RecordOutcomes, AwaitOutcomes, Sent ─▶ the journal
MigrationState                               ─▶ the stages that were read from the store
Render                                       ─▶ the queue of the renderer
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from translator.core.effects import (
    AwaitOutcomes,
    CacheGet,
    CacheIncrement,
    Concurrently,
    Effect,
    EffectGenerator,
    Intent,
    MigrationState,
    Outcome,
    ProviderRequests,
    Recorded,
    RecordIntents,
    RecordOutcomes,
    Render,
    Sent,
    SingleFlight,
    all_new,
    all_unknown,
    none_kept,
    stage_at_begin,
)  # fmt: skip
from translator.core.errors import TranslatorError
from translator.core.http import messages
from translator.core.migration import MigrationStage
from translator.core.model import Message
from translator.shell.aio.memory_budget import Hold
from translator.shell.observability.admin import Meter
from translator.shell.runtime.single_flight_cache import SingleFlightCache

_NO_ROOM: Final = messages.Failure("no-room", "what the asker holds is more than its account may")


class ProviderPort(Protocol):
    """The interface of a provider client, such as `translator.shell.client.provider_client.ProviderClient`."""

    async def ask(self, request: messages.Request, request_id: str, hold: Hold | None = None, /) -> messages.Answer: ...

    async def aclose(self) -> None: ...


class JournalPort(Protocol):
    """The interface of a journal, such as `translator.shell.delivery.journal.SendJournal`."""

    async def refused(self, intents: Sequence[Intent]) -> Sequence[Recorded | None]: ...

    async def record(
        self, intents: Sequence[Intent], refused: Sequence[Recorded | None] = ()
    ) -> Sequence[Recorded]: ...

    async def settle(self, outcomes: Sequence[Outcome]) -> None: ...

    async def wait(self, ids: Sequence[str]) -> Sequence[Outcome]: ...

    async def sent(self, entry: str, sids: Sequence[str]) -> Mapping[str, Message]: ...


class NullJournal:
    """The journal of a proxy without a store: every send is new, and an unknown send stays unknown."""

    async def refused(self, _: Sequence[Intent]) -> Sequence[Recorded | None]:
        """No send is refused."""
        return ()

    async def record(self, intents: Sequence[Intent], _: Sequence[Recorded | None] = ()) -> Sequence[Recorded]:
        return all_new(intents)

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Do nothing: no outcome is read later."""

    async def wait(self, ids: Sequence[str]) -> Sequence[Outcome]:
        return all_unknown(ids)

    async def sent(self, *_: object) -> Mapping[str, Message]:
        """Nothing is kept."""
        return none_kept()


class RequestContext:
    """The context of one run of the core.
    `id`: the request id that its provider requests carry.
    `back`: the name of the provider that was asked last.
    `is_sending`: True once a send is being recorded, after the check of its callback.
    From then on the send may be made, even if the run is cancelled."""

    def __init__(self, id_: str) -> None:
        self.id = id_
        self.back = ""
        self.is_sending = False


class EffectRunner:
    """Runs any number of effect generators at once."""

    def __init__(
        self,
        backs: Mapping[str, ProviderPort],
        memory: SingleFlightCache,
        meter: Meter,
        scribe: JournalPort | None = None,
        stage: Callable[[MigrationState], MigrationStage] = stage_at_begin,
        render: Callable[[Render], None] = lambda _: None,
    ) -> None:
        self._backs, self._memory, self._meter = backs, memory, meter
        self._budget = meter.budget = memory.budget
        self.scribe: JournalPort = scribe or NullJournal()
        self._stage, self._render = stage, render

    async def aclose(self) -> None:
        """Close all connections to providers."""
        for back in self._backs.values():
            await back.aclose()

    async def run(self, errand: RequestContext, steps: EffectGenerator, want: Effect | None = None) -> Any:  # noqa: PLR0912 - a branch for each effect
        """Run a generator to its result and return it. Raises what the generator raises.
        `want`: the present effect of a generator that has been started."""
        try:
            want = next(steps) if want is None else want
        except StopIteration as finished:
            return finished.value
        sent: Any = None
        failed: TranslatorError | None = None
        hold: Hold | None = None
        while True:
            try:
                if isinstance(want, ProviderRequests):
                    hold = self._budget.hold(want.account, "answer", want.most)
                    sent = await self._ask(errand, want, hold)
                elif isinstance(want, RecordIntents):
                    refused = await self.scribe.refused(want.intents)  # this may take seconds
                    errand.is_sending = True
                    sent = await self.scribe.record(want.intents, refused)
                elif isinstance(want, RecordOutcomes):
                    await self.scribe.settle(want.outcomes)
                elif isinstance(want, CacheIncrement):
                    self._memory.count(want)
                elif isinstance(want, CacheGet):
                    sent = self._memory.recall(want.key)
                elif isinstance(want, SingleFlight):
                    sent = await self._memory.once(want, partial(self.run, errand))
                else:
                    sent = await self._other(errand, want)
            except TranslatorError as error:
                failed = error
            try:
                want = steps.send(sent) if failed is None else steps.throw(failed)
            except StopIteration as finished:
                return finished.value
            finally:
                sent = failed = None  # a response may be large: free it before the next one arrives
                if hold is not None and hold.size:
                    hold.release()

    async def _other(
        self, errand: RequestContext, want: Sent | MigrationState | Render | Concurrently | AwaitOutcomes
    ) -> Any:
        """Perform an effect that few exchanges have."""
        if isinstance(want, Sent):
            return await self.scribe.sent(want.place, want.sids)
        if isinstance(want, MigrationState):
            return self._stage(want)
        if isinstance(want, Render):
            return self._render(want)
        if isinstance(want, Concurrently):
            return await self._at_once(errand, want.steps)
        return await self.scribe.wait(want.ids)

    async def _at_once(self, errand: RequestContext, steps: Sequence[EffectGenerator]) -> tuple[Any, ...]:
        """Run generators at the same time, and return their results. If one raises, the others are cancelled, and have ended before it
        is raised here."""
        tasks = [asyncio.ensure_future(self.run(errand, one)) for one in steps]
        try:
            return tuple(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, errand: RequestContext, ask: ProviderRequests, hold: Hold) -> Sequence[messages.Answer]:
        """Return the responses. `hold` accounts for their memory, and is released if there are none."""
        back, errand.back = self._backs[ask.back], ask.back
        if ask.held and not hold.grow(ask.held):
            return (_NO_ROOM,) * len(ask.requests)
        try:
            if len(ask.requests) == 1:
                answers: Sequence[messages.Answer] = (await back.ask(ask.requests[0], errand.id, hold),)
            else:
                answers = await asyncio.gather(*(back.ask(request, errand.id, hold) for request in ask.requests))
        except BaseException:
            hold.release()
            raise
        for answer in answers:
            self._meter.count_provider_request(ask.back, answer)
        return tuple(answers)
