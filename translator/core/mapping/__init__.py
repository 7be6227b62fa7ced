"""Mapping tables: read once, checked, and frozen. `schema` has the types, `load` reads a table, `check` checks it."""

from translator.core.mapping.load import load, tables_folder
from translator.core.mapping.overlay import overlay
from translator.core.mapping.schema import Table

__all__ = ["Table", "load", "overlay", "tables_folder"]
