"""JSON: msgspec, with the two things that it leaves to us, ASCII output and one error for everything unreadable."""

import codecs
from collections.abc import Callable, Iterable
from io import BytesIO
from itertools import islice
from json.encoder import encode_basestring as _quoted
from json.encoder import encode_basestring_ascii as _quoted_ascii
from typing import Any, Final, NamedTuple

import msgspec

from translator.core.errors import MalformedProviderResponse

_TOGETHER: Final = 64
"""How many values of an array are put together at once."""

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading JSON raises; the last two are not msgspec's, and deep nesting and bad UTF-8 cause them."""

_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines


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


def _each_in_ascii(texts: list[str]) -> list[str]:
    """100 ns a text of 70 characters, where one alone takes 130."""
    plain = [text if text.isascii() else msgspec.Raw(_quoted_ascii(text).encode("ascii")) for text in texts]
    return _encode_lines(plain).decode("ascii").split("\n")[:-1]


def _each_in_utf8(texts: list[str]) -> list[str]:
    return _encode_lines(texts).decode().split("\n")[:-1]


class Spelling(NamedTuple):
    """How texts stand in JSON, quotes and all: one text, and each of many."""

    one: Callable[[str], str]
    each: Callable[[list[str]], list[str]]


SPELLINGS: Final = {
    "ascii": Spelling(_quoted_ascii, _each_in_ascii),
    "utf-8": Spelling(_quoted, _each_in_utf8),
}


def is_harmless(text: str) -> bool:
    """Whether a text stands between quotes as it is."""
    return len(_quoted_ascii(text)) == len(text) + 2


def array(values: list[str]) -> bytes:
    """An array of values that are JSON already."""
    return f"[{','.join(values)}]".encode()


def under(name: str, value: str) -> bytes:
    """An object with one member, whose value is JSON already."""
    return f"{{{_quoted(name)}:{value}}}".encode()


def with_array(encoded: bytes, name: str, values: Iterable[str]) -> bytes:
    """An object that was encoded already, with one more member: an array of values that are JSON already.

    They are taken and put together a few at a time, in memory that the next ones use again and that stays near: as one text and that as
    bytes, 1,000 messages are half a megabyte twice, which takes a sixteenth longer for the whole list.
    """
    comma = b"," if len(encoded) > len(b"{}") else b""
    out = BytesIO()
    out.write(b"%b%b%b:[" % (encoded[:-1], comma, _quoted(name).encode()))
    rest, comma = iter(values), b""
    while together := ",".join(islice(rest, _TOGETHER)):
        out.write(comma)
        out.write(together.encode())
        comma = b","
    out.write(b"]}")
    return out.getvalue()


def read(body: bytes) -> Any:
    """Any JSON value. Raises Unreadable."""
    try:
        return msgspec.json.decode(body)
    except UNREADABLE:
        raise MalformedProviderResponse("the body is not JSON") from None
