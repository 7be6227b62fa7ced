"""What generated writers call."""

from collections.abc import Callable
from typing import Any

from translator.formats.json import Spelling
from translator.kinds.kind import Column
from translator.model import Draft, Message


def written_together(
    column: Column, write: Callable[[Any], Any], spelling: Spelling
) -> Callable[[list[str]], list[str]]:
    """Writes many values of a kind as they stand between quotes."""
    write_all, one = column.write, spelling.one

    def written(values: list[str]) -> list[str]:
        together = write_all(values)
        return together if together is not None else [one(write(value))[1:-1] for value in values]

    return written


def as_given(attribute: str, write: Callable[[Any], Any]) -> Any:
    """Shows a sender or recipient as the caller wrote it, unless the provider says that it is another one."""

    def shown(message: Message, given: Draft | None) -> str:
        told = getattr(message, attribute)
        asked = given.as_given.get(attribute) if given is not None else None
        return str(asked if asked is not None and getattr(given, attribute) == told else write(told))

    return shown
