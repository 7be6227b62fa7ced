"""The machinery of `bench.traffic`: its provider is exact, its figures are right, and its scenarios run on tiny numbers."""

import ast
import asyncio
import random
import sqlite3
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.traffic.__main__ import SCENARIOS
from bench.traffic.figures import Span, share_within, standstill
from bench.traffic.filling import ENTRY, Filling
from bench.traffic.lives import SUBMITTED_AFTER, Pace, handset_seconds, moments
from bench.traffic.messages import RECEIVE, TRANSMIT, Message, Messages
from bench.traffic.scenarios.retention import rate_of
from bench.traffic.scenarios.soak import is_flat
from bench.traffic.verdicts import NEVER, Figure, Found, Options, finite, rows, table, verdict
from bench.traffic.worlds import ROOT, Simulated, where_it_is

PACE: Final = Pace(1.0, 10.0, 0.05, 900.0)


def test_a_life_is_the_same_each_time_and_one_in_twenty_is_slow() -> None:
    seconds = [handset_seconds(number, PACE) for number in range(20_000)]
    assert seconds == [handset_seconds(number, PACE) for number in range(20_000)]
    slow = [each for each in seconds if each >= 900]
    assert 900 <= len(slow) <= 1100
    assert all(1 <= each < 10 or 900 <= each < 910 for each in seconds)
    assert moments(7, 1000.0, PACE) == (1000.0 + SUBMITTED_AFTER, 1000.0 + SUBMITTED_AFTER + seconds[7])


def test_a_message_shows_at_each_moment_what_has_happened() -> None:
    message = Message(1, 1000.5, "+1", "+2", 'a "text"', pace=Pace(5.0, 5.0, 0.0, 0.0))
    assert message.shown(1000.6).endswith(
        b'"Status":"Processing","Direction":"Transmit","Scheduled":1000,"Created":1000}'
    )
    assert message.shown(1000.8).endswith(b'"Created":1000,"Submitted":1000}')
    assert b'"Status":"Delivered"' not in message.shown(1005.69)
    for now in (1005.71, 2000.0):
        assert message.shown(now).endswith(b'"Submitted":1000,"Delivered":1005}')
    unasked = Message(2, 1000.0, "+1", "+2", "text", pace=PACE, receipt=False)
    assert unasked.status(10**9) == "Submitted"


made = st.tuples(st.integers(1000, 1040), st.sampled_from([TRANSMIT, RECEIVE]))
STATUSES: Final = ("", "Processing", "Submitted", "Delivered", "Failed", "Received")


@given(
    st.lists(made, max_size=30), st.integers(995, 1045), st.integers(995, 1045), st.sampled_from(STATUSES),
    st.sampled_from(["", TRANSMIT, RECEIVE]), st.integers(0, 8), st.integers(0, 8), st.integers(1000, 1100),
)  # fmt: skip
def test_a_search_is_what_a_plain_filter_finds(
    given_: list[tuple[int, str]], since: int, until: int, status: str, direction: str, skip: int, count: int, now: int
) -> None:
    messages, all_of_them = Messages(), []
    for number, (created, way) in enumerate(given_):
        message = Message(number, created + 0.5, "+1", "+2", "t", pace=Pace(1.0, 30.0, 0.1, 50.0), direction=way)
        messages.add(message)
        all_of_them.append(message)
    fitting = [
        message
        for message in sorted(all_of_them, key=lambda each: each.second)
        if since <= message.second < until
        and status in ("", message.status(now))
        and direction in ("", message.direction)
    ]
    assert list(messages.search(since, until, status, direction, skip, count, now)) == fitting[skip : skip + count]


def test_a_standstill_is_a_time_without_an_answer_while_somebody_waits() -> None:
    calm = [Span(at, at + 0.01) for at in range(10)]
    assert standstill(calm) == pytest.approx(0.01)
    blocked = [*calm, Span(20.0, 25.0), Span(21.0, 25.1), Span(22.0, 26.0)]
    random.Random(1).shuffle(blocked)
    assert standstill(blocked) == pytest.approx(5.0)
    assert standstill([]) == 0.0
    assert share_within([1.0, 15.0, 16.0, NEVER], 15) == 0.5
    assert share_within([], 15) == 0.0


def test_bound_is_judged_and_a_multiple_follows_the_build_of_before() -> None:
    slow = Figure("late", 6.0, "s", 5.0, 2.0)
    assert verdict(slow, None, "") == "DOES NOT HOLD"
    assert verdict(slow, None, "busy") == "not judged: busy"
    assert verdict(slow._replace(value=5.0), None, "busy") == "holds"
    assert verdict(slow._replace(value=2.0), None, "") == "reaches the aim"
    assert verdict(slow._replace(noise=1.0), None, "") == "not judged: up to 1 s of it are the machine's"
    assert verdict(slow._replace(noise=0.5), None, "") == "DOES NOT HOLD"
    fast = Figure("calls", 700.0, "", 20, 50, more=True, times=True, known=24.0)
    assert fast.bounds(None) == fast.bounds(8.0) == (480.0, 1200.0)
    assert verdict(fast, 40.0, "") == "DOES NOT HOLD"
    [row] = rows("a", Found([fast], {}), Found([fast._replace(value=24.0)], {}))
    assert (row["before"], row["verdict"], row["before_verdict"]) == (24.0, "holds", "DOES NOT HOLD")
    assert table([row])[-1] == "| a | calls | 24 | 700 | ≥ 480 | ≥ 1,200 | holds |"
    assert finite({"a": [NEVER, 1.0]}) == {"a": [None, 1.0]}


