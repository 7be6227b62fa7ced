"""Places at a back: it gets as many requests at once as it takes, and the waiting ones go by turns of their accounts."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from translator.shell.client.fair_semaphore import FairSemaphore


def test_accounts_that_wait_take_turns_whoever_asks_most() -> None:
    async def main() -> list[str]:
        slots, order = FairSemaphore(1), []

        async def call(who: str) -> None:
            await slots.take(who)
            order.append(who)
            await asyncio.sleep(0)
            slots.give()

        assert slots.take_free()
        waiting = [asyncio.create_task(call(who)) for who in ("a", "a", "a", "a", "b", "c", "c")]
        await asyncio.sleep(0)
        slots.give()
        await asyncio.gather(*waiting)
        assert slots.take_free()
        return order

    assert asyncio.run(main()) == ["a", "b", "c", "a", "c", "a", "a"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.booleans()), max_size=30), st.integers(1, 4))
def test_never_more_at_once_and_no_place_is_lost_also_where_callers_leave(
    calls: list[tuple[str, int, bool]], count: int
) -> None:
    async def main() -> int:
        slots, inside, most = FairSemaphore(count), 0, 0

        async def call(who: str, steps: int) -> None:
            nonlocal inside, most
            await slots.take(who)
            inside += 1
            most = max(most, inside)
            try:
                for _ in range(steps):
                    await asyncio.sleep(0)
            finally:
                inside -= 1
                slots.give()

        def made(who: str, steps: int) -> Coroutine[Any, Any, None]:
            return call(who, steps)

        tasks = [asyncio.create_task(made(who, steps)) for who, steps, _ in calls]
        await asyncio.sleep(0)
        for task, (_, _, leaves) in zip(tasks, calls, strict=True):
            if leaves:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert [slots.take_free() for _ in range(count + 1)] == [True] * count + [False]
        return most

    assert asyncio.run(main()) <= count


def test_account_leaves_a_slot_to_others_that_share_the_provider() -> None:
    slots = FairSemaphore(5, is_shared=True)
    assert [slots.take_free("a") for _ in range(6)] == [True] * 4 + [False] * 2
    assert [slots.take_free("b") for _ in range(2)] == [True, False]
    slots.give("b")
    slots.give("a")
    assert [slots.take_free("b") for _ in range(3)] == [True, False, False], "two are taken again when two are free"
    few = FairSemaphore(1, is_shared=True)
    assert [few.take_free(who) for who in "ab"] == [True, False]
    alone = FairSemaphore(5)
    assert [alone.take_free("a") for _ in range(6)] == [True] * 5 + [False]


def test_slot_that_an_account_may_not_have_goes_to_the_next_one() -> None:
    async def main() -> list[str]:
        slots, order = FairSemaphore(5, is_shared=True), []
        for _ in range(4):
            assert slots.take_free("a")

        async def call(who: str) -> None:
            await slots.take(who)
            order.append(who)

        waiting = [asyncio.create_task(call(who)) for who in ("a", "a", "b", "c")]
        await asyncio.sleep(0)
        assert order == ["b"]
        slots.give("b")
        await asyncio.sleep(0)
        slots.give("c")
        slots.give("a")
        await asyncio.gather(*waiting[:1], *waiting[2:])
        waiting[1].cancel()
        return order

    assert asyncio.run(main()) == ["b", "c", "a"]
