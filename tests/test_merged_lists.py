"""One provider against two, as laws: over any history and any query, a list over two providers is that of one with all their messages.

The expected pages are worked out in plain Python from what each provider alone shows: merged, filtered, sorted and cut.
"""

import json
import random
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests import naive
from tests.effort import examples
from tests.list_queries import ALL_SORTS, ANY_FILTERS, query_of
from tests.listing import NOW, PATH, START, STATUSES, ask, message, sid_of, to
from tests.naive import Sms
from tests.twins import World, call
from tests.two_homes import FRONT_OF, KINDS, Home, TwoHomes, as_sms, at, created_of, v2_ask
from translator.core.dialect.list_reader import Listed
from translator.core.errors import FaultRaised
from translator.core.exchange import Limits, Reply
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.core.listing.merged import list_merged
from translator.core.model import Notes

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
        found[of_old].append(Sms("SM" + sid_of(number), created, row[1], row[2], row[3], word, row[5]))
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
        Home(knobs[name], stock, size=knobs["size"][place], most=knobs["most"][place])
        for place, (name, stock) in enumerate((("new", news), ("old", olds)))
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
    rows=_rows, shape=_shapes, queries=st.lists(st.tuples(ANY_FILTERS, ALL_SORTS, _stretches), min_size=1, max_size=3),
    same=st.booleans(), knobs=_knobs, front=st.sampled_from(["seed", "open-source"]), late=st.booleans(),
)  # fmt: skip
def test_a_list_over_two_providers_is_that_of_one_with_all_messages(
    rows: Any, shape: str, queries: Any, same: bool, knobs: dict[str, Any], front: str, late: bool
) -> None:
    """One list after another, of one proxy that remembers: other lists, or other pages of the `same` one."""
    world = two(front, rows, shape, knobs, late=late)
    union = world.union()
    for filters, sort, stretch in queries:
        asked = query_of(queries[0][0], queries[0][1], stretch) if same else query_of(filters, sort, stretch)
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
    rows=_rows, shape=_shapes, queries=st.lists(st.tuples(ANY_FILTERS, ALL_SORTS, _stretches), min_size=1, max_size=3),
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
        asked = anchored(world, union, query_of(filters, sort, stretch))
        got, want = world.play(ask(asked)), alone.play(ask(asked), NOW)
        assert (got.response, got.total, got.fault) == (want.response, want.total, want.fault)


@pytest.mark.parametrize(("new", "old"), PAIRS)
@settings(max_examples=examples(60))
@given(
    rows=_rows, shape=_shapes, filters=ANY_FILTERS, sort=st.sampled_from(["", "DateCreated:asc", "From", "To:desc"]),
    page=st.sampled_from([1, 2, 5]), size=_sizes, forgets=st.booleans(), limit=st.sampled_from([3, 10, 10000]),
)  # fmt: skip
def test_a_walk_by_its_links_shows_the_list_of_both_providers_once(
    new: str, old: str, rows: Any, shape: str, filters: Any, sort: str, page: int, size: int, forgets: bool, limit: int
) -> None:
    """Also if everything that was remembered is forgotten between two pages."""
    knobs = {"new": new, "old": old, "size": (size, size), "most": (200, 200), "in_flight": 3}
    world = two("seed", rows, shape, knobs)
    asked = {**query_of(filters, sort, {}), "PageSize": str(page), "Limit": str(limit)}
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


_by_date = st.sampled_from(
    [{}, {}, {"SortBy": "DateCreated:asc"}, {"EndTime": at(START + 5)}, {"StartTime": at(START + 1)}]
)


