"""A body that arrives in pieces. It takes about as much memory as it has bytes, however small the pieces are."""

from typing import Final

_BLOCK: Final = 64 * 1024
"""The size of a block, in bytes, to which small pieces are joined. An object for each piece would take 35 more bytes.
One array that grows for all of them takes an eighth more than its content."""


class BodyChunks:
    """The received part of one body, of `size` bytes. A body of one piece, as most are, is not copied."""

    __slots__ = ("_block", "_first", "_whole", "size")

    def __init__(self) -> None:
        self._first = b""
        self._whole: list[bytes] | None = None
        self._block = bytearray()
        self.size = 0

    def __bool__(self) -> bool:
        return self.size > 0

    def add(self, piece: bytes) -> int:
        """Add a piece, and return the size."""
        if not self.size:
            self._first, self.size = piece, len(piece)
            return self.size
        if self._whole is None:
            self._whole, self._first = [self._first], b""
        if len(piece) >= _BLOCK:
            self._close(self._whole)
            self._whole.append(piece)
        else:
            self._block += piece
            if len(self._block) >= _BLOCK:
                self._close(self._whole)
        self.size += len(piece)
        return self.size

    def take(self) -> bytes:
        """Return the whole body, and keep nothing of it."""
        body, self._first, self.size = self._first, b"", 0
        if self._whole is not None:
            self._close(self._whole)
            body, self._whole = b"".join(self._whole), None
        return body

    def _close(self, whole: list[bytes]) -> None:
        if self._block:
            whole.append(bytes(self._block))
            self._block.clear()
