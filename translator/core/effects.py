"""The effects of the core. The core yields an effect and is sent its result; it performs none itself.

They are structs, because creating one takes a third of the time of a named tuple, and a send creates ten.

Effect             Request                              Result
ProviderRequests   send requests to a provider          the answers as values, a failed one included
SingleFlight       run these steps once                 their result, the same for all that requested it at that moment
CacheGet           read the cache                       the value, or None
CacheIncrement     increment a counter                  None
RecordIntents      record sends before their requests   for each, whether to request it, or its known outcome
RecordOutcomes     record the outcomes of sends         None
AwaitOutcomes      wait a while for unknown sends       for each, its outcome meanwhile
Concurrently       run several steps at the same time   the results of all, in order
Sent               look up recorded sends by SID        the messages as their sends were answered, as far as they are kept
MigrationState     read the stage of a migration        the present MigrationStage of the account
Render             check a request for another provider None, at once; the check follows later
"""

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from translator.core.errors import TranslatorError
from translator.core.http.messages import Answer, Request
from translator.core.migration import Choice, MigrationRules, MigrationStage, begins
from translator.core.model import CallbackTarget, Draft, Fault, Message, Query


class ProviderRequests(msgspec.Struct, frozen=True, gc=False):
    """Send these requests to this provider, all at once. A batch is a barrier: all answers come back in order.

    `account` is the name of the account that they are for. Its turn is used, and its memory holds the answers. `held` is the number of
    bytes of earlier answers that the core still holds, which count for that account too. `most` is the number of bytes that are read of
    each body.
    """

    back: str
    requests: tuple[Request, ...]
    account: str = ""
    held: int = 0
    most: int = 1024 * 1024


class CacheEntry(NamedTuple):
    """A value for the cache. `weight` is its size in bytes. `life` is its life in seconds (`math.inf`: until the process ends).
    `account` is the name of the account that it is kept for."""

    value: Any
    weight: int
    life: float
    account: str = ""


class SingleFlight(NamedTuple):
    """Run steps once for all exchanges that need them now. The result may be cached.

    `steps` is called with the cached value of `key`, or None. It returns its result and the value to cache instead. None keeps the old
    value. A cached value may vanish at any time: it saves provider requests and decides nothing.
    """

    key: tuple[Hashable, ...]
    steps: "Callable[[Any], EffectGenerator]"


class CacheGet(msgspec.Struct, frozen=True, gc=False):
    """Read the cached value of `key`, or None. It does not wait for steps that are still computing the value."""

    key: tuple[Hashable, ...]


class CacheIncrement(msgspec.Struct, frozen=True, gc=False):
    """Increment the counter of `key`. CacheGet reads it. It lasts as long as the process."""

    key: tuple[Hashable, ...]


class Intent(msgspec.Struct, frozen=True, gc=False):
    """A send before its provider request. `entry` is the account, `wish` the callback target. `place` is the provider account that is
    asked; empty means that of the account.

    `key` is the client's idempotency key for this send, or empty. `content` is a digest of the request that came with it.

    `same_sender` is the sender by which an equal send is known, if the default of each provider is another one; None means `sender`.
    `choice` says why this provider is asked, if the account has two.
    """

    entry: str
    sender: str
    recipient: str
    text: str
    wish: CallbackTarget | None = None
    key: str = ""
    content: str = ""
    place: str = ""
    same_sender: str | None = None
    choice: Choice | None = None


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The result of a send, by the journal's id. `sent` has the message, `refused` the fault. `never-left`: the provider knows nothing
    of it. `unknown`: the provider may have sent it."""

    id: str
    state: Literal["sent", "refused", "never-left", "unknown"]
    message: Message | None = None
    fault: Fault | None = None


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """The state of a send after it was recorded.

    `new`: request it; `receipt` is the receipt URL for the provider, or empty. `joined`: it equals an unknown send, and has the `id` of
    that send. `known`: it was sent before by the same key, with this outcome. `reused`: the key came with other content before. `running`:
    the key's first send is in progress. `forbidden`: the policy rejects the callback target; `reason` says why, and `remedy` tells the
    operator which setting permits it. `owed`: too many callbacks of the account are waiting, so it gets no other.
    """

    id: str
    state: Literal["new", "joined", "known", "reused", "running", "forbidden", "owed"]
    receipt: str = ""
    outcome: Outcome | None = None
    reason: str = ""
    remedy: str = ""


class RecordIntents(msgspec.Struct, frozen=True, gc=False):
    """Record these sends, all before the first provider request."""

    intents: tuple[Intent, ...]


class RecordOutcomes(msgspec.Struct, frozen=True, gc=False):
    """Record the outcomes of sends that were recorded before."""

    outcomes: tuple[Outcome, ...]


class AwaitOutcomes(msgspec.Struct, frozen=True, gc=False):
    """Wait a while for the outcomes of these unknown sends."""

    ids: tuple[str, ...]


class Sent(msgspec.Struct, frozen=True, gc=False):
    """The messages with these SIDs as the sends of a provider account were answered: with what was asked for and no provider is told."""

    place: str
    sids: tuple[str, ...]


class Concurrently(NamedTuple):
    """Run these steps at the same time, and return a tuple of their results. If steps raise an error, the others are given up, and that
    error is raised."""

    steps: "tuple[EffectGenerator, ...]"


class MigrationState(msgspec.Struct, frozen=True, gc=False):
    """Read the present stage of an account's migration. Only an account with two providers has one. `rules` are those of the account."""

    account: str
    rules: MigrationRules


