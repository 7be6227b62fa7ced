"""One provider against two, as laws: over any history and any query, a list over two providers is that of one with all their messages.

The expected pages are worked out in plain Python from what each provider alone shows: merged, filtered, sorted and cut.
"""

import json
import random
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests import naive
from tests.effort import examples
from tests.naive import Sms
from tests.test_lists import NOW, PATH, START, STATUSES, _all_sorts, _any_filters, _query, ask, sid_of, to
from tests.twins import World, call
from tests.two_homes import FRONT_OF, KINDS, Home, TwoHomes, as_sms, v2_ask
from translator.core.exchange import Reply

PAIRS = [(new, old) for new in ("ascending", "pages") for old in ("ascending", "pages")]
"""All ordered pairs of the two dialects: properties-v2 lists by index, restcomm in numbered pages."""

_numbers = st.sampled_from(["15550100001", "15550100002", "12345", "ACME"])
_row = st.tuples(
    st.integers(START, START + 6), _numbers, st.sampled_from(["15550100001", "15550100002"]), st.sampled_from(["a", "ab", "B", "ba b"]),
    st.sampled_from(list(STATUSES)), st.sampled_from(["outbound-api", "incoming"]),
)  # fmt: skip


def many(seed: int, count: int, seconds: int) -> list[tuple[bool, Any]]:
    """More messages than a few slices hold, within so many seconds."""
    draw = random.Random(seed)
    numbers, words = ["15550100001", "15550100002", "12345", "ACME"], ["a", "ab", "B", "ba b"]
    return [
        (
            draw.random() < 0.5,
            (
                START + draw.randrange(seconds), draw.choice(numbers), draw.choice(numbers[:2]), draw.choice(words),
                draw.choice(list(STATUSES)), draw.choice(["outbound-api", "incoming"]),
            ),
        )
        for _ in range(count)
    ]  # fmt: skip


_rows = st.one_of(
    st.lists(st.tuples(st.booleans(), _row), max_size=25),
    st.builds(many, st.integers(0, 2**20), st.integers(30, 150), st.sampled_from([1, 7, 60])),
)
_shapes = st.sampled_from(["interleaved", "interleaved", "seam", "overlap", "one second", "new only", "old only"])
_sizes = st.sampled_from([1, 2, 3, 7, 200])


def histories(rows: list[tuple[bool, Any]], shape: str) -> tuple[list[Sms], list[Sms]]:
    """The messages of the new and of the old provider, in the order in which they came."""
    ordered = sorted(rows, key=lambda row: row[1][0])
    found: tuple[list[Sms], list[Sms]] = ([], [])
    for number, (drawn, row) in enumerate(ordered):
        third = len(ordered) // 3
        of_old = {
            "seam": number < len(ordered) // 2, "overlap": number < third or (drawn and number < 2 * third),
            "new only": False, "old only": True,
        }.get(shape, drawn)  # fmt: skip
        created = START if shape == "one second" else row[0]
        word = "received" if row[5] == "incoming" else row[4] if row[4] != "received" else "sent"
        found[of_old].append(Sms("SM" + sid_of(number), created, *row[1:4], word, row[5]))
    return found


_stretches = st.fixed_dictionaries(
    {},
    optional={
        "Page": st.integers(0, 4) | st.integers(0, 40) | st.just(2000), "PageSize": st.sampled_from([1, 2, 5, 10, 99999999]),
        "Limit": st.integers(1, 150), "AfterSid": st.integers(0, 26) | st.integers(0, 150) | st.just(999),
    },
)  # fmt: skip
_knobs: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "new": st.sampled_from(KINDS), "old": st.sampled_from(KINDS), "size": st.tuples(_sizes, _sizes),
        "most": st.tuples(*[st.sampled_from([1, 2, 3, 5, 200])] * 2), "in_flight": st.integers(1, 4),
    }
)  # fmt: skip


def two(front: str, rows: Any, shape: str, knobs: dict[str, Any], **more: Any) -> TwoHomes:
    news, olds = histories(rows, shape)
    homes = [
        Home(knobs[name], stock, size=knobs["size"][at], most=knobs["most"][at])
        for at, (name, stock) in enumerate((("new", news), ("old", olds)))
    ]
    return TwoHomes(front, homes[0], homes[1], in_flight=knobs["in_flight"], **more)


def anchored(world: TwoHomes, union: list[dict[str, Any]], asked: dict[str, str]) -> dict[str, str]:
    """The query with a SID in place of the number of its anchor."""
    if "AfterSid" not in asked:
        return asked
    number = int(asked["AfterSid"])
    return {**asked, "AfterSid": union[number]["sid"] if number < len(union) else "SM" + sid_of(999)}


def expected(union: list[dict[str, Any]], asked: dict[str, str], *, old: bool) -> dict[str, Any] | str:
    """The page object that a plain reading of the document gives, or the name of its refusal."""
    try:
        page = naive.listing([as_sms(row) for row in union], asked, PATH, old=old)
    except naive.Refusal as refusal:
        return "page-out-of-range" if refusal.args else "invalid-parameter"
    shown = {row["sid"]: row for row in union}
    return {**page, "messages": [shown[sid] for sid in page["messages"]]}


def answered(reply: Reply) -> dict[str, Any] | str:
    if reply.response.status != 200:
        assert reply.response.status == 400, (reply.response, reply.log)
        return reply.fault
    page: dict[str, Any] = json.loads(reply.response.body)
    return page


