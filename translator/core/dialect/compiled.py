"""A dialect: one checked table, compiled, with four verbs.

              as FRONT                         as BACK
    way in    read_request   (Front)           write_request  (Back)
    way out   write_response (Front)           read_response  (Back)

All four are pure: values in, values out, `now` handed over where it matters.
"""

from typing import Any

from translator.core.codegen import TableCodecs
from translator.core.dialect.back import BackVerbs
from translator.core.dialect.callbacks import CallbackRules
from translator.core.dialect.front import FrontVerbs
from translator.core.mapping import Table, load
from translator.core.values.codecs.numbers import Numbering

__all__ = ["Dialect", "dialect"]


class Dialect:
    """One dialect with both its sides, and the calls that it makes."""

    def __init__(self, table: Table, numbering: Numbering | None = None) -> None:
        self.table = table
        self.name = table.dialect.name
        bindings = TableCodecs(table, numbering)
        self.front = FrontVerbs(table, bindings)
        self.back = BackVerbs(table, bindings)
        self.calls = CallbackRules(table, bindings)

    def __repr__(self) -> str:
        return f"Dialect({self.name})"


def dialect(file: str, raw: dict[str, Any], numbering: Numbering | None = None) -> Dialect:
    """The dialect of a table's plain values, for accounts that say so much of their numbers. Raises TableError."""
    return Dialect(load(file, raw), numbering)
