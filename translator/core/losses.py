"""Finds what an answer lost: the ids of the mapping rows at which something of a message did not get through, or was never said.

message from the provider ─▶ the front's own words ─▶ read as a client reads them ─▶ the same message again, or less

Nothing is guessed from the verdicts of COMPATIBILITY.md. The front's own table reads the answer again. A value from the provider that
cannot be read again is lost, at the row that would have shown it. Four other losses show in no reading. The provider may leave a member
unsaid. The value of a member may be invented. A SID may have another length. A send parameter may be one that no provider is told.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from translator.core.codegen import MessageReader, MessageWriter, TableCodecs, message_writer
from translator.core.dialect import Dialect
from translator.core.http.formats import json as json_format
from translator.core.http.formats import xml
from translator.core.mapping.cell_paths import row_id
from translator.core.mapping.pair import DialectPair, source
from translator.core.mapping.schema import FieldRow, ReadRow, Table
from translator.core.model import Draft, Message, Notes, SentMessage

_DOCUMENTED: Final = "M" + "A" * 31
"""A SID of the shape and length that the documents show."""


class _NeverProvided(NamedTuple):
    """A member of the front whose value the provider does not say. `statuses` and `reads` are the messages that would have shown one.
    Empty is no condition."""

    id: str
    statuses: frozenset[str]
    reads: tuple[ReadRow, ...]

    def happens(self, message: Message) -> bool:
        """True if this message would have shown the member."""
        return (not self.statuses or message.status in self.statuses) and (
            not self.reads or any(_holds(read, message) for read in self.reads)
        )


class Losses:
    """The losses of answers, by pair of dialects. The rules of a pair are computed when it first answers."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[Dialect, Dialect], _Pair] = {}

    def of(
        self, front: Dialect, back: Dialect, operation: str, shown: Sequence[Message | SentMessage], now: float, form: str = "json"
    ) -> tuple[str, ...]:  # fmt: skip
        """Return the ids of the rows at which an answer lost something, each once, in the order of the tables. `shown` are the messages
        of the answer, or the sends. `form` is its format."""
        return self._pair(front, back).of(operation, shown, now, form)

    def static_losses(self, front: Dialect, back: Dialect, operation: str) -> tuple[str, ...]:
        """Return the ids of the rows that are always lost, because the provider leaves them unsaid."""
        return tuple([found.id for found in self._pair(front, back).unsaid[operation]])

    def _pair(self, front: Dialect, back: Dialect) -> "_Pair":
        made = self._pairs.get((front, back))
        if made is None:
            made = self._pairs[front, back] = _Pair(front.table, back.table)
        return made


class _Pair:
    """The losses with one dialect as the front and another as the back."""

    def __init__(self, front: Table, back: Table) -> None:
        self._tables = tables = DialectPair(front, back)
        self._again = _RoundTrip(front)
        self._words = {name: TableCodecs(back).kind(name) for name in ("word:status", "word:direction")}
        operations = self._again.operations
        self.unsaid = {operation: tuple(_unsaid(tables, operation)) for operation in operations}
        said = _said(back)
        self._ids = {operation: {name: self._place(name, operation) for name in said} for operation in operations}
        # Each side has its own account and property, so neither is ever lost.
        self._rows = {name: [row for row in back.fields if name in row.of and row.write != "entry"] for name in said}
        self._untold = tuple(_untold(tables))
        [sid] = [row for row in front.fields if row.of == ("sid",)]
        [theirs] = [row for row in back.fields if row.of == ("sid",)]
        self._sid_id = row_id("fields", sid.json)
        self._sid = TableCodecs(front).kind(sid.kind).write
        self._their_sid = TableCodecs(back).kind(theirs.kind).write
        self._order = tuple(dict.fromkeys(_in_order(tables)))

    def of(self, operation: str, shown: Sequence[Message | SentMessage], now: float, form: str) -> tuple[str, ...]:
        found: set[str] = set()
        messages = [one.message if isinstance(one, SentMessage) else one for one in shown]
        for one in shown:
            if isinstance(one, SentMessage):
                found.update(self._of_draft(one.draft, one.message))
        for before, after in zip(messages, self._again(operation, messages, now), strict=True):
            found.update(self._differing(operation, before, after))
            found.update(unsaid.id for unsaid in self.unsaid[operation] if unsaid.happens(before))
        if any(self._in_another_length(message.sid) for message in messages):
            found.add(self._sid_id)
        if form == "xml" and not all(xml.holds(message.text) for message in messages):
            found.add(row_id("formats.offers", form))
        return tuple([id_ for id_ in self._order if id_ in found])

    def _differing(self, operation: str, before: Message, after: Message) -> Iterator[str]:
        """Yield the rows at which a value from the provider cannot be read again."""
        for name, place in self._ids[operation].items():
            told, read = getattr(before, name), getattr(after, name)
            if told is not None and told != read and self._would_show(name, before, after):
                yield place(before, read)

    def _would_show(self, name: str, before: Message, after: Message) -> bool:
        """True if the provider's value really changed in the round trip. An instant that moved to another member is not lost."""
        return any(self._spoken(row, before) != self._spoken(row, after) for row in self._rows[name])

    def _spoken(self, row: FieldRow, message: Message) -> Any:
        """Return the value of a row at the back, with words in the back's vocabulary. An error code stays as it is, even if the back
        does not know it."""
        values = [value for name in row.of if (value := getattr(message, name)) is not None]
        if not values:
            return None
        value = max(values) if row.write == "latest" else values[0]
        return self._words[row.kind].write(value) if row.kind in self._words else value

    def _in_another_length(self, sid: str) -> bool:
        shown = self._sid(sid)
        return shown != self._their_sid(sid) and len(shown) != len(self._sid(_DOCUMENTED))

    def _of_draft(self, draft: Draft, message: Message) -> Iterator[str]:
        """Yield the rows of send parameters that the provider was not told, if the resulting message differs from the request."""
        for id_, attribute in self._untold:
            asked = getattr(draft, attribute)
            if asked is not None and asked != getattr(message, attribute, None):
                yield id_

    def _place(self, name: str, operation: str) -> Callable[[Message, Any], str]:
        """Return a function that names the row that loses an attribute. Its arguments are the message and the value that can be read
        instead. The row is that of the shown word, or the front's member for the attribute. If this answer has no such member, it is
        the back's row."""
        front = self._tables.front
        shown = source(front, name)
        json = shown.json if shown is not None else ""
        rows = [row for row in front.fields if row.json == json and operation in row.shown]
        if not json or not rows:
            theirs = self._tables.source(name)
            id_ = row_id("fields", theirs.json if theirs is not None else name, behind=True)
            return lambda _, __: id_
        id_, section = row_id("fields", json), rows[0].kind.replace("word:", "words.")
        if section.startswith("words."):
            words = {row.word: row.wire for row in getattr(front.words, name) if row.way == "both"}
            return lambda message, _: row_id(section, words[getattr(message, name)])
        if name == "error" and (unknown := _unknown_error(front)):
            return lambda _, read: id_ if read is None else unknown
        return lambda _, __: id_


