"""What generated writers call."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from translator.core.http.formats.json import Spelling
from translator.core.model import Draft, Message, Rows
from translator.core.values.codecs.codec import BatchCodec


def batch_writer(
    attribute: str, column: BatchCodec, write: Callable[[Any], Any], spelling: Spelling
) -> Callable[[Sequence[Message]], list[str]]:
    """Writes an attribute of many messages as it stands between quotes. Of those that were read at once it is known already what their
    columns look like."""
    known_as, value_of, one = (attribute, column.form), attrgetter(attribute), spelling.one

    def written(rows: Sequence[Message]) -> list[str]:
        found = rows.looked.get(known_as) if isinstance(rows, Rows) else None
        if found is not None and column.left:
            return found
        values = list(map(value_of, rows))
        if found is None:
            found = column.look(values)
        if found is None:
            return [one(write(value))[1:-1] for value in values]
        return found if column.left else values

    return written


def as_given(attribute: str, write: Callable[[Any], Any]) -> Any:
    """Shows a sender or recipient as the caller wrote it, unless the provider says that it is another one."""

    def shown(message: Message, given: Draft | None) -> str:
        told = getattr(message, attribute)
        asked = given.as_given.get(attribute) if given is not None else None
        return str(asked if asked is not None and getattr(given, attribute) == told else write(told))

    return shown
