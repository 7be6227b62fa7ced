"""Settings of glibc's allocator: freed memory is kept for the next request, and is returned to the system after an overload.

freed ─▶ kept and used again ─▶ much more is free than after the last trim, and the load is low ─▶ returned to the system

Returning 1 MiB takes 0.5 ms, and so does taking it again. It is therefore put off while the load is high.
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
"""The numbers of these parameters in glibc's `mallopt`."""

_LARGEST: Final = 8 * 1024 * 1024
"""The largest allocation that comes from the heap, in bytes."""
_KEPT: Final = 16 * 1024 * 1024
"""Free bytes at the end of the heap that are kept."""

_LOOK: Final = 0.3
"""Seconds between two checks of the free memory."""

_MUCH: Final = 16 * 1024 * 1024
"""Free bytes beyond those after the last trim that count as much, if they are also a quarter of the process. An overload leaves more."""

_SOON: Final = 2
_LATE: Final = 100
"""Checks in a row that have to find much before a trim: with a low load, and with any load."""

_LITTLE: Final = 0.5
"""The share of a processor below which the load is low."""

_PAGES: Final = Path("/proc/self/statm")
_PAGE: Final = 4096


class _Heap(ctypes.Structure):
    """The struct `mallinfo2` of glibc. `fordblks` is the number of free bytes."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


def tune_glibc_malloc() -> None:
    """Keep freed memory for the next list. Does nothing if the C library is not glibc.
    Returning it costs 160 page faults for a list of 1,000 messages, up to an eighth of the total time."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, _KEPT)


def resident() -> int:
    """Return the resident memory of the process in bytes; 0 if the system does not tell."""
    try:
        return int(_PAGES.read_text("ascii").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


class Returning:
    """Returns to the system the memory that an overload leaves, beside the requests. Does nothing without glibc 2.33 or newer."""

    def __init__(self) -> None:
        self._libc: Any = None
        with contextlib.suppress(OSError, AttributeError, TypeError):
            libc = ctypes.CDLL(None)
            libc.mallinfo2.restype = _Heap
            libc.malloc_trim.argtypes = [ctypes.c_size_t]
            self._libc = libc
        # The smallest size of the process, the smallest since the last trim, and the smallest number of free bytes since then.
        self._floor = self._least = self._usual = 0
        self._found = 0

    async def run(self) -> None:
        """Run until cancelled."""
        while self._libc is not None:
            began, used = time.monotonic(), time.process_time()
            await asyncio.sleep(_LOOK)
            self.look(is_busy=time.process_time() - used > _LITTLE * (time.monotonic() - began))

    def look(self, *, is_busy: bool = False) -> bool:
        """Check once. Returns True if memory was returned.

        Counting the free bytes takes time for each free piece, so it is done only if the process has grown beyond its smallest size.
        """
        size = resident()
        self._floor, self._least = min(self._floor or size, size), min(self._least or size, size)
        much, free = max(_MUCH, size // 4), 0
        if size > self._floor + _MUCH:
            free = int(self._libc.mallinfo2().fordblks)
            self._usual = min(self._usual, free)
        # The free bytes include pages that were returned already. The growth of the process does not.
        is_much = free > self._usual + much or min(free, size - self._least) > much
        self._found = self._found + 1 if is_much else 0
        if self._found < (_LATE if is_busy else _SOON):
            return False
        gc.collect()
        self._libc.malloc_trim(0)
        self._least, self._usual, self._found = resident(), int(self._libc.mallinfo2().fordblks), 0
        return True
