"""The page cache: the owner of a remembered list, the time for which it is valid, and the events that make it void."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conformance.clock import ManualClock
from conformance.twins.properties_v2 import PropertiesV2Twin, TwinAccount
from tests.configuration import SAMPLE, read
from tests.listing import BACKS, FRONTS, NOW, PROPERTY, Provider, ask, message, newest, page_of, row_of, sending, to
from tests.naive import Sms
from tests.twins import Shelled, World, call, spoken
from translator.core.exchange import Limits
from translator.shell.runtime.single_flight_cache import BYTES
from translator.shell.wiring import assemble

OTHER = "S1234567890ABCDE1234567890ABCDEG"
START = 1_600_000_000
LIMITS = Limits()
NUMBERS = ["15550100001", "15550100002", "ACME", "12345"]


class Town:
    """A proxy with an account for each place, which is an account, a property and a number of messages. All share a cache.

    Each account has a provider of its own, which knows no other.
    """

    def __init__(self, places: list[tuple[str, str, int]], fronts: list[Any] | None = None) -> None:
        self.worlds: list[World] = []
        self.stock: list[list[Sms]] = []
        twins = {account: self._twin(account, places) for account, _, _ in places}
        for place, (account, prop, count) in enumerate(places):
            stock = [
                message(place * 1000 + number, START + number, sender=NUMBERS[number % 4]) for number in range(count)
            ]
            twins[account].load(replace(row_of(sms), account_sid=account, property_sid=prop) for sms in stock)
            self.stock.append(stock)
            self.worlds.append(
                World(
                    fronts[place] if fronts else FRONTS["seed"], BACKS[200, "ascending"], partial(call, twins[account].app),
                    accounts=("AC1", account), properties=("", prop), beside=self.worlds[0] if self.worlds else None,
                )
            )  # fmt: skip

    @staticmethod
    def _twin(account: str, places: list[tuple[str, str, int]]) -> PropertiesV2Twin:
        own = tuple(prop for name, prop, _ in places if name == account)
        return PropertiesV2Twin(accounts={account: TwinAccount("back-token", own)}, clock=lambda: NOW)


PLACES = {
    "accounts": [("A1", PROPERTY, 300), ("A2", OTHER, 250)],
    "properties": [("A1", PROPERTY, 300), ("A1", OTHER, 250)],
    "accounts with a property of one name": [("A1", PROPERTY, 300), ("A2", PROPERTY, 250)],
}


@pytest.mark.parametrize("query", [{}, {"Page": "1"}, {"SortBy": "From"}, {"SortBy": "From", "Page": "1"}])
@pytest.mark.parametrize("apart", list(PLACES))
def test_nobody_is_shown_the_list_of_another_account_or_property(apart: str, query: dict[str, str]) -> None:
    """Each client lists twice, in turn, through one cache. The other client's last list would be the wrong response."""
    town = Town(PLACES[apart])
    for _ in range(2):
        for world, stock in zip(town.worlds, town.stock, strict=True):
            page = page_of(world.play(ask({**query, "PageSize": "200"}), NOW))
            assert page["total"] == len(stock)
            assert page["messages"] and set(page["messages"]) <= {sms.sid for sms in stock}


@pytest.mark.parametrize("apart", list(PLACES))
def test_a_send_drops_the_snapshot_of_its_account_and_no_other(apart: str) -> None:
    town, query = Town(PLACES[apart]), {"SortBy": "From", "Page": "1"}
    first, second = town.worlds
    for world in (first, second):
        world.play(ask(query), NOW)
    assert first.play(sending(), NOW).response.status == 200
    for world, again in ((second, False), (first, True), (second, False)):
        world.asked.clear()
        world.play(ask(query), NOW)
        assert bool(world.asks) == again


def test_a_list_that_one_front_sorted_is_not_what_another_would_sort() -> None:
    """Two fronts of one dialect use one account. With a plus a number stands before a short code; bare it may stand after one."""
    fronts = [spoken("restcomm", numbers=numbers) for numbers in ("bare", "plus")]
    [bare] = Town([("A1", PROPERTY, 8)], fronts).worlds
    plus = World(fronts[1], BACKS[200, "ascending"], bare.answer, properties=("", PROPERTY), beside=bare)
    query = {"SortBy": "From", "Page": "1", "PageSize": "4"}
    for _ in range(2):
        shown = [page_of(world.play(ask(query), NOW))["messages"] for world in (bare, plus)]
        senders = [[NUMBERS[int(_number(sid)) % 4] for sid in page] for page in shown]
        assert senders == [["15550100002", "15550100002", "ACME", "ACME"], ["12345", "12345", "ACME", "ACME"]]


