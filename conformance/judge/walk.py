"""Tests the laws of `conformance.laws` on a live server, with random steps: sends, received messages, and time that passes.

An equal seed makes equal steps.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from conformance.clients import Client
from conformance.judge.control import Control
from conformance.laws import LAWS, Sent, World

OURS = "19876543212"
"""The number that receives messages, and that sends come from."""


_RUNS = 1_000_003
"""Separates the invented histories of two runs, because a simulated provider refuses a message that it already has."""


class Broken(NamedTuple):
    """A law that did not hold: the number of the step, the sentence of the law, and the problem."""

    step: int
    law: str
    why: str


def walk(client: Client, control: Control, recipient: str, *, seed: int, steps: int, invented: int) -> Iterator[Broken]:
    """Make `steps` steps, and test a law after each, all laws after the last one. Yields the problems as they are found."""
    random, world = Random(seed), World()
    control.invent(invented, seed + _RUNS * len(client.walk()))  # a history that this provider does not have yet
    before = client.walk()
    world.received += [row.text for row in before if row.inbound]
    world.unsure += [row.text for row in before if not row.inbound]
    for step in range(1, steps + 1):
        _take(random, step, client, control, world, recipient)
        for law in LAWS if step == steps else [random.choice(LAWS)]:
            for why in law(client, world):
                yield Broken(step, (law.__doc__ or "").strip(), why)


def _take(random: Random, step: int, client: Client, control: Control, world: World, recipient: str) -> None:
    """Make one step: a send, a received message, or time that passes."""
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
