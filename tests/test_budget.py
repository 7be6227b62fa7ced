"""The memory budget of a process: it never exceeds its total, each account has a part that no other can take, and all of it is given
back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.effort import examples
from translator.shell.aio.memory_budget import MEMORY, UNKNOWN, Hold, MemoryBudget

KINDS: Any = ("head", "body", "ahead", "answer", "unsent", "snapshot")
NAMES = ("a", "b", "c")
TOTAL = 4800
OWN = TOTAL // 4 // len(NAMES)
STRANGERS = TOTAL // 16


def by_account(budget: MemoryBudget) -> dict[str, int]:
    """The bytes that each account holds."""
    found: dict[str, int] = {}
    for account, _, size in budget.totals():
        found[account] = found.get(account, 0) + size
    return found


class Holders(RuleBasedStateMachine):
    """Accounts, strangers and names without a configuration take, grow and give back in any order. A plain sum says how much they hold."""

    @initialize()
    def begin(self) -> None:
        self.budget = MemoryBudget(TOTAL, NAMES)
        self.holds: list[tuple[str, Hold]] = []

    def held(self, name: str) -> int:
        """The bytes that an account holds, by the sum of the test."""
        return sum(hold.size for who, hold in self.holds if who == name)

    @rule(
        name=st.sampled_from((*NAMES, UNKNOWN, "", "nobody")), kind=st.sampled_from(KINDS), size=st.integers(0, TOTAL)
    )
    def take(self, name: str, kind: Any, size: int) -> None:
        who = name if name in NAMES else UNKNOWN
        may = self.held(who) + size <= (OWN if name in NAMES else STRANGERS)
        hold = self.budget.take(name, kind, size)
        assert hold is not None or not may, "an account within its part was refused"
        if hold is not None:
            self.holds.append((who, hold))

    @rule(at=st.integers(0, 50), size=st.integers(0, 2000))
    def grow(self, at: int, size: int) -> None:
        if self.holds:
            who, hold = self.holds[at % len(self.holds)]
            before, may = hold.size, self.held(who) + size <= (OWN if who in NAMES else STRANGERS)
            assert hold.grow(size) or not may
            assert hold.size in {before, before + size}

    @rule(at=st.integers(0, 50), size=st.integers(0, 2000))
    def shrink(self, at: int, size: int) -> None:
        if self.holds:
            hold = self.holds[at % len(self.holds)][1]
            before = hold.size
            hold.shrink(size)
            assert hold.size == max(0, before - size)

    @rule(at=st.integers(0, 50), name=st.sampled_from(NAMES), kind=st.sampled_from(KINDS))
    def become(self, at: int, name: str, kind: Any) -> None:
        if self.holds:
            at %= len(self.holds)
            hold = self.holds[at][1]
            before = hold.size
            if hold.become(name, kind):
                self.holds[at] = (name, hold)
                assert hold.account == name
            assert hold.size == before

    @rule(at=st.integers(0, 50))
    def release(self, at: int) -> None:
        if self.holds:
            _, hold = self.holds.pop(at % len(self.holds))
            hold.release()
            hold.release()
            assert not hold.grow(1), "who comes late takes nothing that nobody gives back"

    @invariant()
    def agrees_with_a_plain_sum(self) -> None:
        if hasattr(self, "budget"):
            held = by_account(self.budget)
            assert all(held.get(name, 0) == self.held(name) for name in (*NAMES, UNKNOWN))
            assert self.budget.held <= TOTAL
            assert held.get(UNKNOWN, 0) <= STRANGERS

    def teardown(self) -> None:
        if hasattr(self, "budget"):
            for _, hold in self.holds:
                hold.release()
            assert self.budget.held == 0
            assert all(size == 0 for _, _, size in self.budget.totals())
            whole = self.budget.take("a", "answer", OWN + (TOTAL - TOTAL // 4 - STRANGERS) * 4 // 5)
            assert whole is not None, "nothing was lost on the way"


Holders.TestCase.settings = tried(max_examples=examples(80), stateful_step_count=40, deadline=None)
test_any_order_of_taking_and_giving_back = Holders.TestCase


@given(st.sampled_from(NAMES), st.lists(st.integers(1, 500), min_size=1, max_size=200))
@tried(max_examples=examples(50), deadline=None)
def test_lone_account_has_most_of_the_budget_and_leaves_each_other_a_part(name: str, sizes: list[int]) -> None:
    budget = MemoryBudget(TOTAL, NAMES)
    for size in sizes:
        budget.take(name, "answer", size)
    while budget.take(name, "answer", 1) is not None:
        pass
    assert by_account(budget)[name] > TOTAL / 2
    for other in set(NAMES) - {name}:
        assert budget.take(other, "answer", OWN) is not None
        assert budget.take(other, "answer", 100) is not None, "and of the rest something is left"
    assert budget.take(UNKNOWN, "head", STRANGERS) is not None


def test_who_is_refused_is_counted_and_nobody_else() -> None:
    budget = MemoryBudget(TOTAL, NAMES)
    assert budget.take("a", "answer", TOTAL) is None
    assert budget.take("", "head", STRANGERS + 1) is None
    assert budget.take("", "body", STRANGERS + 1) is None
    assert sorted(budget.refusals()) == [("a", "answer", 1), (UNKNOWN, "body", 1), (UNKNOWN, "head", 1)]


def test_there_are_no_more_names_than_accounts_whoever_asks() -> None:
    budget = MemoryBudget(MEMORY, NAMES)
    for number in range(1000):
        budget.take(f"spelling {number}", "head", 1)
    assert {name for name, _, _ in budget.totals()} == {UNKNOWN}


def test_a_caller_that_says_who_it_is_takes_its_bytes_along() -> None:
    budget = MemoryBudget(TOTAL, NAMES)
    hold = budget.take("", "head", 100)
    assert hold is not None
    assert hold.become("a")
    assert (hold.account, hold.size) == ("a", 100)
    assert by_account(budget) == {"a": 100, UNKNOWN: 0}
    hold.release()
    assert budget.held == 0


@pytest.mark.parametrize("total", [0, 1, 15, 16, 1000])
def test_a_budget_of_next_to_nothing_gives_no_more_than_that(total: int) -> None:
    budget = MemoryBudget(total, NAMES)
    taken = sum(budget.take(name, "body", 1) is not None for name in (*NAMES, "") for _ in range(1000))
    assert taken == budget.held <= total


def test_what_an_account_can_do_without_is_given_up_before_it_is_refused() -> None:
    budget = MemoryBudget(TOTAL, NAMES)
    kept = budget.take("a", "snapshot", 2000)
    assert kept is not None

    def reclaim(account: str) -> bool:
        freed = account == "a" and kept.size > 0
        if freed:
            kept.release()
        return freed

    budget.reclaim = reclaim
    assert budget.take("b", "answer", 2000) is None, "what is kept for one account is not given up for another"
    assert kept.size == 2000
    assert budget.take("a", "answer", 3000) is not None
    assert budget.take("a", "answer", 3000) is None
    assert kept.size == 0
