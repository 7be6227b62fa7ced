"""Forms: `application/x-www-form-urlencoded` bodies and query strings, read as tolerantly as old clients need.

Hand-written bodies with bare spaces and unescaped addresses parse. Each value's bytes become text by the rule of `text`; that one was taken
for Latin-1 is reported.
"""

import re
from typing import Any, Final
from urllib.parse import quote_plus, unquote_to_bytes

import msgspec

from translator.core.http.formats import text

MOST_FIELDS: Final = 200
"""Pairs that are read; a form with more is refused rather than cut."""


_MARK: Final = b"\xef\xbb\xbf"
_ESCAPED_MARK: Final = re.compile(rb"\A(?:%EF%BB%BF)+", re.IGNORECASE)

_UNRESERVED: Final = re.compile(r"[A-Za-z0-9_.~-]*")
_QUOTED: Final = {code: quote_plus(chr(code)) for code in range(128)}


class Pair(msgspec.Struct, gc=False, frozen=True):
    """One field as it was sent. `latin1` says that its value is not UTF-8 and was read as Latin-1."""

    name: str
    value: Any
    latin1: bool = False


def read(data: bytes, charset: str = text.UTF_8) -> list[Pair] | None:
    """The fields in order, repeated ones too; None where there are more than `MOST_FIELDS`. `charset` is a codec of
    `text.known_charset`."""
    if data[:3] == _MARK:
        data = text.unmarked(data)
    if data[:3] == b"%EF" or data[:3] == b"%ef":
        data = _ESCAPED_MARK.sub(b"", data)
    pieces = data.split(b"&", MOST_FIELDS)
    if len(pieces) > MOST_FIELDS:
        return None
    found = []
    for piece in pieces:
        if b"%" not in piece and piece.isascii():
            if piece:
                plain, _, given = piece.decode("ascii").replace("+", " ").partition("=")
                found.append(Pair(plain, given))
        else:
            name, _, value = piece.partition(b"=")
            found.append(Pair(_text(name, charset).text, *_text(value, charset)))
    return found


def _text(raw: bytes, charset: str) -> text.Read:
    return text.read(unquote_to_bytes(raw.replace(b"+", b" ")) if b"%" in raw or b"+" in raw else raw, charset)


def write(pairs: list[tuple[str, str]]) -> str:
    """Pairs as a form or a query string, UTF-8 and percent-encoded."""
    return "&".join([f"{quoted(name)}={quoted(value)}" for name, value in pairs])


def quoted(value: str) -> str:
    """A name or value, percent-encoded. Most are as they are; to find that out takes a tenth of what the library's quoting takes, and a
    table of ASCII does the rest in a sixth."""
    if _UNRESERVED.fullmatch(value):
        return value
    return value.translate(_QUOTED) if value.isascii() else quote_plus(value)
