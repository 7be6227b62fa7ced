"""Quotations: every `seed` of a mapping table and of a requirement stands word for word in one of the two API documents.

`python -m tools.citations` reads the documents beside the checkout, checks every quotation against them and writes the hashes of the
good ones to `tests/data/quotes.sha256`.
The documents are not part of the project. The hashes show that a quotation was edited, also on a machine without the documents.
"""

import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from conformance.judge.requirements import DIALECTS, load
from translator.core.mapping.cell_paths import label
from translator.core.mapping.load import raw_tables

ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = ROOT.parent / "shared" / "seeds"
VERIFIED: Final = ROOT / "tests" / "data" / "quotes.sha256"


class Citation(NamedTuple):
    """One citation: its place, its kind (`seed`, `known` or `inferred`), and its text."""

    where: str
    way: str
    text: str


def citations() -> Iterator[Citation]:
    """Every citation of every table that is installed, and of every requirement of the conformance suite."""
    for file, raw in raw_tables().items():
        yield from _within(raw, file)
    for dialect in DIALECTS:
        for requirement in load(dialect):
            yield Citation(requirement.id, "seed" if requirement.seed else "known", requirement.sentence)


def _within(value: Any, where: str) -> Iterator[Citation]:
    if isinstance(value, list):
        for number, row in enumerate(value, 1):
            if isinstance(row, dict):
                yield from _within(row, f"{where} row {number} ({label(row)})")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in ("seed", "known", "inferred"):
                yield Citation(where, key, inner)
            else:
                yield from _within(inner, f"{where}, {key}")


def normalised(text: str) -> str:
    """The text with every run of white space as one blank, because documents and tables break lines where they like."""
    return " ".join(text.split())


def hashed(quotation: str) -> str:
    """The hash of a quotation, as the committed file holds it."""
    return sha256(normalised(quotation).encode()).hexdigest()


def documents() -> list[str]:
    """The API documents beside the checkout, normalised; none if they are not there."""
    found = sorted(DOCUMENTS.glob("*.txt"))
    return [normalised(path.read_text("utf-8")) for path in found]


def main() -> int:
    """Check every quotation and write the hashes; 1 and a line for each that no document holds, 2 without documents."""
    texts = documents()
    if len(texts) < 2:
        print("The two API documents are not beside this checkout.", file=sys.stderr)
        return 2
    seeds = [citation for citation in citations() if citation.way == "seed"]
    wrong = [citation for citation in seeds if not any(normalised(citation.text) in text for text in texts)]
    for citation in wrong:
        print(f"{citation.where}: in no document: {citation.text}", file=sys.stderr)
    if wrong:
        return 1
    hashes = sorted({hashed(citation.text) for citation in seeds})
    VERIFIED.write_text("".join(f"{line}\n" for line in hashes), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
