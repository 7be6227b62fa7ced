"""Lists as laws: over any messages and any query, the proxy before the simulated provider answers as a plain implementation of the
document does.

The tests also bound the cost: the number of requests that the simulated provider got.
"""

import json
from base64 import b64encode
from datetime import UTC, timedelta, timezone
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from tests import naive
from tests.effort import examples, some
from tests.list_queries import ALL_SORTS, ANY_FILTERS, NUMBERS, PATTERNS, ROWS, SORTS, STRETCHES, query_of, time_of
from tests.listing import (
    BACKS,
    FRONTS,
    MANY,
    NOW,
    OLD_BACK,
    OLD_BACKS,
    PATH,
    PROPERTY,
    START,
    STATUSES,
    V2,
    Provider,
    _old_number,
    _search,
    ask,
    before_old,
    hundred_thousand,
    message,
    newest,
    old_provider,
    old_sid,
    page_of,
    row_of,
    stored,
    to,
    world,
)
from tests.naive import Sms
from tests.twins import World, call, spoken
from translator.core.exchange import Limits, Reply
from translator.core.http.messages import Answer, Request, Response


@pytest.fixture(scope="session")
def many() -> Provider:
    return Provider(hundred_thousand())


# ------------------------------------------------------------------------------------------------------------- the laws


def _agrees(reply: Reply, messages: list[Sms], asked: dict[str, str], *, old: bool = False) -> None:
    try:
        expected = naive.listing(messages, asked, PATH, old=old)
    except naive.Refusal as refusal:
        event("refused")
        assert reply.response.status == 400
        assert reply.fault == ("page-out-of-range" if refusal.args else "invalid-parameter")
    else:
        assert page_of(reply) == expected


@settings(max_examples=examples(300))
@given(
    rows=ROWS, queries=st.lists(st.tuples(ANY_FILTERS, ALL_SORTS, STRETCHES), min_size=1, max_size=3), same=st.booleans(),
    order=st.sampled_from(["ascending", "descending", "unknown", "shuffled"]), size=st.sampled_from([1, 2, 3, 7, 200]),
    most=st.sampled_from([1, 2, 3, 5, 200]), in_flight=st.integers(1, 4), profile=st.sampled_from(["seed", "open-source"]),
)  # fmt: skip
def test_the_proxy_answers_what_a_plain_reading_of_the_document_does(
    rows: Any, queries: Any, same: bool, order: str, size: int, most: int, in_flight: int, profile: str
) -> None:
    """One proxy with a cache answers one list after another: other lists, or other pages of the `same` one."""
    messages, old = stored(rows), profile == "open-source"
    knobs: dict[str, Any] = {"profile": profile, "size": size, "in_flight": in_flight}
    if order == "shuffled":
        messages = sorted(messages, key=shuffled)
        front = world(Shuffled(messages, most=most), order="unknown", **knobs)
    else:
        front = world(Provider(messages, order, most), order=order, **knobs)
    seen = [_old(sms) for sms in messages] if old else messages
    for filters, sort, stretch in queries:
        asked = query_of(queries[0][0], queries[0][1], stretch) if same else query_of(filters, sort, stretch)
        event(f"{order}, {'sifted' if asked.keys() & {'From', 'To', 'Body', 'Status'} else 'not sifted'}")
        _agrees(front.play(ask(asked), NOW), seen, asked, old=old)
    assert all(len(batch) <= in_flight for batch in front.asked)


def shuffled(sms: Sms) -> int:
    """The position of a message in a back without any order."""
    return _old_number(sms) * 7919 % 1009


class Shuffled(Provider):
    """A provider whose search has no order at all."""

    def __call__(self, request: Request) -> Answer:
        asked = dict(pair.split("=") for pair in request.query.split("&"))
        skip, count = int(asked["Results_Skip"]), min(int(asked["Results_Count"]), self.twin.results_max)
        self.twin.results_max, most = 200, self.twin.results_max
        whole = request.query.replace(f"Results_Skip={skip}", "Results_Skip=0")
        whole = whole.replace(f"Results_Count={asked['Results_Count']}", "Results_Count=200")
        body = (request.body or b"").decode().replace(f'"Results_Skip":{skip}', '"Results_Skip":0')
        body = body.replace(f'"Results_Count":{asked["Results_Count"]}', '"Results_Count":200')
        answer = super().__call__(request.replace(query=whole, body=body.encode()))
        self.twin.results_max = most
        assert isinstance(answer, Response)
        rows = json.loads(answer.body)["Messages"]
        rows.sort(key=lambda row: shuffled(message(0, 0)._replace(sid="SM" + row["MessageSid"])))
        return answer.replace(body=json.dumps({"Messages": rows[skip : skip + count]}).encode())


def _old(sms: Sms) -> Sms:
    return sms._replace(direction="inbound" if sms.direction == "incoming" else sms.direction)


