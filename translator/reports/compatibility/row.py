"""What the compatibility table is made of: a row, its five verdicts, and the pair of dialects that it is about."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from translator.core.mapping.cell_paths import row_id
from translator.core.mapping.pair import DialectPair

Verdict: TypeAlias = Literal["native", "derived", "emulated", "lossy", "refused"]

VERDICTS: Final[dict[Verdict, str]] = {
    "native": "Both dialects have it, and it means the same; only its name or its form may differ.",
    "derived": "It is made from something else by a rule, which the row says.",
    "emulated": "The dialect behind does not have it, or not so that it can be relied on; this proxy does the work.",
    "lossy": "It is answered, and something is lost: the row says what.",
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
"""Where the mapping rows stand that a sort of row is about. No table has rows for headers."""


class Row(NamedTuple):
    """How one thing of the dialect in front fares with the other behind. `id` is that of the mapping row which it is about, by the one
    function that `X-Translator-Loss` names rows with; empty where it is about none."""

    front: str
    back: str
    what: str
    name: str
    verdict: Verdict
    reason: str
    id: str = ""


class Pair(DialectPair):
    """Two tables: which is in front, and which behind."""

    @property
    def names(self) -> tuple[str, str]:
        """What the two dialects are called, the one in front first."""
        return self.front.dialect.name, self.back.dialect.name

    def row(
        self, what: str, name: str, verdict: Verdict, reason: str, *, of: str | None = None, section: str = "",
        behind: bool = False,
    ) -> Row:  # fmt: skip
        """A row about this pair. `of` is the label of the mapping row that it is about, where that is not `name`; `section` is where
        that stands, where it is not with its like; `behind` says that it is the table's of the dialect behind."""
        where = section or _SECTIONS.get(what, "")
        id_ = row_id(where, name if of is None else of, behind=behind) if where else ""
        return Row(*self.names, what, name, verdict, reason, id_)


def quoted(names: Sequence[str], last: str = "and") -> str:
    """Names in code type, each once, as a list in a sentence."""
    *most, final = [f"`{name}`" for name in dict.fromkeys(names)]
    return f"{', '.join(most)} {last} {final}" if most else final
