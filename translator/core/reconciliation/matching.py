"""Which message is which send, where several sends or several messages look alike. What is not sure is left open.

sends of one recipient and text ── may be ── messages ─▶ groups ─▶ as many of both, and nothing else could be them ─▶ taken
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from translator.core.model import Message
from translator.core.reconciliation.unknown_send import UnknownSearch, UnknownSend


class _Group(NamedTuple):
    """Sends and messages of which any may belong together, and none with one outside."""

    sends: list[UnknownSend]
    messages: list[Message]


def carrying(searches: Iterable[UnknownSearch]) -> dict[str, Message]:
    """The message of each send that carries its id, by that."""
    return {search.sought.id: search.found for search in searches if search.found is not None}


def assigned(searches: Iterable[UnknownSearch], others: Iterable[UnknownSend], timeout: float) -> dict[str, Message]:
    """The message of each send of which that is sure, by the journal's id. `others` are all sends of the place whose outcome is not known,
    which may name those that are looked for again. Messages that are known to be other sends were taken from the searches before."""
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
    """The sends that a message may be: where it was created when one of them was made, and none of the others was, that one alone."""
    able = [one for one in sends if one.window.holds(message.created)]
    near = [one for one in able if one.near(timeout).holds(message.created)]
    return near if len(near) == 1 else able


def _pairs(group: _Group, mine: Mapping[str, UnknownSearch]) -> dict[str, Message]:
    """Every send of a group with its message; nothing where that is not sure.

    Sends that are equal in all that an application said are told apart by nobody. Where there is a message for each they are paired in
    the order in which they were made.
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
    """Whether enough was read for a message to be taken for a send: all of the near stretch if it stands there, else the whole window. One
    that was created before the send was made is taken only when the send's own message should have come."""
    if not search.window.holds(message.created):
        return False
    if message.created < int(search.sought.made) - 1 and not search.is_over:
        return False
    return search.is_whole or (search.is_near_read and search.near.holds(message.created))
