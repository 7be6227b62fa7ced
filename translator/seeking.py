"""Looking at a back for a send of which nobody knows whether it was made.

window · outbound · recipient · text ─▶ candidates, the one with the same sender first
where messages carry an id of ours: each candidate is retrieved, and only the one with that id is it
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from translator.accounts import Entry
from translator.compile.odd import as_sent
from translator.model import Message, Notes, Query, Unread
from translator.planning import Limits, messages_between, read_retrieve, write_retrieve
from translator.wants import Ask, Steps

BEFORE: Final = 120
AFTER: Final = 900
"""Seconds before and after we began to send that a back may say the message was created: clocks differ, and backs queue."""

_TELLING: Final = frozenset(("sid", "created", "recipient", "text"))
"""What has to be known of a row that cannot be shown, so that it may be taken for a send."""


class Sought(NamedTuple):
    """A send that is looked for: the journal's id, when it was made, and what was to be sent."""

    id: str
    made: float
    sender: str
    recipient: str
    text: str


def seek(
    entry: Entry, sought: Sought, limits: Limits, now: float, notes: Notes, could_be: list[str] | None = None
) -> Steps:
    """The messages at the back that may be this send; only one where that is sure. Raises Refused and Unreadable.

    `could_be` gets the SID of every message that was sent to this recipient, whatever its text: a back may show a text otherwise than it
    was sent. A row of which too little can be read has a mark in place of a SID.
    """
    window = Query(since=max(0, int(sought.made) - BEFORE), until=int(sought.made) + AFTER)
    unread: list[Unread] = []
    rows: Sequence[Message] = yield from messages_between(entry, window, limits, now, notes, unread)
    candidates = [row for row in (*rows, *_sent(unread, now)) if _may_be(row, sought)]
    if could_be is not None:
        could_be += [row.sid for row in (*rows, *unread) if _goes_there(row, sought)]
    if entry.back.dialect.back.takes_our_id:
        return (yield from _carrying(entry, candidates, sought.id, now))
    return sorted(candidates, key=lambda row: (row.sender != sought.sender, abs(row.created - sought.made)))


def _sent(unread: Sequence[Unread], now: float) -> list[Message]:
    """Those rows that cannot be shown, and of which enough is known to know a send again by."""
    return [as_sent(row, now) for row in unread if row.known >= _TELLING]


def _may_be(row: Message, sought: Sought) -> bool:
    return row.direction != "inbound" and row.recipient == sought.recipient and row.text == sought.text


def _goes_there(row: Message, sought: Sought) -> bool:
    """Whether a message was sent to this recipient, or nothing that is known of it says otherwise."""
    known = row.known if isinstance(row, Unread) else ("direction", "recipient")
    return not (
        ("direction" in known and row.direction == "inbound")
        or ("recipient" in known and row.recipient != sought.recipient)
    )


def _carrying(entry: Entry, candidates: list[Message], our_id: str, now: float) -> Steps:
    """The one of these messages that carries our id."""
    for row in candidates:
        [answer] = yield Ask(entry.back.name, (write_retrieve(entry, row.sid),))
        message = read_retrieve(entry, row.sid, answer, now)
        if message is not None and message.external_id == our_id:
            return [message]
    return []
