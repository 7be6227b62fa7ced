"""The response bytes that a client has not read yet: their memory, and the speed at which the client has to read them.

response ─▶ written ─▶ all of it is sent: the memory is released
               └ the client reads slowly: the memory is held, and checked once a second ─▶ too slow: the connection is aborted
"""

from translator.shell.aio.memory_budget import Hold
from translator.shell.server.limits import LIMITS


class Unsent:
    """The unsent bytes of one connection. A client that reads all of them within a window is never too slow."""

    __slots__ = ("_holds", "_least", "_left", "_looks", "_was_read", "is_full")

    def __init__(self) -> None:
        self._holds: list[Hold] = []
        self.is_full = False
        self._left = self._looks = self._was_read = 0
        self._least = LIMITS.first_window

    def keep(self, hold: Hold) -> None:
        """Keep the memory of a response until no bytes are unsent."""
        self._holds.append(hold)

    def fill(self, size: int) -> None:
        """Start the measurement: `size` bytes are unsent, too many for the next request."""
        self.is_full = True
        self._left, self._looks, self._was_read, self._least = size, 0, 0, LIMITS.first_window

    def drain(self) -> None:
        """Stop the measurement and release the memory, because no bytes are unsent any more."""
        self.is_full = False
        self.release()

    def settle(self) -> None:
        """Release the memory if the kernel has taken all bytes."""
        if not self.is_full:
            self.release()

    def release(self) -> None:
        """Release the memory. It may be called again."""
        for hold in self._holds:
            hold.release()
        self._holds.clear()

    def is_slow(self, size: int) -> bool:
        """Called by the idle sweep with the number of unsent bytes. True if the client reads too slowly."""
        if not self.is_full:
            return False
        self._looks += 1
        self._was_read += max(self._left - size, 0)  # the size grows if TLS writes a response in pieces
        self._left = size
        if self._looks % LIMITS.window:
            return False
        was_read, self._was_read = self._was_read, 0
        least, self._least = self._least, LIMITS.later_windows
        return was_read < least
