"""Looking at a back for what has become of messages that somebody waits to be told of, with as few asks as there is a way.

many messages, close together ─▶ the slices of the range that holds them all
few, or far apart              ─▶ one retrieve each
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from translator.accounts import Entry
from translator.errors import Refused, Unreadable
from translator.model import Message, Notes, Query
from translator.planning import Limits, messages_between, read_retrieve, write_retrieve
from translator.wants import Ask, Steps

_FEW: Final = 2
"""So many are retrieved one by one whatever stands around them: a slice and the look behind it cost as much."""


class Waiting(NamedTuple):
    """A message that somebody waits to be told of: its neutral SID, and when its back says that it was created."""

    sid: str
    created: int


def look(
    entry: Entry, waiting: Sequence[Waiting], neighbours: int, most: int, limits: Limits, now: float, notes: Notes
) -> Steps:
    """What the back shows of these messages now, by SID, within `most` asks; one that is not there was not seen.

    `neighbours` is how many messages are thought to be in the range that holds them all. Where no sense can be made of the range, which is
    noted, they are retrieved all the same. Raises Refused.
    """
    slices = -(-max(neighbours, len(waiting)) // entry.back.dialect.back.slice) + 1
    if len(waiting) > _FEW and slices < len(waiting):
        window = Query(since=min(one.created for one in waiting), until=max(one.created for one in waiting) + 1)
        try:
            rows = yield from messages_between(entry, window, limits._replace(max_asks=max(1, most // 2)), now, notes)
        except Unreadable:
            notes.add("poll-search-failed")
        except Refused as refused:
            if refused.fault.name not in ("list-too-long", "back-failed"):
                raise
            if refused.fault.name == "back-failed":
                notes.add("poll-search-failed")
        else:
            wanted = {one.sid for one in waiting}
            return {row.sid: row for row in rows if row.sid in wanted}
        most -= max(1, most // 2)  # so many may have been spent
    return (yield from _retrieved(entry, waiting[:most], now))


def _retrieved(entry: Entry, waiting: Sequence[Waiting], now: float) -> Steps:
    found: dict[str, Message] = {}
    wide = entry.back.in_flight
    for at in range(0, len(waiting), wide):
        some = waiting[at : at + wide]
        answers = yield Ask(entry.back.name, tuple(write_retrieve(entry, one.sid) for one in some))
        for one, answer in zip(some, answers, strict=True):
            try:
                message = read_retrieve(entry, one.sid, answer, now)
            except Unreadable:
                continue  # one answer that makes no sense keeps nobody else waiting
            if message is not None:
                found[one.sid] = message
    return found


def pause(age: float, poll: float) -> float:
    """Seconds until a message is looked at again that was sent `age` seconds ago: a twentieth of that, and a quarter of an hour at most."""
    return max(poll, min(age / 20, 900.0))
