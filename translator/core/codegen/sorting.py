"""The keys for sorting lists."""

from collections.abc import Callable
from typing import Any

from translator.core.codegen.codecs import TableCodecs
from translator.core.mapping import Table
from translator.core.model import Message
from translator.core.values.codecs.plain import write_same


def sort_key(table: Table, bindings: TableCodecs, attribute: str) -> Callable[[Message], Any]:
    """Return the key for sorting a list by an attribute: an instant as it is, any other attribute as the front writes it."""
    row = next(row for row in table.fields if row.write == "copy" and row.of == (attribute,))
    write = write_same if row.kind.startswith("instant:") else bindings.kind(row.kind).write
    return lambda message: write(getattr(message, attribute))
