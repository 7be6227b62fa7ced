"""A short drill of accounts that move between two providers, and proof that its judgement can fail. `make drill` is the long one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tools.drills.files import is_whole
from tools.drills.judgement import Row, Sent, judged
from tools.drills.migration import moves
from tools.drills.two_homes import ACCOUNTS, Told


def test_deaths_and_faults_while_stages_change_double_and_lose_nothing(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'translator.db'}"
    found, faults = asyncio.run(moves(tmp_path, store, 3))
    assert faults == []
    assert found["deaths"] >= 3
    assert set(found["messages"]) == {"old", "new"}, found
    assert found["answers"][200] > 20, found
    assert is_whole(store)


def test_the_drill_finds_a_second_send_at_the_other_provider(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'translator.db'}"
    planted = moves(tmp_path, store, 0, module="tools.drills.careless", seconds=6.0, patience=1.0)
    _, faults = asyncio.run(planted)
    assert any("2 times, at" in fault for fault in faults), faults


class Has:
    """A provider that has these messages, as SID and text."""

    def __init__(self, *rows: tuple[str, str]) -> None:
        self.rows = list(rows)


ONE, OTHER = ACCOUNTS[0], ACCOUNTS[1]
SENT = Sent(ONE, "x", (200,), "S1")
CALLS = [Told(1, "S1", "x", "sent"), Told(1, "S1", "x", "delivered")]
ROW = Row("old-1/AC9/", "sent", "S1", "x")


def found_in(**changed: Any) -> list[str]:
    """The faults of a run that was right but for these parts."""
    parts = {"sent": [SENT], "at": {"old-1": Has(("S1", "x")), "new-1": Has()}, "told": CALLS, "journal": [ROW]}
    return judged(**{**parts, **changed})


def test_a_run_that_was_right_has_no_fault() -> None:
    assert found_in() == []
    assert found_in(told=[CALLS[0], *CALLS, CALLS[0]]) == [], "a callback may come again"
    lost = {"at": {"old-1": Has()}, "told": [], "journal": [], "sent": [Sent(ONE, "x", (502,), "")]}
    assert found_in(**lost) == [], "a send that failed may be nowhere"


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"at": {"old-1": Has(("S1", "x")), "new-1": Has(("S2", "x"))}}, "x: 2 times, at ['old-1', 'new-1']"),
        ({"at": {"old-1": Has(("S1", "x"), ("S3", "x"))}}, "x: 2 times, at ['old-1', 'old-1']"),
        ({"at": {"old-1": Has(("S1", "x")), "new-1": Has(("S1", "y"))}}, "the SID S1 is at 2 providers"),
        ({"at": {"old-1": Has()}}, "x: answered 200, and at no provider"),
        ({"at": {"old-1": Has(("S1", "x"), ("S2", "y"))}}, "y: sent by no client"),
        ({"sent": [Sent(ONE, "x", (400,), "")]}, "x: answered (400,), and at ['old-1']"),
        ({"journal": []}, "x: at ['old-1'], and not in the journal"),
        ({"journal": [ROW._replace(place="new-1/A1/P1")]}, "x: at ['old-1'], and sent at new-1/A1/P1 in the journal"),
        ({"journal": [ROW._replace(state="unknown")]}, "x: at ['old-1'], and unknown at old-1/AC9/ in the journal"),
        ({"told": CALLS[:1]}, "x: told ['sent']"),
        ({"told": CALLS[::-1]}, "x: told ['delivered', 'sent']"),
        ({"told": [*CALLS, Told(2, "S1", "x", "sent")]}, "x: told to account 2"),
        ({"told": [*CALLS, Told(1, "S9", "x", "sent")]}, "x: told with the SID S9"),
        ({"told": [*CALLS, Told(1, "S9", "z", "sent")]}, "z: a callback, and at no provider"),
    ],
)
def test_the_judgement_finds_each_kind_of_fault(changed: dict[str, Any], fault: str) -> None:
    assert fault in found_in(**changed)
