"""Writing messages as a front shows them: one generated function for each operation and format.

What one looks like for three fields of a JSON list, as generated:

    def write(rows, account, property, given, notes):
        out = []
        add = out.append
        for m in rows:
            m_sid, m_submitted, m_received = m.sid, m.submitted, m.received
            sid = 'SM' + m_sid
            x = m_submitted
            if x is None: x = m_received
            v1 = None if x is None else _1(x)
            add(_2(sid, v1, account))
        return out
"""

from collections.abc import Callable
from typing import Any

import msgspec

from translator.compile.bindings import Bindings
from translator.compile.source import Source
from translator.formats import json, xml
from translator.kinds import Kind
from translator.kinds.kind import all_match
from translator.kinds.plain import write_same
from translator.model import Draft, Message, Notes
from translator.tables import Table
from translator.tables.schema import NO_XML, FieldRow

_ALWAYS = frozenset(field.name for field in msgspec.structs.fields(Message) if field.required)
"""The attributes that every message has."""

_FOREIGN = (("text",), ("sender",), ("recipient",))
"""What may hold letters beyond ASCII."""

MessageWriter = Callable[[list[Message], str, str, Draft | None, Notes], list[Any]]
"""Messages as the front's values: structs that encode to JSON, or XML elements as text.

Called with the messages, the entry's own account and property, the draft that a send answers to, and the notes."""


def message_writer(table: Table, bindings: Bindings, operation: str, form: str) -> MessageWriter:
    """The function that writes what one operation shows of a message, as `json` or `xml`."""
    rows = [row for row in table.fields if operation in row.shown and (form == "json" or row.xml)]
    source = Source("def write(rows, account, property, given, notes):")
    source.add(1, "out = []", "add = out.append")
    for number, row in enumerate(rows):
        if row.write == "path":
            _path_ends(source, number, row.xml_text if form == "xml" else row.text)
    short = [
        number for number, row in enumerate(rows) if operation == "list" and _is_short(source, bindings, number, row)
    ]
    source.add(1, "for m in rows:")
    source.add(2, *_loads(rows))
    sid = bindings.kind(next(row.kind for row in table.fields if row.of == ("sid",)))
    source.add(2, f"sid = {_written(source, sid, 'm_sid')}")
    values = [_value(source, bindings, number, row, short=number in short) for number, row in enumerate(rows)]
    if form == "json":
        if table.formats.escape == "ascii":
            values = [
                _in_ascii(source, row, number, value)
                for number, (row, value) in enumerate(zip(rows, values, strict=True))
            ]
        made = source.name(_struct(rows, written=table.formats.nulls == "written"))
        source.add(2, f"add({made}({', '.join(values)}))")
    else:
        source.add(2, f"add({_elements(source, rows, values, (table.xml or NO_XML).message)})")
    source.add(1, "return out")
    return source.function(f"writing {operation} as {form}")


def sort_key(table: Table, bindings: Bindings, attribute: str) -> Callable[[Message], Any]:
    """What a list sorted by an attribute compares: instants as they are, everything else as the front writes it."""
    row = next(row for row in table.fields if row.write == "copy" and row.of == (attribute,))
    write = write_same if row.kind.startswith("instant:") else bindings.kind(row.kind).write
    return lambda message: write(getattr(message, attribute))


def _struct(rows: list[FieldRow], *, written: bool) -> type[msgspec.Struct]:
    fields: list[Any] = [(f"v{number}", Any, None) for number in range(len(rows))]
    names = {f"v{number}": row.json for number, row in enumerate(rows)}
    return msgspec.defstruct("Shown", fields, rename=names, omit_defaults=not written, gc=False)


def _path_ends(source: Source, number: int, template: str) -> None:
    head, _, tail = template.partition("{sid}")
    for end, text in (("head", head), ("tail", tail)):
        filled = f"{text!r}.replace('{{account}}', account).replace('{{property}}', property)"
        source.add(1, f"{end}{number} = {filled}")


def _is_short(source: Source, bindings: Bindings, number: int, row: FieldRow) -> bool:
    """Whether a row's values may be written in a short way, behind the line that says whether all values of a list may."""
    kind = bindings.kind(row.kind) if row.kind and row.of[0] in _ALWAYS else None
    if kind is None or kind.same is None or kind.inline is None or not kind.inline.same:
        return False
    source.add(1, f"alike{number} = {source.name(all_match(kind.same))}([m.{row.of[0]} for m in rows])")
    return True


