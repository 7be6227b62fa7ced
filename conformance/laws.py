"""Laws of any SMS service, whatever its dialect: each a function of a client and of what is known to have happened (a world).

A law yields what is wrong. They are run over every pair of dialects in process, between the steps of a machine that sends, receives, lets
time pass and breaks things; and they can be run against a live service by anybody who knows what happened there.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from conformance.clients import Client, Seen


class Sent(NamedTuple):
    """A message that was sent and answered with its SID."""

    recipient: str
    text: str


@dataclass
class World:
    """What happened: what was sent, by SID; texts of sends whose outcome was not told; what came in; how far each message was seen."""

    sent: dict[str, Sent] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    ranks: dict[str, int] = field(default_factory=dict)


def found_by_its_sid(client: Client, world: World) -> Iterator[str]:
    """What was sent is found by the SID that the send was answered with."""
    for sid, sent in world.sent.items():
        seen = client.get(sid)
        if seen is None or (seen.recipient, seen.text, seen.inbound) != (sent.recipient, sent.text, False):
            yield "a message that was sent is not found by its SID as it was sent"


def listed_once(client: Client, world: World) -> Iterator[str]:
    """What was sent, and what came in, is on the list once."""
    rows = client.walk()
    counts = Counter(row.sid for row in rows)
    if any(count != 1 for count in counts.values()):
        yield "a message is on the list twice"
    if any(sid not in counts for sid in world.sent):
        yield "a message that was sent is not on the list"
    texts = Counter(row.text for row in rows if row.inbound)
    if Counter(world.received) - texts:
        yield "a message that came in is not on the list"


def never_twice(client: Client, world: World) -> Iterator[str]:
    """Each text was sent at most once: one whose outcome is not known may be there or not, and never twice."""
    texts = Counter(row.text for row in client.walk() if not row.inbound)
    known = Counter(sent.text for sent in world.sent.values()) + Counter(world.unsure)
    if any(texts[text] > known[text] for text in texts):
        yield "a message is there that nobody sent, or twice"


def never_back(client: Client, world: World) -> Iterator[str]:
    """A status never goes back."""
    for row in client.walk():
        if row.rank < world.ranks.get(row.sid, 0):
            yield "a status went back"
        world.ranks[row.sid] = row.rank


def list_and_get_agree(client: Client, world: World) -> Iterator[str]:
    """A message by its SID is the one on the list; those that were sent are looked at, and a few more."""
    rows = client.walk()
    chosen = [row for row in rows if row.sid in world.sent] + rows[:3]
    for row in chosen:
        seen = client.get(row.sid)
        if seen is None or _facts(seen) != _facts(row):
            yield "a message by its SID is another than the one on the list"


def _facts(seen: Seen) -> tuple[str, str, str, bool]:
    return seen.sender, seen.recipient, seen.text, seen.inbound


LAWS: Final[tuple[Callable[[Client, World], Iterator[str]], ...]] = (
    found_by_its_sid, listed_once, never_twice, never_back, list_and_get_agree,
)  # fmt: skip