@settings(max_examples=examples(400))
@given(
    rows=_rows, shape=_shapes, queries=st.lists(st.tuples(_any_filters, _all_sorts, _stretches), min_size=1, max_size=3),
    same=st.booleans(), knobs=_knobs, front=st.sampled_from(["seed", "open-source"]), late=st.booleans(),
)  # fmt: skip
def test_a_list_over_two_providers_is_that_of_one_with_all_messages(
    rows: Any, shape: str, queries: Any, same: bool, knobs: dict[str, Any], front: str, late: bool
) -> None:
    """One list after another, of one proxy that remembers: other lists, or other pages of the `same` one."""
    world = two(front, rows, shape, knobs, late=late)
    union = world.union()
    for filters, sort, stretch in queries:
        asked = _query(queries[0][0], queries[0][1], stretch) if same else _query(filters, sort, stretch)
        asked = anchored(world, union, asked)
        event(f"{knobs['new']}, {knobs['old']}, {shape}")
        assert answered(world.play(ask(asked))) == expected(union, asked, old=front == "open-source")


_v2_queries = st.fixed_dictionaries(
    {"Date_From": st.integers(START - 1, START + 7), "Date_To": st.integers(START - 1, START + 9)},
    optional={
        "Status": st.sampled_from(["Processing", "Submitted", "Delivered", "Failed", "Received"]),
        "Direction": st.sampled_from(["Transmit", "Receive"]), "Results_Skip": st.sampled_from([0, 1, 2, 5, 25, 10**9]),
        "Results_Count": st.sampled_from([1, 2, 5, 200]),
    },
)  # fmt: skip


@settings(max_examples=examples(300))
@given(
    rows=_rows, shape=_shapes, queries=st.lists(_v2_queries, min_size=1, max_size=3), knobs=_knobs, late=st.booleans()
)
def test_a_search_over_two_providers_is_that_of_one_with_all_messages(
    rows: Any, shape: str, queries: list[dict[str, Any]], knobs: dict[str, Any], late: bool
) -> None:
    world = two("v2", rows, shape, knobs, late=late)
    union = world.union()
    for asked in queries:
        found = [row for row in union if asked["Date_From"] <= row["Created"] < asked["Date_To"]]
        found = [
            row for row in found if all(row[name] == asked.get(name, row[name]) for name in ("Status", "Direction"))
        ]
        skip = asked.get("Results_Skip", 0)
        reply = world.play(v2_ask(asked))
        assert reply.response.status == 200, reply.log
        assert json.loads(reply.response.body)["Messages"] == found[skip : skip + asked.get("Results_Count", 200)]


@pytest.mark.parametrize("kind", ["ascending", "descending", "pages"])
@settings(max_examples=examples(60))
@given(
    rows=_rows, shape=_shapes, queries=st.lists(st.tuples(_any_filters, _all_sorts, _stretches), min_size=1, max_size=3),
    size=_sizes,
)  # fmt: skip
def test_two_providers_of_one_dialect_answer_to_the_byte_as_one(
    kind: str, rows: Any, shape: str, queries: Any, size: int
) -> None:
    """The other proxy has one simulated provider with all messages, in the order of the merged list."""
    knobs = {"new": kind, "old": kind, "size": (size, size), "most": (200, 200), "in_flight": 3}
    world = two("seed", rows, shape, knobs)
    stock = sorted([*world.old.stock, *world.new.stock], key=lambda sms: sms.created)
    if kind == "pages":  # it lists those of one second in the reverse of the order in which they came
        stock = sorted([*world.new.stock, *world.old.stock], key=lambda sms: sms.created)
    one = Home(kind, stock, size=size)
    alone = World(
        FRONT_OF["seed"], one.back, lambda request: call(one.twin.app, request), accounts=("AC1", one.account),
        properties=("", one.property),
    )  # fmt: skip
    union = world.union()
    for filters, sort, stretch in queries:
        asked = anchored(world, union, _query(filters, sort, stretch))
        got, want = world.play(ask(asked)), alone.play(ask(asked), NOW)
        assert (got.response, got.total, got.fault) == (want.response, want.total, want.fault)


@pytest.mark.parametrize(("new", "old"), PAIRS)
@settings(max_examples=examples(60))
@given(
    rows=_rows, shape=_shapes, filters=_any_filters, sort=st.sampled_from(["", "DateCreated:asc", "From", "To:desc"]),
    page=st.sampled_from([1, 2, 5]), size=_sizes, forgets=st.booleans(), limit=st.sampled_from([3, 10, 10000]),
)  # fmt: skip
def test_a_walk_by_its_links_shows_the_list_of_both_providers_once(
    new: str, old: str, rows: Any, shape: str, filters: Any, sort: str, page: int, size: int, forgets: bool, limit: int
) -> None:
    """Also if everything that was remembered is forgotten between two pages."""
    knobs = {"new": new, "old": old, "size": (size, size), "most": (200, 200), "in_flight": 3}
    world = two("seed", rows, shape, knobs)
    asked = {**_query(filters, sort, {}), "PageSize": str(page), "Limit": str(limit)}
    whole = expected(world.union(), {**asked, "PageSize": "1000"}, old=False)
    shown = answered(world.play(ask(asked)))
    assert isinstance(shown, dict) and isinstance(whole, dict)
    walked = shown["messages"]
    while shown["next_page_uri"] != "null":
        if forgets:
            world.memory.clear()
        shown = answered(world.play(to(shown["next_page_uri"])))
        assert isinstance(shown, dict)
        walked += shown["messages"]
    assert walked == whole["messages"]
