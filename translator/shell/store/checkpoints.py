"""Checkpoints of an SQLite file: a thread beside the writer moves committed pages from the write-ahead log into the file.

A checkpoint writes each page in its place, so a thousand pages may take a disk 0.2 s. In the writer, a send would wait that long.
SQLite restarts the log when all of it is in the file and no reader uses it.
The thread therefore repeats until no page was added meanwhile.
If that never happens, the writer makes the checkpoint itself at `LARGEST` pages.
"""

import sqlite3
import threading
from pathlib import Path
from typing import Final

LARGEST: Final = 4000
"""Pages of the log at which the writer makes the checkpoint: 16 MiB."""

_EVERY: Final = 0.25
"""Seconds between two checks for a commit."""

_PASSES: Final = 5


class Checkpoints:
    """A thread with its own connection. The writer sets `noted` after a commit.
    While `is_running`, the store puts off background writes. Otherwise the log would grow, and no checkpoint would reach its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.is_running = False
        self.noted = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-checkpoints", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread and wait for it, because it may be writing."""
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
            except sqlite3.Error:  # the disk is full or fails: the log stays, and the writer gets its own error
                return
            if busy or done == log or self._ended.is_set():
                return
