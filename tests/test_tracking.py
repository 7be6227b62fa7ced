"""The requests of a polling round: they go where the most ends are to be expected, stay within the limit, and leave no subscription
out."""

import random
from collections.abc import Callable
from time import process_time

import pytest

from tests.rounds import NEVER, Rounds
from tests.twins import spoken
from translator.core.status_polling import Held, Known, PolledAccount, RateLimit, SettlingAges, looked_at, pause
from translator.core.status_polling.windows import TimeWindows

BACKS = ("properties-v2", "restcomm")
NOW = 1_000_000.0


def quick(draw: random.Random) -> float:
    return draw.uniform(1, 5) if draw.random() < 0.5 else draw.uniform(10, 40)


def rounds(back: str, asks: int = 10) -> Rounds:
    """Half of the defaults, for half of the traffic that they suffice for."""
    return Rounds(spoken(back, "back"), asks=asks)


def slow(share: float, seconds: float) -> Callable[[random.Random], float]:
    return lambda draw: seconds if draw.random() < share else quick(draw)


# ---- how soon ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("back", BACKS)
def test_ten_minutes_with_some_handsets_late_by_a_quarter_of_an_hour(back: str) -> None:
    world = rounds(back)
    world.go_on(600, 50, slow(0.05, 900.0))
    world.go_on(1000, 0, quick)
    assert world.untold == 0 and len(world.told) == 30_000
    assert world.share(15) >= 0.99
    assert world.share(60) >= 0.999
    assert max(world.used) <= 10


@pytest.mark.parametrize("back", BACKS)
def test_traffic_that_goes_on_and_slow_handsets_share_the_asks(back: str) -> None:
    """Fresh messages and slow ones compete for the same requests. The first of the slow ones are late, until their usual time is known."""
    world = rounds(back, asks=20)
    world.go_on(1500, 100, slow(0.05, 600.0))
    assert world.share(15) >= 0.95
    assert world.share(30, slower=50.0) >= 0.9, "the slow ones alone, the time of learning included"


@pytest.mark.parametrize("back", BACKS)
def test_messages_that_never_end_are_all_polled_and_delay_no_other(back: str) -> None:
    world = rounds(back)
    world.go_on(900, 50, slow(0.05, NEVER))
    assert world.share(15) >= 0.99
    world.go_on(600, 0, quick)
    assert world.untold == 0
    assert world.longest < 1200


@pytest.mark.parametrize("back", BACKS)
def test_a_backlog_is_worked_off_while_messages_come(back: str) -> None:
    world = rounds(back)
    world.go_on(600, 50, slow(0.05, 900.0), looked=False)
    before = world.untold
    world.go_on(180, 50, slow(0.05, 900.0))
    assert before > 25_000
    assert world.untold < 1_000


def test_more_messages_than_a_round_can_read_may_be_of_one_second() -> None:
    world = rounds("properties-v2", asks=4)
    world.go_on(1, 5_000, lambda _: 3.0)
    world.go_on(120, 0, quick)
    assert world.untold == 0 and len(world.told) == 5_000


def test_ends_that_are_far_apart_are_found_by_the_rows_that_are_still_open() -> None:
    """Three thousand in a hundred thousand rows, of which one ends now and then: their slices would take 500 requests, 20 a round."""
    world = rounds("properties-v2", asks=20)
    world.go_on(500, 40, lambda draw: 2.0 if draw.random() < 0.97 else NEVER)
    world.go_on(300, 0, quick)
    left = sorted(world.open)
    assert len(left) > 400
    for number in left[::40]:
        world._ends[number] = world.now
        world.go_on(10, 0, quick)
    world.go_on(60, 0, quick)
    assert world.untold == 0
    assert world.share(60, slower=100.0) == 1


# ---- the parts -----------------------------------------------------------------------------------------------------


