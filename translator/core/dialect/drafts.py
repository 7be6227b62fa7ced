"""Reads sends: the parameters of a request, or each entry of a batch, become a Draft."""

from typing import NamedTuple

from translator.core.codegen import TableCodecs, compile_draft_reader
from translator.core.dialect.parameters import Given, entries_of, known, pairs_of
from translator.core.errors import FaultRaised
from translator.core.http.formats import form
from translator.core.http.messages import Request
from translator.core.mapping import Table
from translator.core.mapping.schema import OperationRow
from translator.core.model import Draft, Fault, Notes


class Batch(NamedTuple):
    """Several drafts of one request, each with its own outcome. An invalid entry is its fault already."""

    entries: tuple[Draft | Fault, ...]


class DraftReader:
    """The sends of one dialect."""

    def __init__(self, table: Table, bindings: TableCodecs) -> None:
        self._rules = table.parameters
        self._known = known(row.name for row in table.send)
        self._drafted = compile_draft_reader(table, bindings)

    def one(self, operation: OperationRow, request: Request, notes: Notes) -> Draft:
        """Return the draft of a request. Raises FaultRaised."""
        return self._read(pairs_of(request, operation), notes)

    def all(self, operation: OperationRow, request: Request, notes: Notes) -> Batch:
        """Return the drafts of a batch. Raises FaultRaised for a body that is not a batch."""
        return Batch(tuple(self._entry(entry, notes) for entry in entries_of(request, operation)))

    def _entry(self, entry: list[form.Pair] | Fault, notes: Notes) -> Draft | Fault:
        if isinstance(entry, Fault):
            return entry
        try:
            return self._read(entry, notes)
        except FaultRaised as refused:
            return refused.fault

    def _read(self, pairs: list[form.Pair], notes: Notes) -> Draft:
        return self._drafted(Given(self._rules, self._known, pairs, notes).values, notes)
