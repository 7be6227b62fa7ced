"""What is committed to the write-ahead log of an SQLite file is written into the file itself, beside the writer and not by it.

A page is written where it stands, so a thousand of them may take a disk a fifth of a second: that long a send would wait. The log begins
anew when all of it is written and nobody reads it, so it is gone through again until nothing was added meanwhile. Where that never
happens the writer does the rest itself, at `LARGEST` pages.
"""

import sqlite3
import threading
from pathlib import Path
from typing import Final

LARGEST: Final = 4000
"""Pages of the log at which the writer does what is left: 16 MiB."""

_EVERY: Final = 0.25
"""Seconds between two looks whether anything was committed."""

_PASSES: Final = 5


class Checkpoints:
    """A thread with a connection of its own. `noted` is set by the writer when something was committed. While `is_running`, what nobody
    waits for is not written: the log would never be gone through to its end, and grow."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.is_running = False
        self.noted = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-checkpoints", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread. It is waited for: it may be writing."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=0)
        try:
            while not self._ended.wait(_EVERY):
                if self.noted.is_set():
                    self.noted.clear()
                    self.is_running = True
                    self._go_through(connection)
                    self.is_running = False
        finally:
            connection.close()

    def _go_through(self, connection: sqlite3.Connection) -> None:
        for _ in range(_PASSES):
            try:
                busy, log, done = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            except sqlite3.Error:  # the disk is full or fails: the log stays, and whoever writes is told
                return
            if busy or done == log or self._ended.is_set():
                return
