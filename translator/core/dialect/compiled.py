"""A dialect: one checked table, compiled, with four verbs.

              as FRONT                         as BACK
    way in    read_request   (FrontVerbs)      write_request  (BackVerbs)
    way out   write_response (FrontVerbs)      read_response  (BackVerbs)

All four are pure: they take values and return values, and get `now` as an argument if they need it.
"""

import re
from typing import Any

from translator.core.codegen import TableCodecs
from translator.core.dialect.back import BackVerbs
from translator.core.dialect.callbacks import CallbackRules
from translator.core.dialect.front import FrontVerbs
from translator.core.mapping import Table, load
from translator.core.values.codecs.numbers import Numbering

__all__ = ["Dialect", "dialect"]


class Dialect:
    """One dialect with both its roles, and its callback rules."""

    def __init__(self, table: Table, numbering: Numbering | None = None) -> None:
        self.table = table
        self.name = table.dialect.name
        bindings = TableCodecs(table, numbering)
        self.front = FrontVerbs(table, bindings)
        self.back = BackVerbs(table, bindings)
        self.calls = CallbackRules(table, bindings)
        sid = next(row for row in table.fields if row.of == ("sid",))
        self._own_sid, self._writes_sid = re.compile(sid.own or r"(?!)"), bindings.kind(sid.kind).writes_own

    def makes_sid(self, sid: str) -> bool:
        """True if a neutral SID has the shape that providers of this dialect give their messages."""
        return self._own_sid.fullmatch(self._writes_sid(sid)) is not None

    def __repr__(self) -> str:
        return f"Dialect({self.name})"


def dialect(file: str, raw: dict[str, Any], numbering: Numbering | None = None) -> Dialect:
    """Compile the dialect of a table's plain values. `numbering` are an account's settings for numbers. Raises TableError."""
    return Dialect(load(file, raw), numbering)