@settings(max_examples=examples(150))
@given(
    rows=ROWS, filters=ANY_FILTERS, sort=SORTS, order=st.sampled_from(["ascending", "descending"]), page=st.integers(1, 6),
    size=st.sampled_from([1, 3, 7]), limit=st.integers(1, 30), slices=st.sampled_from([1, 3, 7, 200]),
    profile=st.sampled_from(["seed", "open-source"]),
)  # fmt: skip
def test_pages_tile_the_list_and_their_size_does_not_change_it(
    rows: Any, filters: Any, sort: str, order: str, page: int, size: int, limit: int, slices: int, profile: str
) -> None:
    """All pages by their numbers give the list once. So do all pages by the link of the page before."""
    messages, asked = stored(rows), {**query_of(filters, sort, {}), "Limit": str(limit)}
    front = world(Provider(messages, order), size=slices, order=order, profile=profile)
    whole = page_of(front.play(ask({**asked, "PageSize": "1000"}), NOW))["messages"]
    first = page_of(front.play(ask({**asked, "PageSize": str(size)}), NOW))
    by_number, by_link, at = list(first["messages"]), list(first["messages"]), first
    for number in range(1, first["num_pages"] + 1):
        by_number += page_of(front.play(ask({**asked, "PageSize": str(size), "Page": str(number)}), NOW))["messages"]
        at = page_of(front.play(to(at["next_page_uri"]), NOW))
        assert (at["page"], at["total"]) == (number, first["total"])
        by_link += at["messages"]
    assert at["next_page_uri"] == "null"
    assert whole == by_number == by_link


@settings(max_examples=examples(150))
@given(
    rows=ROWS, filters=ANY_FILTERS, sort=SORTS, order=st.sampled_from(["ascending", "descending", "unknown"]),
    size=st.sampled_from([1, 2, 5]), slices=st.sampled_from([2, 7, 200]), limit=st.sampled_from([3, 10, 10000]),
    arriving=st.lists(st.integers(0, 3), min_size=1, max_size=8), forgets=st.sampled_from(["nothing", "all"]),
    profile=st.sampled_from(["seed", "open-source"]),
)  # fmt: skip
def test_a_walk_by_its_links_shows_what_was_there_at_its_first_page_once(
    rows: Any,
    filters: Any,
    sort: str,
    order: str,
    size: int,
    slices: int,
    limit: int,
    arriving: list[int],
    forgets: str,
    profile: str,
) -> None:
    """Messages may arrive between its pages. Everything that was remembered may be forgotten, unless the list's filter or order depends
    on the status."""
    messages = stored(rows)
    asked = {
        **query_of({name: value for name, value in filters.items() if name != "EndTime"}, sort, {}),
        "Limit": str(limit),
    }
    if "Status" in asked or sort.startswith("Status") or (limit < 10000 and not sort.startswith("Date")):
        forgets = "nothing"  # the old list is only known as long as it is remembered
    provider = Provider(messages, order)
    front = world(provider, size=slices, order=order, profile=profile)
    expected = page_of(front.play(ask({**asked, "PageSize": "1000"}), NOW))["messages"]
    page = page_of(front.play(ask({**asked, "PageSize": str(size)}), NOW))
    walked, number = list(page["messages"]), len(messages)
    while page["next_page_uri"] != "null":
        for _ in range(arriving.pop() if arriving else 0):
            provider.twin.load([row_of(message(number, START + 7, sender="ACME"))])
            number += 1
        if forgets == "all":
            front.memory.clear()
        page = page_of(front.play(to(page["next_page_uri"]), NOW))
        walked += page["messages"]
        assert limit < 10000 or page["num_pages"] == page["total"] // size
    old = {sms.sid for sms in messages}
    assert [sid for sid in walked if sid in old] == expected
    assert len(walked) == len(set(walked))


@settings(max_examples=examples(100))
@given(
    rows=st.lists(st.integers(0, 6), min_size=3, max_size=40), slices=st.sampled_from([3, 7]), in_flight=st.integers(1, 4),
    moves=st.lists(st.booleans(), max_size=12), size=st.sampled_from([3, 1000]), sort=st.sampled_from(["", "To"]), late=st.booleans(),
)  # fmt: skip
def test_rows_that_move_while_they_are_read_are_neither_lost_nor_doubled(
    rows: list[int], slices: int, in_flight: int, moves: list[bool], size: int, sort: str, late: bool
) -> None:
    """A provider lists newest first, so each arrival pushes all other messages along, also between two requests of one batch.

    It may answer the second request of a batch first.
    """
    messages = [message(number, START + offset) for number, offset in enumerate(sorted(rows))]
    provider = Provider(messages, "descending")
    number = len(messages)

    def moving(request: Request) -> Answer:
        nonlocal number
        if moves and moves.pop():
            provider.twin.load([row_of(message(number, START + 7))])
            number += 1
        return provider(request)

    front = World(
        FRONTS["seed"],
        BACKS[slices, "descending"],
        moving,
        properties=("", PROPERTY),
        in_flight=in_flight,
        reversed_batches=late,
    )
    reply = front.play(ask({"PageSize": str(size), **({"SortBy": sort} if sort else {})}), NOW)
    shown = page_of(reply)["messages"]
    assert len(shown) == len(set(shown))
    if size == 1000:
        assert {sms.sid for sms in messages} <= set(shown)


@pytest.mark.parametrize("offset", [-1, 0, 1])
@pytest.mark.parametrize("name", ["StartTime", "EndTime"])
def test_both_bounds_are_inclusive_to_the_second(name: str, offset: int) -> None:
    """The seed: "the given date/time is inclusive and is assumed to be in UTC timezone"."""
    front = world(Provider([message(1, START)]))
    inside = offset <= 0 if name == "StartTime" else offset >= 0
    assert page_of(front.play(ask({name: time_of(offset)}), NOW))["total"] == (1 if inside else 0)


# ------------------------------------------------------------------------------------------------ the page's arithmetic

