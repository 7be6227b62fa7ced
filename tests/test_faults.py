"""Wrong servers are caught by the requirement that should catch them, honest ones fail nothing, and the table of them is not stale.

Every run here is a whole one, in process.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from conformance.faults.page import written
from conformance.faults.table import KINDS, Freedom, Result, faults, freedoms, known, results, verdicts_with
from conformance.faults.wrong import Fault, Wrong, target
from conformance.judge.requirements import DIALECTS, load
from conformance.judge.run import failures, run

PAGE: Final = Path(__file__).parents[1] / "docs" / "wrong-servers.md"
FREEDOMS: Final = [(dialect, one) for dialect in DIALECTS for one in freedoms(dialect)]


@pytest.fixture(scope="module")
def found() -> list[Result]:
    return list(results())


def test_each_wrong_server_is_caught_by_the_requirement_that_is_named(found: list[Result]) -> None:
    assert len(found) >= 200
    assert [(one.dialect, one.row.says, one.row.caught_by) for one in found if not one.is_caught] == []


def test_of_those_that_break_a_sentence_at_least_95_of_100_are_caught_at_must(found: list[Result]) -> None:
    for dialect in DIALECTS:
        mine = [one for one in found if one.dialect == dialect]
        caught = sum(one.is_caught and one.requirement.level == "must" for one in mine)
        assert caught >= 0.95 * sum(one.requirement.level == "must" for one in mine)


def test_each_that_no_must_catches_has_its_reason_and_no_other_has_one(found: list[Result]) -> None:
    assert [one.row.says for one in found if (one.requirement.level == "must") == bool(one.row.uncaught)] == []


def test_no_wrong_server_makes_the_suite_fail_itself(found: list[Result]) -> None:
    assert [(one.row.says, one.broken) for one in found if one.broken] == []


def test_no_number_text_or_credential_is_in_what_is_said_of_a_failure(found: list[Result]) -> None:
    texts = ("Conformance", "0123456789", "Your code", "token-one", "alice")
    for one in found:
        said = one.said.replace("more than 99999999999", "")  # the bound of a requirement
        assert not re.search(r"[0-9]{8,}", said), one.row.says
        assert not any(text in one.said for text in texts), one.row.says


def test_the_table_is_not_stale(found: list[Result]) -> None:
    assert PAGE.read_text("utf-8") == written(found), "run: python -m conformance.faults > docs/wrong-servers.md"


@pytest.mark.parametrize(("dialect", "freedom"), FREEDOMS, ids=[f"{name}-{one.says}" for name, one in FREEDOMS])
def test_an_honest_server_with_a_freedom_of_the_document_fails_no_must_and_no_should(
    dialect: str, freedom: Freedom
) -> None:
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
"""Musts that no wrong server is meant for: one without which no run begins, and one that asks an example of the document as it stands."""
