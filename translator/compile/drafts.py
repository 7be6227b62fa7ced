"""Writing drafts for a back: what it cannot be told of one, and the members of what it is told, as generated functions.

What they look like for two attributes, as generated:

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

from collections.abc import Callable
from typing import Any, Final

from translator.compile.bindings import Bindings
from translator.compile.source import Source
from translator.kinds import numbers
from translator.kinds.plain import write_same
from translator.model import Draft
from translator.tables import Table

_ATTRIBUTES: Final = tuple(name for name in Draft.__struct_fields__ if name != "as_given")

Uncarried = Callable[[Draft], tuple[str, numbers.Party | None] | None]
"""The first attribute of a draft that a back cannot be told, and the sort of party that it does not carry there, None where it has no
counterpart at all; None when it can carry the draft."""

Members = Callable[[Draft], dict[str, Any]]
"""What a back is told of a draft, by its own names; what the table gives a default for is said even when the draft does not."""


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


def members(table: Table, bindings: Bindings) -> Members:
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
