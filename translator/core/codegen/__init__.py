"""Code generation: compiles each table to plain functions once, at start, so that no message costs a walk over rows."""

from translator.core.codegen.codecs import TableCodecs
from translator.core.codegen.drafts import compile_draft_reader, members, uncarried
from translator.core.codegen.readers import MessageReader
from translator.core.codegen.sorting import sort_key
from translator.core.codegen.writers import MessageWriter, message_writer

__all__ = [
    "MessageReader",
    "MessageWriter",
    "TableCodecs",
    "compile_draft_reader",
    "members",
    "message_writer",
    "sort_key",
    "uncarried",
]
