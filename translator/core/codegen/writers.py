"""Generates the functions that write messages as text for a front: one for each operation and format.

The generated function looks like this for four fields of a JSON list:

    def write(rows, account, property, given, notes):
        p2 = f',"account_sid":{_0(account)}' if account else ''
        c3 = _1([m.text for m in rows])
        k0 = f'{p2},"body":'
        for m, c3 in zip(rows, c3):
            m_sid, m_created, m_submitted, m_received = m.sid, m.created, m.submitted, m.received
            second = m_created % 3600
            hour = m_created - second
            x1 = m_submitted
            if x1 is None: x1 = m_received
            p1 = ''
            if x1 is not None:
                s1 = x1 - hour
                if 0 <= s1 < 3600: h1 = _2[hour]
                else: s1 = x1 % 3600; h1 = _2[x1 - s1]
                p1 = f',"date_sent":"{h1}{_3[s1]}"'
            yield f'{{"sid":"SM{m_sid}"{p1}{k0}{c3}}}'
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import msgspec

from translator.core.codegen.codecs import TableCodecs
from translator.core.codegen.constant_folding import fold_constants, grouped
from translator.core.codegen.functions import as_given, batch_writer
from translator.core.codegen.loop_body import LoopBody
from translator.core.codegen.quoting import Counts, JsonQuoting, Value
from translator.core.codegen.source import Source, literal
from translator.core.http.formats import xml
from translator.core.http.formats.json import SPELLINGS
from translator.core.mapping import Table
from translator.core.mapping.schema import NO_XML, FieldRow
from translator.core.model import Draft, Message, Notes
from translator.core.values.codecs.codec import TimeLookup
from translator.core.values.codecs.plain import COUNT, write_same
from translator.core.values.codecs.segments import segments_of

_ALWAYS = frozenset(field.name for field in msgspec.structs.fields(Message) if field.required)
"""The attributes that every message has."""

_words = cache(frozenset[str])
"""Returns one set for equal words, so that equal conditions have the same name."""

MessageWriter = Callable[[Sequence[Message], str, str, Draft | None, Notes], Iterator[str]]
"""Writes messages as the front's text: JSON objects or XML elements.

