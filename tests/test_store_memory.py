"""The store in memory: every reader that needs a row that is being written sees it, and no other reader does."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.stores import opened
from tests.test_store import NOW, SENT, like
from translator.core.effects import Intent, Outcome
from translator.shell.store import Store, unknown_sends
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


def fails(_: Any) -> None:
    """A work that fails."""
    raise LookupError


async def unknown(store: Store) -> dict[str, Any]:
    """Take the one unknown send for reconciliation."""
    [row] = await store.write(partial(unknown_sends.take_unknown, most=9, now=NOW, lease=60.0))
    return row


def test_a_send_that_is_answered_well_leaves_no_row() -> None:
    async def work(store: Store) -> Any:
        await store.record([begun("1"), begun("2")], TIMES)
        await store.settle([Outcome("1", "sent", SENT), Outcome("2", "never-left")], NOW)
        return await states(store)

    assert on_memory(work) == {}


def test_message_answered_before_is_not_taken_for_an_unknown_send() -> None:
    async def work(store: Store) -> Any:
        await store.record([begun("1")], TIMES)
        await store.settle([Outcome("1", "sent", SENT)], NOW)
        await store.record([begun("2")], TIMES)
        await store.settle([Outcome("2", "unknown")], NOW)
        row = await unknown(store)
        return await store.write(partial(unknown_sends.claimed, place=PLACE, sids=[SENT.sid, "M9"])), await store.write(
            partial(unknown_sends.found, row=row, message=SENT, now=NOW)
        )

    assert on_memory(work) == ({SENT.sid}, False)


def test_message_answered_while_another_is_unknown_is_not_taken_for_it() -> None:
    async def work(store: Store) -> Any:
        await store.record([begun("late")], Times(NOW - 100, 60.0, 120.0))
        await states(store)
        await states(store)  # it is still in hand at the second use, and put down
        await store.record([begun("1")], TIMES)
        row = await unknown(store)  # "late" is late, and no code knew that before
        equal = await store.write(partial(unknown_sends.found, row=row, message=like("M9"), now=NOW))
        await store.settle([Outcome("1", "sent", SENT)], NOW)
        return equal, await store.write(partial(unknown_sends.claimed, place=PLACE, sids=[SENT.sid]))

    assert on_memory(work) == (False, {SENT.sid})


def test_answered_message_is_known_also_if_the_work_after_it_fails() -> None:
    async def work(store: Store) -> Any:
        await store.record([begun("late")], Times(NOW - 100, 60.0, 120.0))
        await states(store)
        await states(store)
        await store.record([begun("1")], TIMES)
        await unknown(store)
        await store.settle([Outcome("1", "sent", SENT)], NOW)
        with pytest.raises(LookupError):
            await store.write(fails)
        return await store.write(partial(unknown_sends.claimed, place=PLACE, sids=[SENT.sid]))

    assert on_memory(work) == {SENT.sid}


def test_a_send_under_way_that_was_put_down_is_settled_where_it_stands() -> None:
    async def work(store: Store) -> Any:
        await store.record([begun("1"), begun("2"), begun("3")], TIMES)
        seen = [await states(store) for _ in range(2)]
        await store.settle([Outcome("1", "sent", SENT), Outcome("2", "never-left")], NOW)
        return [*seen, await states(store)]

    assert on_memory(work) == [{}, {"intent": 3}, {"sent": 1, "intent": 1}]


def test_a_sid_is_forgotten_once_no_unknown_send_could_be_it() -> None:
    async def work(store: Store) -> Any:
        for number, now in enumerate((NOW, NOW + 1000, NOW + 1081)):
            await store.record([begun(str(number))], TIMES)
            await store.settle([Outcome(str(number), "sent", like(f"M{number}"))], now)
        await store.record([begun("u", "other")], TIMES)
        await store.settle([Outcome("u", "unknown")], NOW)
        return await store.write(partial(unknown_sends.claimed, place=PLACE, sids=["M0", "M1", "M2"]))

    assert on_memory(work) == {"M1", "M2"}


def test_a_work_that_fails_loses_nothing_that_is_in_hand() -> None:
    async def work(store: Store) -> Any:
        await store.record([begun("1")], TIMES)
        for _ in range(3):
            try:
                await store.write(fails)
            except LookupError:
                continue
        return await states(store)

    assert on_memory(work) == {"intent": 1}
