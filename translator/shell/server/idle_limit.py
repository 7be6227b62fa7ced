"""The time limit of a connection without an active request, and of a client that reads slowly.

a sweep a second ─▶ no active request, and no progress ─▶ one more tick ─▶ too many ticks: close, or abort if bytes are unsent
"""

from typing import Literal, TypeAlias

from translator.shell.server.unsent_bytes import Unsent

Verdict: TypeAlias = Literal["", "close", "abort"]


class IdleLimit:
    """The idle ticks of one connection.

    unsent: The response bytes that the client has not read yet.
    ticks: The sweeps without an active request and without progress. A request sets it to 0.
    is_known: True if the last request was authenticated.
    """

    __slots__ = ("_size", "is_known", "ticks", "unsent")

    def __init__(self) -> None:
        self.unsent = Unsent()
        self.is_known = False
        self.ticks = 0
        self._size = 0

    def tick(self, size: int, most: int, kept: int, *, is_active: bool, is_between: bool) -> Verdict:
        """Count a sweep, and return what happens to the connection.

        size: The number of unsent bytes.
        most: The largest number of sweeps without an active request and without progress.
        kept: The same between two requests, if the first one was authenticated.
        is_active: True if a request is active.
        is_between: True if no byte of the next request has come.
        """
        has_progress = size < self._size
        self._size = size
        self.ticks = 0 if is_active or has_progress else self.ticks + 1
        if self.unsent.is_slow(size) or (self.ticks > most and size):
            return "abort"
        return "close" if self.ticks > (kept if is_between and self.is_known else most) else ""
