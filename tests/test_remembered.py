"""What is remembered of a list: whose it is, for how long it is believed, and what makes it void."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from conformance.twins.properties_v2 import PropertiesV2Twin, TwinAccount
from tests.naive import Sms
from tests.test_lists import BACKS, FRONTS, NOW, PROPERTY, ask, message, page_of, row_of, sending
from tests.twins import World, call, spoken

OTHER = "S1234567890ABCDE1234567890ABCDEG"
START = 1_600_000_000
NUMBERS = ["15550100001", "15550100002", "ACME", "12345"]


class Town:
    """A proxy with an entry for each place, which is an account, a property and how many messages are there; all share a memory.
    Each account has a provider of its own, which knows no other."""

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
    """Each asks twice, in turn, of one memory; what the other asked last is what is wrong."""
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
    """Two fronts of one dialect over one account: with a plus a number stands before a short code, bare it may stand behind one."""
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
