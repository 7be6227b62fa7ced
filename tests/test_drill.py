"""A short drill with real processes: some deaths on SQLite, two replicas, and a database that stops. `make drill` is the long one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests import postgres
from tools.drill import POINTS, Drill, is_whole, killed_at, replicas, stopped_database

AT = POINTS[1::4]


def test_every_step_is_one_that_a_process_can_die_at() -> None:
    assert len(POINTS) == 16


def test_death_at_every_fourth_step_sends_nothing_twice_and_loses_nothing(tmp_path: Path) -> None:
    """`test_keeping` lets a simulated process die at every step. Here the processes are real."""
    store = f"sqlite:///{tmp_path / 'translator.db'}"

    async def main() -> tuple[Drill, int]:
        async with Drill(tmp_path, store).world() as drill:
            return drill, await killed_at(drill, list(AT))

    drill, died = asyncio.run(main())
    assert died >= len(AT) == 4
    assert drill.faults() == []
    assert len(drill.acknowledged) >= 3, drill.statuses
    assert is_whole(store)


def test_two_replicas_share_the_work_and_one_may_sleep_and_die(tmp_path: Path, postgres_url: str) -> None:
    async def main() -> tuple[Drill, dict[str, Any]]:
        async with Drill(tmp_path, postgres_url).world() as drill:
            return drill, await replicas(drill, sends=6)

    drill, found = asyncio.run(main())
    assert drill.faults() == []
    assert found["messages"] == 18
    assert found["again"] <= 12, "only what was in hand is told again"


def test_a_database_that_stops_is_a_503_and_nothing_is_lost(
    tmp_path: Path, postgres_url: str, postgres_server: postgres.Server | None
) -> None:
    if postgres_server is None or postgres_url != postgres_server.url:
        pytest.skip(f"the PostgreSQL that {postgres.VARIABLE} names is not ours to stop")

    async def main() -> tuple[Drill, list[int]]:
        async with Drill(tmp_path, postgres_url).world() as drill:
            return drill, await stopped_database(drill, postgres_server)

    drill, statuses = asyncio.run(main())
    assert statuses == [200, 503, 200]
    assert drill.faults() == []
