"""Laws of any SMS service, in any dialect. Each is a function of a client and of what is known to have happened (a world).

A law yields what is wrong. The tests run the laws over every pair of dialects in process, between the steps of a machine. It sends,
receives, lets time pass and breaks things. The laws also run against a live service, if it is known what happened there.
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
    """The known history of a service.

    `sent`: the sent messages by SID.
    `unsure`: the texts of unknown sends.
    `received`: the texts of received messages.
    `ranks`: the greatest rank of each message so far, by SID.
    """

    sent: dict[str, Sent] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    ranks: dict[str, int] = field(default_factory=dict)


def found_by_its_sid(client: Client, world: World) -> Iterator[str]:
    """A sent message is found by the SID of its response."""
    for sid, sent in world.sent.items():
        seen = client.get(sid)
        if seen is None or (seen.recipient, seen.text, seen.inbound) != (sent.recipient, sent.text, False):
            yield "a message that was sent is not found by its SID as it was sent"


def listed_once(client: Client, world: World) -> Iterator[str]:
    """Each sent and each received message is on the list once."""
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
    """Each text was sent at most once. The message of an unknown send is there once or not at all."""
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
    """A message by its SID is as the list shows it. The sent messages are compared, and the first three of the list."""
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
