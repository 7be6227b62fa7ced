"""Reads the parameters of a request from the query string, a JSON body or a form body."""

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl

import msgspec

from .faults import Fault, invalid, required, unreadable

FORM = "application/x-www-form-urlencoded"


def read_json(body: bytes) -> object:
    """Return the JSON value of a body in UTF-8. Any other body is read as Latin-1, because one of the official clients writes it."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise unreadable("is not JSON") from error


def read_members(body: bytes, content_type: str) -> Mapping[str, object]:
    """Return the flat members of a body. An empty body has none. The content type tells a form from JSON, which is the default."""
    if not body.strip():
        return {}
    if content_type.partition(";")[0].strip().lower() == FORM:
        return first_of_each(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
    value = read_json(body)
    if not isinstance(value, dict):
        raise unreadable("is not a JSON object")
    return value


def first_of_each(pairs: Iterable[tuple[str, str]]) -> dict[str, object]:
    """Return pairs as members. The first value of a repeated name counts."""
    members: dict[str, object] = {}
    for name, value in pairs:
        members.setdefault(name, value)
    return members


class Parameters:
    """The members of a request, by documented name in any case. A null or blank value means *not given*.

    An earlier source takes precedence over a later one. Each reader returns None if the parameter was not given. It raises a Fault of 400
    that names the parameter if it cannot read the value.
    """

    def __init__(self, *sources: Mapping[str, object]) -> None:
        self._values: dict[str, object] = {}
        for source in sources:
            for name, value in source.items():
                if value is not None and value != "":
                    self._values.setdefault(name.casefold(), value)

    def require(self, *names: str) -> None:
        """Raise one Fault that names all missing parameters."""
        missing = [name for name in names if name.casefold() not in self._values]
        if missing:
            raise required(*missing)

    def value(self, name: str) -> object:
        """Return the value as it came, or None if it was not given."""
        return self._values.get(name.casefold())

    def text(self, name: str) -> str | None:
        """Return a string. A bare JSON integer counts as its digits."""
        value = self.value(name)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**19:
            return str(value)
        if value is not None and not isinstance(value, str):
            raise invalid(name, "must be a string")
        return value

    def integer(self, name: str) -> int | None:
        """Return a whole number. It is a JSON integer, or its digits in text, as in a query string."""
        value = self.value(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,19}", value.strip(), re.ASCII):
            return int(value)
        raise invalid(name, "must be a whole number")

    def flag(self, name: str) -> bool | None:
        """Return a boolean. It is a JSON boolean, or its word in any case."""
        value = self.value(name)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.casefold() in ("true", "false"):
            return value.casefold() == "true"
        raise invalid(name, "must be true or false")

    def word(self, name: str, words: Sequence[str]) -> str | None:
        """Return one of the documented words in its documented spelling. The request may write it in any case."""
        value = self.value(name)
        if value is None:
            return None
        for word in words:
            if isinstance(value, str) and value.casefold() == word.casefold():
                return word
        raise invalid(name, f"must be one of {', '.join(words)}")


def batch_entries(body: bytes, batch_max: int) -> list[Parameters | Fault]:
    """Return the entries of a batch, in order. An entry that is not an object becomes the Fault for its place in the response."""
    parameters = Parameters(read_members(body, "application/json"))
    parameters.require("Messages")
    entries = parameters.value("Messages")
    if not isinstance(entries, list):
        raise invalid("Messages", "must be an array")
    if len(entries) > batch_max:
        raise invalid("Messages", f"must not hold more than {batch_max} entries")
    return [
        Parameters(entry) if isinstance(entry, dict) else invalid("Messages", "each entry must be an object")
        for entry in entries
    ]