class _RoundTrip:
    """Messages as one front shows them and reads them again."""

    def __init__(self, table: Table) -> None:
        bindings = TableCodecs(table)
        self._reader = MessageReader(table, bindings)
        self._member = table.operation("list").member
        self.operations = ("send", "get", "list")
        self._writers: dict[str, MessageWriter] = {
            operation: message_writer(table, bindings, operation, "json") for operation in self.operations
        }

    def __call__(self, operation: str, messages: Sequence[Message], now: float) -> Sequence[Message]:
        """Return the messages after a round trip. Numbers are written as the table writes them: an echo of the client's own spelling
        loses nothing."""
        shown = self._writers[operation](messages, "", "", None, Notes())
        return self._reader.many(json_format.with_array(b"{}", self._member, shown), now)[0]


def _unsaid(tables: DialectPair, operation: str) -> Iterator[_NeverProvided]:
    for row in tables.front.fields:
        if operation in (row.shown if tables.synthetic_account(row) else tables.left_out(row)):
            reads = [read for read in tables.back.reads if read.attribute in row.of]
            yield _NeverProvided(row_id("fields", row.json), frozenset(row.statuses), tuple(reads))


def _holds(read: ReadRow, message: Message) -> bool:
    """True if the row applies to this message."""
    return (not read.statuses or message.status in read.statuses) and (
        not read.directions or message.direction in read.directions
    )


def _said(back: Table) -> list[str]:
    """Return the attributes that are read from a provider's answers."""
    names = [name for row in back.fields if row.write == "copy" for name in row.of]
    names += [row.attribute for row in back.reads if row.json]
    return list(dict.fromkeys(names))


def _untold(tables: DialectPair) -> Iterator[tuple[str, str]]:
    """Yield the parameters of the front that the provider is not told: the row, and the draft's attribute."""
    untold = {row.attribute for row in tables.back.untold}
    for row in tables.front.send:
        if row.attribute in untold:
            yield row_id("send", row.name), row.attribute


def _unknown_error(front: Table) -> str:
    """Return the row for codes that the front does not know. It is empty if the front shows every code as it is."""
    return next((row_id("words.error", row.code) for row in front.words.error if row.unknown), "")


def _in_order(tables: DialectPair) -> Iterator[str]:
    """Yield every possible id, in the order of the tables."""
    front, back = tables
    yield from (row_id("formats.offers", row.name) for row in front.formats.offers)
    yield from _members(front.fields)
    yield from (row_id("words.status", row.wire) for row in front.words.status)
    yield from (row_id("words.direction", row.wire) for row in front.words.direction)
    yield from (row_id("words.error", row.code) for row in front.words.error)
    yield from (row_id("send", row.name) for row in front.send)
    yield from _members(back.fields, behind=True)
    yield from _members(back.reads, behind=True)


def _members(rows: Iterable[FieldRow | ReadRow], *, behind: bool = False) -> Iterator[str]:
    yield from (row_id("fields", row.json, behind=behind) for row in rows)
