"""The answered sends that the store in memory keeps: their SIDs, for as long as an unknown send could be taken for one of them."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from translator.shell.store.answered import Answered, Made

PLACES = st.sampled_from(["one/A/P", "two/A/"])
SIDS = st.text("MABC234567abcdef0_-", min_size=1, max_size=34)
ADDED = st.lists(st.tuples(st.floats(0, 3), PLACES, SIDS), max_size=30)


@given(ADDED, st.floats(0, 100))
def test_all_that_was_added_is_there_until_it_is_forgotten(steps: list[tuple[float, str, str]], before: float) -> None:
    answered, now, told = Answered(), 50.0, []
    for step, place, sid in steps:
        now += step
        answered.add(now, place, sid)
        told.append((int(now), place, sid))
    assert sorted(answered) == sorted(Made(*one) for one in told)
    answered.forget(before)
    assert sorted(answered) == sorted(Made(*one) for one in told if one[0] >= int(before))
    answered.add(now, "two/A/", "M1")
    assert Made(int(now), "two/A/", "M1") in list(answered)
    answered.clear()
    assert list(answered) == []


def test_a_clock_that_is_put_back_loses_nothing() -> None:
    answered = Answered()
    answered.add(100.5, "place", "M1")
    answered.add(40.0, "place", "M2")
    answered.forget(100.0)
    assert [made.sid for made in answered] == ["M1", "M2"]


def test_what_is_over_takes_little_more_than_its_letters() -> None:
    tracemalloc.start()
    answered, before = Answered(), tracemalloc.get_traced_memory()[0]
    for number in range(20_000):
        answered.add(100.0 + number // 5_000, "place", f"M{number:031}")
    answered.add(200.0, "place", "M")
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert taken < 20_000 * 34
