"""A body that comes in pieces, in about as much memory as it has bytes, however small the pieces are."""

from typing import Final

_BLOCK: Final = 64 * 1024
"""Small pieces are put together until they are so many bytes. An object for each piece would take 35 bytes besides it, and one array
that grows for all of them takes an eighth more than it holds."""


class Pieces:
    """What has come of one body. `size` is how many bytes that is."""

    __slots__ = ("_block", "_whole", "size")

    def __init__(self) -> None:
        self._whole: list[bytes] = []
        self._block = bytearray()
        self.size = 0

    def __bool__(self) -> bool:
        return self.size > 0

    def add(self, piece: bytes) -> None:
        """One more piece."""
        if not self.size or len(piece) >= _BLOCK:
            self._close()
            self._whole.append(piece)
        else:
            self._block += piece
            if len(self._block) >= _BLOCK:
                self._close()
        self.size += len(piece)

    def take(self) -> bytes:
        """The whole body. Nothing of it is kept here."""
        self._close()
        whole, self._whole, self.size = self._whole, [], 0
        return whole[0] if len(whole) == 1 else b"".join(whole)

    def _close(self) -> None:
        if self._block:
            self._whole.append(bytes(self._block))
            self._block.clear()
