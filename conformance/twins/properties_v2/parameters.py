"""Reads what a request says, wherever it says it: query string, JSON body, form body."""

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl

import msgspec

from .faults import Fault, invalid, required, unreadable

FORM = "application/x-www-form-urlencoded"


def read_json(body: bytes) -> object:
    """The JSON value of a body in UTF-8 or, failing that, Latin-1, which one of the official clients writes."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise unreadable("is not JSON") from error


def read_members(body: bytes, content_type: str) -> Mapping[str, object]:
    """The flat members of a body; an empty body has none. A form counts when its content type says so, all else is JSON."""
    if not body.strip():
        return {}
    if content_type.partition(";")[0].strip().lower() == FORM:
        return first_of_each(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
    value = read_json(body)
    if not isinstance(value, dict):
        raise unreadable("is not a JSON object")
    return value


def first_of_each(pairs: Iterable[tuple[str, str]]) -> dict[str, object]:
    """Pairs as members; where a name is repeated the first one counts."""
    members: dict[str, object] = {}
    for name, value in pairs:
        members.setdefault(name, value)
    return members


class Parameters:
    """The members of a request, by documented name; any case of a name is taken, and null or blank is *not given*.

    Of several sources the earlier wins. Each reader answers None for what was not given, and raises a Fault of 400 that
    names the parameter for a value it cannot take.
    """

    def __init__(self, *sources: Mapping[str, object]) -> None:
        self._values: dict[str, object] = {}
        for source in sources:
            for name, value in source.items():
                if value is not None and value != "":
                    self._values.setdefault(name.casefold(), value)

    def require(self, *names: str) -> None:
        """Raise one Fault that names everything that is missing."""
        missing = [name for name in names if name.casefold() not in self._values]
        if missing:
            raise required(*missing)

    def value(self, name: str) -> object:
        """The value as it came, None when not given."""
        return self._values.get(name.casefold())

    def text(self, name: str) -> str | None:
        """A string; a bare JSON integer is taken for its digits."""
        value = self.value(name)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**19:
            return str(value)
        if value is not None and not isinstance(value, str):
            raise invalid(name, "must be a string")
        return value

    def integer(self, name: str) -> int | None:
        """A whole number, as a JSON integer or as its digits in text (all a query string has)."""
        value = self.value(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,19}", value.strip(), re.ASCII):
            return int(value)
        raise invalid(name, "must be a whole number")

    def flag(self, name: str) -> bool | None:
        """A JSON boolean, or the word for it in any case."""
        value = self.value(name)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.casefold() in ("true", "false"):
            return value.casefold() == "true"
        raise invalid(name, "must be true or false")

    def word(self, name: str, words: Sequence[str]) -> str | None:
        """One of the documented words, in any case; answered in its documented spelling."""
        value = self.value(name)
        if value is None:
            return None
        for word in words:
            if isinstance(value, str) and value.casefold() == word.casefold():
                return word
        raise invalid(name, f"must be one of {', '.join(words)}")


def batch_entries(body: bytes, batch_max: int) -> list[Parameters | Fault]:
    """The entries of a batch, in order; an entry that is no object is the Fault that its place in the answer gets."""
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
