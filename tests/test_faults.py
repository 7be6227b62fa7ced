"""Wrong servers are caught by the requirement that should catch them, honest ones fail nothing, and the table of them is not stale.

Every run here is in process.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from conformance.faults.page import written
from conformance.faults.table import (
    KINDS,
    Freedom,
    Result,
    faults,
    freedoms,
    is_caught,
    judged,
    known,
    named,
    samples,
    verdicts_with,
)
from conformance.faults.wrong import Fault, Wrong, target
from conformance.judge.requirements import DIALECTS, load
from conformance.judge.run import failures, run

PAGE: Final = Path(__file__).parents[1] / "docs" / "wrong-servers.md"
FREEDOMS: Final = [(dialect, one) for dialect in DIALECTS for one in freedoms(dialect)]
STRETCH: Final = 20
STRETCHES: Final = [(dialect, first) for dialect in DIALECTS for first in range(0, len(faults(dialect)), STRETCH)]
"""The wrong servers in groups, so that each test is short and test workers share them."""


@pytest.mark.parametrize(("dialect", "first"), STRETCHES)
def test_wrong_servers_are_caught_by_the_requirements_that_are_named(dialect: str, first: int) -> None:
    """And the suite fails at none of them, and shows no number, text or credential of them.

    Each is tested by the section of its requirement, and some by all sections. `python -m conformance.faults` tests all by all.
    """
    whole = samples(dialect)
    for row in faults(dialect)[first : first + STRETCH]:
        one = judged(dialect, row, whole=row.says in whole)
        assert one.is_caught == is_caught(dialect, row), (row.says, row.caught_by)
        assert not one.broken, (row.says, one.broken)
        said = one.said.replace("more than 99999999999", "")  # the bound of a requirement
        assert not re.search(r"[0-9]{8,}", said), row.says
        assert not any(text in said for text in ("Conformance", "0123456789", "Your code", "token-one", "alice")), (
            row.says
        )


def test_each_that_no_must_catches_has_its_reason_and_no_other_has_one() -> None:
    rows = [(row, named(dialect, row), is_caught(dialect, row)) for dialect in DIALECTS for row in faults(dialect)]
    assert len(rows) >= 200
    assert [row.says for row, one, caught in rows if (caught and one.level == "must") == bool(row.uncaught)] == []
    breaking = [caught for _, one, caught in rows if one.level == "must"]
    assert sum(breaking) >= 0.95 * len(breaking)


def test_the_table_is_not_stale() -> None:
    """The page shows runs that find what the data says. The tests above prove that."""
    found = [
        Result(dialect, row, named(dialect, row), is_caught(dialect, row))
        for dialect in DIALECTS
        for row in faults(dialect)
    ]
    assert PAGE.read_text("utf-8") == written(found), "run: python -m conformance.faults > docs/wrong-servers.md"


@pytest.mark.parametrize(("dialect", "freedom"), FREEDOMS, ids=[f"{name}-{one.says}" for name, one in FREEDOMS])
def test_honest_server_with_a_permitted_freedom_fails_no_must_or_should(dialect: str, freedom: Freedom) -> None:
    verdicts = verdicts_with(dialect, freedom)
    assert [(one.requirement.id, one.why) for one in failures(verdicts, "should")] == []
    assert [(one.requirement.id, one.why) for one in verdicts if one.outcome == "broken"] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_honest_server_itself_is_judged_in_everything_and_good(dialect: str) -> None:
    verdicts = run(target(Wrong(dialect, known(dialect), Fault())), load(dialect))
    assert [(one.requirement.id, one.why) for one in failures(verdicts, "may")] == []
    assert [(one.requirement.id, one.why) for one in verdicts if one.outcome not in ("passed", "failed")] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_requirement_asks_again_what_the_run_has_seen(dialect: str) -> None:
    asked: Counter[object] = Counter()
    server = Wrong(dialect, known(dialect), Fault())
    where = target(server)
    changes = 0

    def counted(method: str, path: str, headers: dict[str, str], body: bytes) -> object:
        nonlocal changes
        changes += method == "POST"
        asked[method, path, tuple(sorted(headers.items())), body, changes] += 1
        return server.ask(method, path, headers, body)

    def passed(seconds: float) -> None:
        nonlocal changes
        changes += 1
        server.let_pass(seconds)

    where.transport, where.turn = counted, passed  # type: ignore[assignment]
    run(where, load(dialect))
    assert [key for key, count in asked.items() if count > 1] == []
    assert sum(asked.values()) == where.requests < len(where.asked)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_data_is_said_in_one_line_and_each_kind_is_used(dialect: str) -> None:
    for row in faults(dialect):
        assert re.fullmatch(r"[A-Za-z].{5,110}[^.]", row.says), row.says
    assert len({row.says for row in faults(dialect)}) == len(faults(dialect))
    used = {row.kind for name in DIALECTS for row in faults(name)} | {one.kind for _, one in FREEDOMS}
    assert used - {""} == set(KINDS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_most_requirements_have_a_wrong_server_of_their_own(dialect: str) -> None:
    musts = {one.id for one in load(dialect) if one.level == "must"}
    unproven = musts - {row.caught_by for row in faults(dialect)}
    assert sorted(unproven) == sorted(UNPROVEN[dialect])


UNPROVEN: Final[dict[str, list[str]]] = {
    "restcomm": ["restcomm.access.01"],
    "properties-v2": ["properties-v2.search.41"],
}
"""Musts without a wrong server of their own: one without which no run begins, and one that sends an example of the document as it
stands."""