PAGES = """
    0 1 0  0 0  0 0 0
    0 10 0  0 0  0 0 0
    0 50 0  0 0  0 0 0
    1 1 0  1 1  0 0 0
    1 1 1  1 0  1 1 1
    1 10 0  0 1  0 0 1
    1 50 0  0 1  0 0 1
    9 1 0  9 1  0 0 0
    9 1 8  9 1  8 8 8
    9 1 9  9 0  9 9 9
    9 10 0  0 9  0 8 9
    9 50 0  0 9  0 8 9
    10 1 0  10 1  0 0 0
    10 1 9  10 1  9 9 9
    10 1 10  10 0  10 10 10
    10 10 0  1 10  0 9 9
    10 10 1  1 0  10 10 10
    10 50 0  0 10  0 9 10
    11 1 0  11 1  0 0 0
    11 1 10  11 1  10 10 10
    11 1 11  11 0  11 11 11
    11 10 0  1 10  0 9 9
    11 10 1  1 1  10 10 11
    11 50 0  0 11  0 10 11
    20 1 0  20 1  0 0 0
    20 1 19  20 1  19 19 19
    20 1 20  20 0  20 20 20
    20 10 0  2 10  0 9 9
    20 10 1  2 10  10 19 19
    20 10 2  2 0  20 20 20
    20 50 0  0 20  0 19 20
    30 1 0  30 1  0 0 0
    30 1 29  30 1  29 29 29
    30 1 30  30 0  30 30 30
    30 10 0  3 10  0 9 9
    30 10 2  3 10  20 29 29
    30 10 3  3 0  30 30 30
    30 50 0  0 30  0 29 30
    34 1 0  34 1  0 0 0
    34 1 33  34 1  33 33 33
    34 1 34  34 0  34 34 34
    34 10 0  3 10  0 9 9
    34 10 2  3 10  20 29 29
    34 10 3  3 4  30 33 34
    34 50 0  0 34  0 33 34
"""
"""total, PageSize, Page; num_pages, messages shown; start, end as the seed has it, end as the old server has it.

The numbers were computed by hand from the seed and from the table of its last pages in the old server's arithmetic.
The seed has 34 messages, ten a page, num_pages 3; its `end` is the position of the last item.
"""


@pytest.mark.parametrize("profile", ["seed", "open-source"])
@pytest.mark.parametrize("line", PAGES.strip().splitlines())
def test_the_page_object_is_the_documents_arithmetic(line: str, profile: str) -> None:
    total, size, number, last, shown, start, end, past = map(int, line.split())
    page = page_of(world(Provider(MANY[:total]), profile=profile).play(ask({"Page": number, "PageSize": size}), NOW))
    assert (page["page"], page["num_pages"], page["page_size"], page["total"]) == (number, last, size, total)
    assert (page["start"], page["end"]) == (str(start), str(end if profile == "seed" else past))
    assert page["messages"] == newest(start, shown, MANY[:total])
    assert (page["previous_page_uri"] == "null") == (number == 0)
    assert (page["next_page_uri"] == "null") == (number == last)
    assert page["last_page_uri"].startswith(f"{PATH}.json?Page={last}&PageSize={size}")
    assert ("limit" in page) == ("Limit=" in page["last_page_uri"]) == (profile == "seed")


@pytest.mark.parametrize(
    ("total", "size", "page"), [(0, 50, 1), (9, 10, 1), (10, 10, 2), (30, 10, 4), (34, 1, 35), (34, 50, 1)]
)
def test_a_page_past_the_last_is_400(total: int, size: int, page: int) -> None:
    reply = world(Provider(MANY[:total])).play(ask({"Page": page, "PageSize": size}), NOW)
    message = f"Page {page} is past the last page, which is {total // size}."
    assert (reply.response.status, json.loads(reply.response.body)) == (400, {"message": message})


@pytest.mark.parametrize(("given_", "shown"), [("null", "null"), ("json-null", None)])
def test_no_page_is_the_text_null_or_a_json_null(given_: str, shown: str | None) -> None:
    front = World(spoken("restcomm", no_page=given_), BACKS[200, "ascending"], Provider([]), properties=("", PROPERTY))
    page = page_of(front.play(ask({}), NOW))
    assert (page["previous_page_uri"], page["next_page_uri"]) == (shown, shown)


def test_numbers_may_be_shown_with_their_plus() -> None:
    front = World(
        spoken("restcomm", numbers="plus"), BACKS[200, "ascending"], Provider(MANY[:1]), properties=("", PROPERTY)
    )
    [shown] = json.loads(front.play(ask({}), NOW).response.body)["messages"]
    assert (shown["from"], shown["to"]) == ("+15550100001", "+15550100002")


@pytest.mark.parametrize(
    ("query", "noted"),
    [
        ("SortBy=Price", "unknown-sort"), ("to=15550100002", "unknown-parameter"), ("SortBy=Body", ""),
        ("SubAccounts=true", "unknown-parameter"),
    ],
)  # fmt: skip
def test_the_old_server_ignores_what_the_document_does_not_know(query: str, noted: str) -> None:
    provider = Provider(MANY[:3])
    old = world(provider, profile="open-source").play(to(f"{PATH}.json?{query}"), NOW)
    assert (old.response.status, ",".join(note.name for note in old.notes)) == (200, noted)
    seed = world(provider).play(to(f"{PATH}.json?{query}"), NOW)
    assert seed.response.status == (200 if query.startswith("Sub") else 400)


def test_an_unknown_parameter_can_be_refused() -> None:
    strict = World(
        spoken("restcomm", unknown_parameters="refuse"),
        BACKS[200, "ascending"],
        Provider([]),
        properties=("", PROPERTY),
    )
    assert strict.play(ask({"SubAccounts": "true"}), NOW).response.status == 400


