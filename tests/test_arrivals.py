"""Laws over a provider to which messages arrive between any two requests, in every order in which a back may list.

A response has to be the plain reading of the history at some instant between the first provider request and the last. The proxy never
mistakes a race for a back that serves less at once.
So afterwards a list takes as many requests as in a fresh process.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests import naive
from tests.busy import BEGAN, KINDS, LATER, Busy, neutral
from tests.effort import examples
from tests.listing import NOW, PATH, ask, message, page_of, to
from tests.naive import Sms
from translator.core.exchange import Limits, Reply

PER_ARRIVAL = 10
"""The number of requests beyond arithmetic that a list may take for each message that came while it was read."""

_offsets = st.lists(st.integers(0, LATER), max_size=25).map(sorted)
_arriving = st.lists(st.integers(0, 2), max_size=12)


def _keeps_up(knobs: dict[str, Any]) -> bool:
    return bool(knobs["kind"] != "descending" or knobs["size"] - 1 > 2 * knobs["in_flight"])


_any_knobs: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS), "size": st.sampled_from([1, 2, 3, 7, 200]), "in_flight": st.integers(1, 4),
        "late": st.booleans(),
    }
)  # fmt: skip
_knobs = _any_knobs.filter(_keeps_up)
"""Knobs with which a list can keep up. If each arrival moves all other messages along, fewer arrive in one round of requests than a
slice holds.

A slower reader gets nowhere, and its list is refused.
"""


def stock_of(offsets: Sequence[int]) -> list[Sms]:
    return [message(number, BEGAN + offset) for number, offset in enumerate(offsets)]


def pages_of(histories: list[list[Sms]], asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The page at each of these instants, by a plain reading. A page past the last one is 400, here an empty dictionary."""
    told, pages = {name: str(value) for name, value in asked.items()}, []
    for history in histories:
        try:
            pages.append(naive.listing(history, told, PATH))
        except naive.Refusal:
            pages.append({})
    return pages


def is_some(reply: Reply, pages: list[dict[str, Any]], *, apart: bool = False) -> bool:
    """True if a response is one of these pages. With `apart` its rows may be of another instant than its total."""
    if reply.response.status == 400:
        return {} in pages
    shown = page_of(reply)
    told = [page for page in pages if page]
    if apart:
        return all(shown[name] in [page[name] for page in told] for name in ("messages", "total", "page", "num_pages"))
    return shown in told


def is_by_date(asked: dict[str, str]) -> bool:
    """True if the back has the list's order and not all rows have to be read.

    A restcomm server puts a message in front of those of the same second. If a restcomm front counts such a list, an arrival in the
    second of its newest rows may push out one of them.
    See docs/lists.md.
    """
    return not asked or asked == {"SortBy": "DateCreated:asc"}


