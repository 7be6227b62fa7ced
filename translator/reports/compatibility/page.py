"""The compatibility table for a terminal, for a program, and as a page for a person who plans a migration."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from translator.reports.compatibility.row import VERDICTS, Row

_TITLES: Final = {
    "send parameter": "Sending a message",
    "field": "Fields of a message",
    "status word": "Status words",
    "direction word": "Direction words",
    "error code": "Error codes of a message",
    "filter": "Filters of a list",
    "sort": "Order of a list",
    "paging": "Pages of a list",
    "fault": "Failures",
    "format": "Formats",
    "header": "Headers",
}


def as_text(found: Sequence[Row]) -> str:
    """Return one line a row, for a terminal."""
    return "".join(f"{r.front} > {r.back}  {r.verdict:8}  {r.what}  {r.name}: {r.reason}\n" for r in found)


def as_json(found: Sequence[Row]) -> str:
    """Return an array of objects, one a row."""
    return msgspec.json.format(msgspec.json.encode([row._asdict() for row in found])).decode() + "\n"


def as_markdown(found: Sequence[Row]) -> str:
    """Return a page: the five verdicts, then for each ordered pair the rows that need a decision, and a table for each kind of row."""
    lines = ["# Compatibility", "", "Generated from the mapping tables; do not edit. To generate it again:", ""]
    lines += ["    sms-translator mappings --format markdown > mappings/COMPATIBILITY.md", ""]
    lines += [
        "Each row names a part of the dialect *in front*. The verdict says how the dialect *behind* supports it:",
        "",
    ]
    lines += [f"- **{verdict}**: {meaning}" for verdict, meaning in VERDICTS.items()]
    lines += [
        "",
        "`(behind)` marks a part that only the dialect behind has. `(send)`, `(get)` and `(list)` name the responses.",
    ]
    lines += [
        "`id` is the row of the mapping table, as `X-Translator-Loss` names it. `back.` before it means the table of the dialect behind."
    ]
    for front, back in dict.fromkeys((row.front, row.back) for row in found):
        pair = [row for row in found if (row.front, row.back) == (front, back)]
        lines += ["", f"## {front} in front, {back} behind", "", *_summary(pair)]
        for what in dict.fromkeys(row.what for row in pair):
            rows = [row for row in pair if row.what == what]
            lines += ["", f"### {_TITLES[what]}", "", f"| {what} | verdict | how | id |", "| --- | --- | --- | --- |"]
            lines += [f"| {_cell(row.name)} | {row.verdict} | {_cell(row.reason)} | {_id(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _summary(pair: Sequence[Row]) -> Iterator[str]:
    """Yield the number of rows of each verdict, and the names of the rows that need a decision."""
    counted = Counter(row.verdict for row in pair)
    yield ", ".join(f"{counted[verdict]} {verdict}" for verdict in VERDICTS) + ". To look at first:"
    yield ""
    for verdict in ("refused", "lossy"):
        for what in dict.fromkeys(row.what for row in pair if row.verdict == verdict):
            names = [_cell(row.name) for row in pair if (row.verdict, row.what) == (verdict, what)]
            yield f"- {verdict}, {what}: {'; '.join(names)}"


def _id(row: Row) -> str:
    return f"`{_cell(row.id)}`" if row.id else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
