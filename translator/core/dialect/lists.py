"""Reads a list request: filters, sorting and paging become a neutral query."""

from typing import Any

from translator.core.codegen import TableCodecs
from translator.core.dialect import bounds
from translator.core.dialect.parameters import Given, known, read_value
from translator.core.errors import BadValue, FaultRaised
from translator.core.mapping import Table
from translator.core.mapping.schema import FilterRow
from translator.core.model import Fault, Notes, Order, Query
from translator.core.values.codecs.patterns import read_pattern
from translator.core.values.codecs.plain import read_count

_LARGEST = 10**12
_BARE_PLUS = ("+", " ")
"""A plus, and the blank that it becomes without escaping. A number ignores its plus, so these are as good as empty."""


class QueryReader:
    """The list requests of one dialect. `known` are the names of all parameters, `page_names` those of paging. `unfiltered` are names
    of attributes that lists are not filtered by. It is empty if the table ignores such names, because they are then unknown names."""

    def __init__(self, table: Table, bindings: TableCodecs) -> None:
        self._table = table
        self._bindings = bindings
        self._sid = bindings.kind(next(row.kind for row in table.fields if row.of == ("sid",)))
        rules = table.paging
        self.page_names = frozenset(name for name in (rules.position, rules.size, rules.limit, rules.after) if name)
        refused = frozenset(row.name for row in table.filters if row.test == "refused")
        self.unfiltered = refused if table.parameters.unfiltered == "refuse" else frozenset()
        filters = [row.name for row in table.filters if row.name not in refused]
        self.known = known((*filters, *self.unfiltered, *self.page_names, *filter(None, [table.sort.parameter])))

    def read(self, given: Given, notes: Notes) -> Query:
        """Return the query. Raises FaultRaised for a request that is invalid or cannot be answered."""
        constraints: dict[str, Any] = {}
        for row in self._table.filters:
            if row.name in given.values:
                self._constrain(row, given, constraints, notes)
            elif row.required:
                raise FaultRaised(Fault("missing-parameter", row.name))
        return Query(order=self._order(given, notes), **self._stretch(given), **constraints)

    def _constrain(self, row: FilterRow, given: Given, into: dict[str, Any], notes: Notes) -> None:
        if row.test == "contains":
            into["within"] = given.read(row.name, self._bindings.kind(row.kind), notes) or None
            return
        if given.values[row.name] == "" or (row.test == "equals" and given.values[row.name] in _BARE_PLUS):
            raise FaultRaised(Fault("invalid-parameter", row.name, "can not be empty"))
        if row.test == "tail":
            into[f"{row.attribute}_like"] = read_value(row.name, read_pattern, given.values[row.name])
            return
        if row.test == "word":
            vocabulary = self._bindings.status if row.kind == "word:status" else self._bindings.direction
            any_case = self._table.parameters.names == "any-case"
            value = given.values[row.name]
            # A nested JSON value is not a word, and a deeply nested one cannot be written as a text.
            read = lambda word: vocabulary.read_constraint(word, any_case=any_case)  # noqa: E731
            value = value if isinstance(value, str) else ""
            into["statuses" if row.attribute == "status" else "directions"] = read_value(row.name, read, value)
            return
        value = given.read(row.name, self._bindings.kind(row.kind), notes)
        if row.test == "equals":
            into[row.attribute] = value
        elif row.test == "lower-bound":
            into["since"] = bounds.since(value, row.grain, inclusive=bool(row.inclusive))
        else:
            into["until"] = bounds.until(value, row.grain, inclusive=bool(row.inclusive))

    def _order(self, given: Given, notes: Notes) -> Order:
        sort = self._table.sort
        default = Order("created", sort.default == "descending")
        value = given.values.get(sort.parameter, "") if sort.parameter else ""
        if not value:
            return default
        attribute, separator, direction = value.partition(sort.separator)
        ways = {sort.ascending: False, sort.descending: True}
        if separator and direction.lower() not in ways:
            reason = "sort direction needs to be either ASC or DESC"
            raise FaultRaised(Fault("unsortable", sort.parameter, reason))
        if not attribute:
            raise FaultRaised(Fault("unsortable", sort.parameter, "missing field to sort by"))
        keys = [key for key in sort.keys if key.offered]
        key = next((key for key in keys if key.name == attribute), None)
        if key is None:
            if sort.unknown == "ignore":
                notes.add("unknown-sort")
                return default
            names = ", ".join(key.name for key in keys)
            raise FaultRaised(Fault("invalid-parameter", sort.parameter, f"has to sort by one of {names}"))
        return Order(key.attribute, ways[direction.lower()] if separator else sort.unsaid == "descending")

    def _stretch(self, given: Given) -> dict[str, Any]:
        rules = self._table.paging
        position = self._count(given, rules.position, rules.first, least=rules.first) - rules.first
        size = self._count(given, rules.size, rules.size_default, least=1)
        count = min(size, rules.size_max) if rules.size_max else size
        limit = self._count(given, rules.limit, rules.limit_default, least=1) or None if rules.limit else None
        skip = position * count if rules.unit == "pages" else position
        return {"skip": skip, "count": count, "limit": limit, "after": self._after(given.values.get(rules.after))}

    def clamps(self, given: Given) -> bool:
        """True if the size of a page is less than the client requested."""
        rules = self._table.paging
        asked = self._count(given, rules.size, rules.size_default, least=1)
        return bool(rules.size_max) and asked > rules.size_max

    def _after(self, shown: Any) -> str | None:
        """Return the neutral SID of the anchor. An invalid SID is ignored, so that the page number counts."""
        try:
            return None if shown is None else str(self._sid.read(shown))
        except BadValue:
            return None

    @staticmethod
    def _count(given: Given, name: str, default: int, *, least: int) -> int:
        if name not in given.values:
            return default
        number: int = read_value(name, read_count, given.values[name])
        if not least <= number <= _LARGEST:
            raise FaultRaised(Fault("invalid-parameter", name, f"has to be a whole number from {least} to {_LARGEST}"))
        return number