@pytest.mark.parametrize("profile", ["seed", "open-source"])
@pytest.mark.parametrize("given_", [{"SortBy": "DateCreated:desc"}, {"From": "+15550100001", "SortBy": "To:asc"}])
@pytest.mark.parametrize("path", [f"/restcomm{PATH}.json", f"/api{PATH}.json", f"/api{PATH}.json/"])
def test_each_of_the_four_links_keeps_the_query_and_can_be_followed(
    path: str, given_: dict[str, str], profile: str
) -> None:
    """35 messages, ten a page: the prefix, the `.json`, the filters and the sort stand in every link, and each leads to its page."""
    stock = MANY[:35]
    front = world(Provider(stock), profile=profile)
    page = page_of(front.play(to(f"{path}?{urlencode({**given_, 'Page': 2, 'PageSize': 10, 'Limit': 500})}"), NOW))
    assert (page["total"], page["messages"]) == (35, newest(20, 10, stock))
    for name, number in (("first", 0), ("previous", 1), ("next", 3), ("last", 3)):
        link = page[f"{name}_page_uri"]
        after = f"&AfterSid={page['messages'][-1]}" if name == "next" else ""
        assert link == f"{path.rstrip('/')}?Page={number}&PageSize=10{after}&Limit=500&{urlencode(given_)}"
        there = page_of(front.play(to(link), NOW))
        assert (there["page"], there["messages"]) == (number, newest(number * 10, 10, stock))


@pytest.mark.parametrize("profile", ["seed", "open-source"])
@pytest.mark.parametrize("sort", ["", "From"])
@pytest.mark.parametrize("number", [0, 1, 2, 25, 30, 31, 2000])
def test_a_page_behind_a_message_is_only_labelled_by_its_number(number: int, sort: str, profile: str) -> None:
    """300 messages, ten a page, behind the tenth: 290 follow, and the list has 300, whatever the page is called."""
    stock = MANY[:300]
    front = world(Provider(stock), profile=profile)
    for _ in range(2):
        asked = {
            "Page": number,
            "PageSize": 10,
            "AfterSid": newest(9, 1, stock)[0],
            **({"SortBy": sort} if sort else {}),
        }
        page = page_of(front.play(ask(asked), NOW))
        assert (page["page"], page["total"], page["num_pages"]) == (number, 300, 30)
        assert page["messages"] == newest(10, 10, stock)
        assert f"?Page={number + 1}&PageSize=10&AfterSid={page['messages'][-1]}&" in page["next_page_uri"] + "&"


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_walk_shows_as_many_as_its_limit_though_others_came_in_front(order: str) -> None:
    """The first 30 of 60, ten a page, and 25 more before each page: what was shown before counts, not what stands there now."""
    stock = MANY[:60]
    provider = Provider(stock, order)
    front = world(provider, order=order)
    page = page_of(front.play(ask({"PageSize": 10, "Limit": 30}), NOW))
    walked, now = list(page["messages"]), NOW
    while page["next_page_uri"] != "null":
        now += 100
        provider.twin.load(row_of(message(int(now - NOW) * 100 + number, START + 50_000)) for number in range(25))
        page = page_of(front.play(to(page["next_page_uri"]), now))
        walked += page["messages"]
    assert walked == newest(0, 30, stock)


def test_a_walk_during_which_messages_come_ends_where_nothing_follows() -> None:
    """25 messages, ten a page; 30 more come after the first page: the third is the last, though there are now 55."""
    stock = MANY[:25]
    provider = Provider(stock)
    front = world(provider)
    page = page_of(front.play(ask({"PageSize": 10}), NOW))
    provider.twin.load(row_of(message(1000 + number, START + 50_000)) for number in range(30))
    walked = list(page["messages"])
    for total, follows in ((55, True), (55, False)):
        page = page_of(front.play(to(page["next_page_uri"]), NOW + 100))
        walked += page["messages"]
        assert (page["total"], page["next_page_uri"] != "null") == (total, follows)
    assert walked == newest(0, 25, stock)


# ----------------------------------------------------------------------------------------------------------- costs


def test_first_page_of_100000_takes_at_most_24_requests_in_10_rounds(many: Provider) -> None:
    front = world(many)
    page = page_of(front.play(ask({"Limit": "1000000"}), NOW))
    assert (page["total"], page["messages"]) == (100_000, newest(0, 50, hundred_thousand()))
    assert front.asks <= 24
    assert len(front.asked) <= 10


def test_further_page_takes_1_request_with_the_total_and_else_at_most_25(many: Provider) -> None:
    front = world(many)
    first = page_of(front.play(ask({"Limit": "1000000"}), NOW))
    for request in (ask({"Page": "1", "Limit": "1000000"}), to(first["next_page_uri"])):
        front.asked.clear()
        assert page_of(front.play(request, NOW + 1))["messages"] == newest(50, 50, hundred_thousand())
        assert front.asks == 1
    for request in (ask({"Page": "1", "Limit": "1000000"}), to(first["next_page_uri"])):
        front.memory.clear()
        front.asked.clear()
        assert page_of(front.play(request, NOW + 1))["messages"] == newest(50, 50, hundred_thousand())
        assert front.asks <= 25


@pytest.mark.parametrize(
    "new", some([0, 1, 99, 100, 150, 1000, 9600, 20_000, 50_000, 80_000], 0, 1, 99, 100, 150, 1000, 9600)
)
def test_a_total_that_is_known_is_extended(new: int) -> None:
    """One request if fewer than 100 rows are new, else 10 at most. A law of `test_planning` has the numbers beyond."""
    stock = MANY[:5_000]
    provider = Provider(stock)
    front = world(provider)
    front.play(ask({"Limit": "1000000"}), NOW)
    came = [message(len(stock) + number, START + 50_000) for number in range(new)]
    provider.twin.load(row_of(sms) for sms in came)
    front.asked.clear()
    page = page_of(front.play(ask({"Limit": "1000000"}), NOW + 5))
    assert (page["total"], page["messages"]) == (5_000 + new, newest(0, 50, stock + came))
    assert front.asks <= (1 if new < 100 else 10)


