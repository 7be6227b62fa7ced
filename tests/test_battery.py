"""The machinery of `bench.crowd`: its ratios are right, and its rows run on tiny numbers."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.crowd.__main__ import ROWS, battery
from bench.crowd.attacker import Attacker
from bench.crowd.bad_names import address
from bench.crowd.forms import FORMS, floods, lies
from bench.crowd.slices import Length, ratio
from bench.crowd.surroundings import MIB, Given, names_of
from bench.traffic.serving import Asked
from bench.traffic.verdicts import NEVER, Figure, Found, verdict
from bench.traffic.worlds import ROOT

TINY = Length(seconds=0.5, pairs=2, settle=0.1)

NO_COMPILER = pytest.mark.skipif(
    not (shutil.which("cc") and shutil.which("getent")),
    reason="there is no C compiler here: apt-get install gcc libc6-dev",
)
"""The row `bad-names` compiles a module that answers names for one process."""


def test_a_ratio_is_that_of_the_medians_and_one_bad_slice_changes_little() -> None:
    found = ratio([1.0, 2.0, 3.0], [2.0, 4.0, 90.0])
    assert (found.times, found.low, found.high) == (2.0, 2.0, 30.0)
    assert found.noise == 0.0, "the quiet slices of even and of odd number have the same median"


def test_quiet_slices_that_differ_are_noise() -> None:
    found = ratio([1.0, 2.0, 1.0, 2.0], [3.0, 3.0, 3.0, 3.0])
    assert found.times == pytest.approx(2.0)
    assert found.noise == pytest.approx(1.0)


def test_an_answer_that_never_came_is_no_noise() -> None:
    found = ratio([1.0], [NEVER])
    assert (found.times, found.noise) == (NEVER, 0.0)


def test_a_busy_machine_excuses_a_latency_and_no_count() -> None:
    assert verdict(Figure("late", 2.0, "s", 1.0), None, "busy") == "not judged: busy"
    assert verdict(Figure("refused", 2.0, "", 0.0, exact=True), None, "busy") == "DOES NOT HOLD"


def test_the_peak_is_the_highest_of_all_rows() -> None:
    [figure] = battery([Found([], {"peak": 5 * MIB}), Found([], {"peak": 500 * MIB}), Found([], {})]).figures
    assert figure.value == 500
    assert verdict(figure, None, "") == "DOES NOT HOLD"


def test_a_form_is_never_a_whole_request_that_an_account_could_make() -> None:
    for name, said in FORMS.items():
        assert 50_000 < len(said) < 150_000, name
    assert all(len(said) > MIB for said in floods())
    assert len(lies()) > 3


def test_an_attacker_makes_as_many_connections_as_it_is_told() -> None:
    async def main() -> None:
        seen: list[int] = []
        are_all = asyncio.Event()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(len(await reader.read(1000)))
            writer.close()
            if len(seen) == 7:
                are_all.set()

        async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
            attacker = Attacker(server.sockets[0].getsockname()[1])
            attacker(Asked("POST", "/attack", b"", {}, b'{"forms":["half a head"],"connections":7,"seconds":0}'))
            await are_all.wait()
            said = attacker(Asked("GET", "/end", b"", {}, b""))
            assert b'"made":7' in said.body
            assert min(seen) > 0

    asyncio.run(asyncio.wait_for(main(), 20))


@NO_COMPILER
def test_names_are_dead_or_slow_for_one_process_alone(tmp_path: Path) -> None:
    words = ["getent", "ahostsv4", "n1.dead.example"]
    found = subprocess.run(words, env={"LD_PRELOAD": names_of(tmp_path)}, capture_output=True, check=True, text=True)
    assert found.stdout.startswith("127.0.0.1")
    assert [address(number, 9) for number in (1, 20)] == [
        "http://n1.dead.example:9/hook",
        "http://n20.slow.example:9/hook",
    ]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=NO_COMPILER) if name == "bad-names" else name for name in ROWS]
)
def test_a_row_runs_on_tiny_numbers_and_nothing_is_refused(name: str) -> None:
    """The latencies of so few requests say nothing, and are not checked."""
    given = Given(ROOT, TINY, connections=30, names=60, forms=("half a head", "tiny chunks"))
    found = asyncio.run(ROWS[name][0](given))
    for figure in found.figures:
        if figure.exact:
            assert figure.value <= (figure.must or 0), figure.what
    assert found.details["peak"] > 0