@settings(max_examples=examples(200))
@given(
    seed=st.integers(0, 2**20), count=st.integers(30, 300), seconds=st.sampled_from([1, 7, 60, 1000]), shape=_shapes, knobs=_knobs,
    asked=_by_date, pages=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=3),
    page=st.sampled_from([1, 2, 5, 10, 50]), by_link=st.booleans(),
)  # fmt: skip
def test_each_page_of_a_long_list_by_date_is_found(
    seed: int, count: int, seconds: int, shape: str, knobs: dict[str, Any], asked: dict[str, str], pages: Any, page: int, by_link: bool
) -> None:  # fmt: skip
    """By its number or behind an anchor, with what was remembered of the pages before, or without."""
    world = two("seed", many(seed, count, seconds), shape, knobs)
    union = world.union()
    whole = expected(union, {**asked, "PageSize": "1000"}, old=False)
    assert isinstance(whole, dict)
    rows = whole["messages"]
    for share, forgets in pages:
        if forgets:
            world.memory.clear()
        number = int(share * (len(rows) // page))
        query = {**asked, "PageSize": str(page), "Page": str(number)}
        if by_link and number:
            query["AfterSid"] = rows[number * page - 1]["sid"]
        assert answered(world.play(ask(query))) == expected(union, query, old=False)


# -------------------------------------------------------------------------------------------------- messages that arrive


class Arriving:
    """Messages that arrive at both providers after each request, and the lengths of both histories at each instant."""

    def __init__(self, world: TwoHomes, numbers: list[tuple[int, int]], *, apart: bool, skew: int) -> None:
        self._world, self._numbers, self._apart, self._skew = world, numbers[::-1], apart, skew
        self._number, self._second = 500, START + 2000
        self.instants = [self._now()]
        world.between = self._arrive

    def _now(self) -> tuple[int, int]:
        return len(self._world.new.stock), len(self._world.old.stock)

    def _arrive(self) -> None:
        for home, some in zip(
            (self._world.new, self._world.old), self._numbers.pop() if self._numbers else (), strict=False
        ):
            for _ in range(some):
                self._number += 1
                self._second += self._apart
                behind = self._skew if home is self._world.old else 0
                home.add([message(self._number, self._second - behind, sender="ACME")])
        self.instants.append(self._now())


_arrivals = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=40)


@settings(max_examples=examples(150))
@given(
    seed=st.integers(0, 2**20), count=st.integers(0, 80), shape=_shapes, new=st.sampled_from(["ascending", "descending", "pages"]),
    old=st.sampled_from(["ascending", "descending", "pages"]), size=st.sampled_from([3, 7, 200]), numbers=_arrivals,
    page=st.sampled_from([1, 2, 5]), sort=st.sampled_from(["", "", "DateCreated:asc", "To"]), forgets=st.booleans(),
    late=st.booleans(), apart=st.booleans(), skew=st.sampled_from([0, 3]),
)  # fmt: skip
def test_a_walk_shows_each_message_once_while_others_arrive_at_both(
    seed: int, count: int, shape: str, new: str, old: str, size: int, numbers: list[tuple[int, int]], page: int, sort: str,
    forgets: bool, late: bool, apart: bool, skew: int,
) -> None:  # fmt: skip
    """Also if the clock of the old provider is behind, so that a message comes between others that are there."""
    knobs = {"new": new, "old": old, "size": (size, size), "most": (200, 200), "in_flight": 1 if size == 3 else 3}
    world = two("seed", many(seed, count, 60), shape, knobs, late=late)
    query = {"PageSize": str(page), **({"SortBy": sort} if sort else {})}
    whole = expected(world.union(), {**query, "PageSize": "1000"}, old=False)
    assert isinstance(whole, dict)
    before = [row["sid"] for row in whole["messages"]]
    Arriving(world, numbers, apart=apart or "pages" in (new, old), skew=skew)
    shown = answered(world.play(ask(query)))
    assert isinstance(shown, dict), shown
    walked = [row["sid"] for row in shown["messages"]]
    while shown["next_page_uri"] != "null":
        if forgets:
            world.memory.clear()
        shown = answered(world.play(to(shown["next_page_uri"])))
        assert isinstance(shown, dict), shown
        walked += [row["sid"] for row in shown["messages"]]
    assert [sid for sid in walked if sid in before] == before
    assert len(walked) == len(set(walked))


@settings(max_examples=examples(150))
@given(
    seed=st.integers(0, 2**20), count=st.integers(0, 80), shape=_shapes, new=st.sampled_from(["ascending", "descending", "pages"]),
    old=st.sampled_from(["ascending", "descending", "pages"]), size=st.sampled_from([3, 7, 200]), numbers=_arrivals,
    page=st.sampled_from([1, 2, 5, 50]), number=st.integers(0, 9), sort=st.sampled_from(["", "", "DateCreated:asc", "To"]),
    late=st.booleans(), skew=st.sampled_from([0, 3]),
)  # fmt: skip
def test_a_page_by_its_number_is_of_some_instant_at_each_provider(
    seed: int, count: int, shape: str, new: str, old: str, size: int, numbers: list[tuple[int, int]], page: int, number: int,
    sort: str, late: bool, skew: int,
) -> None:  # fmt: skip
    """If a provider lists the newest first, the total and the rows may be of two instants, as in a list over it alone."""
    knobs = {"new": new, "old": old, "size": (size, size), "most": (200, 200), "in_flight": 1 if size == 3 else 3}
    world = two("seed", many(seed, count, 60), shape, knobs, late=late)
    arriving = Arriving(world, numbers, apart=True, skew=skew)
    for at_page in (0, number):
        query = {"PageSize": str(page), "Page": str(at_page), **({"SortBy": sort} if sort else {})}
        shown = answered(world.play(ask(query)))
        world.between = lambda: None
        rows = {name: world.alone(home) for name, home in world.homes.items()}
        world.between = arriving._arrive
        pages = []
        for some, others in {(a, b) for a, _ in arriving.instants for _, b in arriving.instants}:
            union = [*_came(world.old, rows["old"], others), *_came(world.new, rows["new"], some)]
            pages.append(expected(sorted(union, key=created_of), query, old=False))
        if "descending" in (new, old) and isinstance(shown, dict):
            told = [one for one in pages if isinstance(one, dict)]
            assert all(shown[name] in [one[name] for one in told] for name in ("messages", "total", "num_pages"))
        else:
            assert shown in pages


def _came(home: Home, rows: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """The rows of a provider when it had so many messages."""
    there = set(home.sids(home.stock[:count]))
    return [row for row in rows if row["sid"] in there]


# ------------------------------------------------------------------------------------------- a provider that fails, and caps


FAULTS: dict[str, Callable[[Request], Answer]] = {
    "down": lambda _: Failure("never-left", "refused"),
    "slow": lambda _: Failure("timeout", "10 s"),
    "broken": lambda _: Failure("broken", "reset"),
    "error": lambda _: Response(500, (), b"<html>oops</html>"),
    "busy": lambda _: Response(503, (("retry-after", "7"),), b"{}"),
    "refuses us": lambda _: Response(401, (), b"{}"),
    "not JSON": lambda _: Response(200, (), b"<html>hello</html>"),
    "another object": lambda _: Response(200, (), b'{"Messages":7,"messages":{}}'),
    "a redirect": lambda _: Response(302, (("location", "http://example.org/"),), b""),
}  # fmt: skip
_LISTS: list[dict[str, Any]] = [
    {}, {"Page": 3, "PageSize": 10}, {"SortBy": "To"}, {"SortBy": "DateCreated:asc", "PageSize": 7}, {"AfterSid": 20, "PageSize": 5},
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(_LISTS)))
@pytest.mark.parametrize("fault", list(FAULTS))
def test_one_provider_that_fails_at_any_request_is_the_fault_of_the_list(fault: str, place: int) -> None:
    """And never a list without its messages. As soon as it answers again, the list is whole."""
    asked, (new, old) = _LISTS[place], PAIRS[(place + list(FAULTS).index(fault)) % len(PAIRS)]
    knobs = {"new": new, "old": old, "size": (7, 7), "most": (200, 200), "in_flight": 3}
    world = two("seed", many(3, 90, 60), "overlap", knobs)
    union = world.union()
    query = anchored(world, union, {name: str(value) for name, value in asked.items()})
    want = expected(union, query, old=False)
    assert answered(world.play(ask(query))) == want
    for name, home in world.homes.items():
        for number in sorted({1, world.asked(name) // 2, world.asked(name)} - {0}):
            world.memory.clear()
            failing = Failing(FAULTS[fault], number)
            home.fault = failing
            reply = world.play(ask(query))
            home.fault = lambda _: None
            if failing.left > 0:
                assert answered(reply) == want  # it was asked less often this time
            else:
                assert reply.response.status in (500, 502, 503, 504), (reply.response, name, number)
                assert reply.fault.startswith("back-")
            assert answered(world.play(ask(query))) == want


class Failing:
    """A provider that answers until its request of that number, and then fails for good."""

    def __init__(self, fault: Callable[[Request], Answer], place: int) -> None:
        self._fault, self.left = fault, place

    def __call__(self, request: Request) -> Answer | None:
        self.left -= 1
        return None if self.left > 0 else self._fault(request)


@pytest.mark.parametrize("which", ["new", "old"])
@pytest.mark.parametrize("place", range(len(_LISTS)))
def test_with_partial_lists_a_failed_provider_leaves_the_others_messages(place: int, which: str) -> None:
    """The list says that it is capped, and a note says whose messages it shows."""
    asked, (new, old) = _LISTS[place], PAIRS[place % len(PAIRS)]
    knobs = {"new": new, "old": old, "size": (7, 7), "most": (200, 200), "in_flight": 3}
    world = two("seed", many(3, 90, 60), "overlap", knobs)
    left = world.homes["old" if which == "new" else "new"]
    rows = world.alone(left)
    query = anchored(world, rows, {name: str(value) for name, value in asked.items()})
    want = expected(rows, query, old=False)
    for number in (1, 2, 5):
        world.memory.clear()
        world.homes[which].fault = Failing(FAULTS["down"], number)
        front, notes = world.entry.front.dialect.front, Notes()
        read = cast(Listed, front.read_request(front.routing.locate(ask(query)), ask(query), Notes()))
        page = world.drive(list_merged(world.entry, read.query, Limits(), NOW, notes, show_one=True))
        if not notes.items:
            assert number > 1
            continue
        assert isinstance(want, dict)
        assert [f"SM{row.sid.removeprefix('SM')}" for row in page.messages] == [row["sid"] for row in want["messages"]]
        assert (page.capped, page.total) == (True, want["total"])
        assert [(note.name, note.detail) for note in notes.items] == [("one-home", "old" if which == "new" else "new")]
        assert set(page.of_old) <= {which == "new"}
    world.homes["new"].fault = world.homes["old"].fault = Failing(FAULTS["slow"], 1)
    world.memory.clear()
    with pytest.raises(FaultRaised):
        world.drive(list_merged(world.entry, read.query, Limits(), NOW, Notes(), show_one=True))


@settings(max_examples=examples(120))
@given(
    seed=st.integers(0, 2**20), count=st.integers(0, 200), shape=_shapes, knobs=_knobs, most=st.integers(1, 40),
    asked=st.sampled_from([{}, {"Page": "1"}, {"SortBy": "To"}, {"PageSize": "99999"}, {"SortBy": "DateCreated:asc"}, {"PageSize": "3"}]),
    cap=st.booleans(),
)  # fmt: skip
def test_a_list_stays_within_one_request_budget_for_both_providers(
    seed: int, count: int, shape: str, knobs: dict[str, Any], most: int, asked: dict[str, str], cap: bool
) -> None:
    """With `on_cap = "capped"` every list is answered, and one that calls itself exact is the whole one."""
    world = two("seed", many(seed, count, 60), shape, knobs, limits=Limits(max_asks=most, cap=cap))
    union = world.union()
    reply = world.play(ask(asked))
    assert world.asks <= most
    want = expected(union, asked, old=False)
    got = answered(reply)
    if not cap:
        assert got in (want, "list-too-long")
    elif isinstance(got, dict):
        shown = [row["sid"] for row in got["messages"]]
        assert len(shown) == len(set(shown))
        assert set(shown) <= {row["sid"] for row in union}
        assert reply.total == "capped" or got == want
    else:
        assert got == "page-out-of-range"
