"""The conformance suite tested: good servers pass, and its requests to a server are the right ones. Wrong servers are in
test_faults.py."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from conformance.judge import expected
from conformance.judge.requirements import DIALECTS, Level, Requirement, load
from conformance.judge.run import Refused, Verdict, failures, judge, laws_of, run
from conformance.judge.survey import survey
from conformance.judge.target import StoppedBySafety, Unreachable
from conformance.twins import properties_v2, restcomm
from tests.good_servers import CLOCK, NOW, PROPERTY, Ask, backwards, old_twin, target
from tests.twins import World, call, spoken
from translator.core.http.messages import Request, Response

# ---- servers ------------------------------------------------------------------------------------------------------


def new_twin(messages: int = 120, **knobs: Any) -> Ask:
    twin = properties_v2.PropertiesV2Twin(
        accounts={"A1": properties_v2.TwinAccount("token", (PROPERTY,))}, clock=CLOCK, **knobs
    )
    twin.load(properties_v2.seeded_messages("A1", PROPERTY, messages, 1, NOW - 600))
    return lambda request: call(twin.app, request)


def old_before_new(**settings: Any) -> Ask:
    """The proxy: restcomm in front of the new provider."""
    world = World(
        spoken("restcomm", **settings), spoken("properties-v2", "back"), new_twin(), accounts=("AC1", "A1"), properties=("", PROPERTY),
        tokens=("token", "token"),
    )  # fmt: skip
    return lambda request: world.play(request, CLOCK()).response


def new_before_old(**settings: Any) -> Ask:
    """The proxy: properties-v2 in front of the old provider."""
    world = World(
        spoken("properties-v2", **settings), spoken("restcomm", "back"), old_twin(), accounts=("A1", "AC1"), properties=(PROPERTY, ""),
        tokens=("token", "token"),
    )  # fmt: skip
    return lambda request: world.play(request, CLOCK()).response


NEW_BEFORE_OLD = "properties-v2 before the old twin"
EXPECTED = Path(expected.__file__).parents[1] / "expected" / "properties_v2_before_restcomm.toml"
TODAY = date(2026, 11, 24)
GOOD = {
    "the old twin": ("restcomm", old_twin), "the new twin": ("properties-v2", new_twin),
    "restcomm before the new twin": ("restcomm", old_before_new), NEW_BEFORE_OLD: ("properties-v2", new_before_old),
}  # fmt: skip
UNTOLD = {"restcomm.route.13", "properties-v2.search.38", "properties-v2.search.39"}
"""HEAD is answered by the shell, which is not here; and no message of an old provider has two instants that tell."""


def failed_at_all(verdicts: list[Verdict], level: Level) -> list[tuple[str, str]]:
    return [(one.requirement.id, one.why) for one in failures(verdicts, level) if one.requirement.id not in UNTOLD]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_server_fails_no_requirement(name: str) -> None:
    dialect, made = GOOD[name]
    verdicts = run(target(dialect, made(), sends=20), load(dialect))
    accepted = expected.load(EXPECTED, [one.id for one in load(dialect)], TODAY) if name == NEW_BEFORE_OLD else []
    ids = {one.id for one in accepted}
    assert [one for one in failed_at_all(verdicts, "may") if one[0] not in ids] == []
    assert expected.stale(accepted, verdicts) == []
    assert [one.requirement.id for one in verdicts if one.outcome == "broken"] == []
    skipped = {one.requirement.id for one in verdicts if one.outcome == "skipped" and not one.withheld}
    assert skipped <= UNTOLD, "everything can be judged where there are messages and leave to send"


ALLOWED: tuple[dict[str, Any], ...] = (
    {"numbers": "plus"}, {"no_page": "json-null"}, {"nulls": "written"}, {"body_sort": "offer"}, {"unknown_sort": "ignore"},
    {"odd_case": "ignore"}, {"unfiltered": "ignore"}, {"unknown_parameters": "refuse"},
)  # fmt: skip
"""Settings of the old front that the document allows."""


@pytest.mark.parametrize("settings", ALLOWED, ids=lambda given: "-".join(map(str, *given.items())))
def test_the_proxy_passes_with_every_setting_that_the_document_allows(settings: dict[str, Any]) -> None:
    verdicts = run(target("restcomm", old_before_new(**settings), sends=20), load("restcomm"))
    assert failed_at_all(verdicts, "should") == []


def test_the_proxy_passes_with_the_other_status_for_an_unknown_message() -> None:
    verdicts = run(target("properties-v2", new_before_old(not_found_status=400), sends=20), load("properties-v2"))
    accepted = {one.id for one in expected.load(EXPECTED, [one.id for one in load("properties-v2")], TODAY)}
    assert [one for one in failed_at_all(verdicts, "should") if one[0] not in accepted] == []


def test_what_the_profile_of_the_old_server_breaks_is_listed() -> None:
    listed = expected.load(EXPECTED.with_name("restcomm_open_source.toml"), [one.id for one in load("restcomm")], TODAY)
    verdicts = run(target("restcomm", old_before_new(profile="open-source"), sends=20), load("restcomm"))
    assert {name for name, _ in failed_at_all(verdicts, "should")} == {one.id for one in listed}
    assert expected.stale(listed, verdicts) == []


# ---- its requests and its limits ------------------------------------------------------------------------------------


def test_suite_without_leave_only_reads_and_a_skip_is_no_pass() -> None:
    asked = target("restcomm", old_twin())
    verdicts = run(asked, load("restcomm"))
    assert asked.sends == 0
    assert {one.method for one in asked.asked} <= {"GET", "HEAD", "PROPFIND"}, "nothing that could change what is there"
    unsent = [one for one in verdicts if one.requirement.needs == "send"]
    assert {(one.outcome, one.why) for one in unsent} == {("skipped", "it takes a send, and there is no leave to send")}


def test_more_sends_than_allowed_stop_the_run() -> None:
    with pytest.raises(StoppedBySafety):
        run(target("restcomm", old_twin(), sends=2), load("restcomm"))


def test_an_account_without_messages_is_judged_in_what_can_be_judged() -> None:
    twin = restcomm.RestcommTwin(accounts={"AC1": "token"}, clock=lambda: NOW)
    verdicts = run(target("restcomm", lambda request: call(twin.app, request)), load("restcomm"))
    assert [one.requirement.id for one in failures(verdicts, "should")] == []
    assert {one.why for one in verdicts if one.requirement.needs == "message"} == {"the account shows no messages"}


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 10, 11])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_account_with_few_messages_fails_nothing(dialect: str, count: int) -> None:
    verdicts = run(target(dialect, few(dialect, count), sends=20), load(dialect))
    assert failed_at_all(verdicts, "may") == []
    assert [one.requirement.id for one in verdicts if one.outcome == "broken"] == []


def few(dialect: str, count: int) -> Ask:
    """A good server with so many messages."""
    if dialect == "restcomm":
        old = restcomm.RestcommTwin(accounts={"AC1": "token"}, clock=CLOCK)
        old.load(restcomm.seeded_messages("AC1", 120, 1, CLOCK() - 600)[-count:])
        return lambda request: call(old.app, request)
    accounts = {"A1": properties_v2.TwinAccount("token", (PROPERTY,))}
    new = properties_v2.PropertiesV2Twin(accounts=accounts, clock=CLOCK)
    new.load(properties_v2.seeded_messages("A1", PROPERTY, count, 1, CLOCK() - 600, documented=False))
    return lambda request: call(new.app, request)


def test_credentials_that_are_refused_end_the_run() -> None:
    with pytest.raises(Refused):
        run(target("restcomm", old_twin(), token="wrong"), load("restcomm"))


def test_a_server_that_gives_no_answer_ends_the_run() -> None:
    def gone(request: Request) -> Response:
        raise Unreachable("ConnectError")

    with pytest.raises(Unreachable):
        run(target("restcomm", gone), load("restcomm"))


def test_a_fault_of_the_judge_is_told_apart_from_one_of_the_server() -> None:
    asked = target("restcomm", old_twin())
    broken = Requirement(id="restcomm.x.01", level="must", title="t", law="links", given={}, known="k")
    assert judge(asked, survey(asked), broken).outcome == "broken"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_requests_are_as_slow_as_they_are_to_be(dialect: str) -> None:
    waited: list[float] = []
    asked = target(dialect, old_twin() if dialect == "restcomm" else new_twin())
    asked.rate, asked.sleep = 4.0, waited.append
    survey(asked)
    assert waited == [0.25] * asked.requests


# ---- the requirements -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_requirements_are_found_each_with_its_law_and_its_sentence(dialect: str) -> None:
    found = load(dialect)
    assert len(found) >= {"restcomm": 120, "properties-v2": 70}[dialect]
    assert len({one.id for one in found}) == len(found)
    for one in found:
        assert re.fullmatch(rf"{dialect}(\.[a-z]+)+\.\d\d", one.id)
        assert one.law in laws_of(dialect)
        assert bool(one.seed) != bool(one.known), one.id
        assert one.level != "must" or one.seed, f"{one.id}: a must comes from the document only"
        assert bool(one.reading) == (one.level == "ambiguous"), one.id
    assert {one.law for one in found} == set(laws_of(dialect)), "a law that no requirement uses"


# ---- failures that are expected ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[expected]]\nid = "restcomm.nothing.01"\nreason = "r"\nexpiry = 2099-01-01\n', "there is no requirement"),
        (
            '[[expected]]\nid = "restcomm.send.01"\nreason = "r"\nexpiry = 2020-01-01\n',
            "was expected to fail until 2020-01-01",
        ),
        ('[[expected]]\nid = "restcomm.send.01"\n', "missing required field"),
        ("[[expected", "Expected"),
    ],
)
def test_outdated_or_unmatched_expected_failures_are_an_error(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "expected.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(expected.BadList, match=said):
        expected.load(path, [one.id for one in load("restcomm")], TODAY)


@pytest.fixture(scope="module")
def verdicts() -> list[Verdict]:
    return run(target("restcomm", backwards(old_twin()), sends=20), load("restcomm"))


def test_an_expected_failure_that_passes_is_said(verdicts: list[Verdict]) -> None:
    listed = [
        expected.Expected(id=name, reason="r", expiry=TODAY) for name in ("restcomm.route.01", "restcomm.list.sort.12")
    ]
    assert expected.stale(listed, verdicts) == ["restcomm.route.01"]
