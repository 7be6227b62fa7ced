"""Repairs one row of a provider that the decoder refuses, member by member, so that no other row is affected.

row ─▶ members, read as leniently as possible ─▶ each in the form of its codec ─┬▶ read as every row is ─▶ Message
                                                                                └▶ no SID, no date, an unknown word ─▶ Unread

It is slow, and is used only for the odd row.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from translator.core.codegen.codecs import TableCodecs
from translator.core.errors import BadValue, MalformedProviderResponse
from translator.core.http.formats import lenient
from translator.core.mapping.schema import FieldRow, ReadRow
from translator.core.model import Message, Unread
from translator.core.values.codecs import Codec

_NO_SID: Final = "?"
"""The mark of a row without a known SID begins with this. No SID contains it."""

_SENT: Final = {"status": "sending", "direction": "outbound-api"}
"""The attributes of a message that was just sent, if the answer to the send does not state them in known words."""


class _Member(NamedTuple):
    """A member of a row: its name, the single attribute that is read from it, its codec, and whether every row has it."""

    json: str
    attribute: str
    kind: Codec
    required: bool


class OddRows:
    """The odd rows of one dialect. `convert` makes a message of members that are all in their forms, and may raise."""

    def __init__(
        self, bindings: TableCodecs, copies: list[FieldRow], reads: tuple[ReadRow, ...],
        convert: Callable[[dict[str, Any], float], Message],
    ) -> None:  # fmt: skip
        self._members = [_Member(row.json, row.of[0], bindings.kind(row.kind), row.required) for row in copies]
        self._members += [_Member(row.json, "", bindings.kind(row.kind), False) for row in reads if row.json]
        self._convert = convert

    def read(self, raw: bytes, now: float) -> Message:
        """Return the message of a raw row of a list, or one that is Unread."""
        try:
            value = lenient.read(raw)
        except MalformedProviderResponse:
            value = None
        return self.mended(value, raw, now)

    def mended(self, value: Any, raw: bytes, now: float) -> Message:
        """Do the same for a row that is parsed already."""
        given = value if isinstance(value, dict) else {}
        members: dict[str, Any] = {}
        why = ""
        for member in self._members:
            meant = _meant(member, given.get(member.json))
            if meant is None and member.required:
                why = why or member.json
            elif meant is not None:
                members[member.json] = meant
        if not why:
            try:
                return self._convert(members, now)
            except (BadValue, msgspec.MsgspecError):
                why = "?"
        return self._unread(members, why, raw)

    def _unread(self, members: dict[str, Any], why: str, raw: bytes) -> Unread:
        """Return a row that cannot be shown, with its known attributes."""
        known: dict[str, Any] = {}
        for member in self._members:
            if member.attribute and member.json in members:
                try:
                    known[member.attribute] = member.kind.reads_shown(members[member.json])
                except BadValue:
                    continue
        nothing = {"sid": _NO_SID + blake2b(raw, digest_size=16).hexdigest(), "created": -1}
        nothing |= dict.fromkeys(("sender", "recipient", "text", "status", "direction"), "")
        return Unread(**{**nothing, **known}, why=why, known=frozenset(known))


def _meant(member: _Member, value: Any) -> Any:
    """Return a member's value in the form of its codec, or None if it cannot be converted."""
    kind = member.kind
    mended = value if kind.mend is None or value is None else kind.mend(value)
    if mended is None:
        return kind.blank if member.required else None
    try:
        kind.reads_shown(mended)
    except BadValue:
        # The read of a word with tests needs its message, and the word is in the dialect's spelling already.
        return mended if kind.words is not None and kind.mend is not None else None
    return mended


def as_sent(message: Message, now: float) -> Message:
    """Return the message of an answer to a send. If it has a SID, the send was made, whatever else is missing."""
    if not isinstance(message, Unread):
        return message
    if "sid" not in message.known:
        raise MalformedProviderResponse(f"a message's {message.why} cannot be read")
    values = {name: getattr(message, name) for name in Message.__struct_fields__}
    values |= {name: word for name, word in _SENT.items() if name not in message.known}
    if "created" not in message.known:
        values["created"] = int(now)
    return Message(**values)


def in_places(rows: list[Message]) -> int:
    """Give each row without a known date that of the row beside it, and return the number of rows that are Unread."""
    odd, before = 0, None
    for row in rows:
        if isinstance(row, Unread):
            odd += 1
            if "created" not in row.known and before is not None:
                row.created = before
        before = row.created if row.created >= 0 else before
    behind = 0
    for row in reversed(rows):
        row.created = behind = row.created if row.created >= 0 else behind
    return odd
