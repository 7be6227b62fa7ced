"""Message SIDs, without a memory: each provider's own SID is carried inside the other dialect's shape.

    provider's own          shown with `sid:prefixed`       shown with `sid:base32`
    M + 31 of A-Z2-7        SM + the 32 characters          itself
    SM + 32 lower hex       itself                          M0 + 0000 + 26 base 32 characters
    anything else harmless  SM + itself                     itself (a longer or shorter SID: listed as lossy)

The first two rows are exact and reversible, through two proxies in a row as well: `0` is outside the base 32 alphabet, so no real
SID can meet the third column's. Neutral is the 32 characters of the first row, the 32 hex digits of the second, or the rest;
a provider whose own bare SIDs are 32 hex digits has a `V` put before them, so that they are not mistaken for the second row.
"""

import re
from string import ascii_letters, digits
from typing import Any, Final

from translator.core.errors import BadValue
from translator.core.values.codecs.codec import BatchCodec

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_DIGIT: Final = dict(zip(_ALPHABET, range(32), strict=True))
_MARK: Final = "M00000"
_HARMLESS: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST: Final = 64
_BARE_HEX: Final = re.compile(r"V*[0-9a-f]{32}")
_HEX: Final = re.compile(r"[0-9a-f]{32}")
_LETTERS: Final = (ascii_letters + digits).encode()

_FOREIGN: Final = "N-"
"""Before the neutral SID of a provider that prefixes its SIDs, and does not do so here."""

PREFIXED: Final = "SM{$x}"
"""`write_prefixed` without a call."""

_REASON: Final = "has to be a message SID"


def read_prefixed(value: Any) -> str:
    """`SM…` as the neutral SID."""
    if isinstance(value, str) and value[:2] == "SM" and _HARMLESS.fullmatch(value, 2):
        return value[2:]
    raise BadValue(_REASON)


def read_own_prefixed(value: Any) -> str:
    """A provider's SID as the neutral one. One that does not begin with `SM` is carried whole behind a mark."""
    if isinstance(value, str):
        if value[:2] == "SM" and _HARMLESS.fullmatch(value, 2) and not value.startswith(_FOREIGN, 2):
            return value[2:]
        if len(_FOREIGN) + len(value) <= _LONGEST and _HARMLESS.fullmatch(value):
            return _FOREIGN + value
    raise BadValue(_REASON)


def write_own_prefixed(neutral: str) -> str:
    """The SID as the provider has it."""
    return neutral[len(_FOREIGN) :] if neutral.startswith(_FOREIGN) else write_prefixed(neutral)


def mend_sid(value: Any) -> str | None:
    """A SID is a text; a number may be one that was written without its quotes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def write_prefixed(neutral: str) -> str:
    """The neutral SID with `SM` before it: 34 characters for both exact sets."""
    return "SM" + neutral


def read_base32(value: Any) -> str:
    """A SID of the bare kind as the neutral one; the shape that `write_base32` made of a hex SID is read back to it."""
    if not isinstance(value, str):
        raise BadValue(_REASON)
    if len(value) == 32 and value[0] == "M" and value[1] != "0" and value.isascii() and value.isalnum():
        return value
    if value.startswith(_MARK) and len(value) == 32 and (hexadecimal := _unpack(value[6:])) is not None:
        return hexadecimal
    if not _HARMLESS.fullmatch(value):
        raise BadValue(_REASON)
    return "V" + value if _BARE_HEX.fullmatch(value) else value


def write_base32(neutral: str) -> str:
    """The neutral SID as 32 characters that begin with `M`, for both exact sets."""
    if _HEX.fullmatch(neutral):
        return _MARK + _pack(neutral)
    return neutral[1:] if neutral[:1] == "V" and _BARE_HEX.fullmatch(neutral) else neutral


def _all_base32(values: list[str]) -> list[str] | None:
    """The values if all are SIDs of the bare kind, which are neutral as they are: 32 letters and digits, an M first and no 0 second.
    All lines are of one length then, so that every 33rd character is the same one of each: 30 ns a SID, where one match takes 110."""
    joined = "\n".join([*values, ""])
    alike = (
        joined.isascii()
        and joined[32::33] == "\n" * len(values)
        and joined.encode().translate(None, _LETTERS) == b"\n" * len(values)
        and joined[::33] == "M" * len(values)
        and "0" not in joined[1::33]
    )
    return values if alike else None


BASE32: Final = BatchCodec("bare SID", _all_base32)
"""SIDs of the bare kind, and no other."""


def _pack(hexadecimal: str) -> str:
    """32 hex digits (128 bits) as 26 base 32 characters, the two bits too many being zero."""
    number = int(hexadecimal, 16)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def _unpack(packed: str) -> str | None:
    """The inverse of `_pack`; None for characters or a size that it never writes."""
    number = 0
    for character in packed:
        if character not in _DIGIT:
            return None
        number = number << 5 | _DIGIT[character]
    return f"{number:032x}" if number < 1 << 128 else None
