"""Deadlines: each that was not dropped is called, when it is due, and in order."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import examples
from translator.shell.aio.timeouts import Timeouts


class Loop:
    """A loop whose clock a test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, object, object]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: object, argument: object) -> None:
        self.timers.append((when, call, argument))

    def turn(self, to: float) -> None:
        """Go to that moment, by way of every timer before it."""
        while due := [timer for timer in self.timers if timer[0] <= to]:
            first = min(due, key=lambda timer: timer[0])
            self.timers.remove(first)
            self.now = max(self.now, first[0])
            first[1](first[2])  # type: ignore[operator]
        self.now = to


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=20))
def test_what_was_not_dropped_is_called_when_it_is_due_and_nothing_else(steps: list[tuple[float, bool]]) -> None:
    loop = Loop()
    called: list[tuple[int, float]] = []
    deadlines = Timeouts(3.0)
    expected = []
    added = []
    for number, (gap, dropped) in enumerate(steps):
        loop.turn(loop.now + gap)
        added.append((deadlines.add(loop, lambda what: called.append((what, loop.now)), number), dropped))  # type: ignore[arg-type]
        if dropped:
            deadlines.drop(added[-1][0])
        else:
            expected.append((number, loop.now + 3.0))
        assert len(loop.timers) <= 1, "one timer for all"
    loop.turn(loop.now + 10)
    assert [number for number, _ in called] == [number for number, _ in expected]
    assert all(at >= due - 1e-9 and at - due < 1e-6 for (_, at), (_, due) in zip(called, expected, strict=True))
    assert loop.timers == []


@settings(max_examples=examples(5))
@given(st.integers(1, 50))
def test_on_a_real_loop_nothing_is_left_behind(count: int) -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        called: list[int] = []
        deadlines = Timeouts(0.02)
        for number in range(count):
            one = deadlines.add(loop, called.append, number)
            if number % 2:
                deadlines.drop(one)
        await asyncio.sleep(0.1)
        return called

    assert asyncio.run(main()) == list(range(0, count, 2))


def test_one_that_fails_keeps_no_other_from_being_called() -> None:
    loop, called = Loop(), list[int]()
    deadlines = Timeouts(3.0)

    def fails(number: int) -> None:
        called.append(number)
        if number == 1:
            raise LookupError

    for number in range(3):
        deadlines.add(loop, fails, number)  # type: ignore[arg-type]
    with pytest.raises(LookupError):
        loop.turn(110.0)
    loop.turn(110.0)
    assert (called, loop.timers) == ([0, 1, 2], [])
