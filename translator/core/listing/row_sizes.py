"""How many bytes messages take in memory."""

from collections.abc import Sequence
from sys import getsizeof
from typing import Final

from translator.core.http.messages import Answer, Response
from translator.core.model import Message

_ROW: Final = 760
"""Bytes of a message besides its text: the struct, its SID, two numbers and four instants. `make bench` checks it."""

_MEMBERS: Final = 384
"""So many bytes the members of an ordinary row take in an answer, but for its text."""

_WIDEST: Final = 4
"""How many bytes a character takes in memory at most."""

_ESCAPED: Final = 5
"""How many bytes a character takes in an answer, where it is escaped, beyond the one that it is reckoned with."""


def weight(messages: Sequence[Message]) -> int:
    """About how many bytes messages take in memory."""
    return _ROW * len(messages) + sum(map(getsizeof, [message.text for message in messages]))


def taken(rows: Sequence[Message], answer: Answer) -> int:
    """About how many bytes the rows of an answer take. What of the answer neither their texts nor ordinary members explain is reckoned as
    members that are as large in memory as they can be."""
    body = answer.body if isinstance(answer, Response) else b""
    if body.isascii() and b"\\" not in body:  # then no character takes more in memory than here
        return _ROW * len(rows) + max(0, len(body) - _MEMBERS * len(rows))
    weighs = weight(rows)
    return weighs + _WIDEST * max(0, len(body) - weighs - _ESCAPED * body.count(b"\\u"))
