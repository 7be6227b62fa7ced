"""What the compatibility table is made of: a row, its five verdicts, and the pair of dialects that it is about."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from translator.tables.schema import FieldRow, Operation, ReadRow, Table

Verdict: TypeAlias = Literal["native", "derived", "emulated", "lossy", "refused"]

VERDICTS: Final[dict[Verdict, str]] = {
    "native": "Both dialects have it, and it means the same; only its name or its form may differ.",
    "derived": "It is made from something else by a rule, which the row says.",
    "emulated": "The dialect behind does not have it, or not so that it can be relied on; this proxy does the work.",
    "lossy": "It is answered, and something is lost: the row says what.",
    "refused": "It cannot be done, and is answered with an error that names it. Nothing is sent.",
}


class Row(NamedTuple):
    """How one thing of the dialect in front fares with the other behind."""

    front: str
    back: str
    what: str
    name: str
    verdict: Verdict
    reason: str


class Pair(NamedTuple):
    """Two tables: which is in front, and which behind."""

    front: Table
    back: Table

    @property
    def names(self) -> tuple[str, str]:
        """What the two dialects are called, the one in front first."""
        return self.front.dialect.name, self.back.dialect.name

    def row(self, what: str, name: str, verdict: Verdict, reason: str) -> Row:
        """A row about this pair."""
        return Row(*self.names, what, name, verdict, reason)

    def source(self, attribute: str) -> FieldRow | ReadRow | None:
        """The row that reads an attribute from the back's answers; None where the back does not say it."""
        found: list[FieldRow | ReadRow] = [row for row in self.back.reads if row.attribute == attribute]
        found += [row for row in self.back.fields if row.write == "copy" and row.of == (attribute,)]
        return found[0] if found else None

    def says(self, json: str) -> set[Operation]:
        """The operations whose answers hold a member at the back."""
        rows = [row for row in self.back.fields if row.json == json and row.write != "nothing"]
        return {operation for row in rows for operation in row.shown}


def quoted(names: Sequence[str], last: str = "and") -> str:
    """Names in code type, each once, as a list in a sentence."""
    *most, final = [f"`{name}`" for name in dict.fromkeys(names)]
    return f"{', '.join(most)} {last} {final}" if most else final
