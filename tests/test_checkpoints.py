"""The write-ahead log of an SQLite file: the writer does no checkpoint in its turn, and the log begins anew under a steady load."""

import asyncio
import os
import struct
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection, text

from tests.stores import opened
from translator.shell.store import Store, checkpoints
from translator.shell.store.checkpoints import LARGEST, Checkpoints

PAGE: Final = 4120
"""Bytes of one page in the log, with its header."""

PAGES: Final = 100


def add(connection: Connection) -> None:
    """Fill about 100 pages."""
    connection.execute(text("CREATE TABLE IF NOT EXISTS filler (content TEXT)"))
    for _ in range(PAGES):
        connection.execute(text("INSERT INTO filler VALUES (:content)"), {"content": "x" * 4000})


def pages_of_log(path: Path) -> tuple[int, int]:
    """The pages that the log has, and how many of them are copied: `mxFrame` and `nBackfill` of SQLite's shared memory."""
    memory = Path(f"{path}-shm").read_bytes()
    return struct.unpack_from("=I", memory, 16)[0], struct.unpack_from("=I", memory, 96)[0]


def test_the_writer_does_no_checkpoint_in_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_EVERY", 3600.0)
    path = tmp_path / "translator.db"

    async def main() -> tuple[int, int]:
        async with opened(f"sqlite:///{path}") as store:
            for _ in range(LARGEST // PAGES + 10):
                await store.write(add)
            return pages_of_log(path)

    pages, copied = asyncio.run(main())
    assert pages > LARGEST
    assert copied == 0


def test_the_log_begins_anew_under_a_steady_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass copies the part of the log that was there when the pass began, and reports that this was all."""
    monkeypatch.setattr(checkpoints, "_EVERY", 0.001)
    path, passes = tmp_path / "translator.db", list[bool]()
    original = Checkpoints._pass

    async def main() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        async with opened(f"sqlite:///{path}") as store:

            def a_commit_arrives(self: Checkpoints, connection: Any) -> int:
                found = original(self, connection)
                passes.append(True)
                if not self.turn.locked():
                    asyncio.run_coroutine_threadsafe(store.write(add), loop).result()
                return found

            monkeypatch.setattr(Checkpoints, "_pass", a_commit_arrives)
            written = await until_written(store, 4 * LARGEST)
            monkeypatch.setattr(Checkpoints, "_pass", original)
            while store._checkpoints.is_running:  # type: ignore[attr-defined]  # noqa: ASYNC110 - a thread, which waits for the loop
                await asyncio.sleep(0.001)
            return written, os.stat(f"{path}-wal").st_size // PAGE

    async def until_written(store: Store, pages: int) -> int:
        written = 0
        while written < pages:
            await store.write(add)
            written += PAGES
            await asyncio.sleep(0.002)
        return written

    written, pages = asyncio.run(main())
    assert written > 3 * LARGEST
    assert pages < 2 * LARGEST
    assert len(passes) > 10