def test_a_list_that_is_sifted_and_sorted_is_scanned_once() -> None:
    """10,000 messages in slices of 200: 51 requests and as many as are in flight; none for its further pages."""
    stock = MANY[:10_000]
    front = world(Provider(stock))
    query = {"To": "+15550100002", "SortBy": "From"}
    first = page_of(front.play(ask(query), NOW))
    assert (first["total"], first["messages"]) == (10_000, newest(0, 50, stock))
    assert front.asks <= 51 + 3
    front.asked.clear()
    for request in (to(first["next_page_uri"]), ask({**query, "Page": "1"})):
        assert page_of(front.play(request, NOW + 1))["messages"] == newest(50, 50, stock)
    assert front.asks == 0


@pytest.mark.parametrize("total", [0, 1, 199, 200, 201, 399, 400, 401, 1599, 1600, 3200, 3201, 5000, 12_800, 12_801])
def test_a_total_is_true_however_many_there_are(total: int) -> None:
    stock = MANY[:total]
    front = world(Provider(stock))
    page = page_of(front.play(ask({"Limit": "1000000", "PageSize": "7"}), NOW))
    assert (page["total"], page["messages"]) == (total, newest(0, 7, stock))


def test_a_range_that_has_ended_is_not_counted_again() -> None:
    stock = MANY[:5000]
    front = world(Provider(stock))
    query = {"EndTime": time_of(1000), "Limit": "1000000"}
    first = page_of(front.play(ask(query), NOW))
    assert first["total"] == 3003
    front.asked.clear()
    page = page_of(front.play(ask(query), NOW + 500))
    assert (page["total"], page["messages"], front.asks) == (3003, newest(0, 50, stock[:3003]), 1)


def test_a_count_of_a_status_is_not_remembered() -> None:
    """A delivered message leaves the sent ones, so an earlier total of the sent ones says nothing."""
    front = world(Provider(MANY[:1000]))
    front.play(ask({"Status": "sent"}), NOW)
    before = front.asks
    front.asked.clear()
    front.play(ask({"Status": "sent"}), NOW)
    assert front.asks == before


# ------------------------------------------------------------------------------------------------------------ the cap


def test_a_list_that_needs_more_asks_than_allowed_is_refused_by_name() -> None:
    front = world(Provider(MANY[:5000]), limits=Limits(max_asks=10))
    reply = front.play(ask({"SortBy": "From"}), NOW)
    assert (reply.response.status, reply.fault, reply.total) == (400, "list-too-long", "")


@pytest.mark.parametrize("sort", ["", "From"])
def test_a_list_that_is_capped_has_the_newest_messages_and_says_so(sort: str) -> None:
    stock = MANY[:5000]
    front = world(Provider(stock), limits=Limits(max_asks=25, cap=True))
    reply = front.play(ask({"PageSize": "99999999", **({"SortBy": sort} if sort else {})}), NOW)
    page = page_of(reply)
    assert reply.total == "capped"
    assert 0 < page["total"] == len(page["messages"]) < 5000
    assert page["messages"] == newest(0, page["total"], stock)
    assert front.asks <= 25


@pytest.mark.parametrize(
    "query", [{}, {"Page": 1}, {"SortBy": "From"}, {"PageSize": 99999999}, {"SortBy": "DateCreated"}]
)
@pytest.mark.parametrize("order", ["ascending", "descending", "unknown"])
@pytest.mark.parametrize("most", some([1, 2, 3, 5, 10, 20, 24], 1, 3, 10, 24))
def test_list_beyond_the_request_budget_is_answered_if_less_will_do(
    most: int, order: str, query: dict[str, Any], many: Provider, backwards: Provider
) -> None:
    provider = backwards if order == "descending" else many
    front = world(provider, order=order, limits=Limits(max_asks=most, cap=True))
    reply = front.play(ask({"Limit": "1000000", **query}), NOW)
    page = page_of(reply)
    assert front.asks <= most
    assert reply.total == ("exact" if page["total"] == 100_000 else "capped")
    assert page["messages"] and page["total"] >= len(page["messages"])
    if not query:
        assert len(page["messages"]) == 50
    if order == "descending" or most >= 22:
        wanted = {"descending": {}, "ascending": {"SortBy": "From"}, "unknown": None}[order]
        if query == wanted:
            assert page["messages"] == newest(0, 50, hundred_thousand()), "the newest ones"


@pytest.fixture(scope="session")
def backwards() -> Provider:
    return Provider(hundred_thousand(), "descending")


@pytest.mark.parametrize(("most", "rows"), [(20, 1000), (24, 2000), (40, 5000), (100, 17_000)])
def test_what_asks_there_are_are_spent_on_rows_and_not_on_counting_them(most: int, rows: int, many: Provider) -> None:
    front = world(many, limits=Limits(max_asks=most, cap=True))
    page = page_of(front.play(ask({"SortBy": "From", "Limit": "1000000"}), NOW))
    assert (page["total"] >= rows, page["messages"]) == (True, newest(0, 50, hundred_thousand()))


@pytest.mark.parametrize("total", [0, 1, 150, 199, 200, 201, 450, 3000])
@pytest.mark.parametrize("query", [{}, {"SortBy": "From"}, {"PageSize": 99999999}])
def test_a_list_that_asks_do_suffice_for_is_whole(total: int, query: dict[str, Any]) -> None:
    stock = MANY[:total]
    reply = world(Provider(stock), limits=Limits(max_asks=30, cap=True)).play(ask(query), NOW)
    page = page_of(reply)
    assert (reply.total, page["total"]) == ("exact", total)
    assert page["messages"] == newest(0, int(query.get("PageSize", 50)), stock)


