"""Reading a back's messages: a decoder whose structs *are* neutral messages, and one pass that makes their values neutral.

What the pass looks like for two fields, as generated:

    def read(rows, now):
        looked = {}
        c = _0([m.sid for m in rows])
        if c is not None: looked['sid', 'bare SID'] = c   # as they mostly are: neutral already
        else:
            for m in rows: m.sid = _4(m.sid)
        try:
            for m in rows:
                x = m.submitted
                if x is not None: m.submitted = _1(x)
                m.status = _2[m.status] or _3(m, now)   # the words that need no test, and the others
        except KeyError:
            raise _5('is not a word of this dialect') from None
        return looked
"""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import msgspec

from translator.compile.bindings import Bindings
from translator.compile.source import Source
from translator.errors import BadValue, Unreadable
from translator.formats.json import UNREADABLE
from translator.kinds.plain import read_count
from translator.model import Message, Rows
from translator.tables import Table
from translator.tables.schema import FieldRow, ReadRow
from translator.words import Words

_UNREAD = "(unread) "
"""Before the wire name of an attribute that no row reads: no JSON member of a back is called so."""


Neutral: TypeAlias = Callable[[list[Message], float], dict[tuple[str, str], list[str]]]
"""Makes the values of messages neutral at an instant, and says what was seen of their columns."""


class MessageReader:
    """Bytes of a back to neutral messages, alone or in a list, bare or under the table's member."""

    def __init__(self, table: Table, bindings: Bindings) -> None:
        copies = [row for row in table.fields if row.write == "copy"]
        plain = _plain_reads(table, copies)
        struct = _struct(bindings, copies, plain, [row for row in table.reads if row.json and row not in plain])
        self._all: Neutral = _neutral(bindings, copies, plain, table.reads, many=True)
        self._each: Neutral = _neutral(bindings, copies, plain, table.reads, many=False)
        one, many = table.operation("get").member, table.operation("list").member
        envelope = msgspec.defstruct("One", [("message", struct | None, None)], rename={"message": one or _UNREAD})
        size = next((row.json for row in table.paging.members if row.value == "size"), _UNREAD)
        listing = msgspec.defstruct(
            "Many",
            [("messages", list[struct]), ("size", Any, None)],  # type: ignore[valid-type]
            rename={"messages": many, "size": size},
        )
        self._wrapped = msgspec.json.Decoder(envelope) if one else None
        self._bare = msgspec.json.Decoder(struct)
        self._many = msgspec.json.Decoder(listing)

    def one(self, body: bytes, now: float) -> Message:
        """One message, under its member or bare: documents and SDKs differ. Raises Unreadable."""
        try:
            wrapped: Any = self._wrapped.decode(body) if self._wrapped else None
            message: Message = (
                wrapped.message if wrapped is not None and wrapped.message is not None else self._bare.decode(body)
            )
        except UNREADABLE:
            raise Unreadable("a message is not of its dialect's shape") from None
        self._made_neutral(self._each, [message], now)
        return message

    def many(self, body: bytes, now: float) -> tuple[Rows, int | None]:
        """A list of messages, and the size of page that the answer says it counts in, where it says so. Raises Unreadable."""
        try:
            listing: Any = self._many.decode(body)
        except UNREADABLE:
            raise Unreadable("a list of messages is not of its dialect's shape") from None
        looked = self._made_neutral(self._all, listing.messages, now)
        return Rows.of(listing.messages, looked), self._size(listing.size)

    @staticmethod
    def _size(said: Any) -> int | None:
        """A page's size as a number or as digits; published servers show either."""
        if said is None:
            return None
        try:
            return read_count(said)
        except BadValue:
            return None

    @staticmethod
    def _made_neutral(neutral: Neutral, rows: list[Message], now: float) -> dict[tuple[str, str], list[str]]:
        try:
            return neutral(rows, now)
        except BadValue as error:
            raise Unreadable(f"a member of a message {error.reason}") from None


def _plain_reads(table: Table, copies: list[FieldRow]) -> list[ReadRow]:
    """The rows of [[reads]] that are alone with their member and always hold: they are decoded straight into place."""
    members = [row.json for row in table.reads] + [row.json for row in copies]
    return [
        row
        for row in table.reads
        if row.json and not row.statuses and not row.directions and members.count(row.json) == 1
    ]


