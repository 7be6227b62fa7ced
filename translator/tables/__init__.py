"""Mapping tables: read once, checked, and frozen. `schema` says what a table may hold, `load` reads one, `check` judges it."""

from translator.tables.load import load, tables_folder
from translator.tables.overlay import overlay
from translator.tables.schema import Table

__all__ = ["Table", "load", "overlay", "tables_folder"]
