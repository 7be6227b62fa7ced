"""What a list over two providers costs: the requests that each of them sees, for 100,000 messages at each.

The providers make each row from its index. The expected pages are cut from the merged indices in plain Python.
"""

import json
import random
from functools import partial
from math import ceil, log2
from typing import Any

import pytest

from bench.two_providers import NOW, START, Indexed, account, request
from tests.listing import to
from tests.two_homes import TwoHomes
from translator.core.accounts import Account
from translator.core.exchange import Limits

COUNT = 24
"""The most requests for the total of one provider with 100,000 messages: see tests/test_lists.py."""
DIALECTS = [(new, old) for new in ("properties-v2", "restcomm") for old in ("properties-v2", "restcomm")]


class Many(TwoHomes):
    """An account at two providers that make their rows from indices."""

    def __init__(self, new: Indexed, old: Indexed | None = None) -> None:
        self.homes: dict[str, Any] = {"new": new, "old": old}
        self.entry: Account = account(new, old)
        self.limits, self.memory, self.rounds, self.late = Limits(), {}, [], False
        self.between = lambda: None
        homes = [(1, new)] if old is None else [(0, old), (1, new)]
        keyed = [
            (created, is_new, home.sid(index)) for is_new, home in homes for index, created in enumerate(home.created)
        ]
        self.order = [sid for _, _, sid in sorted(keyed, reverse=True)]
        """The SIDs, newest first."""

    def page(self, number: int, size: int = 50, **asked: Any) -> dict[str, Any]:
        """Return a page, which has to be the right one. Earlier requests are cleared from `rounds`."""
        self.rounds.clear()
        reply = self.play(request({"PageSize": size, "Page": number, **asked}), NOW + 0.5)
        assert reply.response.status == 200, (reply.response, reply.log)
        page: dict[str, Any] = json.loads(reply.response.body)
        assert [row["sid"] for row in page["messages"]] == self.order[number * size : (number + 1) * size]
        assert page["total"] == len(self.order)
        return page


def spread(shape: str, count: int, seed: int) -> list[int]:
    """The seconds of so many messages, oldest first."""
    draw = random.Random(seed)
    width = NOW - START
    if shape == "even":
        return [START + number * width // count for number in range(count)]
    if shape == "skewed":
        return sorted(START + int(width * draw.random() ** 4) for _ in range(count))
    if shape == "bursts":
        return sorted(START + draw.randrange(20) * 200_000 + int(draw.expovariate(1 / 3000)) for _ in range(count))
    return sorted(START + draw.randrange(width) for _ in range(count))


def most_asks(rank: int, new: int, old: int, dialects: tuple[str, str]) -> int:
    """Both totals, a search with one-row requests, and a slice of each. Rows that straddle two numbered pages take one request more, as
    in a list over that provider alone."""
    decided = min(rank, new, old, new + old - rank)
    return 2 * COUNT + 2 * ceil(log2(max(2, decided))) + 2 + dialects.count("restcomm")


@pytest.mark.parametrize("dialects", DIALECTS)
@pytest.mark.parametrize("shapes", [("even", "even"), ("random", "skewed"), ("bursts", "random")])
def test_a_cold_page_takes_both_totals_a_search_and_two_slices(
    dialects: tuple[str, str], shapes: tuple[str, str]
) -> None:
    """In at most 15 rounds; a list over one provider takes 11. The next page takes two requests in one round."""
    new, old = (
        Indexed(name, spread(shape, 100_000, at), "NA"[at])
        for at, (name, shape) in enumerate(zip(dialects, shapes, strict=True))
    )
    world = Many(new, old)
    for number in (1, 40, 1000, 1999, 3000, 3990):
        world.memory.clear()
        page = world.page(number)
        assert world.asks <= most_asks(number * 50, 100_000, 100_000, dialects)
        assert len(world.rounds) <= 15
        for following in (partial(world.page, number + 1), partial(follow, world, page, number + 1)):
            following()
            assert world.asks <= 2 + dialects.count("restcomm")
            assert len(world.rounds) == 1


def follow(world: Many, page: dict[str, Any], number: int) -> None:
    """The page behind a link, which has to be the right one."""
    world.rounds.clear()
    reply = world.play(to(page["next_page_uri"]), NOW + 0.5)
    shown = json.loads(reply.response.body)
    assert [row["sid"] for row in shown["messages"]] == world.order[number * 50 : (number + 1) * 50]
    assert (shown["total"], shown["page"]) == (len(world.order), number)


@pytest.mark.parametrize("dialects", DIALECTS)
def test_the_first_page_is_served_from_the_slices_that_the_totals_read(dialects: tuple[str, str]) -> None:
    """A cold page takes the requests of both totals. A warm page takes one request at each provider.

    The number of rows is no multiple of a slice, because a full numbered page does not show that the list ends in it. At a multiple a
    total takes more requests, as in a list over that provider alone.
    """
    new, old = (Indexed(name, spread("random", 99_990, at), "NA"[at]) for at, name in enumerate(dialects))
    world = Many(new, old)
    world.page(0)
    assert world.asks <= 2 * COUNT
    assert len(world.rounds) <= 10
    world.page(0)
    assert [len(some) for some in world.rounds] == [2]


@pytest.mark.parametrize("dialects", DIALECTS)
def test_a_short_list_beside_a_long_one_is_searched_in_fewer_rounds(dialects: tuple[str, str]) -> None:
    new = Indexed(dialects[0], spread("random", 2000, 1), "N")
    old = Indexed(dialects[1], spread("random", 100_000, 2), "A")
    world = Many(new, old)
    for number in (100, 1000, 2000):
        world.memory.clear()
        world.page(number)
        assert world.asks <= most_asks(number * 50, 2000, 100_000, dialects)


@pytest.mark.parametrize("dialects", DIALECTS)
def test_outside_of_the_overlap_a_page_takes_what_it_takes_at_one_provider(dialects: tuple[str, str]) -> None:
    """The old provider has the first three quarters of the time, the new one the last third: both sent for a while."""
    stock = spread("even", 150_000, 0)
    olds = [second for at, second in enumerate(stock) if at < 100_000 or (at < 110_000 and at % 2)]
    news = [second for at, second in enumerate(stock) if at >= 110_000 or (at >= 100_000 and not at % 2)]
    new, old = Indexed(dialects[0], news, "N"), Indexed(dialects[1], olds, "A")
    world = Many(new, old)
    world.page(0)
    for number, only in ((10, "new"), (200, "new"), (1500, "old"), (2900, "old")):
        alone = Many(new if only == "new" else old)
        alone.page(0)
        rank = number if only == "new" else number - len(news) // 50
        alone.page(rank)
        page = world.page(number)
        assert {name for some in world.rounds for name, _ in some} == {only}
        assert world.asks <= alone.asks + dialects.count("restcomm")
        follow(world, page, number + 1)
        assert {name for some in world.rounds for name, _ in some} == {only}
        assert world.asks <= 2
