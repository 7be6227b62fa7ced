"""Cells of a table's plain values, by a path of keys and, for the rows of an array, what a reader calls the row."""

from typing import Any, Final

LABELS: Final = ("name", "json", "fault", "wire", "code", "attribute")
"""The keys whose value tells a reader which row of a section is meant, best first."""


def label(row: dict[str, Any]) -> str:
    """What a reader calls a row."""
    return next((str(row[key]) for key in LABELS if key in row), "")


def cell(raw: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """The row and the key that a path like `filters.Date_To.open_ahead` names: keys, and labels for rows of an array.

    Raises LookupError where there is no such cell.
    """
    *steps, key = path.split(".")
    holder: Any = raw
    for step in steps:
        if isinstance(holder, list):
            holder = next((row for row in holder if any(row.get(name) == step for name in LABELS)), None)
        else:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if holder is None:
            raise LookupError(path)
    if not isinstance(holder, dict) or key not in holder:
        raise LookupError(path)
    return holder, key