Its arguments are the messages, the account's own account and property, the draft of a send, and the notes.
"""


def message_writer(table: Table, bindings: TableCodecs, operation: str, form: str) -> MessageWriter:
    """Return the function that writes the messages of one operation as `json` or `xml`."""
    return _Writing(table, bindings, operation, form).function()


class _Writing:
    """A writer that is being generated. In its source `m_…` are attributes of a message, `c…` values of a whole column. `x…` is the
    attribute found among several, and `p…` is an optional piece of the text. Each is numbered by its row."""

    def __init__(self, table: Table, bindings: TableCodecs, operation: str, form: str) -> None:
        self._table, self._bindings, self._operation = table, bindings, operation
        self._rows = [row for row in table.fields if operation in row.shown and (form == "json" or row.xml)]
        self._sid_kind = bindings.kind(next(row.kind for row in table.fields if row.of == ("sid",)))
        self._source = Source("def write(rows, account, property, given, notes):")
        self._loop = LoopBody()
        self._same: set[str] = set()
        self._spelled = JsonQuoting(self._source, form, SPELLINGS[table.formats.escape])
        self._columns: dict[int, str] = {}
        self._hour: dict[str, str] = {}
        self._sid = ""

    def function(self) -> MessageWriter:
        """Return the function: first the parts that are the same for all messages, then each message."""
        source = self._source
        self._begin()
        self._go_through()
        pieces = [self._piece(number, row) for number, row in enumerate(self._rows)]
        if self._spelled.form == "xml":
            self._loop.add(f"yield {self._of_elements(pieces)}")
        else:
            self._loop.add(*self._of_members("".join(pieces)))
        columns = "".join(f", c{number}" for number in self._columns)
        source.add(1, f"for m{columns} in zip(rows{columns}):" if columns else "for m in rows:")
        source.add(2, *self._loop.lines)
        return source.function(f"writing {self._operation} as {self._spelled.form}")

    # ------------------------------------------------------------------------------------------ the same for all messages

    def _begin(self) -> None:
        for number, row in enumerate(self._rows):
            if row.write == "path":
                self._path_ends(number, row.xml_text if self._spelled.form == "xml" else row.text)
            elif row.write == "entry":
                value = self._spelled.text(row.of[0])
                piece = self._written_piece(row, value)
                self._source.add(1, f"p{number} = {piece} if {row.of[0]} else f'{self._absent(row)}'")
                self._same.add(f"p{number}")
            elif (
                self._operation == "list"
                and self._spelled.form == "json"
                and row.write == "copy"
                and row.of[0] in _ALWAYS
            ):
                self._column(number, row)

    def _path_ends(self, number: int, template: str) -> None:
        head, _, tail = template.partition("{sid}")
        for end, text in (("head", head), ("tail", tail)):
            filled = f"{text!r}.replace('{{account}}', account).replace('{{property}}', property)"
            quoted = f"{self._source.name(self._spelled.spelling.one)}({filled})[1:-1]"
            self._source.add(1, f"{end}{number} = {filled if self._spelled.form == 'xml' else quoted}")
            self._same.add(f"{end}{number}")

    def _column(self, number: int, row: FieldRow) -> None:
        """Add the values of a row for all messages at once, if its codec can write many."""
        kind = self._bindings.kind(row.kind)
        if kind.column is not None:
            written = self._source.name(batch_writer(row.of[0], kind.column, kind.write, self._spelled.spelling))
            self._source.add(1, f"c{number} = {written}(rows)")
            self._columns[number] = f'"{{c{number}}}"'
        elif kind.write is write_same and kind.is_text:
            written = self._source.name(self._spelled.spelling.each)
            self._source.add(1, f"c{number} = {written}([m.{row.of[0]} for m in rows])")
            self._columns[number] = f"{{c{number}}}"

    # -------------------------------------------------------------------------------------------------------- each message

    def _go_through(self) -> None:
        """Add a local name for each attribute that is used."""
        shown = [row for number, row in enumerate(self._rows) if number not in self._columns]
        looked = dict.fromkeys(
            name for row in shown if row.write in ("copy", "copy-only", "latest", "first") for name in row.of
        )
        if any(row.statuses for row in shown):
            looked["status"] = None
        timed = any(row.kind and self._bindings.kind(row.kind).clock for row in shown)
        if timed:
            looked["created"] = None
        self._loop.add(*[f"m_{name} = m.{name}" for name in looked if name != "sid"])
        if timed:
            self._loop.add("second = m_created % 3600", "hour = m_created - second")
        number = next((number for number in self._columns if self._rows[number].of == ("sid",)), None)
        if number is not None:
            self._sid = f"{{c{number}}}"
        else:
            self._loop.add("m_sid = m.sid")
            self._sid = self._spelled.inside(self._sid_kind, "m_sid")

    def _piece(self, number: int, row: FieldRow) -> str:
        """Return a row's part of the text, as the inside of an f-string, and add the lines that it needs."""
        if row.write == "entry":
            self._loop.add()  # the next piece comes after it
            return f"{{p{number}}}"
        if row.write == "nothing":
            return self._absent(row)
        value = self._value(number, row)
        piece = self._written_piece(row, value.text)
        if value.there:
            return self._where(value.there, f"p{number}", piece, self._absent(row), value.lines)
        self._loop.add(*value.lines)
        if self._spelled.form == "json":
            return value.member or piece[2:-1]
        self._loop.add(f"p{number} = {piece}")
        return f"{{p{number}}}"

    def _where(self, there: str, name: str, piece: str, absent: str, lines: tuple[str, ...]) -> str:
        """Return an optional part. In JSON, a part that follows another under the same condition is joined to it."""
        if self._loop.joins(there) and self._spelled.form == "json" and not absent:
            self._loop.add_joined(piece, lines)
            return ""
        self._loop.add_piece(there, name, piece, absent, lines)
        return f"{{{name}}}"

    def _written_piece(self, row: FieldRow, value: str) -> str:
        """Return the expression of a row's part if its value exists."""
        if self._spelled.form == "json":
            return f"f',{literal(self._spelled.spelling.one(row.json))}:{value}'"
        element, text = self._source.name(xml.element), self._source.name(xml.text)
        return f"{element}({row.xml.rpartition('/')[2]!r}, {text}(f'{value}'))"

    def _absent(self, row: FieldRow) -> str:
        """Return a row's part if its value does not exist."""
        if self._spelled.form == "json":
            return (
                f",{literal(self._spelled.spelling.one(row.json))}:null"
                if self._table.formats.nulls == "written"
                else ""
            )
        return f"<{row.xml.rpartition('/')[2]}/>" if row.xml_empty else ""

    def _value(self, number: int, row: FieldRow) -> Value:
        if number in self._columns:
            return Value(self._columns[number])
        if row.write == "fixed":
            return Value(literal(self._spelled.spelling.one(row.text) if self._spelled.form == "json" else row.text))
        if row.write == "path":
            return Value(self._spelled.quoted(f"{{head{number}}}{self._sid}{{tail{number}}}"))
        kind = self._bindings.kind(row.kind) if row.kind else self._sid_kind
        if row.write == "copy" and kind.wire is COUNT and not row.statuses:
            return self._counted(number, row)
        if row.of == ("sid",):
            return Value(self._spelled.quoted(self._sid))
        if row.write == "given":
            shown = self._source.name(as_given(row.of[0], kind.write))
            return Value(self._spelled.text(f"{shown}(m, given)"))
        found = self._found(number, row)
        there = [] if _ALWAYS.intersection(row.of) else [f"{found} is not None"]
        there += [f"m_status in {self._source.name(_words(row.statuses))}"] if row.statuses else []
        if kind.clock is not None:
            text, lines = self._instant(
                kind.clock, number, found, is_later=row.write == "latest" and "created" in row.of
            )
            return Value(self._spelled.quoted(text), " and ".join(there), lines)
        lines = (self._to_be_known(found),) if row.kind == "error:number" else ()
        member = self._spelled.member(row.json, kind, found)
        return Value(self._spelled.value(kind, found), " and ".join(there), lines, member)

    def _counted(self, number: int, row: FieldRow) -> Value:
        """Return a count. Most messages have equal counts, so each is written once. A count that the provider does not say is computed
        if the table says so."""
        found = f"m_{row.of[0]}"
        if row.unsaid:
            found = f"x{number}"
            made = f"{self._source.name(segments_of)}(m.direction, m.text)"
            self._loop.add(f"{found} = m_{row.of[0]}", f"if {found} is None: {found} = {made}")
        elif self._spelled.form == "xml":
            return Value(f"{{{found}}}", f"{found} is not None")
        if self._spelled.form == "xml":
            return Value(f"{{{found}}}")
        shown = self._source.name(Counts(self._spelled.spelling.one(row.json), self._absent(row)))
        return Value("", "", member=f"{{{shown}[{found}]}}")

    def _to_be_known(self, code: str) -> str:
        known = self._source.name(self._bindings.errors.texts)
        return f"if {code} not in {known}: notes.add('unknown-error-code', {code})"

    def _instant(self, clock: TimeLookup, number: int, found: str, *, is_later: bool) -> tuple[str, tuple[str, ...]]:
        """Return an instant as the inside of an f-string, and the lines before it. Most instants share the known hour of Created. Then
        one takes 60 to 90 ns, and alone 125. With `is_later`, it is not before Created."""
        hours, seconds = self._source.name(clock.hours), self._source.name(clock.seconds)
        same = self._hour.get(hours, f"{hours}[hour]")
        if found == "m_created":
            if hours not in self._hour:
                self._hour[hours] = f"h{number}"
                self._loop.add(f"h{number} = {same}")
            return f"{{{self._hour[hours]}}}{{{seconds}[second]}}", ()
        lines = (
            f"s{number} = {found} - hour",
            f"if {'' if is_later else '0 <= '}s{number} < 3600: h{number} = {same}",
            f"else: s{number} = {found} % 3600; h{number} = {hours}[{found} - s{number}]",
        )
        return f"{{h{number}}}{{{seconds}[s{number}]}}", lines

    def _found(self, number: int, row: FieldRow) -> str:
        """Return the name of the attribute that a row shows: of several, the first that exists or the latest."""
        first, *others = row.of
        if not others or (row.write == "first" and first in _ALWAYS):
            return f"m_{first}"
        found = f"x{number}"
        self._loop.add(f"{found} = m_{first}")
        for other in others:
            if row.write == "latest":
                later = f"m_{other} > {found}" if first in _ALWAYS else f"({found} is None or m_{other} > {found})"
                self._loop.add(f"if m_{other} is not None and {later}: {found} = m_{other}")
            else:
                self._loop.add(f"if {found} is None: {found} = m_{other}")
        return found

    # ----------------------------------------------------------------------------------------------- joining the pieces

    def _of_members(self, members: str) -> list[str]:
        """Return the lines for a message as JSON: its members, each with a comma before it."""
        inside, runs = fold_constants(f"{{{{{members[1:]}}}}}" if members.startswith(",") else members, self._same)
        self._source.add(1, *[f"{name} = f'{run}'" for name, run in runs.items()])
        if members.startswith(","):
            return [f"yield f'{inside}'"]
        return [f"x = f'{inside}'", "yield f'{{{x[1:]}}}'"]

    def _of_elements(self, pieces: list[str]) -> str:
        """Return an expression for a message as XML. Children of one parent are together in it."""
        element = self._source.name(xml.element)
        parts = []
        for number, (parent, joined) in enumerate(grouped([row.xml for row in self._rows], pieces)):
            if parent:
                self._loop.add(
                    f"g{number} = f'{joined}'", f"if g{number}: g{number} = {element}({parent!r}, g{number})"
                )
            parts.append(f"{{g{number}}}" if parent else joined)
        return f"{element}({(self._table.xml or NO_XML).message!r}, f'{''.join(parts)}')"