class Render(msgspec.Struct, frozen=True, gc=False):
    """Check a send or a list of an account as if it had gone to its new provider, some time later (see `rendering`).

    `asked` is a copy of the draft, or the query. `rows` is the least number of rows that the list has.
    """

    account: str
    asked: Draft | Query
    rows: int = 0


Effect: TypeAlias = (
    ProviderRequests
    | SingleFlight
    | CacheGet
    | CacheIncrement
    | RecordIntents
    | RecordOutcomes
    | AwaitOutcomes
    | Sent
    | Concurrently
    | MigrationState
    | Render
)

EffectGenerator: TypeAlias = Generator[Effect, Any, Any]
"""A part of the core in progress. It yields effects, is sent their results, and returns its own result."""


JOURNAL: Final = (RecordIntents, RecordOutcomes, AwaitOutcomes, Sent)
"""The effects that a journal of sends performs."""


def all_new(intents: Sequence[Intent]) -> tuple[Recorded, ...]:
    """Return the results of an empty journal for new sends."""
    return tuple([Recorded(str(number), "new") for number in range(len(intents))])


def all_unknown(ids: Sequence[str]) -> tuple[Outcome, ...]:
    """Return the results of an empty journal for unknown sends."""
    return tuple([Outcome(id_, "unknown") for id_ in ids])


def none_kept() -> Mapping[str, Message]:
    """Return the result of an empty journal for `Sent`."""
    return {}


def unjournalled(want: RecordIntents | RecordOutcomes | AwaitOutcomes | Sent) -> Any:
    """Return the result of an empty journal for an effect."""
    if isinstance(want, Sent):
        return none_kept()
    if isinstance(want, RecordIntents):
        return all_new(want.intents)
    return None if isinstance(want, RecordOutcomes) else all_unknown(want.ids)


def stage_at_begin(want: MigrationState) -> MigrationStage:
    """Return the stage in which a migration begins, as a process without a store has it for ever."""
    return begins(want.rules, want.account)


def run_without_shell(
    steps: EffectGenerator,
    memory: dict[tuple[Hashable, ...], Any],
    journal: Callable[[RecordIntents | RecordOutcomes | AwaitOutcomes | Sent], Any] = unjournalled,
    stage: Callable[[MigrationState], MigrationStage] = stage_at_begin,
) -> Generator[ProviderRequests, tuple[Answer, ...], Any]:
    """Run the steps for a single exchange, without a shell. Each SingleFlight is run here, and its cached value is put into `memory`
    for ever. The steps of Concurrently run one after another. `journal` performs the effects of a journal at once. `stage` returns the
    stage of a migration."""
    go_on: Callable[[], Effect] = partial(next, steps)
    while True:
        try:
            want = go_on()
        except StopIteration as done:
            return done.value
        if isinstance(want, ProviderRequests):
            go_on = partial(steps.send, (yield want))
            continue
        if not isinstance(want, SingleFlight | Concurrently):
            go_on = partial(steps.send, _at_once(want, memory, journal, stage))
            continue
        try:
            if isinstance(want, Concurrently):
                results = []
                for one in want.steps:
                    results.append((yield from run_without_shell(one, memory, journal, stage)))  # noqa: PERF401 - it yields
                go_on = partial(steps.send, tuple(results))
                continue
            result, kept = yield from run_without_shell(want.steps(memory.get(want.key)), memory, journal, stage)
        except TranslatorError as error:
            go_on = partial(steps.throw, error)
            continue
        if kept is not None and kept.life > 0:
            memory[want.key] = kept.value
        go_on = partial(steps.send, result)


def _at_once(
    want: Effect,
    memory: dict[tuple[Hashable, ...], Any],
    journal: Callable[[RecordIntents | RecordOutcomes | AwaitOutcomes | Sent], Any],
    stage: Callable[[MigrationState], MigrationStage],
) -> Any:
    """Return the result of an effect that needs neither a provider nor other steps."""
    if isinstance(want, JOURNAL):
        return journal(want)
    if isinstance(want, MigrationState):
        return stage(want)
    if isinstance(want, CacheGet):
        return memory.get(want.key)
    if isinstance(want, CacheIncrement):
        memory[want.key] = memory.get(want.key, 0) + 1
    return None