def test_what_is_learnt_of_ends_is_where_they_are_and_fades() -> None:
    endings = SettlingAges()
    before = endings.chance(890, 910)
    for _ in range(100):
        endings.watched(40, 890, 100)
        endings.watched(890, 910, 1)
        endings.ended(900)
    assert before < 0.02
    assert 0.5 < endings.chance(890, 910) < 0.7, (
        "a hundred ends in a bucket that was watched for a thousand seconds: 1 - exp(-0.95)"
    )
    assert endings.chance(300, 400) < 0.01 < SettlingAges().chance(300, 400)
    learnt = endings.chance(890, 910)
    endings.fade(0.0)
    endings.fade(36_000.0)
    assert endings.chance(890, 910) < learnt
    assert endings.chance(10, 10) == endings.chance(10, 5) == 0


def test_the_guess_falls_with_age_and_is_never_nothing() -> None:
    chances = [SettlingAges().chance(age, age + 5) for age in (0, 10, 100, 1000, 100_000)]
    assert chances == sorted(chances, reverse=True)
    assert chances[-1] > 0


def test_request_allowance_grows_with_time_and_not_when_a_clock_steps_back() -> None:
    allowance = RateLimit(20, 5.0)
    assert allowance.left(NOW) == 20
    allowance.spend(20)
    assert allowance.left(NOW + 1) == 4
    assert allowance.left(NOW - 3600) == 4
    assert allowance.left(NOW - 3599) == 8
    assert allowance.left(NOW + 99_999) == 20


def test_old_stretches_are_joined_and_lose_nobody() -> None:
    stretches = TimeWindows()
    for number in range(20_000):
        stretches.add(Held(number, str(number), int(NOW) - 13 * number), NOW - 13 * number, NOW)
    stretches.join(NOW)
    assert len(stretches) == 20_000
    assert sum(len(stretch.waits) for stretch in stretches) == 20_000
    assert len(list(stretches)) < 2_000
    assert all(
        stretch.first <= held.created < stretch.until for stretch in stretches for held in stretch.waits.values()
    )
    stretches.remove(range(20_000))
    assert list(stretches) == []


def test_clock_set_back_delays_no_poll_for_longer_than_its_own_pause() -> None:
    assert looked_at(NOW + 40, 3, NOW - 800, NOW, 5.0) == NOW
    assert looked_at(NOW + 172_800, 3, NOW - 800, NOW, 5.0) == NOW, "two days ahead: it is looked at after one pause"
    assert looked_at(NOW + 10, 3, NOW - 800, NOW, 5.0) == NOW - 30
    assert looked_at(NOW, 0, NOW, NOW, 5.0) == NOW - 5
    assert pause(800, 5.0) == 40


def test_receipt_makes_its_message_first_and_a_flood_uses_no_more_requests() -> None:
    place = PolledAccount(rounds("restcomm").place._entry, 5.0, SettlingAges())
    place.hold([Known(one, str(one), int(NOW) - 40 * one, "sent", NOW - 5) for one in range(5_000)], NOW)
    place.put_in_front([4_321])
    assert place.choose(NOW, 4).singles[0].id == 4_321
    place.put_in_front(range(5_000))
    chosen = place.choose(NOW, 4)
    assert len(chosen.singles) + sum(window.asks for window in chosen.windows) <= 4


def test_a_round_plans_as_much_whether_few_wait_or_very_many() -> None:
    """A round goes through time windows, not messages: three days of a message a second are some hundreds of windows."""
    place = PolledAccount(rounds("restcomm").place._entry, 5.0, SettlingAges())
    place.hold([Known(one, str(one), int(NOW) - 5 * one, "sent", NOW - 9) for one in range(50_000)], NOW)
    place.sweep(NOW, 20)
    assert len(place) == 50_000
    assert len(list(place._stretches)) < 2_000
    began = process_time()
    place.choose(NOW, 20)
    assert process_time() - began < 5, "a guard against what grows with the square"
