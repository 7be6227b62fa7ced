"""What the process asks of the C library's allocator: to keep what was freed for the next request, and to give it back after an overload.

freed ─▶ kept, and used again ─▶ much more is free than after the last time, while there is little to do ─▶ given back to the system

To give back takes half a millisecond for each MiB, and so does to take it anew: while there is much to do, it is put off.
"""

import asyncio
import contextlib
import ctypes
import gc
import time
from pathlib import Path
from typing import Any, Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""What glibc's `mallopt` calls them."""

_LARGEST: Final = 8 * 1024 * 1024
"""Bytes up to which a piece of memory is taken from the heap, as small ones are."""
_KEPT: Final = 16 * 1024 * 1024
"""Bytes at the end of the heap that are kept though nothing is in them."""

_LOOK: Final = 0.3
"""Seconds between two looks at how much memory is free."""

_MUCH: Final = 16 * 1024 * 1024
"""So many bytes more are free than after the last time, and a quarter of all that the process has: less than an overload leaves."""

_SOON: Final = 2
_LATE: Final = 100
"""After so many looks in a row that found much, it is given back: while there is little to do, and anyhow."""

_LITTLE: Final = 0.5
"""There is little to do where the process takes less of a processor than that."""

_PAGES: Final = Path("/proc/self/statm")
_PAGE: Final = 4096


class _Heap(ctypes.Structure):
    """`struct mallinfo2` of glibc. `fordblks` are the bytes that are free."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


def tune_glibc_malloc() -> None:
    """Use memory again rather than give it back to the system and take it anew with each list: 160 page faults for one of 1,000 messages,
    as much as an eighth of all that it costs. Where the C library is not glibc, nothing is asked of it."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, _KEPT)


def resident() -> int:
    """Bytes of memory that this process has; 0 where the system does not say."""
    try:
        return int(_PAGES.read_text("ascii").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


class Returning:
    """Gives back what an overload leaves behind, beside the requests. Where the C library is not glibc 2.33 or newer, it does nothing."""

    def __init__(self) -> None:
        self._libc: Any = None
        with contextlib.suppress(OSError, AttributeError, TypeError):
            libc = ctypes.CDLL(None)
            libc.mallinfo2.restype = _Heap
            libc.malloc_trim.argtypes = [ctypes.c_size_t]
            self._libc = libc
        # How large the process was at its smallest, and since the last time; how much was free then, at the least.
        self._floor = self._least = self._usual = 0
        self._found = 0

    async def run(self) -> None:
        """Go on until cancelled."""
        while self._libc is not None:
            began, used = time.monotonic(), time.process_time()
            await asyncio.sleep(_LOOK)
            self.look(is_busy=time.process_time() - used > _LITTLE * (time.monotonic() - began))

    def look(self, *, is_busy: bool = False) -> bool:
        """Look once. Whether memory was given back.

        How much is free is asked for only where the process is larger than it was at its smallest: that costs time for each free piece.
        """
        size = resident()
        self._floor, self._least = min(self._floor or size, size), min(self._least or size, size)
        much, free = max(_MUCH, size // 4), 0
        if size > self._floor + _MUCH:
            free = int(self._libc.mallinfo2().fordblks)
            self._usual = min(self._usual, free)
        # What is free is not all there: what was given back counts as well. What the process has grown by is.
        is_much = free > self._usual + much or min(free, size - self._least) > much
        self._found = self._found + 1 if is_much else 0
        if self._found < (_LATE if is_busy else _SOON):
            return False
        gc.collect()
        self._libc.malloc_trim(0)
        self._least, self._usual, self._found = resident(), int(self._libc.mallinfo2().fordblks), 0
        return True
