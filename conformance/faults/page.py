"""The table of the wrong servers, as Markdown."""

from collections.abc import Iterable, Sequence
from typing import Final

from conformance.faults.table import Result, freedoms
from conformance.judge.requirements import DIALECTS

OPENING: Final = """# Wrong servers

The suite is tested with servers that are wrong. Each is the simulated provider of its dialect with one fault. A whole run of the suite is
made against each, with permission to send, a receiver for callbacks, and a second account. A fault is *caught* if the requirement that
tests the broken sentence fails.

This page is generated from those runs, and a test fails if it is stale:

    python -m conformance.faults > docs/wrong-servers.md

"""

CLOSING: Final = """## Honest servers

The documents leave much open. These servers differ from the simulated provider only in that. None of them fails a must or a should.

"""


def written(results: Sequence[Result]) -> str:
    """Return the page."""
    text = OPENING + _counted(results)
    for dialect in DIALECTS:
        text += (
            f"\n## {dialect}\n\n| fault | sentence | requirement | level | caught |\n| --- | --- | --- | --- | --- |\n"
        )
        text += "".join(_line(one) for one in results if one.dialect == dialect)
    text += "\n## Not caught at must\n\n" + "".join(
        f"- {one.dialect}: {one.row.says}. {one.row.uncaught}\n" for one in results if not _is_must(one)
    )
    text += "\n" + CLOSING
    for dialect in DIALECTS:
        text += "".join(f"- {dialect}: {one.says}\n" for one in freedoms(dialect))
    return text


def _is_must(one: Result) -> bool:
    return one.is_caught and one.requirement.level == "must"


def _counted(results: Iterable[Result]) -> str:
    """Return the number of wrong servers, of those that break a sentence of a document, and of those caught at must."""
    every = list(results)
    breaking = [one for one in every if one.requirement.level == "must"]
    caught = sum(_is_must(one) for one in breaking)
    return (
        f"{len(every)} wrong servers. {len(breaking)} of them break a sentence of a document that has one reading. "
        f"{caught} of those are caught at must, by the named requirement.\n"
    )


def _line(one: Result) -> str:
    sentence = one.requirement.sentence.replace("|", "\\|").replace("<", "&lt;")
    if not one.requirement.seed:
        sentence = f"(no sentence) {sentence}"
    caught = "yes" if one.is_caught else "no"
    return f"| {one.row.says} | {_short(sentence)} | `{one.row.caught_by}` | {one.requirement.level} | {caught} |\n"


def _short(sentence: str) -> str:
    return sentence if len(sentence) <= 140 else sentence[:137].rsplit(" ", 1)[0] + " ..."
