"""Stores with rows for the commands of an operator."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.stores import opened
from tests.test_store import HOOK, NOW, PLACE, owing, settle_one, take
from translator.cli import main
from translator.core.effects import Intent, Outcome
from translator.shell.store import Store, sends, unknown_sends
from translator.shell.store.sends import Begun, Times
from translator.shell.store.states import DeliveryState

CONFIG = """
[store]
url = "sqlite:///kept.db"
[backs.provider]
dialect = "properties-v2"
url = "https://provider.example.test"
[[accounts]]
front = { dialect = "restcomm", account = "AC1", token = "t" }
back = { name = "provider", account = "A1", property = "P1", token = "t" }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "translator.toml"
    path.write_text(CONFIG, "utf-8")
    return path


def run(config: Path, *words: str) -> Result:
    group, command, *rest = words
    return CliRunner().invoke(main, [group, command, "-c", str(config), *rest])


def prepared(config: Path, work: Any) -> Any:
    async def run_it() -> Any:
        async with opened(f"sqlite:///{config.parent / 'kept.db'}") as store:
            return await work(store)

    return asyncio.run(run_it())


async def dead(store: Store) -> int:
    """Two deliveries of one message, the first of them dead."""
    await owing(store)
    [row] = await take(store)
    await settle_one(store, row, DeliveryState.DEAD, NOW, why="answered 500")
    return row.id


async def lost(store: Store) -> None:
    """Two sends, one unknown and one unresolved."""
    for begun, id_ in enumerate(("u1", "l1"), int(NOW)):
        entry = Intent("restcomm/AC1/", "+15550001", "+15550002", f"secret {id_}", HOOK)
        await store.write(partial(sends.record, begun=[Begun(id_, PLACE, entry)], times=Times(begun, 60.0, 120.0)))
    await store.write(partial(sends.settle, outcomes=[Outcome("u1", "unknown"), Outcome("l1", "unknown")], now=NOW))
    for row in await store.write(partial(unknown_sends.take_unknown, most=9, now=NOW, lease=60.0)):
        next_check_at = None if row.id == "l1" else NOW + 60
        await store.write(partial(unknown_sends.not_found, row=row, look_at=next_check_at, now=NOW))


async def nothing(store: Store) -> None:
    """A store that serve has made."""