def test_what_never_came_holds_nowhere() -> None:
    assert verdict(Figure("late", NEVER, "s", NEVER, NEVER), None, "") == "DOES NOT HOLD"


def test_rows_are_deleted_at_a_rate_until_hardly_any_is_left() -> None:
    assert rate_of([], 100) == rate_of([(0.0, 1000)], 100) == 0.0
    assert rate_of([(0.0, 10_000), (5.0, 9000), (10.0, 8000)], 100) == pytest.approx(300.0)
    assert rate_of([(0.0, 10_000), (5.0, 600), (10.0, 1100), (100.0, 10_100)], 100) == pytest.approx(1980.0)


def test_what_grows_is_not_flat() -> None:
    samples = [{"resident_mb": 100.0 + 5 * number, "wal_mb": 4.0} for number in range(40)]
    assert not is_flat(samples, "resident_mb")
    assert is_flat(samples, "wal_mb")


def test_nothing_of_it_imports_the_product() -> None:
    modules = sorted((ROOT / "bench" / "traffic").rglob("*.py"))
    assert len(modules) > 15
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert [name for name in names if name.split(".")[0] == "translator"] == [], module


def test_a_store_that_is_filled_is_whole_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "filled.db"
    file = Filling(path)
    file.finished(range(1, 4), lambda number: 1000.0 + number, "http://127.0.0.1:8080/hook")
    file.owed(range(4, 6), lambda number: f"http://127.0.0.{number}:8080/hook", 2000.0, 5600.0)
    file.close()
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM watches JOIN sends ON sends.id = watches.send").fetchone() == (5,)
        due = "SELECT destination, name, due_at, entry FROM events JOIN watches USING (entry) WHERE state = 'due' AND watch = watches.id"
        assert db.execute(due).fetchall() == [(f"127.0.0.{n}:8080", "sent", 2000.0, ENTRY) for n in (4, 5)]
        told = "SELECT count(*) FROM events WHERE state = 'delivered' AND finished > made"
        assert db.execute(told).fetchone() == (6,)
    finally:
        db.close()
    with pytest.raises(FileExistsError):
        Filling(path)


def test_what_a_checkout_runs_is_its_own(tmp_path: Path) -> None:
    assert where_it_is(ROOT, tmp_path) == ROOT / "translator" / "__init__.py"
    with pytest.raises((RuntimeError, subprocess.CalledProcessError)):
        where_it_is(tmp_path, tmp_path)


async def _asked() -> list[Any]:
    provider = Simulated("provider", "1", "2", "0", "0")
    try:
        history = {"count": 450, "since": 5000, "until": 5450}
        return [
            await provider.ask("/control", history=history),
            await provider.ask("/sids"),
            await provider.ask("/lives?0"),
        ]
    finally:
        provider.end()


def test_the_provider_is_a_process_that_is_told_what_to_do_and_ends() -> None:
    control, sids, lives = asyncio.run(_asked())
    assert control["messages"] == len(set(sids)) == 450
    assert control["counts"] == {}
    assert lives == []


TINY: Final = {
    "callbacks-in-time": Options(minutes=0.05, rate=8.0, fast=(0.2, 0.6), slow_after=1.0),
    "one-receiver": Options(seconds=1.0, scale=0.02),
    "dead-receivers": Options(seconds=4.0, scale=0.01),
    "retention": Options(seconds=2.0, rate=20.0, scale=0.0005),
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the product's compiled modules: they are compiled once."""
    return tmp_path_factory.mktemp("compiled")


@pytest.mark.parametrize("name", TINY)
def test_a_scenario_runs_on_tiny_numbers(name: str, compiled: Path) -> None:
    """The figures are those of a machine that does other things, so only counts are judged."""
    found = asyncio.run(SCENARIOS[name](ROOT, TINY[name]._replace(pycache=compiled)))
    values = {figure.what: figure.value for figure in found.figures}
    if name == "callbacks-in-time":
        assert found.details["messages"] == 24
        assert found.details["answered"] == {"200": 24}
        assert values["told twice or out of order"] == 0
        assert values["share of delivered told within 15 s of being knowable"] > 0
    elif name == "one-receiver":
        assert found.details["calls"] > 1
        assert values["called twice"] == 0
    elif name == "dead-receivers":
        assert len(found.details["ratios"]) == len(found.details["by_chance"]) == 2
        assert values["sends not answered 200"] == 0
        assert values["processor time a send without them"] > 0
    else:
        assert found.details["idle"]["control"]["ran"] > 2
        assert len(found.details["deleting"]["full"]["standstills"]) == 1
        assert found.details["idle"]["before"] == {"sends": 500, "watches": 100, "events": 200}
        assert values["sends not answered 200"] == 0
