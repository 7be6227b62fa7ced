"""Estimates the memory of messages, in bytes."""

from collections.abc import Sequence
from sys import getsizeof
from typing import Final

from translator.core.http.messages import Answer, Response
from translator.core.model import Message

_ROW: Final = 760
"""The bytes of a message without its text: the struct, its SID, two numbers and four instants. `make bench` checks it."""

_MEMBERS: Final = 384
"""The bytes of an ordinary row in an answer, without its text."""

_WIDEST: Final = 4
"""The maximum number of bytes of a character in memory."""

_ESCAPED: Final = 5
"""The additional bytes of an escaped character in an answer, beyond the one byte that is counted for it."""


def weight(messages: Sequence[Message]) -> int:
    """Return the approximate number of bytes that messages take in memory."""
    return _ROW * len(messages) + sum(map(getsizeof, [message.text for message in messages]))


def taken(rows: Sequence[Message], answer: Answer) -> int:
    """Return the approximate number of bytes that the rows of an answer take. The rest of the answer, beside texts and ordinary
    members, counts as members of the greatest possible size in memory."""
    body = answer.body if isinstance(answer, Response) else b""
    if body.isascii() and b"\\" not in body:  # then no character takes more bytes in memory than in the body
        return _ROW * len(rows) + max(0, len(body) - _MEMBERS * len(rows))
    weighs = weight(rows)
    return weighs + _WIDEST * max(0, len(body) - weighs - _ESCAPED * body.count(b"\\u"))
