"""Dialects: a mapping table becomes the front verbs, the back verbs and the callback rules of one dialect."""

from translator.core.dialect.compiled import Dialect, dialect

__all__ = ["Dialect", "dialect"]
