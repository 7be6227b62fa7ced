"""Who sends and who receives: phone numbers, short codes, sender IDs and clients.

Neutral, a number is `+` and its digits, which begin with a country code and so never with 0. A short code is bare digits, `client:` names a
client of the platform, anything else is a sender ID. None of those three is ever altered.

What a caller *asks* is read by `read_number`: 7 to 15 digits without a plus are a number, since old callers write it so, and a number that
is written for people loses what people put between its digits. What a provider *shows* is read by `shown_bare` and `shown_plus`, which
refuse nothing: where the dialect writes the plus, digits without one are a short code, whatever their length.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

import msgspec

from translator.core.errors import BadValue
from translator.core.values.codecs.codec import BatchCodec, Codec

LONGEST: Final = 64
"""Characters of the longest sender or recipient that is asked for."""

_DIGITS: Final = b"0123456789"
_SIZES: Final = frozenset(range(7, 16))
"""How many digits a number has that is written without its plus. With it there are 6 as well: those of Austria, Germany and Iran."""

_BETWEEN: Final = re.compile("[\\s().\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u2010-\u2015\u2212-]+")
"""What people and text editors put between the digits of a number: blanks, hyphens, dots, parentheses, and marks that nobody sees."""

_TRUNK: Final = re.compile(r"\(\s*0\s*\)")
"""`+44 (0)20 …`: a 0 that is dialled in the country alone, and is no part of the number."""

_SCHEME: Final = re.compile(r"((?:tel|sms|smsto|mms|mmsto|callto):)[\s+(]*\d", re.IGNORECASE)
"""A number as a URL has it (RFC 3966, RFC 5724). Neither document has numbers in that form: both ask for E.164."""

_HOW: Final = "like +61491570156: a plus, the country code, and 6 to 15 digits in all"
NOT_WHOLE: Final = f"has to be a phone number {_HOW}"
NATIONAL: Final = f"begins with 0, as a number within a country does; it has to be {_HOW}"

Party = Literal["number", "short-code", "client", "sender-id", "national"]

PARTIES: Final[dict[Party, str]] = {
    "number": "phone number",
    "short-code": "short code",
    "client": "client",
    "sender-id": "sender ID",
    "national": "number without its country code",
}
"""What each is called where a person reads it."""


def _is_number(digits: str) -> bool:
    """Whether digits without a plus are those of a number."""
    return 7 <= len(digits) <= 15 and digits.isascii() and digits.isdigit() and digits[0] != "0"


def _is_whole(value: str) -> bool:
    """Whether a value is a neutral number."""
    return value[:1] == "+" and 7 <= len(value) <= 16 and value.isascii() and value[1:].isdigit() and value[1] != "0"


@lru_cache(maxsize=4096)
def party(neutral: str) -> Party:
    """What a neutral sender or recipient is. Asked twice for each of a send: by the front that reads it and for the back that is told."""
    if _is_whole(neutral):
        return "number"
    if neutral.isascii() and neutral.isdigit():
        return "national" if neutral[0] == "0" and len(neutral) >= 7 else "short-code"
    return "client" if neutral[:7].lower() == "client:" else "sender-id"


def read_number(value: Any) -> str:
    """What a caller asks for, as the neutral spelling. The first lines are for what mostly comes, with a plus and without."""
    if value.__class__ is str and value.isascii():
        if value[:1] == "+" and 7 <= len(value) <= 16 and value[1:].isdigit() and value[1] != "0":
            return str(value)
        if 7 <= len(value) <= 15 and value.isdigit() and value[0] != "0":
            return "+" + str(value)
    if not isinstance(value, str) or len(value) > LONGEST:
        raise BadValue(f"has to be a phone number, a short code or a sender ID of at most {LONGEST} characters")
    if value[:1] == "+":
        return _cleaned(value)
    if not value.isprintable():
        raise BadValue(
            f"has to be a phone number, a short code or a sender ID of at most {LONGEST} printable characters"
        )
    if is_for_people(value) or (len(value) > 15 and value.isascii() and value.isdigit()):
        raise BadValue(NOT_WHOLE)
    if ":" in value and (scheme := _SCHEME.match(value)) is not None:
        raise BadValue(f"has to be a phone number alone, without {scheme[1]} before it, {_HOW}")
    return value


def _cleaned(value: str) -> str:
    """A number with its plus, without what people put between its digits. What begins with a plus and is no number is refused: no sender
    ID does."""
    digits = _BETWEEN.sub("", value[1:])
    if not _is_whole("+" + digits) or _TRUNK.search(value):
        raise BadValue(NATIONAL if digits[:1] == "0" and digits.isdigit() else NOT_WHOLE)
    return "+" + digits


def is_for_people(value: str) -> bool:
    """Whether a value is digits, and what people put between them."""
    digits = _BETWEEN.sub("", value)
    return digits != value and digits.isascii() and digits.isdigit()


def repair_plus(value: str) -> str | None:
    """` 447900007000` was `+447900007000` before somebody forgot to percent-encode its plus."""
    return "+" + value[1:] if value[:1] == " " and _is_number(_BETWEEN.sub("", value[1:])) else None


def shown_bare(value: str) -> str:
    """What a provider shows that writes numbers without their plus."""
    return "+" + value if 7 <= len(value) <= 15 and value.isascii() and value.isdigit() and value[0] != "0" else value


def shown_plus(value: str) -> str:
    """What a provider shows that writes numbers with their plus: neutral as it stands."""
    return value


def mend_number(value: Any) -> str:
    """A sender or recipient of another JSON type as text; nothing at all as an empty one."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def spellings(neutral: str) -> tuple[str, ...]:
    """A sender or recipient that a list is filtered by, as it may stand in a row. Digits that were asked for without a plus may be those
    of a number or of a long short code, which look alike where numbers are shown without their plus."""
    return (neutral, neutral[1:]) if _is_whole(neutral) else (neutral,)


class Numbering(NamedTuple):
    """What an account says of numbers: which digits are short codes however long they are, and how a number of its own country is read
    that has no country code; `national` answers None for what is none."""

    short_codes: frozenset[str] = frozenset()
    national: Callable[[str], str | None] | None = None

    def of(self, kind: Codec) -> Codec:
        """A kind of number that knows all this."""
        shown = self._knowing(kind.reads_shown) if kind.reads_shown is not shown_plus else shown_plus
        return kind._replace(read=self._knowing(kind.read), shown=shown)

    def _knowing(self, read: Callable[[Any], str]) -> Callable[[Any], str]:
        def known(value: Any) -> str:
            if value.__class__ is str and value[:1] != "+" and value[:7].lower() != "client:":
                if value in self.short_codes:
                    return str(value)
                plain = _BETWEEN.sub("", value)
                national = self.national if plain.isascii() and plain.isdigit() else None
                if national is not None and (number := national(plain)) is not None:
                    return number
            return read(value)

        return known


def write_bare(neutral: str) -> str:
    """`19876543212`: as every sample of the seed writes a number. One of 6 digits keeps its plus, or it would be a short code."""
    digits = neutral[1:]
    if neutral[:1] == "+" and 7 <= len(digits) <= 15 and digits.isdigit() and digits.isascii() and digits[0] != "0":
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
    if "0" in joined[1 :: size + 2] if is_one else "+0" in joined:
        return None
    return digits if (size in _SIZES if is_one else set(map(len, digits)) <= _SIZES) else None


BARE: Final = BatchCodec("number", _digits, left=True)
PLUS: Final = BatchCodec("number", _digits)
"""Numbers, and no other sender or recipient among them."""
