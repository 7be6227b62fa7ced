"""Codecs whose neutral value is the value itself."""

import re
from typing import Annotated, Any

import msgspec

from translator.core.errors import BadValue

MAX_COUNT = 2**63 - 1
COUNT = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
LONGEST_TEXT = 64 * 1024
"""Characters of the longest text that is sent or shown. The 255 parts of the longest SMS hold 39,015 (TS 23.038)."""

TEXT = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
_LONGEST_ADDRESS = 2048
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_LOGIN = re.compile(r"https?://[^/?#]*@", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s/?#@\x00-\x20\x7f]+(?:[/?#][^\s\x00-\x20\x7f]*)?", re.IGNORECASE)


def write_same(value: Any) -> Any:
    """Return the neutral value unchanged."""
    return value


def read_text(value: Any) -> str:
    """Read a text. A longer one than `LONGEST_TEXT` is refused at a send too, because no list could show it.
    The decoder of `TEXT` has the same limit."""
    if not isinstance(value, str):
        raise BadValue("has to be a text")
    if len(value) > LONGEST_TEXT:
        raise BadValue(f"has to be a text of at most {LONGEST_TEXT} characters")
    return value


def mend_text(value: Any) -> str:
    """Return a text as it is, another value as its JSON, and None as an empty text."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def mend_count(value: Any) -> int | None:
    """Return a count that is written in digits, or None."""
    try:
        return read_count(int(value) if isinstance(value, float) and value.is_integer() else value)
    except BadValue:
        return None


def mend_flag(value: Any) -> bool | None:
    """Return a flag that is written as a word, or None."""
    try:
        return read_flag(value)
    except BadValue:
        return None


def read_count(value: Any) -> int:
    """Read a whole number, 0 or more, from a JSON number or from ASCII digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_COUNT:
        raise BadValue("has to be a whole number, 0 or more")
    return value


def read_flag(value: Any) -> bool:
    """Read true or false, as JSON or as a word in any case."""
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.lower())
    if not isinstance(value, bool):
        raise BadValue("has to be true or false")
    return value


def read_method(value: Any) -> str:
    """Read GET or POST in any case, because published SDKs write `Get` and `Post`."""
    if isinstance(value, str) and value.upper() in ("GET", "POST"):
        return value.upper()
    raise BadValue("has to be GET or POST")


def read_address(value: Any) -> str:
    """Read an absolute http or https address without user information and without white space."""
    if isinstance(value, str) and len(value) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(value):
        return value
    raise BadValue(_why_no_address(value))


def _why_no_address(value: Any) -> str:
    """Return what is wrong with an address, in words for its author."""
    if not isinstance(value, str) or not _SCHEME.match(value):
        return "has to be an absolute http or https address"
    if len(value) > _LONGEST_ADDRESS:
        return f"has to be an address of at most {_LONGEST_ADDRESS} characters"
    if _LOGIN.match(value):
        return "has to be an address without a user name and a password before its host"
    return "has to be an absolute http or https address, percent-encoded: without blanks and control characters"