@pytest.mark.parametrize("total", [1, 150, 199])
def test_an_end_that_no_ask_is_left_to_see_is_not_called_exact(total: int) -> None:
    for query in ({}, {"SortBy": "From"}, {"PageSize": 99999999}):
        reply = world(Provider(MANY[:total]), limits=Limits(max_asks=1, cap=True)).play(ask(query), NOW)
        assert (reply.total, page_of(reply)["total"]) == ("capped", total)


@pytest.mark.parametrize("place", [50, 40_000])
def test_a_page_behind_a_message_is_answered_where_less_will_do(
    place: int, many: Provider, backwards: Provider
) -> None:
    """If the request budget does not suffice to find a message, the message counts as unknown."""
    for provider, order in ((many, "ascending"), (backwards, "descending")):
        for most in (1, 2, 3, 5, 10, 24, 60):
            front = world(provider, order=order, limits=Limits(max_asks=most, cap=True))
            asked = {"Page": 1, "AfterSid": newest(place - 1, 1, hundred_thousand())[0], "Limit": 1000000}
            page = page_of(front.play(ask(asked), NOW))
            assert len(page["messages"]) == 50
            assert front.asks <= most
        assert (page["total"], page["messages"]) == (100_000, newest(place, 50, hundred_thousand()))


def test_a_list_that_is_whole_says_that_its_total_is_exact() -> None:
    assert world(Provider(MANY[:300])).play(ask({}), NOW).total == "exact"


# -------------------------------------------------------------------------------------------- a back that is not as said


def test_slice_size_that_a_back_has_served_is_the_most_requested_later() -> None:
    front = world(Provider(MANY[:500], most=100))
    reply = front.play(ask({"SortBy": "From"}), NOW)
    assert [note.name for note in reply.notes] == ["back-serves-less"]
    front.asked.clear()
    reply = front.play(ask({"SortBy": "To"}), NOW)
    assert (reply.notes, page_of(reply)["total"]) == ((), 500)
    assert all("Results_Count=200" not in asked.query for batch in front.asked for asked in batch)


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ({"search_params": "body"}, "search_params"),
        ({"search_order": "descending"}, "search_order"),
    ],
)
def test_a_wrong_setting_is_a_fault_that_names_it(setting: dict[str, str], why: str) -> None:
    provider = Provider(MANY[:900])
    provider.twin.search_reads = "query"
    back = spoken("properties-v2", "back", **setting)
    front = World(FRONTS["seed"], back, provider, properties=("", PROPERTY))
    reply = front.play(ask({}), NOW)
    assert reply.response.status == 502
    assert why in reply.log


@pytest.mark.parametrize("ignored", ["Status", "Results_Skip", "Date_To", "Date_From"])
def test_back_that_ignores_the_query_is_a_fault_and_never_an_answer(ignored: str) -> None:
    provider = Provider(
        [*MANY[:400], *(message(500 + number, START + 400, status="delivered") for number in range(300))]
    )
    provider.twin.search_reads = "query"

    def deaf(request: Request) -> Answer:
        pairs = [pair for pair in request.query.split("&") if not pair.startswith(ignored + "=")]
        pairs += {"Date_To": ["Date_To=9999999999"], "Date_From": ["Date_From=0"]}.get(ignored, [])
        return provider(request.replace(query="&".join(pairs)))

    front = world(deaf)
    query = {"Status": "sent", "StartTime": time_of(2), "EndTime": time_of(100)}
    if ignored == "Status":
        query = {"Status": "sent"}
    reply = front.play(ask(query), NOW)
    assert (reply.response.status, reply.fault) == (502, "back-failed")
    assert "search_params" in reply.log


def test_messages_that_are_gone_are_counted_anew() -> None:
    """A provider may drop old messages: each index moves, and an earlier total is too large."""
    stock = MANY[:1000]
    old, new = Provider(stock), Provider(stock[400:])
    now_there = [old]

    def either(request: Request) -> Answer:
        return now_there[0](request)

    front = world(either)
    front.play(ask({}), NOW)
    now_there[0] = new
    page = page_of(front.play(ask({}), NOW))
    assert (page["total"], page["messages"]) == (600, newest(0, 50, stock))


def test_an_anchor_that_is_gone_is_ignored() -> None:
    stock = MANY[:1000]
    now_there = [Provider(stock)]

    def either(request: Request) -> Answer:
        return now_there[0](request)

    front = world(either)
    first = page_of(front.play(ask({}), NOW))
    now_there[0] = Provider([sms for sms in stock if sms.sid != first["messages"][-1]])
    page = page_of(front.play(to(first["next_page_uri"]), NOW))
    assert page["total"] in (999, 1000)
    assert len(page["messages"]) == 50


def test_an_answer_that_is_no_answer_ends_the_list() -> None:
    front = world(lambda request: Response(500, (), b""))
    assert front.play(ask({}), NOW).response.status == 502


