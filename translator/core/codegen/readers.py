"""Generates the readers of a provider's messages: a decoder whose structs *are* neutral messages, and one pass that converts their values.

The generated pass looks like this for two fields:

    def read(rows, now):
        looked = {}
        c = _0([m.sid for m in rows])
        if c is not None: looked['sid', 'bare SID'] = c   # the frequent case: all are neutral already
        else:
            for m in rows: m.sid = _4(m.sid)
        try:
            for m in rows:
                x = m.submitted
                if x is not None: m.submitted = _1(x)
                m.status = _2[m.status] or _3(m, now)   # words without a test, and words with one
        except KeyError:
            raise _5('is not a word of this dialect') from None
        return looked

If it refuses a slice, the slice is read again row by row. A row that it refuses is repaired by itself: see `row_repair`.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import msgspec

from translator.core.codegen.codecs import TableCodecs
from translator.core.codegen.row_repair import OddRows, as_sent, in_places
from translator.core.codegen.source import Source
from translator.core.errors import BadValue, MalformedProviderResponse
from translator.core.http.formats import lenient
from translator.core.http.formats.json import UNREADABLE
from translator.core.mapping import Table
from translator.core.mapping.schema import FieldRow, ReadRow
from translator.core.model import Message, Rows, Unread
from translator.core.values.codecs.numbers import shown_plus
from translator.core.values.codecs.plain import read_count
from translator.core.values.vocabulary import Vocabulary

_UNREAD = "(unread) "
"""The prefix of the wire name of an attribute that no row reads. No JSON member of a provider has such a name."""


Neutral: TypeAlias = Callable[[list[Message], float], dict[tuple[str, str], list[str]]]
"""Makes the values of messages neutral at an instant, and returns the results of the batch codecs."""


class MessageReader:
    """Reads a provider's bytes as neutral messages: one or a list, bare or under the table's member."""

    def __init__(self, table: Table, bindings: TableCodecs) -> None:
        copies = [row for row in table.fields if row.write == "copy"]
        plain = _plain_reads(table, copies)
        struct = _struct(bindings, copies, plain, [row for row in table.reads if row.json and row not in plain])
        self._all: Neutral = _neutral(bindings, copies, plain, table.reads, many=True)
        self._each: Neutral = _neutral(bindings, copies, plain, table.reads, many=False)
        one, many = table.operation("get").member, table.operation("list").member
        envelope = msgspec.defstruct("One", [("message", struct | None, None)], rename={"message": one or _UNREAD})
        members = {row.value: row.json for row in table.paging.members}
        said = (members.get("size", _UNREAD), members.get("last-page", f"{_UNREAD}last"))
        self._member, self._struct = one, struct
        self._wrapped = msgspec.json.Decoder(envelope) if one else None
        self._bare = msgspec.json.Decoder(struct)
        self._many = msgspec.json.Decoder(_listing(many, said, struct))
        self._raws = msgspec.json.Decoder(_listing(many, said, msgspec.Raw))
        self._list_member = many
        self._odd = OddRows(bindings, copies, table.reads, self._converted)

    def one(self, body: bytes, now: float, *, sent: bool = False) -> Message:
        """Return one message, under its member or bare, because documents and SDKs differ. `sent` says that it answers a send; then
        only its SID must be readable. Raises MalformedProviderResponse."""
        try:
            wrapped: Any = self._wrapped.decode(body) if self._wrapped else None
            message: Message = (
                wrapped.message if wrapped is not None and wrapped.message is not None else self._bare.decode(body)
            )
            self._each([message], now)
        except (*UNREADABLE, BadValue):
            return self._odd_one(body, now, sent=sent)
        return message

    def _odd_one(self, body: bytes, now: float, *, sent: bool) -> Message:
        value = lenient.read(body)
        inner = value.get(self._member) if self._member and isinstance(value, dict) else None
        value = value if inner is None else inner
        if not isinstance(value, dict):
            raise MalformedProviderResponse("a message is not of its dialect's shape")
        message = self._odd.mended(value, body, now)
        if sent:
            return as_sent(message, now)
        if isinstance(message, Unread):
            raise MalformedProviderResponse(f"a message's {message.why} cannot be read")
        return message

    def many(self, body: bytes, now: float) -> tuple[Rows, int | None, int | None]:
        """Return a list of messages, the page size that the answer reports, and the number of its last page. The numbers are None if not
        reported. Raises MalformedProviderResponse.

        A row that cannot be read is Unread, and leaves all others as they are.
        """
        try:
            listing: Any = self._many.decode(body)
            looked = self._all(listing.messages, now)
        except (*UNREADABLE, BadValue):
            return self._row_by_row(body, now)
        return Rows.of(listing.messages, looked), self._number(listing.size), self._number(listing.last)

    def _row_by_row(self, body: bytes, now: float) -> tuple[Rows, int | None, int | None]:
        raws, size, last = self._taken_apart(body)
        messages = [self._row(bytes(raw), now) for raw in raws]
        return Rows.of(messages, {}, in_places(messages)), self._number(size), self._number(last)

    def _row(self, raw: bytes, now: float) -> Message:
        try:
            message: Message = self._bare.decode(raw)
            self._each([message], now)
        except (*UNREADABLE, BadValue):
            return self._odd.read(raw, now)
        return message

    def _taken_apart(self, body: bytes) -> tuple[list[bytes], Any, Any]:
        """Return the raw rows of a list, its page size and its last page. Raises MalformedProviderResponse."""
        try:
            listing: Any = self._raws.decode(body)
        except UNREADABLE:
            found = lenient.elements(lenient.as_utf8(body)[0], self._list_member)
            if found is None:
                raise MalformedProviderResponse("a list of messages is not of its dialect's shape") from None
            raws, rest = found
            around = lenient.read(rest)
            listing = self._raws.decode(msgspec.json.encode(around)) if isinstance(around, dict) else None
            return raws, getattr(listing, "size", None), getattr(listing, "last", None)
        return listing.messages, listing.size, listing.last

    def _converted(self, members: dict[str, Any], now: float) -> Message:
        message: Message = msgspec.convert(members, self._struct)
        self._each([message], now)
        return message

    @staticmethod
    def _number(said: Any) -> int | None:
        """Return a number of the page object, from a number or from digits. Published servers send either."""
        if said is None:
            return None
        try:
            return read_count(said)
        except BadValue:
            return None


def _listing(member: str, said: tuple[str, str], row: Any) -> Any:
    """Return the struct of a list with rows of a type, with its page size and its last page."""
    fields: list[Any] = [("messages", list[row]), ("size", Any, None), ("last", Any, None)]
    return msgspec.defstruct(
        "Many", fields, rename=dict(zip(("messages", "size", "last"), (member, *said), strict=True))
    )


def _plain_reads(table: Table, copies: list[FieldRow]) -> list[ReadRow]:
    """Return the rows of [[reads]] that are the only reader of their member and have no condition. They are decoded directly."""
    members = [row.json for row in table.reads] + [row.json for row in copies]
    return [
        row
        for row in table.reads
        if row.json and not row.statuses and not row.directions and members.count(row.json) == 1
    ]


def _struct(
    bindings: TableCodecs, copies: list[FieldRow], plain: list[ReadRow], derived: list[ReadRow]
) -> type[Message]:
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
    bindings: TableCodecs, copies: list[FieldRow], plain: list[ReadRow], reads: tuple[ReadRow, ...], *, many: bool
) -> Neutral:
    """Return the function that makes the values of messages neutral. `many` checks whole columns first, which pays from a few messages
    on."""
    source = Source("def read(rows, now):")
    source.add(1, "looked = {}")
    simple = [(row.of[0], row.kind, row.required) for row in copies if row.of[0] != "status"]
    simple += [(row.attribute, row.kind, False) for row in plain]
    if many:
        _add_columns(source, bindings, simple)
    source.add(1, "try:", "    for m in rows:")
    for attribute, kind, required in simple:
        if bindings.kind(kind).decoded or (many and required and bindings.kind(kind).column is not None):
            continue
        if bindings.kind(kind).reads_shown is shown_plus:
            continue
        name = source.name(bindings.kind(kind).reads_shown)
        if kind == "word:direction":
            source.add(3, f"m.{attribute} = {source.name(bindings.direction.plain)}[m.{attribute}]")
        elif required:
            source.add(3, f"m.{attribute} = {name}(m.{attribute})")
        else:
            source.add(3, f"x = m.{attribute}", f"if x is not None: m.{attribute} = {name}(x)")
    known = {**bindings.status.plain, **dict.fromkeys(bindings.status.tested)}
    source.add(3, f"m.status = {source.name(known)}[m.status] or {source.name(_tested(bindings.status))}(m, now)")
    _add_reads(source, bindings, [row for row in reads if row not in plain])
    source.add(1, "except KeyError:", f"    raise {source.name(BadValue)}('is not a word of this dialect') from None")
    source.add(1, "return looked")
    return source.function("reading messages")


def _add_columns(source: Source, bindings: TableCodecs, simple: list[tuple[str, str, bool]]) -> None:
    """Add the lines that check whole columns."""
    for attribute, kind, required in simple:
        if required and (column := bindings.kind(kind).column) is not None:
            look, read = source.name(column.look), bindings.kind(kind).reads_shown
            source.add(1, f"c = {look}([m.{attribute} for m in rows])")
            source.add(1, f"if c is not None: looked[{attribute!r}, {column.form!r}] = c")
            if read is not shown_plus:
                source.add(1, "else:", f"    for m in rows: m.{attribute} = {source.name(read)}(m.{attribute})")


def _add_reads(source: Source, bindings: TableCodecs, reads: list[ReadRow]) -> None:
    """Add the lines of the rows of [[reads]] that have a condition, or share their member."""
    for row in reads:
        source.add(3, f"x = m.{_raw(row)}" if row.json else f"x = {row.fixed!r}")
        holds = "x is not None"
        holds += f" and m.status in {source.name(frozenset(row.statuses))}" if row.statuses else ""
        holds += f" and m.direction in {source.name(frozenset(row.directions))}" if row.directions else ""
        value = f"{source.name(bindings.kind(row.kind).reads_shown)}(x)" if row.kind else "x"
        source.add(3, f"if {holds}: m.{row.attribute} = {value}")


def _tested(words: Vocabulary) -> Callable[[Message, float], str]:
    """Return the function for statuses whose neutral word depends on a second attribute of the message. The last row of a word has no
    test."""
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
