"""The parts of the compatibility table: a row, its five verdicts, and its pair of dialects."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from translator.core.mapping.cell_paths import row_id
from translator.core.mapping.pair import DialectPair

Verdict: TypeAlias = Literal["native", "derived", "emulated", "lossy", "refused"]

VERDICTS: Final[dict[Verdict, str]] = {
    "native": "Both dialects have it, and it means the same. Only its name or its form may differ.",
    "derived": "It is made from another value by the rule in the row.",
    "emulated": "The dialect behind does not have it, or not reliably. This proxy does the work.",
    "lossy": "It is answered, and the row says what is lost.",
    "refused": "It cannot be done, and is answered with an error that names it. Nothing is sent.",
}


_SECTIONS: Final = {
    "send parameter": "send",
    "field": "fields",
    "status word": "words.status",
    "direction word": "words.direction",
    "error code": "words.error",
    "filter": "filters",
    "sort": "sort",
    "paging": "paging",
    "fault": "errors.faults",
    "format": "formats.offers",
}
"""The section of the mapping rows for each kind of row. No table has rows for headers."""


class Row(NamedTuple):
    """The compatibility of one thing of the front with the back. `id` is that of its mapping row, by the function that
    `X-Translator-Loss` uses. It is empty if there is no such row."""

    front: str
    back: str
    what: str
    name: str
    verdict: Verdict
    reason: str
    id: str = ""


class Pair(DialectPair):
    """Two tables: that of the front, and that of the back."""

    @property
    def names(self) -> tuple[str, str]:
        """The names of the two dialects, the front first."""
        return self.front.dialect.name, self.back.dialect.name

    def row(
        self, what: str, name: str, verdict: Verdict, reason: str, *, of: str | None = None, section: str = "",
        behind: bool = False,
    ) -> Row:  # fmt: skip
        """Return a row about this pair. `of` is the label of its mapping row, if that is not `name`. `section` is the section of that
        row, if it is not the usual one. `behind` says that the row is in the table of the back."""
        where = section or _SECTIONS.get(what, "")
        id_ = row_id(where, name if of is None else of, behind=behind) if where else ""
        return Row(*self.names, what, name, verdict, reason, id_)


def quoted(names: Sequence[str], last: str = "and") -> str:
    """Return names in code type, each once, as a list in a sentence."""
    *most, final = [f"`{name}`" for name in dict.fromkeys(names)]
    return f"{', '.join(most)} {last} {final}" if most else final
