"""Reads JSON that the strict reader refuses: bytes that are not UTF-8, half characters, control characters in texts, endless numbers.

It is slow, and is used only after the strict reader has failed. Its results contain whole characters only.
"""

import json
import re
from typing import Any, Final

from translator.core.errors import MalformedProviderResponse
from translator.core.http.formats import text

_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_DIGITS: Final = 30
"""The maximum number of digits of a whole number. A longer one is no count, no instant and no code."""


def as_utf8(body: bytes, charset: str = text.UTF_8) -> tuple[bytes, bool]:
    """Return a body in UTF-8 without a byte order mark, and whether one of its texts was read as Latin-1. Each text is decoded by
    itself, so that a damaged one does not change the others."""
    body = text.unmarked(body)
    if charset != text.UTF_8:
        return text.read(body, charset).text.encode(), False
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        found: list[bool] = []
        return _STRING.sub(lambda string: _string(string[0], found), body), any(found)
    return body, False


def _string(raw: bytes, found: list[bool]) -> bytes:
    if raw.isascii():
        return raw
    value, latin1 = text.read(raw)
    found.append(latin1)
    return value.encode()


def read(raw: bytes) -> Any:
    """Return any JSON value. Raises MalformedProviderResponse."""
    try:
        value = json.loads(as_utf8(raw)[0].decode("utf-8", "replace"), strict=False, parse_int=_whole_number)
        return _whole(value)
    except (ValueError, RecursionError):
        raise MalformedProviderResponse("the body is not JSON") from None


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return text.whole(value)
    if isinstance(value, dict):
        return {text.whole(name): _whole(inner) for name, inner in value.items()}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value


def elements(body: bytes, member: str) -> tuple[list[bytes], bytes] | None:
    """Return the raw elements of the array `member` of an object, and the object with an empty array in its place. Return None if there
    is no such array. The nesting depth of an element does not matter."""
    name = json.dumps(member).encode()
    depth, key, start, begins = 0, b"", 0, 0
    found: list[bytes] = []
    for token in _TOKEN.finditer(body):
        what = token[0]
        if what[:1] == b'"':
            key = what if depth == 1 else key
        elif what in b"[{":
            depth += 1
            if depth == 2 and what == b"[" and key == name and not begins:
                start = begins = token.end()
        elif what in b"]}":
            depth -= 1
            if begins and depth == 1:
                found += [body[start : token.start()]] if body[begins : token.start()].strip() else []
                return found, body[:begins] + body[token.start() :]
        elif begins and depth == 2:
            found.append(body[start : token.start()])
            start = token.end()
    return None
