"""What the core wants done. It yields one of these, and is sent what came of it; it does no such thing itself.

Ask   ask a back             sent: the answers, a failed one included, as values
Once  run these steps once   sent: their result, the same to everybody who wanted it at that moment
"""

from collections.abc import Callable, Generator, Hashable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from translator.errors import TranslatorError
from translator.wire import Answer, Request


class Ask(NamedTuple):
    """These requests, at this back, all at once. A batch is a barrier: all answers come back in order."""

    back: str
    requests: tuple[Request, ...]


class Kept(NamedTuple):
    """What is to be remembered: a value, the bytes that it takes, and for how many seconds (`math.inf`: as long as we run)."""

    value: Any
    weight: int
    life: float


class Once(NamedTuple):
    """Steps that need to be gone through once for all who want them now, and whose result may be kept for later.

    `steps` is called with what is kept under `key` (None where nothing is) and returns its result and what is to be kept
    instead; None keeps what is there. What is kept may vanish at any time: it saves asks and decides nothing.
    """

    key: tuple[Hashable, ...]
    steps: "Callable[[Any], Steps]"


Want: TypeAlias = Ask | Once

Steps: TypeAlias = Generator[Want, Any, Any]
"""A piece of the core on its way: it yields wants, is sent what came of them, and returns its result."""


def recall(key: tuple[Hashable, ...]) -> Steps:
    """What is kept under a key, or None where nothing is."""

    def as_it_is(kept: Any) -> Steps:
        return kept, None
        yield

    return (yield Once(key, as_it_is))


def alone(steps: Steps, memory: dict[tuple[Hashable, ...], Any]) -> Generator[Ask, tuple[Answer, ...], Any]:
    """The same steps where nobody else wants anything: every Once is done here, and what it keeps is put into `memory` for
    good."""
    go_on: Callable[[], Want] = partial(next, steps)
    while True:
        try:
            want = go_on()
        except StopIteration as done:
            return done.value
        if isinstance(want, Ask):
            go_on = partial(steps.send, (yield want))
            continue
        try:
            result, kept = yield from alone(want.steps(memory.get(want.key)), memory)
        except TranslatorError as error:
            go_on = partial(steps.throw, error)
            continue
        if kept is not None and kept.life > 0:
            memory[want.key] = kept.value
        go_on = partial(steps.send, result)