def _loads(rows: list[FieldRow]) -> list[str]:
    """Each attribute that is looked at, by a name of its own."""
    looked = dict.fromkeys(
        name for row in rows if row.write in ("copy", "copy-only", "latest", "first") for name in row.of
    )
    if any(row.statuses for row in rows):
        looked["status"] = None
    return [f"m_{name} = m.{name}" for name in {"sid": None, **looked}]


def _value(source: Source, bindings: Bindings, number: int, row: FieldRow, *, short: bool) -> str:
    """The expression of a row's value for message `m`, behind the lines that it takes."""
    kind = bindings.kind(row.kind) if row.kind else None
    if row.write == "fixed":
        return repr(row.text)
    if row.write == "nothing":
        return "None"
    if row.write == "entry":
        return f"{row.of[0]} or None"
    if row.write == "path":
        return f"head{number} + sid + tail{number}"
    if row.of == ("sid",) or kind is None:
        return "sid"
    if row.write == "given":
        return f"{source.name(_as_given(row.of[0], kind.write))}(m, given)"
    depth, target = 2, f"v{number}"
    if row.statuses:
        source.add(2, f"{target} = None", f"if m_status in {source.name(frozenset(row.statuses))}:")
        depth = 3
    found = _found(source, row, depth)
    if row.kind == "error:number":
        source.add(depth, f"if {found} is not None and {found} not in {source.name(bindings.errors.texts)}:")
        source.add(depth + 1, f"notes.add('unknown-error-code', {found})")
    written = _written(source, kind, found)
    if short and kind.inline is not None:
        written = f"{kind.inline.same.format(x=found)} if alike{number} else {written}"
    elif row.of[0] not in _ALWAYS and kind.write is not write_same:
        written = f"{written} if {found} is not None else None"
    source.add(depth, f"{target} = {written}")
    return target


def _written(source: Source, kind: Kind, value: str) -> str:
    """The expression that writes a value, which is there."""
    if kind.write is write_same:
        return value
    if kind.inline is None:
        return f"{source.name(kind.write)}({value})"
    names = {name: source.name(used) for name, used in kind.inline.names.items()}
    return kind.inline.expression.format(x=value, **names)


def _found(source: Source, row: FieldRow, depth: int) -> str:
    """The name of the attribute that a row shows; of several, the one that is there first or that is the latest, in `x`."""
    first, *others = row.of
    if not others or (row.write == "first" and first in _ALWAYS):
        return f"m_{first}"
    source.add(depth, f"x = m_{first}")
    for other in others:
        if row.write == "latest":
            later = f"m_{other} > x" if first in _ALWAYS else f"(x is None or m_{other} > x)"
            source.add(depth, f"if m_{other} is not None and {later}: x = m_{other}")
        else:
            source.add(depth, f"if x is None: x = m_{other}")
    return "x"


def _in_ascii(source: Source, row: FieldRow, number: int, value: str) -> str:
    """The value with what is beyond ASCII escaped where it stands: to look for that in a whole list that was encoded already took a
    third of the time of the list."""
    if row.of not in _FOREIGN:
        return value
    if not value.isidentifier():
        source.add(2, f"v{number} = {value}")
    source.add(2, f"if not v{number}.isascii(): v{number} = {source.name(json.escaped)}(v{number})")
    return f"v{number}"


def _as_given(attribute: str, write: Callable[[Any], Any]) -> Any:
    """Shows a sender or recipient as the caller wrote it, unless the provider says that it is another one."""

    def shown(message: Message, given: Draft | None) -> str:
        told = getattr(message, attribute)
        asked = given.as_given.get(attribute) if given is not None else None
        return asked if asked is not None and getattr(given, attribute) == told else write(told)

    return shown


def _elements(source: Source, rows: list[FieldRow], values: list[str], message: str) -> str:
    """An expression for a message as XML; children under one parent stand together in it."""
    text, element = source.name(xml.text), source.name(xml.element)
    groups: list[tuple[str, list[str]]] = []
    for number, (row, value) in enumerate(zip(rows, values, strict=True)):
        parent, _, child = row.xml.rpartition("/")
        absent = f"<{child}/>" if row.xml_empty else ""
        source.add(2, f"x = {value}", f"e{number} = {element}({child!r}, {text}(x)) if x is not None else {absent!r}")
        if not groups or groups[-1][0] != parent or not parent:
            groups.append((parent, []))
        groups[-1][1].append(f"e{number}")
    parts = []
    for number, (parent, members) in enumerate(groups):
        joined = " + ".join(members)
        if parent:
            source.add(2, f"g{number} = {joined}", f"if g{number}: g{number} = {element}({parent!r}, g{number})")
        parts.append(f"g{number}" if parent else joined)
    return f"{element}({message!r}, {' + '.join(parts)})"