def _number(sid: str) -> str:
    return sid[-8:].translate(str.maketrans("ABCDEFGHIJ", "0123456789"))


# ------------------------------------------------------------------------------------------------------------ for how long


def _shelled(provider: Provider, limits: Limits = LIMITS, most: int = BYTES) -> tuple[Shelled, ManualClock]:
    clock = ManualClock(NOW)
    provider.twin.clock = clock
    front = World(FRONTS["seed"], BACKS[200, "ascending"], provider, properties=("", PROPERTY))
    return Shelled(front, clock, limits, most), clock


STOCK = [message(number, START + number) for number in range(5000)]


def _arrive(provider: Provider, count: int, at: int = START + 50_000) -> list[Sms]:
    came = [message(9000 + number, at) for number in range(count)]
    provider.twin.load(row_of(sms) for sms in came)
    return came


@pytest.mark.parametrize("seconds", [1, 61, 120, 500])
@pytest.mark.parametrize("number", [1, 2, 40, 99, 100])
def test_a_further_page_takes_one_ask_while_the_total_is_remembered(number: int, seconds: int) -> None:
    shelled, clock = _shelled(Provider(STOCK))
    shelled.play(ask({}))
    clock.advance(seconds)
    page = page_of(shelled.play(ask({"Page": number})))
    assert (page["total"], page["messages"]) == (5000, newest(number * 50, 50, STOCK))
    assert shelled.world.asks <= 1


@pytest.mark.parametrize("seconds", [1, 61, 120, 500])
def test_every_page_of_a_walk_takes_one_ask_while_the_total_is_remembered(seconds: int) -> None:
    shelled, clock = _shelled(Provider(STOCK))
    page = page_of(shelled.play(ask({})))
    for number in range(1, 10):
        clock.advance(seconds if number == 1 else 1)
        page = page_of(shelled.play(to(page["next_page_uri"])))
        assert (page["total"], page["messages"]) == (5000, newest(number * 50, 50, STOCK))
        assert shelled.world.asks == 1


@pytest.mark.parametrize("number", [1, 40])
def test_a_total_is_forgotten_after_its_time(number: int) -> None:
    shelled, clock = _shelled(Provider(STOCK))
    shelled.play(ask({}))
    first = shelled.world.asks
    clock.advance(601)
    assert page_of(shelled.play(ask({"Page": number})))["total"] == 5000
    assert shelled.world.asks >= first > 10


def test_a_walk_does_not_make_a_total_live_longer() -> None:
    """The range has ended, so only its age makes its total void."""
    shelled, clock = _shelled(Provider(STOCK))
    page = page_of(shelled.play(ask({"EndTime": "2020-09-13T13:00:00"})))
    clock.advance(590)
    anchor = newest(777, 1, STOCK[: page["total"]])[0]
    shelled.play(ask({"EndTime": "2020-09-13T13:00:00", "Page": "3", "AfterSid": anchor}))
    clock.advance(11)
    shelled.play(ask({"EndTime": "2020-09-13T13:00:00"}))
    assert shelled.world.asks > 10


@pytest.mark.parametrize(("number", "old", "seconds"), [(1, True, 59), (1, False, 61), (40, True, 59), (40, True, 500)])
def test_page_by_number_is_of_the_list_of_its_first_page_or_of_now(number: int, old: bool, seconds: int) -> None:
    """A far page stays with the first one while the total is remembered, a near one for a minute. After that it is as the list is now."""
    provider = Provider(STOCK)
    shelled, clock = _shelled(provider)
    shelled.play(ask({}))
    stock = STOCK + _arrive(provider, 5)
    clock.advance(seconds)
    page = page_of(shelled.play(ask({"Page": number})))
    seen = STOCK if old else stock
    assert (page["total"], page["messages"]) == (len(seen), newest(number * 50, 50, seen))
    assert shelled.world.asks == 1
    page = page_of(shelled.play(ask({})))
    assert (page["total"], page["messages"]) == (len(stock), newest(0, 50, stock)), "the first page is never old"
    page = page_of(shelled.play(ask({"Page": number})))
    assert (page["total"], page["messages"]) == (len(stock), newest(number * 50, 50, stock))


@pytest.mark.parametrize("number", [1, 40])
def test_a_send_by_the_account_makes_a_total_old(number: int) -> None:
    provider = Provider(STOCK)
    shelled, clock = _shelled(provider)
    shelled.play(ask({}))
    assert shelled.play(sending()).response.status == 200
    clock.advance(2)
    assert page_of(shelled.play(ask({"Page": number})))["total"] == 5001
    assert shelled.world.asks <= 2


