"""The input of a connection that is not parsed yet, and its memory.

read ─▶ up to the end of one request ─▶ parser
           └ later bytes wait until the request before them is answered
"""

from typing import Final, Literal

from translator.shell.aio.memory_budget import Hold, MemoryBudget
from translator.shell.server.limits import LIMITS

_END: Final = b"\r\n\r\n"
"""The end of every head and of every chunked body. The parser accepts no other line ending."""


class PendingInput:
    """The input that waits.

    rest: The bytes that are not parsed yet.
    last: The last three parsed bytes of an incomplete request.
    hold: The memory for an incomplete head, or for pipelined requests.
    """

    __slots__ = ("hold", "last", "rest")

    def __init__(self) -> None:
        self.rest = b""
        self.last = b""
        self.hold: Hold | None = None

    def take(self, data: bytes) -> bytes:
        """Return the waiting bytes with `data` after them, and keep none."""
        if self.rest:
            data, self.rest = self.rest + data, b""
        if self.hold is not None:
            self.release()
        return data

    def end(self, data: bytes, at: int, to_come: int) -> int:
        """Return the index up to which the parser may read `data` from `at` on: the end of the present request, else the end of `data`.

        to_come: The bytes of its body that are still to come, or 0 if its length is not known.
        """
        if to_come:
            return min(at + to_come, len(data))
        if self.last and at == 0:
            end = (self.last + data[:3]).find(_END)
            if end >= 0:
                return end + len(_END) - len(self.last)
        end = data.find(_END, at)
        return len(data) if end < 0 else end + len(_END)

    def is_parsed(self, data: bytes, *, is_within: bool) -> None:
        """Note that all of `data` is parsed. `is_within` is True if a request is still incomplete."""
        self.last = (self.last + data[-3:])[-3:] if is_within else b""

    def reserve(self, budget: MemoryBudget, account: str, kind: Literal["head", "ahead"], size: int) -> bool:
        """Take memory for waiting input. Returns False if the budget has none left."""
        if size > LIMITS.free:
            self.hold = budget.take(account, kind, size)
            return self.hold is not None
        return True

    def drop(self) -> None:
        """Drop the input and release its memory."""
        self.rest = b""
        self.release()

    def release(self) -> None:
        """Release the memory. It may be called again."""
        if self.hold is not None:
            self.hold.release()
            self.hold = None
