"""Finds cells of a table's plain values by a path of keys. In an array, the label of a row stands for its index."""

from typing import Any, Final
from urllib.parse import quote

LABELS: Final = ("name", "json", "fault", "wire", "code", "attribute", "status")
"""The keys whose value identifies a row for a reader, best first."""


def label(row: dict[str, Any]) -> str:
    """Return the label by which a reader identifies a row."""
    return next((str(row[key]) for key in LABELS if key in row), "")


def row_id(section: str, named: str, *, behind: bool = False) -> str:
    """Return the id of a row for people, such as `words.direction.Transmit`: its section and its label, which is also the path for
    `cells`. `behind` says that the row is in the table of the back. The id can be put into a header whatever its label holds."""
    return f"{'back.' if behind else ''}{section}.{quote(named, safe='')}"


def cells(raw: dict[str, Any], path: str) -> list[tuple[dict[str, Any], str]]:
    """Return the rows, and the key in them, for a path like `filters.Date_To.open_ahead`: keys, and labels for rows of an array.

    If several rows have one label, all that have the key are returned. Raises LookupError if there is no such cell.
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
