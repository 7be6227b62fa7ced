"""Two tables composed: the values of the front's members that the back's answers provide, and those that they do not."""

from collections.abc import Iterator
from typing import NamedTuple

from translator.core.mapping.schema import FieldRow, Operation, ReadRow, Table

_OPERATIONS: tuple[Operation, ...] = ("send", "get", "list")
_OF_THE_BACK = ("copy", "copy-only", "latest", "first", "given")
"""The ways to write a member whose value the provider has to say."""


class Unseen(NamedTuple):
    """A value that the back says in `member` of its answers, and that the front's answers to `operations` have no place for. `said` are
    all operations in which the back says it."""

    attribute: str
    member: str
    operations: tuple[Operation, ...]
    said: tuple[Operation, ...]


class DialectPair(NamedTuple):
    """Two tables: that of the front, and that of the back."""

    front: Table
    back: Table

    def source(self, attribute: str) -> FieldRow | ReadRow | None:
        """Return the row that reads an attribute from the back's answers, or None."""
        return source(self.back, attribute)

    def says(self, json: str) -> set[Operation]:
        """Return the operations whose answers have a member at the back."""
        rows = [row for row in self.back.fields if row.json == json and row.write != "nothing"]
        return {operation for row in rows for operation in row.shown}

    def synthetic_account(self, row: FieldRow) -> tuple[ReadRow, ...]:
        """Return the rows that give a fixed value for the front's row, because the back does not say it."""
        return tuple([read for read in self.back.reads if read.attribute in row.of and read.fixed is not None])

    def left_out(self, row: FieldRow) -> tuple[Operation, ...]:
        """Return the operations whose answers lack a member of the front that they could show, because the back's answer does not say
        it."""
        if row.write not in _OF_THE_BACK or row.unsaid or self.synthetic_account(row):
            return ()
        sources = [found for name in row.of if (found := self.source(name)) is not None]
        if not sources:
            return row.shown
        if row.write not in ("copy", "copy-only") or row.statuses or not sources[0].json:
            return ()
        said = self.says(sources[0].json)
        return tuple([operation for operation in row.shown if operation not in said])

    def unseen(self) -> Iterator[Unseen]:
        """Yield the values that the back says and the front has no place for, by the back's members. Account and property are each
        side's own."""
        own = {name for row in self.back.fields if row.write == "entry" for name in row.of}
        for row in self.back.fields:
            for attribute in self._read_from(row):
                said = tuple([operation for operation in _OPERATIONS if operation in self.says(row.json)])
                lacking = tuple([operation for operation in said if not self.has_place(attribute, operation)])
                first = next(other for other in self.back.fields if other.json == row.json)
                if lacking and attribute not in own and row is first:
                    yield Unseen(attribute, row.json, lacking, said)

    def has_place(self, attribute: str, operation: str) -> bool:
        """True if the front's answer to an operation has a member for this attribute, even one with a fixed value."""
        members = {row.json for row in self.front.fields if attribute in row.of}
        return any(row.json in members and operation in row.shown for row in self.front.fields)

    def _read_from(self, row: FieldRow) -> list[str]:
        """Return the attributes that are read from a member of the back."""
        found = [read.attribute for read in self.back.reads if read.json == row.json]
        return found + [name for name in row.of if row.write == "copy" and self.source(name) is row]


def source(table: Table, attribute: str) -> FieldRow | ReadRow | None:
    """Return the row that reads an attribute from answers of a dialect, or None."""
    found: list[FieldRow | ReadRow] = [row for row in table.reads if row.attribute == attribute]
    found += [row for row in table.fields if row.write == "copy" and row.of == (attribute,)]
    return found[0] if found else None
