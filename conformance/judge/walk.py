"""The laws of `conformance.laws` against a live server, with a world that is made there: sends, messages that come in, time that passes.

The same seed takes the same steps.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from conformance.clients import Client
from conformance.judge.control import Control
from conformance.laws import LAWS, Sent, World

OURS = "19876543212"
"""The number that messages come in to, and are sent from."""


_RUNS = 1_000_003
"""Keeps the invented past of one run apart from that of another: a twin takes no message twice."""


class Broken(NamedTuple):
    """A law that did not hold: after which step, the law's own sentence, and what was wrong."""

    step: int
    law: str
    why: str


def walk(client: Client, control: Control, recipient: str, *, seed: int, steps: int, invented: int) -> Iterator[Broken]:
    """So many steps, and after each the laws. What did not hold, as it is found."""
    random, world = Random(seed), World()
    control.invent(invented, seed + _RUNS * len(client.walk()))  # a past that this twin does not have yet
    before = client.walk()
    world.received += [row.text for row in before if row.inbound]
    world.unsure += [row.text for row in before if not row.inbound]
    for step in range(1, steps + 1):
        _take(random, step, client, control, world, recipient)
        for law in LAWS if step == steps else [random.choice(LAWS)]:
            for why in law(client, world):
                yield Broken(step, (law.__doc__ or "").strip(), why)


def _take(random: Random, step: int, client: Client, control: Control, world: World, recipient: str) -> None:
    """One step: a send, a message that comes in, or time that passes."""
    what = random.choice(("send", "send", "receive", "time"))
    text = f"law {step} {random.randrange(10**6)}"
    if what == "send":
        sid = client.send(recipient, text)
        if sid is None:
            world.unsure.append(text)
        else:
            world.sent[sid] = Sent(recipient, text)
    elif what == "receive":
        control.receive("15550100001", OURS, text)
        world.received.append(text)
    else:
        control.turn(random.choice((1, 2, 7, 60)))
