"""A thread copies the write-ahead log of an SQLite file into the file itself, beside the writer.

A page is copied to where it stands. A thousand pages may take a disk a fifth of a second, and a send would wait that long.

SQLite begins the log anew when all of it is copied and no reader is in it. A pass copies what the log had when the pass began. Its answer
counts the same pages, so it does not show what was committed meanwhile. Under a steady load something always is. Therefore the thread
holds the writer between two commits when the log has `LARGEST` pages, and does one more pass. The passes before it left few pages.
"""

import sqlite3
import threading
from pathlib import Path
from typing import Final

LARGEST: Final = 4000
"""Pages of the log, 16 MiB, at which the writer is held for a short pass."""

AT_LAST: Final = 4 * LARGEST
"""Pages at which SQLite lets the writer do a checkpoint itself. This happens only where this thread fails, or a reader stays for long."""

_EVERY: Final = 0.25
"""Seconds between two looks whether anything was committed."""

_PASSES: Final = 3
"""Passes in a row over a log that is half of `LARGEST` or more, as long as something is committed during each."""


class Checkpoints:
    """A thread with a connection of its own. The writer sets `noted` after each commit, and holds `turn` during each transaction. While
    `is_running`, what nobody waits for is not written: it would make the log longer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.is_running = False
        self.noted, self.turn = threading.Event(), threading.Lock()
        self._hold_at = LARGEST
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
        """Copy the log until nothing is committed meanwhile. Hold the writer for the last pass where the log has become too long."""
        log = 0
        for _ in range(_PASSES):
            log = self._pass(connection)
            if not self.noted.is_set() or log < LARGEST // 2 or self._ended.is_set():
                break
            self.noted.clear()
        if log < LARGEST:
            self._hold_at = LARGEST
        elif log >= self._hold_at and not self._ended.is_set():
            with self.turn:
                self._pass(connection)
            self._hold_at = (
                log + LARGEST // 4
            )  # a reader may keep the log from beginning anew: the writer is not held each time

    def _pass(self, connection: sqlite3.Connection) -> int:
        """Copy what the log has now. The number of its pages; 0 where the disk is full or fails: the next write finds that out."""
        try:
            _, log, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error:
            return 0
        return int(log)