def test_range_is_cached_if_it_ended_a_while_ago_and_not_just_now() -> None:
    """`settle`: a message that was sent at the end of a range may show up a little later."""
    for before, again in ((299, True), (301, False)):
        stock = [message(number, int(NOW) - 5000 + number % 100) for number in range(900)]
        provider = Provider(sorted(stock, key=lambda sms: sms.created))
        shelled, clock = _shelled(provider)
        end = datetime.fromtimestamp(int(NOW) - before - 1, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        shelled.play(ask({"EndTime": end}))
        _arrive(provider, 5, int(NOW) - before - 1)
        clock.advance(5)
        assert page_of(shelled.play(ask({"EndTime": end})))["total"] == (905 if again else 900)


@pytest.mark.parametrize(("seconds", "again"), [(59, False), (61, True)])
def test_fully_read_list_serves_its_further_pages_and_never_its_first(seconds: int, again: bool) -> None:
    provider = Provider(STOCK[:300])
    shelled, clock = _shelled(provider)
    shelled.play(ask({"SortBy": "From"}))
    _arrive(provider, 5)
    clock.advance(seconds)
    page = page_of(shelled.play(ask({"SortBy": "From", "Page": "1"})))
    assert (page["total"], shelled.world.asks > 0) == ((305, True) if again else (300, False))
    assert page_of(shelled.play(ask({"SortBy": "From"})))["total"] == 305
    assert shelled.world.asks > 0


def test_what_does_not_fit_in_memory_is_not_kept() -> None:
    """300 messages weigh some 250,000 bytes."""
    for most, again in ((100_000, True), (1_000_000, False)):
        shelled, _ = _shelled(Provider(STOCK[:300]), most=most)
        shelled.play(ask({"SortBy": "From"}))
        shelled.play(ask({"SortBy": "From", "Page": "1"}))
        assert bool(shelled.world.asks) == again


# ------------------------------------------------------------------------------------------------------------ as configured


@pytest.mark.parametrize(
    ("lists", "query", "seconds", "again", "most"),
    [
        ("", {}, 599, False, 1), ("total_ttl = 5", {}, 6, True, 99), ("total_ttl = 5", {"Page": "40"}, 6, True, 99),
        ("total_ttl = 5", {"Page": "40"}, 4, False, 1), ("total_ttl = 7200", {"Page": "40"}, 3600, False, 1),
        ("snapshot_ttl = 5", {"SortBy": "From", "Page": "1"}, 6, True, 99),
        ("snapshot_ttl = 500", {"SortBy": "From", "Page": "1"}, 499, False, 0),
    ],
)  # fmt: skip
def test_how_long_is_as_it_is_configured(
    tmp_path: Path, lists: str, query: dict[str, str], seconds: int, again: bool, most: int
) -> None:
    shelled, clock = _shelled(Provider(STOCK), _configured(tmp_path, lists))
    shelled.play(ask({name: value for name, value in query.items() if name != "Page"}))
    clock.advance(seconds)
    shelled.play(ask(query))
    assert shelled.world.asks <= most
    assert (shelled.world.asks > 5) == again


@pytest.mark.parametrize(("lists", "total"), [("settle = 0", 900), ("", 905), ("settle = 3600", 905)])
def test_when_a_range_has_settled_is_as_it_is_configured(tmp_path: Path, lists: str, total: int) -> None:
    provider = Provider([message(number, int(NOW) - 5000 + number) for number in range(900)])
    shelled, _ = _shelled(provider, _configured(tmp_path, lists))
    query = {"EndTime": datetime.fromtimestamp(int(NOW) - 100, UTC).strftime("%Y-%m-%dT%H:%M:%S")}
    shelled.play(ask(query))
    _arrive(provider, 5, int(NOW) - 100)
    assert page_of(shelled.play(ask(query)))["total"] == total


@pytest.mark.parametrize(
    ("lists", "said"),
    [("max_asks = 5", (400, "")), ("max_asks = 5\non_cap = 'capped'", (200, "capped")), ("", (200, "exact"))],
)
def test_what_becomes_of_a_list_that_is_too_long_is_as_it_is_configured(
    tmp_path: Path, lists: str, said: tuple[int, str]
) -> None:
    shelled, _ = _shelled(Provider(STOCK), _configured(tmp_path, lists))
    reply = shelled.play(ask({"SortBy": "From"}))
    assert (reply.response.status, reply.total) == said


def _configured(folder: Path, lists: str) -> Limits:
    return assemble(read(folder, f"[lists]\n{lists}\n{SAMPLE}")).limits
