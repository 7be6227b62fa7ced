"""Reads a mapping table: TOML to frozen types, row by row, so that an error names file, section and row."""

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec

from translator.core.errors import ConfigError, TableError
from translator.core.mapping.cell_paths import cells, label
from translator.core.mapping.check import check
from translator.core.mapping.overlay import PROFILE, copied, overlay
from translator.core.mapping.schema import Setting, Table


def tables_folder() -> Traversable:
    """Return the folder of the tables: inside the installed package, or at the top of the checkout."""
    installed = files("translator") / "mappings"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "mappings"


def raw_tables() -> dict[str, dict[str, Any]]:
    """Return every installed table as plain TOML values, by file name."""
    found = sorted(entry.name for entry in tables_folder().iterdir() if entry.name.endswith(".toml"))
    return {name: read_toml(name, (tables_folder() / name).read_text("utf-8")) for name in found}


def read_toml(file: str, text: str) -> dict[str, Any]:
    """Return the plain values of one table's text. Raises TableError with the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableError(file, f"is not TOML: {error}") from None


def load(file: str, raw: dict[str, Any]) -> Table:
    """Return a checked table of plain values. Raises TableError with file, section and row."""
    for where, part, kind in _parts(file, raw):
        _convert(where, part, kind)
    table: Table = _convert(file, raw, Table)
    check(file, table)
    for number, setting in enumerate(table.settings, 1):
        _settable(f"{file}, [[settings]] row {number} ({setting.name})", raw, setting)
    _whole(file, raw, table)
    return table


def _convert(where: str, value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise TableError(where, str(error)) from None


def _parts(file: str, raw: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield every row and then every plain section, with its type, so that an error can name the part that has it."""
    for path, kind, many in _part_types(Table, ""):
        part: Any = raw
        for key in path.split("."):
            part = part.get(key) if isinstance(part, dict) else None
        if many and isinstance(part, list):
            for number, row in enumerate(part, 1):
                yield f"{file}, [[{path}]] row {number} ({label(row) if isinstance(row, dict) else ''})", row, kind
        elif not many and part is not None:
            yield f"{file}, [{path}]", part, kind


def _part_types(struct: Any, prefix: str) -> Iterator[tuple[str, Any, bool]]:
    """Return the path and type of each section below a struct, and whether it is an array of rows. The innermost come first."""
    for field in msgspec.structs.fields(struct):
        described = msgspec.inspect.type_info(field.type)
        name = f"{prefix}{field.encode_name}"
        items = described.item_type if isinstance(described, msgspec.inspect.VarTupleType) else None
        if isinstance(items, msgspec.inspect.StructType):
            yield name, items.cls, True
        for one in described.types if isinstance(described, msgspec.inspect.UnionType) else (described,):
            if isinstance(one, msgspec.inspect.StructType):
                yield from _part_types(one.cls, f"{name}.")
                yield name, one.cls, False


def _settable(where: str, raw: dict[str, Any], setting: Setting) -> None:
    """Check that a setting replaces an existing cell, by words that the cell may hold, or by a number if the cell holds one."""
    try:
        found = cells(raw, setting.cell)
    except LookupError:
        raise TableError(where, f"no such cell: {setting.cell}") from None
    if not setting.words and any(type(holder[key]) is not int for holder, key in found):
        raise TableError(where, f"{setting.cell} holds no number, so the setting has to say its words")
    for name, word in setting.words.items():
        changed = copied(raw)
        for holder, key in cells(changed, setting.cell):
            holder[key] = word
        _convert(f"{where}, word {name}", changed, Table)


def _whole(file: str, raw: dict[str, Any], table: Table) -> None:
    """Check that the table with each profile is valid too."""
    for profile in table.profiles:
        where = f"{file}, [[profiles]] ({profile.name})"
        try:
            laid = overlay(raw, profile.side, {PROFILE: profile.name}, where)
            check(where, _convert(where, laid, Table))
        except ConfigError as error:
            raise TableError(error.where, error.what) from None
