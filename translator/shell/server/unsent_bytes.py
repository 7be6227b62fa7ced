"""What a connection was told to write and its caller has not read yet: the memory for it, and how fast it has to be read.

answer ─▶ written ─▶ all of it has left: released
               └ the caller reads slowly: held, and looked at once a second ─▶ too slow: the connection is given up
"""

from typing import Final

from translator.shell.aio.memory_budget import Hold

FULL: Final = 8 * 1024
"""So many bytes may wait to be read before the next request is attended to. They take nothing from the memory budget."""

WINDOW: Final = 30
"""Looks, a second each, between two questions of how much was read."""

FIRST: Final = 64 * 1024
"""How many bytes are read of an answer in the first window at least,"""

LATER: Final = WINDOW * 8 * 1024
"""and in each one after it: 8 KiB a second."""


class Unsent:
    """What waits on one connection. A caller that reads all of it within a window is never too slow."""

    __slots__ = ("_holds", "_least", "_left", "_looks", "_was_read", "is_full")

    def __init__(self) -> None:
        self._holds: list[Hold] = []
        self.is_full = False
        self._left = self._looks = self._was_read = 0
        self._least = FIRST

    def keep(self, hold: Hold) -> None:
        """The memory for an answer, which is released once nothing waits."""
        self._holds.append(hold)

    def fill(self, size: int) -> None:
        """So many bytes wait, which is too much to go on."""
        self.is_full = True
        self._left, self._looks, self._was_read, self._least = size, 0, 0, FIRST

    def drain(self) -> None:
        """Nothing waits any more."""
        self.is_full = False
        self.release()

    def settle(self) -> None:
        """What was to be written has been given to the network."""
        if not self.is_full:
            self.release()

    def release(self) -> None:
        """Give the memory back. It may be called again."""
        for hold in self._holds:
            hold.release()
        self._holds.clear()

    def is_slow(self, size: int) -> bool:
        """One more look finds so many bytes waiting. Whether the caller reads too slowly."""
        if not self.is_full:
            return False
        self._looks += 1
        self._was_read += max(self._left - size, 0)  # it grows where TLS writes an answer in pieces
        self._left = size
        if self._looks % WINDOW:
            return False
        was_read, self._was_read = self._was_read, 0
        least, self._least = self._least, LATER
        return was_read < least
