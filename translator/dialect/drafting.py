"""Reading a send: what an application gave becomes a Draft, and so does each entry of a batch."""

from typing import NamedTuple

from translator.compile import Bindings
from translator.dialect.parameters import Given, entries_of, known, pairs_of
from translator.errors import Refused
from translator.formats import form
from translator.kinds import numbers
from translator.model import Draft, Fault, Notes
from translator.tables import Table
from translator.tables.schema import OperationRow
from translator.wire import Request

_NOTHING = ("", None)
"""What is given and says nothing: an empty field of a form is as good as none."""


class Batch(NamedTuple):
    """Several drafts of one request, each with an outcome of its own; what cannot be meant is its fault already."""

    entries: tuple[Draft | Fault, ...]


class DraftReader:
    """The sends of one dialect."""

    def __init__(self, table: Table, bindings: Bindings) -> None:
        self._rules = table.parameters
        self._known = known(row.name for row in table.send)
        self._required = tuple(row.name for row in table.send if row.required)
        self._rows = tuple((row.name, row.attribute, bindings.kind(row.kind), row.carries) for row in table.send)
        self._depending = tuple((row.attribute, row.depends) for row in table.send if row.depends)

    def one(self, operation: OperationRow, request: Request, notes: Notes) -> Draft:
        """The draft of a request. Raises Refused."""
        return self._read(pairs_of(request, operation), notes)

    def all(self, operation: OperationRow, request: Request, notes: Notes) -> Batch:
        """The drafts of a batch. Raises Refused for a body that is none."""
        return Batch(tuple(self._entry(entry, notes) for entry in entries_of(request, operation)))

    def _entry(self, entry: list[form.Pair] | Fault, notes: Notes) -> Draft | Fault:
        if isinstance(entry, Fault):
            return entry
        try:
            return self._read(entry, notes)
        except Refused as refused:
            return refused.fault

    def _read(self, pairs: list[form.Pair], notes: Notes) -> Draft:
        given = Given(self._rules, self._known, pairs, notes)
        values = given.values
        for name in self._required:
            if values.get(name) in _NOTHING:
                raise Refused(Fault("missing-parameter", name))
        draft = Draft(as_given={})
        for name, attribute, kind, carries in self._rows:
            if name not in values or values[name] in _NOTHING:
                continue
            value = given.read(name, kind, notes)
            if carries:
                draft.as_given[attribute] = values[name]
                _refuse_party(name, carries, value)
            setattr(draft, attribute, value)
        for attribute, depends in self._depending:
            if getattr(draft, depends) is None:
                setattr(draft, attribute, None)
        return draft


def _refuse_party(name: str, carries: tuple[str, ...], neutral: str) -> None:
    """Refuse a sender or recipient of a sort that this parameter does not take."""
    if (party := numbers.party(neutral)) not in carries:
        raise Refused(Fault("invalid-parameter", name, f"has to be a {' or a '.join(carries)}, not a {party}"))
