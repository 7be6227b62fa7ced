"""Writing messages as a front shows them: one generated function for each operation and format.

What one looks like for three fields of a JSON list, as generated:

    def write(rows, account, property, given, notes):
        out = []
        for m in rows:
            sid = _0(m.sid)
            v0 = sid
            x = m.submitted
            if x is None: x = m.received
            v1 = None if x is None else _1(x)
            v2 = account
            out.append(_2(v0, v1, v2))
        return out
"""

from collections.abc import Callable
from typing import Any

import msgspec

from translator.compile.bindings import Bindings
from translator.compile.source import Source
from translator.formats import xml
from translator.kinds.plain import write_same
from translator.model import Draft, Message, Notes
from translator.tables import Table
from translator.tables.schema import NO_XML, FieldRow

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
    sid = bindings.kind(next(row.kind for row in table.fields if row.of == ("sid",))).write
    source.add(1, "for m in rows:")
    source.add(2, f"sid = {source.name(sid)}(m.sid)")
    for number, row in enumerate(rows):
        _value(source, bindings, number, row)
    if form == "json":
        made = source.name(_struct(rows, written=table.formats.nulls == "written"))
        source.add(2, f"add({made}({', '.join(f'v{number}' for number in range(len(rows)))}))")
    else:
        source.add(2, f"add({_elements(source, rows, (table.xml or NO_XML).message)})")
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


def _value(source: Source, bindings: Bindings, number: int, row: FieldRow) -> None:
    """The lines that put a row's value for message `m` into `v<number>`."""
    target = f"v{number}"
    if row.write == "fixed":
        source.add(2, f"{target} = {row.text!r}")
    elif row.write == "nothing":
        source.add(2, f"{target} = None")
    elif row.write == "entry":
        source.add(2, f"{target} = {row.of[0]} or None")
    elif row.write == "path":
        source.add(2, f"{target} = head{number} + sid + tail{number}")
    elif row.write == "copy" and row.of == ("sid",):
        source.add(2, f"{target} = sid")
    elif row.write == "given":
        kind = bindings.kind(row.kind)
        source.add(2, f"{target} = {source.name(_as_given(row.of[0], kind.read, kind.write))}(m, given)")
    else:
        kind = bindings.kind(row.kind)
        write = None if kind.write is write_same else source.name(kind.write)
        _instants_or_copy(source, row)
        if row.statuses:
            source.add(2, f"if m.status not in {source.name(frozenset(row.statuses))}: x = None")
        if row.kind == "error:number":
            source.add(2, f"if x is not None and x not in {source.name(bindings.errors.texts)}:")
            source.add(3, "notes.add('unknown-error-code', x)")
        if write is None:
            source.add(2, f"{target} = x")
        else:
            source.add(2, f"{target} = {write}(x)" + ("" if row.required else " if x is not None else None"))


def _instants_or_copy(source: Source, row: FieldRow) -> None:
    first, *others = row.of
    source.add(2, f"x = m.{first}")
    for other in others:
        if row.write == "latest":
            source.add(2, f"y = m.{other}", "if y is not None and (x is None or y > x): x = y")
        else:
            source.add(2, f"if x is None: x = m.{other}")


def _as_given(attribute: str, read: Callable[[Any], Any], write: Callable[[Any], Any]) -> Any:
    """Shows a sender or recipient as the caller wrote it, unless the provider says that it is another one."""

    def shown(message: Message, given: Draft | None) -> str:
        told = getattr(message, attribute)
        asked = given.as_given.get(attribute) if given is not None else None
        return asked if asked is not None and read(asked) == told else write(told)

    return shown


def _elements(source: Source, rows: list[FieldRow], message: str) -> str:
    """An expression for a message as XML; children under one parent stand together in it."""
    text, element = source.name(xml.text), source.name(xml.element)
    groups: list[tuple[str, list[str]]] = []
    for number, row in enumerate(rows):
        parent, _, child = row.xml.rpartition("/")
        absent = f"<{child}/>" if row.xml_empty else ""
        source.add(2, f"e{number} = {element}({child!r}, {text}(v{number})) if v{number} is not None else {absent!r}")
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
