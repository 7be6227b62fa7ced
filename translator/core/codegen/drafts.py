"""Generates the functions for drafts: read one from a front's parameters, write one for a provider, and find what cannot be written.

The generated functions look like this for one or two attributes:

    def read(given, notes):
        if given.get('From') in ('', None): raise _0('From')
        d = _1(as_given={})
        try:
            x = given.get('From')
            if x is not None and x != '':
                name = 'From'
                if x.__class__ is str and (meant := _2(x)) is not None: x = meant; notes.add('repaired-plus', name)
                d.sender = _3(x)
                d.as_given['sender'] = x
                if _4(d.sender) not in _5: raise _6(name, _5, d.sender)
        except _7 as error:
            raise _8(name, error.reason) from None
        return d

    def uncarried(d):
        x = d.sender
        if x is not None and (party := _0(x)) not in _1: return 'sender', party
        if d.schedule is not None: return 'schedule', None
        return None

    def members(d):
        out = {}
        x = d.sender
        if x is not None: out['From'] = _0(x)
        return out
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from translator.core.codegen.codecs import TableCodecs
from translator.core.codegen.source import Source
from translator.core.errors import BadValue, FaultRaised
from translator.core.mapping import Table
from translator.core.mapping.schema import SendRow
from translator.core.model import Draft, Fault, Notes
from translator.core.values.codecs import numbers
from translator.core.values.codecs.plain import write_same

_ATTRIBUTES: Final = tuple(name for name in Draft.__struct_fields__ if name != "as_given")

Drafted = Callable[[Mapping[str, Any], Notes], Draft]
"""Returns the draft of the front's parameters, by their own names. Raises FaultRaised. An empty field of a form counts as missing."""

Uncarried = Callable[[Draft], tuple[str, numbers.Party | None] | None]
"""Returns the first attribute of a draft that a provider cannot be told, or None if it can carry the draft. With it comes the kind of
party that is not carried there, or None if the attribute has no counterpart."""

Members = Callable[[Draft], dict[str, Any]]
"""Returns a draft as a provider's parameters. A default of the table is included even if the draft has no value."""


def compile_draft_reader(table: Table, bindings: TableCodecs) -> Drafted:
    """Return the function that reads a front's parameters."""
    source = Source("def read(given, notes):")
    for row in table.send:
        if row.required:
            source.add(1, f"if given.get({row.name!r}) in ('', None): raise {source.name(_missing)}({row.name!r})")
    source.add(1, f"d = {source.name(Draft)}(as_given={{}})", "try:")
    for row in table.send:
        source.add(2, f"x = given.get({row.name!r})", "if x is not None and x != '':", f"    name = {row.name!r}")
        source.add(3, *_one_read(source, row, bindings))
    source.add(1, f"except {source.name(BadValue)} as error:")
    source.add(2, f"raise {source.name(_invalid)}(name, error.reason) from None")
    for row in table.send:
        if row.depends:
            source.add(1, f"if d.{row.depends} is None: d.{row.attribute} = None")
    source.add(1, "return d")
    return source.function("what a front was given")


def _one_read(source: Source, row: SendRow, bindings: TableCodecs) -> list[str]:
    """Return the lines that read `x`, a parameter with a value."""
    kind, lines = bindings.kind(row.kind), []
    if kind.repair is not None:
        meant = f"x.__class__ is str and (meant := {source.name(kind.repair)}(x)) is not None"
        lines.append(f"if {meant}: x = meant; notes.add('repaired-plus', name)")
    lines.append(f"d.{row.attribute} = {source.name(kind.read)}(x)")
    if row.carries:
        party, carried, refused = source.name(numbers.party), source.name(row.carries), source.name(_uncarriable)
        lines.append(f"d.as_given[{row.attribute!r}] = x")
        lines.append(
            f"if {party}(d.{row.attribute}) not in {carried}: raise {refused}(name, {carried}, d.{row.attribute})"
        )
    return lines


def _missing(name: str) -> FaultRaised:
    return FaultRaised(Fault("missing-parameter", name))


def _invalid(name: str, reason: str) -> FaultRaised:
    return FaultRaised(Fault("invalid-parameter", name, reason))


def _uncarriable(name: str, carries: tuple[str, ...], neutral: str) -> FaultRaised:
    """Return the fault for a sender or recipient of a kind that this parameter does not take."""
    party = numbers.party(neutral)
    if party == "national":
        return _invalid(name, numbers.NATIONAL)
    names = {sort: called for sort, called in numbers.PARTIES.items() if sort in carries}
    return _invalid(name, f"has to be a {' or a '.join(names.values())}, not a {numbers.PARTIES[party]}")


def uncarried(table: Table) -> Uncarried:
    """Return the function that finds what a provider cannot be told."""
    told = {row.attribute: row for row in table.send}
    untold = {row.attribute for row in table.untold}
    source = Source("def uncarried(d):")
    for name in _ATTRIBUTES:
        row = told.get(name)
        if name in untold:
            continue
        if row is None:
            source.add(1, f"if d.{name} is not None: return {name!r}, None")
        elif row.carries:
            party, carried = source.name(numbers.party), source.name(frozenset(row.carries))
            source.add(1, f"x = d.{name}")
            source.add(1, f"if x is not None and (party := {party}(x)) not in {carried}: return {name!r}, party")
    source.add(1, "return None")
    return source.function("what is not carried")


def members(table: Table, bindings: TableCodecs) -> Members:
    """Return the function that writes a provider's parameters."""
    source = Source("def members(d):")
    source.add(1, "out = {}")
    for row in table.send:
        write = bindings.kind(row.kind).write
        written = "x" if write is write_same else f"{source.name(write)}(x)"
        source.add(1, f"x = d.{row.attribute}", f"if x is not None: out[{row.name!r}] = {written}")
        if row.default is not None:
            source.add(1, f"else: out[{row.name!r}] = {row.default!r}")
    source.add(1, "return out")
    return source.function("what a back is told")
