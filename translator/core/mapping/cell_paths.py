"""Cells of a table's plain values, by a path of keys and, for the rows of an array, what a reader calls the row."""

from typing import Any, Final
from urllib.parse import quote

LABELS: Final = ("name", "json", "fault", "wire", "code", "attribute", "status")
"""The keys whose value tells a reader which row of a section is meant, best first."""


def label(row: dict[str, Any]) -> str:
    """What a reader calls a row."""
    return next((str(row[key]) for key in LABELS if key in row), "")


def row_id(section: str, named: str, *, behind: bool = False) -> str:
    """What a row is called where people look it up, as in `words.direction.Transmit`: its section and its label, the path that `cells`
    reads. `behind` says that it is a row of the table of the dialect behind. Whatever a label holds, this can stand in a header."""
    return f"{'back.' if behind else ''}{section}.{quote(named, safe='')}"


def cells(raw: dict[str, Any], path: str) -> list[tuple[dict[str, Any], str]]:
    """The rows, and the key in them, that a path like `filters.Date_To.open_ahead` names: keys, and labels for rows of an array.

    Of several rows with one label all that have the key are meant. Raises LookupError where there is no such cell.
    """
    *steps, key = path.split(".")
    holders: list[Any] = [raw]
    for step in steps:
        below: list[Any] = []
        for holder in holders:
            if isinstance(holder, list):
                below += [row for row in holder if label(row) == step]
            elif isinstance(holder, dict) and step in holder:
                below.append(holder[step])
        holders = below
    found = [(holder, key) for holder in holders if isinstance(holder, dict) and key in holder]
    if not found:
        raise LookupError(path)
    return found