@cache
def stock_of_1500() -> tuple[list[Sms], Provider]:
    """Seven messages of each second. No test changes them."""
    stock = [message(number, START + number // 7) for number in range(1500)]
    return stock, Provider(stock)


@example(START + 10)
@given(st.integers(START - 5, START + 2000))
def test_a_message_is_found_by_its_second_wherever_it_stands(created: int) -> None:
    """The request has AfterSid and a page number that says nothing of the message's place, and no list is remembered."""
    stock, provider = stock_of_1500()
    front = world(provider, size=7)
    at = next((place for place, sms in enumerate(stock[::-1]) if sms.created <= created), len(stock) - 1)
    anchor = stock[::-1][at].sid
    page = page_of(front.play(ask({"Page": "1", "PageSize": "9", "AfterSid": anchor}), NOW))
    assert page["messages"] == newest(at + 1, 9, stock)
    assert page["total"] == len(stock)


# ------------------------------------------------------------------------------------------------------------ the way back


def _as_v2(sms: Sms) -> dict[str, Any]:
    """The message as the properties-v2 document would show it, worked out here: its words, its instants, its spelling of a number."""
    plus = {True: "+", False: ""}
    number = _old_number(sms)
    shown: dict[str, Any] = {
        "MessageSid": "M00000"
        + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[number >> shift & 31] for shift in range(125, -1, -5)),
        "AccountSid": "A1",
        "PropertySid": PROPERTY,
        "From": plus[len(sms.sender) > 6 and sms.sender.isdigit()] + sms.sender,
        "To": plus[len(sms.recipient) > 6 and sms.recipient.isdigit()] + sms.recipient,
        "Text": sms.body,
        "DeliveryReceipt": sms.direction != "incoming",
        "NumSegments": 0 if sms.direction == "incoming" else 1,
        "Status": {
            "sent": "Submitted",
            "delivered": "Delivered",
            "received": "Received",
            "failed": "Failed",
            "undelivered": "Failed",
        }.get(sms.status, "Processing"),
        "Direction": "Receive" if sms.direction == "incoming" else "Transmit",
        "Scheduled": sms.created,
        "Created": sms.created,
    }
    if sms.status in ("sent", "delivered", "undelivered"):
        shown["Submitted"] = sms.created
    if sms.status == "delivered":
        shown["Delivered"] = sms.created
    if sms.status == "received":
        shown["Received"] = sms.created
    if sms.status in ("failed", "undelivered"):
        shown["ErrorCode"] = {"failed": "30008", "undelivered": "30005"}[sms.status]
    return shown


_kept = st.lists(
    st.tuples(
        st.integers(START, START + 40), NUMBERS, st.sampled_from(["15550100001", "15550100002"]), st.sampled_from(["a", "é"]),
        st.sampled_from([word for word in STATUSES if word != "received"]), st.just("outbound-api"),
    ),
    max_size=15, unique_by=lambda row: row[0],
)  # fmt: skip


@settings(max_examples=examples(150))
@given(
    rows=_kept, arrived=st.sets(st.integers(START + 41, START + 60), max_size=5), lower=st.integers(-1, 62), width=st.integers(0, 63),
    status=st.sampled_from(["", "Processing", "Submitted", "Delivered", "Failed", "Received"]),
    direction=st.sampled_from(["", "Transmit", "Receive"]), count=st.sampled_from([0, 1, 3, 200]), skip=st.integers(0, 25),
    most=st.sampled_from([None, 1, 4]), word=st.sampled_from(["incoming", "inbound"]), nulls=st.booleans(),
)  # fmt: skip
def test_a_search_over_the_old_provider_is_what_the_new_document_says(
    rows: Any, arrived: set[int], lower: int, width: int, status: str, direction: str, count: int, skip: int, most: int | None,
    word: Any, nulls: bool,
) -> None:  # fmt: skip
    """Both dates, a status, a direction, any count and any skip, over a server that may lower its pages and write its nulls."""
    messages = [*stored(rows)]
    messages += [
        message(50 + number, created, status="received", direction="incoming")
        for number, created in enumerate(sorted(arrived))
    ]
    twin = old_provider(messages, page_size_max=most, inbound_word=word, nulls_written=nulls)
    back = World(
        V2, OLD_BACK, lambda request: call(twin.app, request), accounts=("A1", "AC9"), properties=(PROPERTY, ""),
    )  # fmt: skip
    since, until = START + lower, START + lower + width
    asked = {"Date_From": since, "Date_To": until, "Status": status, "Direction": direction, "Results_Skip": skip}
    query = urlencode({name: value for name, value in {**asked, "Results_Count": count}.items() if value})
    token = b64encode(b"A1:front-token").decode()
    reply = back.play(
        Request("GET", f"/v2/Properties/{PROPERTY}/Messages", query, (("authorization", f"Basic {token}"),)), NOW
    )
    assert reply.response.status == 200, (reply.log, reply.response)
    shown = [_as_v2(sms) for sms in messages if since <= sms.created < until]
    shown = [row for row in shown if status in ("", row["Status"]) and direction in ("", row["Direction"])]
    assert json.loads(reply.response.body) == {"Messages": shown[skip : skip + (count or 200)]}


# ------------------------------------------------------------------------------- a back that reads its bounds as the old server does

DAY = 86400
LAST = 253_402_300_799
_moments = st.builds(lambda day, second: START + day * DAY + second, st.integers(-2, 3), st.integers(-1, 7))
_apart = st.lists(
    st.tuples(
        _moments, NUMBERS, st.sampled_from(["15550100001", "15550100002"]), st.sampled_from(["a", "ab"]),
        st.sampled_from([word for word in STATUSES if word != "received"]), st.just("outbound-api"),
    ),
    max_size=20, unique_by=lambda row: row[0],
)  # fmt: skip
_zones = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))
_servers = st.one_of(
    st.tuples(st.just("instants"), st.just(UTC), st.sampled_from(list(OLD_BACKS))),
    st.tuples(st.just("days"), _zones, st.just("open-source")),
    st.tuples(st.just("days"), st.just(UTC), st.just("open-source, utc")),
)
"""The way in which the server reads bounds, its zone, and the profile of its configuration.

The profile is the server's own, or one with which the proxy asks for more.
"""


