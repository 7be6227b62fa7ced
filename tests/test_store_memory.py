"""The store in memory: every reader that needs a row that is being written sees it, and no other reader does."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select

from tests.stores import opened
from tests.test_store import NOW, SENT
from translator.core.effects import Intent, Outcome
from translator.shell.store import Store, StoreUnavailable, unknown_sends
from translator.shell.store.schema import sends
from translator.shell.store.sends import Begun, Times

TIMES = Times(NOW, 60.0, 120.0)
PLACE = "provider/A1/P1"


def begun(id_: str, text: str = "hello") -> Begun:
    return Begun(id_, PLACE, Intent("restcomm/AC1/", "+15550001", "+15550002", text))


def on_memory(work: Callable[[Store], Coroutine[Any, Any, Any]]) -> Any:
    async def main() -> Any:
        async with opened("memory:") as store:
            return await work(store)

    return asyncio.run(main())


async def states(store: Store) -> dict[str, int]:
    """The number of rows in each state."""
    found = await store.read(lambda c: c.execute(select(sends.c.state, func.count()).group_by(sends.c.state)).all())
    return {row[0]: row[1] for row in found}


def test_message_answered_before_is_not_taken_for_an_unknown_send() -> None:
    async def work(store: Store) -> Any:
        await store.record([begun("1")], TIMES)
        await store.settle([Outcome("1", "sent", SENT)], NOW)
        await store.record([begun("2")], TIMES)
        await store.settle([Outcome("2", "unknown")], NOW)
        [row] = await store.write(partial(unknown_sends.take_unknown, most=9, now=NOW, lease=60.0))
        return await store.write(partial(unknown_sends.claimed, place=PLACE, sids=[SENT.sid, "M9"])), await store.write(
            partial(unknown_sends.found, row=row, message=SENT, now=NOW)
        )

    assert on_memory(work) == ({SENT.sid}, False)


def test_a_work_that_fails_leaves_nothing_and_loses_nothing() -> None:
    def half(connection: Connection) -> None:
        connection.execute(delete(sends))
        raise LookupError

    async def work(store: Store) -> Any:
        await store.record([begun("1")], TIMES)
        for _ in range(3):
            with pytest.raises(LookupError):
                await store.write(half)
        return await states(store)

    assert on_memory(work) == {"intent": 1}


def test_a_statement_that_fails_is_a_store_that_is_unavailable() -> None:
    """As with a file: callers expect one kind of error from every store."""

    async def work(store: Store) -> Any:
        with pytest.raises(StoreUnavailable, match="OperationalError"):
            await store.write(lambda connection: connection.exec_driver_sql("SELECT * FROM nothing"))
        return await states(store)

    assert on_memory(work) == {}
