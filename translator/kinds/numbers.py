"""Who sends and who receives: phone numbers, short codes, sender IDs and clients.

7 to 15 digits with or without `+` are the same number; neutral is with it. Fewer digits are a short code, `client:` names
a client of the platform, anything else is a sender ID. None of those three is ever altered.
"""

from functools import lru_cache
from typing import Any, Final, Literal

from translator.errors import BadValue
from translator.kinds.kind import Column

LONGEST: Final = 64
"""Characters of the longest sender or recipient that is carried."""

_DIGITS: Final = b"0123456789"
_SIZES: Final = frozenset(range(7, 16))
"""How many digits a number has."""

Party = Literal["number", "short-code", "client", "sender-id"]


def _is_number(digits: str) -> bool:
    return 7 <= len(digits) <= 15 and digits.isascii() and digits.isdigit()


@lru_cache(maxsize=4096)
def party(neutral: str) -> Party:
    """What a neutral sender or recipient is. Asked twice for each of a send: by the front that reads it and for the back that is told."""
    if neutral[:1] == "+" and 8 <= len(neutral) <= 16 and neutral.isascii() and neutral[1:].isdigit():
        return "number"
    if len(neutral) < 7 and neutral.isascii() and neutral.isdigit():
        return "short-code"
    return "client" if neutral[:7].lower() == "client:" else "sender-id"


def read_number(value: Any) -> str:
    """Any dialect's spelling, as the neutral one. The first lines are for what mostly comes, with a plus and without."""
    if value.__class__ is str and value.isascii():
        if value[:1] == "+" and 8 <= len(value) <= 16 and value[1:].isdigit():
            return str(value)
        if 7 <= len(value) <= 15 and value.isdigit():
            return "+" + str(value)
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        raise BadValue(f"has to be a number, a short code or a sender ID of at most {LONGEST} printable characters")
    return "+" + value if _is_number(value) else value


def repair_plus(value: str) -> str | None:
    """` 447900007000` was `+447900007000` before somebody forgot to percent-encode its plus."""
    return "+" + value[1:] if value[:1] == " " and _is_number(value[1:]) else None


def write_bare(neutral: str) -> str:
    """`19876543212`: as every sample of the seed writes a number."""
    digits = neutral[1:]
    if neutral[:1] == "+" and 7 <= len(digits) <= 15 and digits.isdigit() and digits.isascii():
        return digits
    return neutral


def write_plus(neutral: str) -> str:
    """`+19876543212`: the neutral spelling itself."""
    return neutral


def _digits(values: list[str]) -> list[str] | None:
    """The digits of the values if all are numbers. Without digits a plus is left of each, and it was the first of it: 35 to 45 ns a
    number, where one match takes 55 and has not cut off the plus. Those of a list are mostly of one length, which is soon seen."""
    joined = "\n".join(values)
    if joined[:1] != "+" or not joined.isascii():
        return None if values else []
    digits, count = joined[1:].split("\n+"), len(values)
    if len(digits) != count or joined.encode().translate(None, _DIGITS) != (b"+\n" * count)[:-1]:
        return None
    size = len(digits[0])
    is_one = len(joined) == count * (size + 2) - 1 and joined[size + 1 :: size + 2] == "\n" * (count - 1)
    return digits if (size in _SIZES if is_one else set(map(len, digits)) <= _SIZES) else None


BARE: Final = Column("number", _digits, left=True)
PLUS: Final = Column("number", _digits)
"""Numbers, and no other sender or recipient among them."""
