"""From table to code: each table becomes plain functions once, at start, so that a message costs no walk over rows."""

from translator.compile.bindings import Bindings
from translator.compile.drafts import drafted, members, uncarried
from translator.compile.reading import MessageReader
from translator.compile.sorting import sort_key
from translator.compile.writing import MessageWriter, message_writer

__all__ = [
    "Bindings",
    "MessageReader",
    "MessageWriter",
    "drafted",
    "members",
    "message_writer",
    "sort_key",
    "uncarried",
]