def asks_for_all(rows: int, size: int, in_flight: int, kind: str = "", **_: bool) -> int:
    """The number of requests that reading so many rows takes.

    It counts the slices, which share a row, those in flight when the end comes, and the row after the end. A page whose rows are all of
    one second is read alone, after the page that was read at the same time.
    """
    if kind == "pages" and size < 200:
        return (rows // size + 1) * (in_flight + 1) + 1
    return -(-rows // max(1, size - 1)) + in_flight + 1


def asks_for_page(rows: int, shown: int, in_flight: int, **knobs: Any) -> int:
    """The number of requests that it takes to find the total by galloping and bisection, and to read the page."""
    rounds = math.ceil(math.log2(rows + 2)) + 4
    return asks_for_all(min(rows, shown), in_flight=in_flight, **knobs) + in_flight * rounds + 2


@settings(max_examples=examples(120))
@given(
    offsets=_offsets, arriving=_arriving, apart=st.booleans(), knobs=_knobs,
    asked=st.sampled_from(
        [{"SortBy": "To"}, {"Body": "b"}, {"To": "15550100002"}, {"SortBy": "Direction"}, {"SortBy": "DateCreated:asc"}, {}]
    ),
)  # fmt: skip
def test_fully_read_list_is_that_of_some_instant_while_it_was_read(
    offsets: list[int], arriving: list[int], apart: bool, knobs: dict[str, Any], asked: dict[str, str]
) -> None:
    """A server may put an arrival in front of the messages of the same second. Then the list may be of two instants.

    It shows each message that was there before the first request once, and none that was not there at the last.
    """
    busy = Busy(stock=stock_of(offsets), **knobs)
    busy.arrive(arriving, apart=apart or (knobs["kind"] == "pages" and is_by_date(asked)))
    query = {**asked, "PageSize": 1000}
    reply, histories = busy.during(partial(busy.world.play, ask(query), NOW))
    event(f"{knobs['kind']}, {len(histories) - 1} came")
    if apart or knobs["kind"] != "pages":
        assert is_some(reply, pages_of(histories, query))
    shown, (first, *_, last) = page_of(reply), [*pages_of(histories[:1], query), *pages_of(histories, query)]
    assert set(first["messages"]) <= set(shown["messages"]) <= set(last["messages"])
    assert shown["total"] == len(shown["messages"]) == len(set(shown["messages"]))
    assert not reply.notes
    rows = len(histories[-1])
    most = asks_for_page(rows, rows, **knobs)
    assert busy.world.asks <= most + PER_ARRIVAL * (len(histories) - 1)


@settings(max_examples=examples(120))
@given(
    offsets=_offsets, arriving=_arriving, apart=st.booleans(), knobs=_knobs, size=st.sampled_from([1, 2, 5, 50]),
    number=st.integers(0, 4), sort=st.sampled_from(["", "DateCreated:asc", "To"]),
)  # fmt: skip
def test_a_page_by_its_number_is_that_of_some_instant(
    offsets: list[int], arriving: list[int], apart: bool, knobs: dict[str, Any], size: int, number: int, sort: str
) -> None:
    """Read the first page, and then a further one, which may show the list as it was when the first was shown."""
    busy = Busy(stock=stock_of(offsets), **knobs)
    busy.arrive(arriving, apart=apart or knobs["kind"] == "pages")
    seen: list[list[Sms]] = []
    for page in (0, number):
        query = {"Page": page, "PageSize": size, **({"SortBy": sort} if sort else {})}
        reply, histories = busy.during(partial(busy.world.play, ask(query), NOW))
        seen += histories
        assert is_some(reply, pages_of(seen, query), apart=knobs["kind"] == "descending")
        assert not reply.notes
        rows = len(seen[-1])
        most = asks_for_page(rows, rows if sort else size, **knobs)
        assert busy.world.asks <= most + PER_ARRIVAL * (len(histories) - 1)


@settings(max_examples=examples(60))
@given(
    offsets=_offsets, arriving=st.lists(st.integers(0, 2), max_size=30), apart=st.booleans(), knobs=_knobs,
    size=st.sampled_from([1, 2, 5]), sort=st.sampled_from(["", "To"]), forgets=st.booleans(),
)  # fmt: skip
def test_walk_by_links_shows_each_message_of_its_start_once(
    offsets: list[int], arriving: list[int], apart: bool, knobs: dict[str, Any], size: int, sort: str, forgets: bool
) -> None:
    busy = Busy(stock=stock_of(offsets), **knobs)
    before = busy.history(0)
    busy.arrive(arriving, apart=apart or knobs["kind"] == "pages")
    query = {"PageSize": size, **({"SortBy": sort} if sort else {})}
    page = page_of(busy.world.play(ask(query), NOW))
    walked = list(page["messages"])
    while page["next_page_uri"] != "null":
        if forgets:
            busy.world.memory.clear()
        reply = busy.world.play(to(page["next_page_uri"]), NOW)
        assert not reply.notes
        page = page_of(reply)
        walked += page["messages"]
    old = [sms.sid for sms in before[::-1]]
    assert [sid for sid in walked if sid in old] == old
    assert len(walked) == len(set(walked))


@settings(max_examples=examples(120))
@given(
    offsets=_offsets, arriving=_arriving, apart=st.booleans(), knobs=_knobs,
    since=st.integers(0, LATER), width=st.sampled_from([1, 5, LATER + 1, 100]),
)  # fmt: skip
def test_search_and_poll_read_the_time_window_as_of_some_instant(
    offsets: list[int], arriving: list[int], apart: bool, knobs: dict[str, Any], since: int, width: int
) -> None:
    """Messages arrive in the time window and outside of it."""
    busy = Busy(stock=stock_of(offsets), new_front=True, **knobs)
    busy.arrive(arriving, apart=apart)
    first = BEGAN + since
    rows, histories = busy.during(lambda: busy.between(first, first + width))
    found = sorted(row.sid for row in rows)
    wanted = [sorted(neutral(sms) for sms in one if first <= sms.created < first + width) for one in histories]
    if apart or knobs["kind"] != "pages":
        assert found in wanted
    assert set(wanted[0]) <= set(found) <= set(wanted[-1])
    assert len(found) == len(set(found))
    assert not busy.notes.items
    most = asks_for_all(len(wanted[-1]), **knobs) + 1
    assert busy.world.asks <= most + PER_ARRIVAL * (len(histories) - 1)


@settings(max_examples=examples(50))
@given(offsets=_offsets, arriving=_arriving, apart=st.booleans(), knobs=_knobs, sort=st.sampled_from(["", "To"]))
def test_list_after_arrivals_takes_as_many_requests_as_in_a_fresh_process(
    offsets: list[int], arriving: list[int], apart: bool, knobs: dict[str, Any], sort: str
) -> None:
    busy = Busy(stock=stock_of(offsets), **knobs)
    busy.arrive(arriving, apart=apart)
    busy.world.play(ask({"PageSize": 3, **({"SortBy": sort} if sort else {})}), NOW)
    busy.calm()
    asks = []
    for _ in ("as it was left", "fresh"):
        busy.world.asked.clear()
        reply = busy.world.play(ask({"SortBy": "From", "PageSize": 1000}), NOW)
        assert not reply.notes
        asks.append(busy.world.asks)
        busy.world.memory.clear()
    assert asks[0] == asks[1]


@settings(max_examples=examples(80))
@given(
    offsets=_offsets, arriving=_arriving, knobs=_knobs, most=st.integers(1, 12), size=st.sampled_from([2, 1000]),
    sort=st.sampled_from(["", "To"]),
)  # fmt: skip
def test_list_beyond_the_request_budget_keeps_it_and_shows_none_twice(
    offsets: list[int], arriving: list[int], knobs: dict[str, Any], most: int, size: int, sort: str
) -> None:
    """With `on_cap = "capped"`: a list that calls itself exact is that of some instant."""
    busy = Busy(stock=stock_of(offsets), limits=Limits(max_asks=most, cap=True), **knobs)
    busy.arrive(arriving, apart=True)
    query = {"PageSize": size, **({"SortBy": sort} if sort else {})}
    reply, histories = busy.during(partial(busy.world.play, ask(query), NOW))
    shown = page_of(reply)
    assert busy.world.asks <= most
    assert len(shown["messages"]) == len(set(shown["messages"]))
    assert set(shown["messages"]) <= {sms.sid for sms in histories[-1]}
    if reply.total == "exact":
        assert is_some(reply, pages_of(histories, query), apart=knobs["kind"] == "descending")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("arriving", [[1] * 60, [7] * 60, [0, 0, 5] * 20])
def test_list_of_3000_takes_few_more_requests_while_messages_arrive(kind: str, arriving: list[int]) -> None:
    """Slices have 200 rows, as they do by default: 17 requests without arrivals, and never one for each row."""
    busy = Busy(kind, [message(at, BEGAN - 9000 + at) for at in range(3000)])
    busy.arrive(arriving, apart=True, at=BEGAN - 5000)
    for asked in ({"SortBy": "To"}, {"SortBy": "From"}):
        reply, histories = busy.during(partial(busy.world.play, ask({**asked, "PageSize": 9999}), NOW))
        total = page_of(reply)["total"]
        told = [history for history in histories if len(history) == total]
        assert is_some(reply, pages_of(told, {**asked, "PageSize": 9999}))
        assert not reply.notes
        assert busy.world.asks <= asks_for_all(3000 + 300, 200, 3) + 6 + 3
