"""The ways in which a fault changes one value, by the names that the data uses."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def shifted(value: Any, seconds: float) -> Any:
    """Return an instant moved by `seconds`, in the same form."""
    if isinstance(value, (int, float)):
        return value + int(seconds)
    text = str(value)
    if text[:1].isdigit():
        moment = datetime.fromisoformat(text) + timedelta(seconds=seconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + ("Z" if text.endswith("Z") else "")
    moment = parsedate_to_datetime(text) + timedelta(seconds=seconds)
    return format_datetime(moment)


def _weekday(value: Any) -> Any:
    name = str(value)[:3]
    return _DAYS[(_DAYS.index(name) + 1) % 7] + str(value)[3:] if name in _DAYS else value


EDITS: Final[dict[str, Callable[[Any], Any]]] = {
    "upper": lambda value: str(value).upper(),
    "text": str,
    "number": lambda value: int(value) if str(value).isdigit() else value,
    "fraction": float,
    "nothing": lambda _: None,
    "without plus": lambda value: str(value).lstrip("+"),
    "without its last digit": lambda value: str(value)[:-1],
    "with one digit more": lambda value: f"{value}9",
    "hidden": lambda value: str(value)[:-4] + "xxxx",
    "trimmed": lambda value: " ".join(str(value).split()),
    "cut at 20": lambda value: str(value)[:20],
    "cut at 70": lambda value: str(value)[:70],
    "cut at 160": lambda value: str(value)[:160],
    "cut at 200": lambda value: str(value)[:200],
    "ASCII only": lambda value: str(value).encode("ascii", "ignore").decode(),
    "question marks": lambda value: str(value).encode("latin-1", "replace").decode("latin-1"),
    "first plane only": lambda value: "".join(letter for letter in str(value) if ord(letter) < 0x10000),
    "decoded twice": lambda value: str(value).encode().decode("latin-1"),
    "escaped": lambda value: str(value).replace("&", "&amp;").replace("<", "&lt;"),
    "small letters": lambda value: str(value).lower(),
    "backwards": lambda value: str(value)[::-1],
    "turned round": lambda value: not value,
    "another weekday": _weekday,
    "another day of the month": lambda value: str(value).replace(", ", ", 3", 1),
    "milliseconds": lambda value: value * 1000,
    "one less": lambda value: type(value)(int(value) - 1),
    "one more": lambda value: type(value)(int(value) + 1),
    "twice": lambda value: type(value)(int(value) * 2),
    "without .json": lambda value: str(value).removesuffix(".json"),
    "with a full stop": lambda value: value if value is None else f"{value}.",
    "text if there": lambda value: value if value is None else str(value),
    "without its slash": lambda value: str(value).lstrip("/"),
    "two digits of the day": lambda value: re.sub(r", ([0-9]) ", r", 0\1 ", str(value)),
    "the day": lambda value: str(value)[:10],
    "the minute": lambda value: str(value)[:16] + ":00" if "T" in str(value) else value,
    "the end of the day": lambda value: f"{value}T23:59:59" if len(str(value)) == 10 else value,
    "noon": lambda value: f"{value}T12:00:00" if len(str(value)) == 10 else value,
}  # fmt: skip
"""Each edit by name: a function from the right value to the wrong one."""


def edited(value: Any, given: dict[str, Any]) -> Any:
    """Return a value changed as the data says. A value that cannot be read stays as it is.

    `to`: the other value.
    `words`: a word for each word.
    `seconds`: the seconds to add to an instant.
    `by`: the number to add.
    `edit`: the name of an edit.
    """
    try:
        return _edited(value, given)
    except ValueError:
        return value


def _edited(value: Any, given: dict[str, Any]) -> Any:
    if "words" in given:
        return given["words"].get(value, value)
    if "seconds" in given:
        return value if value is None else shifted(value, given["seconds"])
    if "by" in given:
        return type(value)(int(value) + given["by"])
    if "edit" in given:
        return EDITS[given["edit"]](value)
    return given.get("to")
