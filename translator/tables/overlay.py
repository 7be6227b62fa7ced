"""Overlays: what a deployment may vary is a cell that its dialect's table names, replaced before the table is checked."""

import copy
from typing import Any

from translator.errors import ConfigError
from translator.tables.cells import cell


def overlay(raw: dict[str, Any], side: str, values: dict[str, Any], where: str) -> dict[str, Any]:
    """The table's plain values with the cells replaced that these settings name; `where` is for the error.

    Raises ConfigError for a setting that this dialect does not have on this side, or a value that it does not take.
    """
    settings = {row["name"]: row for row in raw.get("settings", ()) if row.get("side") == side}
    changed = copy.deepcopy(raw)
    for name, value in values.items():
        if name not in settings:
            known = ", ".join(sorted(settings)) or "none"
            raise ConfigError(f"{where}.{name}", f"unknown key; what this dialect takes as {side}: {known}")
        _put(changed, settings[name], value, f"{where}.{name}")
    return changed


def _put(raw: dict[str, Any], setting: dict[str, Any], value: Any, where: str) -> None:
    words = setting.get("words")
    if words is not None and value not in words:
        raise ConfigError(where, f"has to be one of {', '.join(words)}")
    holder, key = cell(raw, setting["cell"])
    before = holder.get(key)
    if words is None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise ConfigError(where, f"has to be a whole number, 0 or more; without it {before} is used")
    holder[key] = words[value] if words is not None else value
