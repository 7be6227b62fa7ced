"""How many bytes messages take in memory."""

from collections.abc import Sequence
from sys import getsizeof
from typing import Final

from translator.model import Message
from translator.wire import Answer, Response

_ROW: Final = 760
"""Bytes of a message besides its text: the struct, its SID, two numbers and four instants. `make bench` checks it."""

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
    weighs = weight(rows)
    if not isinstance(answer, Response) or len(answer.body) <= weighs:
        return weighs
    rest = len(answer.body) - weighs - _ESCAPED * answer.body.count(b"\\u")
    return weighs + _WIDEST * max(0, rest)
