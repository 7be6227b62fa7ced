"""Reads the list requests of a front."""

from functools import lru_cache
from typing import Final, NamedTuple

from translator.core.codegen import TableCodecs
from translator.core.dialect.lists import QueryReader
from translator.core.dialect.parameters import Given, pairs_of, query_pairs, refuse_unread
from translator.core.errors import FaultRaised
from translator.core.http.formats import form
from translator.core.http.messages import Request
from translator.core.mapping import Table
from translator.core.mapping.schema import OperationRow
from translator.core.model import Fault, Note, Notes, Query

_QUERIES_KNOWN: Final = 256
_LONGEST_KNOWN: Final = 512
"""The number of query strings of lists that are cached with their meaning, and the maximum length of one, in characters."""


class Listed(NamedTuple):
    """A list request: the neutral query, and the part of the query string that its links repeat. `clamped` says that the client
    requested more messages a page than are shown. `limited` says that the client itself has limited the list."""

    query: Query
    repeated: str = ""
    clamped: bool = False
    limited: bool = False


class ListReader:
    """Reads the list requests of one dialect."""

    def __init__(self, table: Table, bindings: TableCodecs) -> None:
        self._table = table
        self._queries = QueryReader(table, bindings)
        self._links = any(row.value.endswith("-link") for row in table.paging.members)
        self._listed_before = lru_cache(_QUERIES_KNOWN)(self._listed_by)

    def read(self, operation: OperationRow, request: Request, notes: Notes) -> Listed:
        """Return the list request. Clients that poll repeat the same query string, so its meaning is cached."""
        if operation.request == "query" and request.body:
            refuse_unread(request, self._table.parameters, self._queries.known, notes)
        if operation.request != "query" or len(request.query) > _LONGEST_KNOWN:
            return self._listed(pairs_of(request, operation), notes)
        listed, noticed = self._listed_before(request.query)
        notes.items += noticed
        if isinstance(listed, Fault):
            raise FaultRaised(listed)
        return listed

    def _listed_by(self, query: str) -> tuple[Listed | Fault, tuple[Note, ...]]:
        """Return the list request of a query string, or the fault for which it is refused, and its notes."""
        notes = Notes()
        try:
            listed = self._listed(query_pairs(query), notes)
        except FaultRaised as refused:
            return refused.fault, tuple(notes.items)
        return listed, tuple(notes.items)

    def _listed(self, pairs: list[form.Pair], notes: Notes) -> Listed:
        queries, limit = self._queries, self._table.paging.limit
        given = Given(self._table.parameters, queries.known, pairs, notes, queries.unfiltered)
        query = queries.read(given, notes)
        clamped, limited = queries.clamps(given), limit in given.values
        if not self._links:
            return Listed(query, "", clamped, limited)
        kept = [pair for pair in given.pairs if pair[0] not in queries.page_names]
        kept = [(limit, str(query.limit)), *kept] if query.limit is not None else kept
        return Listed(query, form.write(kept), clamped, limited)
