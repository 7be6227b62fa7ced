"""JSON: msgspec, with the two things that it leaves to us, ASCII output and one error for everything unreadable."""

import codecs
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, Final

import msgspec

from translator.errors import Unreadable

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading JSON raises; the last two are not msgspec's, and deep nesting and bad UTF-8 cause them."""

_encode = msgspec.json.Encoder().encode


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""Characters outside ASCII as `\uXXXX`, those beyond the basic plane as a pair of surrogates."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    escaped = "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    return escaped, error.end


codecs.register_error("sms-translator-json", _escape)


def write(value: Any) -> bytes:
    """A value as compact UTF-8 JSON."""
    return _encode(value)


def write_ascii(value: Any) -> bytes:
    r"""A value as JSON in ASCII alone: outside strings JSON has no other characters, so all of them are escapes."""
    encoded = _encode(value)
    return encoded if encoded.isascii() else encoded.decode().encode("ascii", "sms-translator-json")


def escaped(text: str) -> msgspec.Raw:
    """A text as JSON in ASCII, to be encoded as it is."""
    return msgspec.Raw(_quoted(text).encode("ascii"))


def read(body: bytes) -> Any:
    """Any JSON value. Raises Unreadable."""
    try:
        return msgspec.json.decode(body)
    except UNREADABLE:
        raise Unreadable("the body is not JSON") from None
