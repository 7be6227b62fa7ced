"""Text: how bytes become characters. Every value that arrives as bytes goes through here, by one rule.

a byte order mark in front                    is taken off
a declared charset                            is used
else UTF-8                                    a pair of surrogates that somebody encoded one by one (CESU-8) is the character it means
bytes that are not UTF-8, beside others       U+FFFD for each piece that is torn
  that are UTF-8 of several bytes
bytes that are not UTF-8, without such        Latin-1, which old clients send without saying so
"""

import codecs
import re
from functools import lru_cache
from typing import Final, NamedTuple

UTF_8: Final = "utf-8"
_MARK: Final = codecs.BOM_UTF8
_LONGEST_NAME: Final = 40

_WIDE_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WIDEST_MARKS: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_LOOKED_AT: Final = 8
_WIDE: Final = re.compile(rb"(?:\x00[\x01-\x7f]){2}|(?:[\x01-\x7f]\x00){2}")
_WIDEST: Final = re.compile(rb"(?:\x00{3}[\x01-\x7f])|(?:[\x01-\x7f]\x00{3})")
"""ASCII characters of two bytes and of four, in either order."""

_SEVERAL: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
"""UTF-8 of several bytes, a surrogate among them."""

_PAIR: Final = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")
"""CESU-8: a high surrogate and a low one, each encoded by itself."""

_HALF: Final = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
"""A surrogate that was encoded, and that no other belongs to."""

_LONE: Final = re.compile("[\ud800-\udfff]")
_REPLACEMENT: Final = "\ufffd"

_NAMES: Final = """
    ascii utf-8 utf-8-sig iso8859-1 iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-9 iso8859-10
    iso8859-11 iso8859-13 iso8859-14 iso8859-15 iso8859-16 cp874 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258
    cp437 cp850 cp852 cp866 koi8-r koi8-u mac-roman mac-cyrillic shift_jis cp932 euc_jp euc_kr cp949 gb2312 gbk gb18030 big5
    big5hkscs tis-620
"""
_KNOWN: Final = frozenset(_NAMES.split())
"""The charsets that are read, by the names that Python's codecs have: those in which `&`, `=` and `%` are the bytes of ASCII."""


class Read(NamedTuple):
    """A text, and whether its bytes were taken for Latin-1 although nobody said so."""

    text: str
    latin1: bool = False


class UnknownCharset(Exception):
    """A charset was declared that is not read here. `name` is the caller's own name of it, short and printable."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = "".join(character if character.isprintable() else "?" for character in name[:_LONGEST_NAME])


@lru_cache(maxsize=64)
def known_charset(declared: str) -> str:
    """The codec of a charset as a Content-Type names it; UTF-8 where it names none. Raises UnknownCharset."""
    if not declared:
        return UTF_8
    try:
        name = codecs.lookup(declared).name
    except (LookupError, ValueError):
        name = ""
    if name not in _KNOWN:
        raise UnknownCharset(declared)
    return UTF_8 if name in ("ascii", "utf-8-sig") else name


def unmarked(data: bytes) -> bytes:
    """The bytes without the byte order mark that may stand before them, or several: two programs may each have added one."""
    while data[:3] == _MARK:
        data = data[3:]
    return data


def wide_charset(data: bytes) -> str:
    """`utf-16` or `utf-32` where a body is in it, by its mark or by the zero bytes that ASCII characters have there; empty where it is in
    neither. Nothing of a form or of JSON can be found in such a body."""
    if b"\x00" not in data[:4] and data[:2] not in _WIDE_MARKS:
        return ""
    head = data[:_LOOKED_AT]
    if data[:4] in _WIDEST_MARKS or _WIDEST.match(head):
        return "utf-32"
    return "utf-16" if data[:2] in _WIDE_MARKS or _WIDE.match(head) else ""


def read(raw: bytes, charset: str = UTF_8) -> Read:
    """One value. `charset` is a codec of `known_charset`."""
    if charset != UTF_8:
        return Read(raw.decode(charset, "replace"))
    try:
        return Read(raw.decode("utf-8"))
    except UnicodeDecodeError:
        if _SEVERAL.search(raw) is None:
            return Read(raw.decode("latin-1"), latin1=True)
        return Read(_HALF.sub(_REPLACEMENT.encode(), _PAIR.sub(_joined, raw)).decode("utf-8", "replace"))


def _joined(pair: re.Match[bytes]) -> bytes:
    """A character whose two surrogates were encoded one by one."""
    units = pair[0].decode("utf-8", "surrogatepass").encode("utf-16-be", "surrogatepass")
    return units.decode("utf-16-be").encode("utf-8")


def whole(value: str) -> str:
    """A text of whole characters: two surrogates that belong together are joined, and half a character is U+FFFD."""
    if _LONE.search(value) is None:
        return value
    return value.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
