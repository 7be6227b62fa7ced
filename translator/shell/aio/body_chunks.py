"""A body that comes in pieces, in about as much memory as it has bytes, however small the pieces are."""

from typing import Final

_BLOCK: Final = 64 * 1024
"""Small pieces are put together until they are so many bytes. An object for each piece would take 35 bytes besides it, and one array
that grows for all of them takes an eighth more than it holds."""


class BodyChunks:
    """What has come of one body. `size` is how many bytes that is. A body of one piece, as most are, is not copied."""

    __slots__ = ("_block", "_first", "_whole", "size")

    def __init__(self) -> None:
        self._first = b""
        self._whole: list[bytes] | None = None
        self._block = bytearray()
        self.size = 0

    def __bool__(self) -> bool:
        return self.size > 0

    def add(self, piece: bytes) -> int:
        """One more piece. How many bytes there are."""
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
        """The whole body. Nothing of it is kept here."""
        body, self._first, self.size = self._first, b"", 0
        if self._whole is not None:
            self._close(self._whole)
            body, self._whole = b"".join(self._whole), None
        return body

    def _close(self, whole: list[bytes]) -> None:
        if self._block:
            whole.append(bytes(self._block))
            self._block.clear()
