"""The thread that writes an SQLite file: the works that it commits together, and the result that each waiter gets."""

import asyncio
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.stores import on, opened
from tests.test_store import HOOK, NOW, PLACE, SENT, intent, recorded, sent, settled
from translator.core.effects import Outcome
from translator.shell.store import Store, StoreUnavailable, group_commit, sends, sqlite, unknown_sends
from translator.shell.store.sends import Begun, Times
from translator.shell.store.states import SendState

TIMES = Times(NOW, 60.0, 120.0)


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """An SQLite file, empty."""
    return f"sqlite:///{tmp_path / 'translator.db'}"


async def states(store: Store) -> dict[str, str]:
    """The state of each send."""
    rows = await store.read(partial(sends.listed, states=tuple(SendState), most=1000))
    return {row.id: row.state for row in rows}


def test_everybody_hears_of_his_own_sends_however_they_are_put_together(file_url: str) -> None:
    async def work(store: Store) -> Any:
        await recorded(store, "0", intent("0"))
        lists = [
            [Begun(f"{many}-{number}", PLACE, intent(f"{many}-{number}")) for number in range(many)]
            for many in (3, 0, 1)
        ]
        done: list[Any] = await asyncio.gather(
            *(store.record(begun, TIMES) for begun in lists), store.settle([sent("0")], NOW), store.write(sends.counted)
        )
        *found, settling, counted = done
        return [[one.id for one in some] for some in found], settling, counted, await states(store)

    found, settling, counted, left = on(file_url, work)
    assert found == [["3-0", "3-1", "3-2"], [], ["1-0"]]
    assert settling is None
    assert counted == {"intent": 4}
    assert left == {"0": "sent", "3-0": "intent", "3-1": "intent", "3-2": "intent", "1-0": "intent"}


def test_equal_send_of_the_same_transaction_joins_one_that_becomes_unknown(file_url: str) -> None:
    async def work(store: Store) -> Any:
        await recorded(store, "1", intent())
        return await asyncio.gather(
            recorded(store, "2", intent(wish=HOOK)),
            store.settle([Outcome("1", "unknown")], NOW),
            recorded(store, "3", intent("other")),
        )

    joined, _, new = on(file_url, work)
    assert (joined.state, joined.id, new.state) == ("joined", "1", "new")


def test_a_key_is_one_send_however_many_come_with_it_at_once(file_url: str) -> None:
    async def work(store: Store) -> Any:
        found = await asyncio.gather(*(recorded(store, str(number), intent(key="k")) for number in range(4)))
        return sorted(one.state for one in found), len(await states(store))

    assert on(file_url, work) == (["new", "running", "running", "running"], 1)


def test_one_that_cannot_be_written_down_keeps_no_other_from_it(file_url: str) -> None:
    async def work(store: Store) -> Any:
        await recorded(store, "1", intent())
        done = await asyncio.gather(
            recorded(store, "2", intent("2")),
            recorded(store, "1", intent("3")),
            settled(store, sent("1")),
            return_exceptions=True,
        )
        return [type(one).__name__ for one in done], await states(store)

    assert on(file_url, work) == (["Recorded", "StoreUnavailable", "NoneType"], {"1": "sent", "2": "intent"})


def test_what_comes_while_a_commit_is_under_way_is_one_transaction(file_url: str) -> None:
    commits = []

    async def work(store: Store) -> int:
        def trace(connection: Any) -> None:
            connection.connection.driver_connection.set_trace_callback(
                lambda statement: commits.append(statement) if statement == "COMMIT" else None
            )

        await store.write(trace)
        commits.clear()
        slow = asyncio.create_task(store.write(lambda _: time.sleep(0.2)))
        await asyncio.sleep(0.05)
        waiting = [asyncio.create_task(recorded(store, str(number), intent(str(number)))) for number in range(100)]
        await asyncio.gather(slow, *waiting)
        return len(commits)

    assert on(file_url, work) == 2


def test_what_waits_is_committed_before_the_file_is_let_go(file_url: str) -> None:
    async def main() -> Any:
        async with opened(file_url) as store:
            waiting = [asyncio.create_task(recorded(store, str(number), intent(str(number)))) for number in range(300)]
            await asyncio.sleep(0)
        assert {one.state for one in await asyncio.gather(*waiting)} == {"new"}
        async with opened(file_url) as store:
            return len(await states(store))

    assert asyncio.run(main()) == 300


def test_sends_fail_together_if_another_process_writes_for_too_long(
    file_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY", 0.3)

    async def work(store: Store) -> Any:
        other = sqlite3.connect(file_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        down = await asyncio.gather(
            *(recorded(store, str(number), intent(str(number))) for number in range(50)), return_exceptions=True
        )
        took = time.monotonic() - began
        other.execute("ROLLBACK")
        other.close()
        return {type(one) for one in down}, took < 3, (await recorded(store, "after", intent())).state

    assert on(file_url, work) == ({StoreUnavailable}, True, "new")


def test_a_work_may_take_back_a_part_of_itself(file_url: str) -> None:
    def work(connection: Any) -> None:
        sends.record(connection, [Begun("1", PLACE, intent())], TIMES)
        part = connection.begin_nested()
        connection.execute(text("DELETE FROM sends"))
        part.rollback()

    async def main(store: Store) -> Any:
        await store.write(work)
        found = await store.write(partial(unknown_sends.claimed, place=PLACE, sids=[SENT.sid]))
        return found, await states(store)

    assert on(file_url, main) == (set(), {"1": "intent"})


def test_a_writer_that_fails_tells_who_waits_and_goes_on(file_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commit, failures = group_commit.commit, iter([OSError("the handle is closed")])

    def fails_once(connection: Any, jobs: list[group_commit.Job]) -> None:
        if (failure := next(failures, None)) is not None:
            raise failure
        commit(connection, jobs)

    async def work(store: Store) -> Any:
        monkeypatch.setattr(group_commit, "commit", fails_once)
        with pytest.raises(OSError, match="closed"):
            await recorded(store, "1", intent())
        return await recorded(store, "2", intent())

    assert on(file_url, work).state == "new"