@settings(max_examples=examples(200))
@given(
    rows=_apart, server=_servers, since=_moments, until=_moments, count=st.sampled_from([1, 3, 200]), skip=st.integers(0, 9),
    status=st.sampled_from(["", "Submitted", "Failed"]), size=st.sampled_from([1, 3, 200]),
)  # fmt: skip
def test_search_is_exact_to_the_second_for_any_bounds_of_the_old_provider(
    rows: Any, server: Any, since: int, until: int, count: int, skip: int, status: str, size: int
) -> None:
    messages = stored(rows)
    asked = {"Results_Count": count, "Results_Skip": skip, **({"Status": status} if status else {})}
    reply = before_old(V2, server, messages, size).play(_search(since, until, **asked), NOW)
    assert reply.response.status == 200, (reply.log, reply.response)
    shown = [_as_v2(sms) for sms in messages if since <= sms.created < until]
    shown = [row for row in shown if status in ("", row["Status"])]
    assert json.loads(reply.response.body) == {"Messages": shown[skip : skip + count]}


_whens = st.one_of(
    _moments.map(lambda moment: time_of(moment - START)), st.integers(-3, 4).map(lambda day: time_of(day * DAY)[:10])
)
_old_filters = st.fixed_dictionaries(
    {},
    optional={"StartTime": _whens, "EndTime": _whens, "To": PATTERNS, "Status": st.sampled_from(["sent", "failed"])},
)


@settings(max_examples=examples(200))
@given(
    rows=_apart, server=_servers, queries=st.lists(st.tuples(_old_filters, SORTS, STRETCHES), min_size=1, max_size=3),
    profile=st.sampled_from(list(FRONTS)), size=st.sampled_from([1, 3, 200]),
)  # fmt: skip
def test_old_application_before_another_profile_gets_a_plain_reading(
    rows: Any, server: Any, queries: Any, profile: str, size: int
) -> None:
    messages, old = stored(rows), profile == "open-source"
    front = before_old(FRONTS[profile], server, messages, size)
    seen = [sms._replace(sid=old_sid(sms)) for sms in messages]
    for filters, sort, stretch in queries:
        asked = query_of(filters, sort, stretch)
        if "AfterSid" in asked and asked["AfterSid"] != "SMx":
            asked["AfterSid"] = old_sid(seen_as(asked["AfterSid"]))
        event(f"{server[0]} as {server[2]}")
        _agrees(front.play(ask(asked), NOW), seen, asked, old=old)


@pytest.mark.parametrize(
    ("bounds", "hours", "created"),
    [("days", hours, created) for hours in (-12, 0, 14) for created in (0, 11 * 3600, 13 * 3600, LAST - DAY)]
    + [("days", -12, LAST), ("days", 0, LAST), ("instants", 0, 0), ("instants", 0, LAST)],
)
def test_server_that_reads_days_shows_all_rows_at_either_end_of_the_dates(
    bounds: str, hours: int, created: int
) -> None:
    """Bounds cannot make such a range wider, so the request has no bound at that end."""
    server = (bounds, timezone(timedelta(hours=hours)), "open-source")
    messages = [message(0, created)]
    after = min(created + 1, LAST)
    for since, until in ((created, after), (0, LAST), (after, LAST), (0, created)):
        reply = before_old(V2, server, messages).play(_search(since, until), NOW)
        assert reply.response.status == 200, (reply.log, reply.response)
        assert len(json.loads(reply.response.body)["Messages"]) == (since <= created < until), (since, until)
    for asked in ({"StartTime": "1970-01-01"}, {"EndTime": "9999-12-31T23:59:59"}, {}):
        old = before_old(FRONTS["seed"], server, messages)
        assert page_of(old.play(ask(asked), NOW))["total"] == 1, asked


def seen_as(sid: str) -> Sms:
    """A message of that SID, for the number in it."""
    return message(0, START)._replace(sid=sid)


@settings(max_examples=examples(100))
@given(rows=_apart, since=_moments, until=_moments)
def test_server_that_reads_days_against_its_profile_is_a_fault_or_exact(rows: Any, since: int, until: int) -> None:
    """The server's days are those of UTC. The days of another zone begin too late, or end too soon, and then nothing tells:
    docs/lists.md."""
    messages = stored(rows)
    reply = before_old(V2, ("days", UTC, "seed"), messages).play(_search(since, until), NOW)
    if reply.response.status == 200:
        shown = [_as_v2(sms) for sms in messages if since <= sms.created < until]
        assert json.loads(reply.response.body) == {"Messages": shown}
    else:
        assert (reply.response.status, reply.fault) == (502, "back-failed")
        assert "profile" in reply.log


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-11)), timezone(timedelta(hours=13))])
@pytest.mark.parametrize("at", [0, 1, 250, 700, 1498])
def test_a_message_is_found_at_a_server_that_reads_days(at: int, zone: timezone) -> None:
    """The request has AfterSid and a page number that says nothing, and no list is remembered.

    No request can name the messages before the anchor's second, but one can name those before its day.
    """
    stock = [message(number, START + number * 1000) for number in range(1500)]
    front = before_old(FRONTS["seed"], ("days", zone, "open-source"), stock, 7)
    anchor = old_sid(stock[::-1][at])
    page = page_of(front.play(ask({"Page": "1", "PageSize": "9", "AfterSid": anchor, "Limit": "100000"}), NOW))
    assert page["messages"] == [old_sid(sms) for sms in stock[::-1][at + 1 : at + 10]]
    assert page["total"] == len(stock)
