"""What the core wants done. It yields one of these, and is sent what came of it; it does no such thing itself.

They are structs: one is made in a third of the time that a named tuple takes, and a send makes ten.

Ask     ask a back                       sent: the answers, a failed one included, as values
Once    run these steps once             sent: their result, the same to everybody who wanted it at that moment
Recall  look up what is kept             sent: it, or None
Tally   count one more                   sent: None
Record  write down sends before they     sent: for each, whether it is to be asked for, or what is known of it already
        are asked for
Settle  write down what became of them   sent: None
Await   wait a while for sends of which  sent: for each, what became of it meanwhile
        nobody knows what became
Sent    look up what sends asked for     sent: the messages as their sends were answered, by SID, as far as they are kept
"""

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from translator.core.errors import TranslatorError
from translator.core.http.messages import Answer, Request
from translator.core.model import CallbackTarget, Fault, Message


class ProviderRequests(msgspec.Struct, frozen=True, gc=False):
    """These requests, at this back, all at once. A batch is a barrier: all answers come back in order.

    `account` is the name of the entry on whose behalf it is asked: whose turn it is, and whose memory the answers take. `held` is how many
    bytes of earlier answers the asker still holds meanwhile, which count for that account too. `most` is how many bytes of the body of each
    answer are read."""

    back: str
    requests: tuple[Request, ...]
    account: str = ""
    held: int = 0
    most: int = 1024 * 1024


class CacheEntry(NamedTuple):
    """What is to be remembered: a value, the bytes that it takes, for how many seconds (`math.inf`: as long as we run), and the name of the
    entry for which it is kept."""

    value: Any
    weight: int
    life: float
    account: str = ""


class SingleFlight(NamedTuple):
    """Steps that need to be gone through once for all who want them now, and whose result may be kept for later.

    `steps` is called with what is kept under `key` (None where nothing is) and returns its result and what is to be kept
    instead; None keeps what is there. What is kept may vanish at any time: it saves asks and decides nothing.
    """

    key: tuple[Hashable, ...]
    steps: "Callable[[Any], EffectGenerator]"


class CacheGet(msgspec.Struct, frozen=True, gc=False):
    """What is kept under `key`, if anything is; nobody is waited for who is finding it out."""

    key: tuple[Hashable, ...]


class CacheIncrement(msgspec.Struct, frozen=True, gc=False):
    """One more of what is counted under `key`, where it is recalled: as long as we run."""

    key: tuple[Hashable, ...]


class Intent(msgspec.Struct, frozen=True, gc=False):
    """A send that is about to be asked for: by which entry, of what, and who wants to be told of it.

    `key` is the caller's own for this send, empty where it gave none, and `content` a digest of what came with it.
    """

    entry: str
    sender: str
    recipient: str
    text: str
    wish: CallbackTarget | None = None
    key: str = ""
    content: str = ""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of a send. `sent` has the message, `refused` the fault; of `never-left` the back knows nothing, and what became
    of an `unknown` one is not known. `id` is the journal's."""

    id: str
    state: Literal["sent", "refused", "never-left", "unknown"]
    message: Message | None = None
    fault: Fault | None = None


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """How a send stands once it is written down.

    `new`: it is to be asked for, and `receipt` is the address at which the back may call us, empty where there is none.
    `joined`: it equals one that is unknown, whose `id` this is. `known`: it was sent before by the same key, with this outcome.
    `reused`: the key came with something else before. `running`: the key's first send is under way. `forbidden`: nobody may be
    called at that address, for this reason; `remedy` says to the operator what permits it. `owed`: the account is owed so many
    callbacks that it gets no other.
    """

    id: str
    state: Literal["new", "joined", "known", "reused", "running", "forbidden", "owed"]
    receipt: str = ""
    outcome: Outcome | None = None
    reason: str = ""
    remedy: str = ""


class RecordIntents(msgspec.Struct, frozen=True, gc=False):
    """These sends are to be written down, all before any of them is asked for."""

    intents: tuple[Intent, ...]


class RecordOutcomes(msgspec.Struct, frozen=True, gc=False):
    """This became of sends that were written down."""

    outcomes: tuple[Outcome, ...]


class AwaitOutcomes(msgspec.Struct, frozen=True, gc=False):
    """These sends are unknown, and somebody waits to hear of them for a while."""

    ids: tuple[str, ...]


class Sent(msgspec.Struct, frozen=True, gc=False):
    """The messages with these SIDs as the sends of an entry's place were answered: with what was asked for and no back is told."""

    entry: str
    sids: tuple[str, ...]


Effect: TypeAlias = (
    ProviderRequests | SingleFlight | CacheGet | CacheIncrement | RecordIntents | RecordOutcomes | AwaitOutcomes | Sent
)

EffectGenerator: TypeAlias = Generator[Effect, Any, Any]
"""A piece of the core on its way: it yields wants, is sent what came of them, and returns its result."""


JOURNAL: Final = (RecordIntents, RecordOutcomes, AwaitOutcomes, Sent)
"""The wants that a journal of sends fulfils."""


def all_new(intents: Sequence[Intent]) -> tuple[Recorded, ...]:
    """What a journal that remembers nothing says of sends before they are asked for."""
    return tuple([Recorded(str(number), "new") for number in range(len(intents))])


def all_unknown(ids: Sequence[str]) -> tuple[Outcome, ...]:
    """What a journal that remembers nothing says of unknown sends."""
    return tuple([Outcome(id_, "unknown") for id_ in ids])


def none_kept() -> Mapping[str, Message]:
    """What a journal that remembers nothing says of messages."""
    return {}


def unjournalled(want: RecordIntents | RecordOutcomes | AwaitOutcomes | Sent) -> Any:
    """What a journal that remembers nothing says."""
    if isinstance(want, Sent):
        return none_kept()
    if isinstance(want, RecordIntents):
        return all_new(want.intents)
    return None if isinstance(want, RecordOutcomes) else all_unknown(want.ids)


def run_without_shell(
    steps: EffectGenerator,
    memory: dict[tuple[Hashable, ...], Any],
    journal: Callable[[RecordIntents | RecordOutcomes | AwaitOutcomes | Sent], Any] = unjournalled,
) -> Generator[ProviderRequests, tuple[Answer, ...], Any]:
    """The same steps where nobody else wants anything: every Once is done here, and what it keeps is put into `memory` for
    good; `journal` says at once what is wanted of a journal."""
    go_on: Callable[[], Effect] = partial(next, steps)
    while True:
        try:
            want = go_on()
        except StopIteration as done:
            return done.value
        if isinstance(want, ProviderRequests):
            go_on = partial(steps.send, (yield want))
            continue
        if isinstance(want, JOURNAL):
            go_on = partial(steps.send, journal(want))
            continue
        if isinstance(want, CacheGet):
            go_on = partial(steps.send, memory.get(want.key))
            continue
        if isinstance(want, CacheIncrement):
            memory[want.key] = memory.get(want.key, 0) + 1
            go_on = partial(steps.send, None)
            continue
        try:
            result, kept = yield from run_without_shell(want.steps(memory.get(want.key)), memory, journal)
        except TranslatorError as error:
            go_on = partial(steps.throw, error)
            continue
        if kept is not None and kept.life > 0:
            memory[want.key] = kept.value
        go_on = partial(steps.send, result)
