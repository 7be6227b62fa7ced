"""Drafts, read from what a front was given and written as what a back is told, and what it cannot be told of one, as generated functions.

What they look like for one or two attributes, as generated:

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
"""The draft of what was given, by the front's own names. Raises Refused. An empty field of a form is as good as none."""

Uncarried = Callable[[Draft], tuple[str, numbers.Party | None] | None]
"""The first attribute of a draft that a back cannot be told, and the sort of party that it does not carry there, None where it has no
counterpart at all; None when it can carry the draft."""

Members = Callable[[Draft], dict[str, Any]]
"""What a back is told of a draft, by its own names; what the table gives a default for is said even when the draft does not."""


def compile_draft_reader(table: Table, bindings: TableCodecs) -> Drafted:
    """The function that reads what a front was given."""
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
    """The lines that read `x`, which was given."""
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
    """A sender or recipient is of a sort that this parameter does not take."""
    party = numbers.party(neutral)
    if party == "national":
        return _invalid(name, numbers.NATIONAL)
    names = {sort: called for sort, called in numbers.PARTIES.items() if sort in carries}
    return _invalid(name, f"has to be a {' or a '.join(names.values())}, not a {numbers.PARTIES[party]}")


def uncarried(table: Table) -> Uncarried:
    """The function that looks for what a back cannot be told."""
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
    """The function that writes what a back is told."""
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