def _struct(bindings: Bindings, copies: list[FieldRow], plain: list[ReadRow], derived: list[ReadRow]) -> type[Message]:
    fields: list[Any] = []
    rename = {name: _UNREAD + name for name in Message.__struct_fields__}
    for row in copies:
        wire = bindings.kind(row.kind).wire
        tolerant = str | int if row.kind.startswith("error:") else wire
        fields.append((row.of[0], wire) if row.required else (row.of[0], tolerant | None, None))
        rename[row.of[0]] = row.json
    for read in plain:
        fields.append((read.attribute, bindings.kind(read.kind).wire | None, None))
        rename[read.attribute] = read.json
    for read in derived:
        if (raw := _raw(read)) not in rename:
            fields.append((raw, bindings.kind(read.kind).wire | None, None))
            rename[raw] = read.json
    struct: Any = msgspec.defstruct("WireMessage", fields, bases=(Message,), rename=rename, kw_only=True, gc=False)
    return cast(type[Message], struct)


def _raw(row: ReadRow) -> str:
    return f"raw_{row.json}"


def _neutral(
    bindings: Bindings, copies: list[FieldRow], plain: list[ReadRow], reads: tuple[ReadRow, ...], *, many: bool
) -> Neutral:
    """Makes the values of messages neutral. `many` looks at a column as a whole first, which pays from a few messages on."""
    source = Source("def read(rows, now):")
    source.add(1, "looked = {}")
    simple = [(row.of[0], row.kind, row.required) for row in copies if row.of[0] != "status"]
    simple += [(row.attribute, row.kind, False) for row in plain]
    for attribute, kind, required in simple:
        if many and required and (column := bindings.kind(kind).column) is not None:
            look, read = source.name(column.look), source.name(bindings.kind(kind).read)
            source.add(1, f"c = {look}([m.{attribute} for m in rows])")
            source.add(1, f"if c is not None: looked[{attribute!r}, {column.form!r}] = c")
            source.add(1, "else:", f"    for m in rows: m.{attribute} = {read}(m.{attribute})")
    source.add(1, "try:", "    for m in rows:")
    for attribute, kind, required in simple:
        if bindings.kind(kind).decoded or (many and required and bindings.kind(kind).column is not None):
            continue
        name = source.name(bindings.kind(kind).read)
        if kind == "word:direction":
            source.add(3, f"m.{attribute} = {source.name(bindings.direction.plain)}[m.{attribute}]")
        elif required:
            source.add(3, f"m.{attribute} = {name}(m.{attribute})")
        else:
            source.add(3, f"x = m.{attribute}", f"if x is not None: m.{attribute} = {name}(x)")
    known = {**bindings.status.plain, **dict.fromkeys(bindings.status.tested)}
    source.add(3, f"m.status = {source.name(known)}[m.status] or {source.name(_tested(bindings.status))}(m, now)")
    for row in reads:
        if row in plain:
            continue
        source.add(3, f"x = m.{_raw(row)}" if row.json else f"x = {row.fixed!r}")
        holds = "x is not None"
        holds += f" and m.status in {source.name(frozenset(row.statuses))}" if row.statuses else ""
        holds += f" and m.direction in {source.name(frozenset(row.directions))}" if row.directions else ""
        read = f"{source.name(bindings.kind(row.kind).read)}(x)" if row.kind else "x"
        source.add(3, f"if {holds}: m.{row.attribute} = {read}")
    source.add(1, "except KeyError:", f"    raise {source.name(BadValue)}('is not a word of this dialect') from None")
    source.add(1, "return looked")
    return source.function("reading messages")


def _tested(words: Words) -> Callable[[Message, float], str]:
    """Reads a status whose neutral word depends on a second fact of the message. The last row of a word has no test."""
    source = Source("def tested(m, now):")
    for wire, rows in words.tested.items():
        source.add(1, f"if m.status == {wire!r}:")
        for row in rows:
            holds = {
                "": "True",
                "present": f"m.{row.field} is not None",
                "absent": f"m.{row.field} is None",
                "later-than-now": f"m.{row.field} is not None and m.{row.field} > now",
            }[row.test]
            source.add(2, f"if {holds}: return {row.word!r}")
    source.add(1, "raise KeyError(m.status)")
    return source.function("reading a status by its tests")
