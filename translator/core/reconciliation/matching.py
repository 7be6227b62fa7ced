"""Assigns messages to sends if several sends or several messages look alike. An uncertain assignment is left open.

sends of one recipient and text ── candidates ── messages ─▶ groups ─▶ as many of both, and no other candidates ─▶ assigned
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from translator.core.model import Message
from translator.core.reconciliation.unknown_send import UnknownSearch, UnknownSend


class _Group(NamedTuple):
    """Sends and messages that may belong together. No send and no message of it may belong to another group."""

    sends: list[UnknownSend]
    messages: list[Message]


def carrying(searches: Iterable[UnknownSearch]) -> dict[str, Message]:
    """Return the message that carries the id of a send, by that id."""
    return {search.sought.id: search.found for search in searches if search.found is not None}


def assigned(searches: Iterable[UnknownSearch], others: Iterable[UnknownSend], timeout: float) -> dict[str, Message]:
    """Return the message of each send for which it is certain, by the journal's id.

    `others` are all unknown sends of the provider account; they may include those of `searches`. Messages that are known to be other sends
    were removed from the searches before.
    """
    mine = {search.sought.id: search for search in searches}
    alike: dict[tuple[str, str], dict[str, UnknownSend]] = defaultdict(dict)
    messages: dict[tuple[str, str], dict[str, Message]] = defaultdict(dict)
    for search in mine.values():
        alike[search.sought.key][search.sought.id] = search.sought
        messages[search.sought.key].update(search.seen)
    for other in others:
        alike[other.key].setdefault(other.id, other)
    found: dict[str, Message] = {}
    for key, seen in messages.items():
        for group in _groups(list(alike[key].values()), list(seen.values()), timeout):
            found.update(_pairs(group, mine))
    return found


def _groups(sends: Sequence[UnknownSend], messages: Sequence[Message], timeout: float) -> list[_Group]:
    groups: list[_Group] = []
    for message in messages:
        owners = {one.id: one for one in _owners(message, sends, timeout)}
        touched = [group for group in groups if any(one.id in owners for one in group.sends)]
        for group in touched:
            owners.update((one.id, one) for one in group.sends)
        groups = [group for group in groups if group not in touched]
        groups.append(_Group(list(owners.values()), [*(one for group in touched for one in group.messages), message]))
    return groups


def _owners(message: Message, sends: Sequence[UnknownSend], timeout: float) -> list[UnknownSend]:
    """Return the sends that a message may be. If its creation time is near exactly one of them, return only that send."""
    able = [one for one in sends if one.window.holds(message.created)]
    near = [one for one in able if one.near(timeout).holds(message.created)]
    return near if len(near) == 1 else able


def _pairs(group: _Group, mine: Mapping[str, UnknownSearch]) -> dict[str, Message]:
    """Return every send of a group with its message, or nothing if that is uncertain.

    Nothing tells apart sends that are equal in everything the client said. If each has a message, pair them in the order of their
    creation.
    """
    sends = sorted(group.sends, key=lambda one: (one.made, one.id))
    messages = sorted(group.messages, key=lambda one: (one.created, one.sid))
    if len(sends) != len(messages) or any(one.under_way for one in sends):
        return {}
    if len({(one.entry, one.sender) for one in sends}) > 1:
        return {}
    pairs = list(zip(sends, messages, strict=True))
    if all(one.id in mine and _is_sure(mine[one.id], message) for one, message in pairs):
        return {one.id: message for one, message in pairs}
    return {}


def _is_sure(search: UnknownSearch, message: Message) -> bool:
    """True if enough was read to assign a message to a send: its whole near interval if the message lies there, else the whole window.
    A message that was created before the send is assigned only after the send's own message should have come."""
    if not search.coverage.window.holds(message.created):
        return False
    if message.created < int(search.sought.made) - 1 and not search.coverage.is_over:
        return False
    return search.is_whole or (search.coverage.is_near_read and search.coverage.near.holds(message.created))
