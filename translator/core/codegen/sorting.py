"""What a list is sorted by."""

from collections.abc import Callable
from typing import Any

from translator.core.codegen.codecs import TableCodecs
from translator.core.mapping import Table
from translator.core.model import Message
from translator.core.values.codecs.plain import write_same


def sort_key(table: Table, bindings: TableCodecs, attribute: str) -> Callable[[Message], Any]:
    """What a list sorted by an attribute compares: instants as they are, everything else as the front writes it."""
    row = next(row for row in table.fields if row.write == "copy" and row.of == (attribute,))
    write = write_same if row.kind.startswith("instant:") else bindings.kind(row.kind).write
    return lambda message: write(getattr(message, attribute))
