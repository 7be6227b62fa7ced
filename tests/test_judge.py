"""The judge judged: good servers pass every must, wrong ones are caught by the requirement that should catch them."""

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from conformance.clock import ManualClock
from conformance.judge import expected
from conformance.judge.requirements import DIALECTS, Requirement, load
from conformance.judge.run import LAWS, Refused, Verdict, failures, judge, run
from conformance.judge.survey import survey
from conformance.judge.target import Answer, StoppedBySafety, Target, Unreachable
from conformance.twins import properties_v2, restcomm
from tests.twins import World, call, spoken
from translator.wire import Request, Response

NOW = 1_790_000_000.0
CLOCK = ManualClock(NOW)
"""Of every server here; only the last requirement of a run turns it."""

PROPERTY = properties_v2.DEFAULT_PROPERTY
TO = "+15550100009"
TOKEN = "token"
Ask = Callable[[Request], Response]


# ---- servers ------------------------------------------------------------------------------------------------------


def old_twin(messages: int = 120, **knobs: Any) -> Ask:
    twin = restcomm.RestcommTwin(accounts={"AC1": "token"}, clock=CLOCK, **knobs)
    twin.load(restcomm.seeded_messages("AC1", messages, 1, NOW - 600))
    return lambda request: call(twin.app, request)


def new_twin(messages: int = 120, **knobs: Any) -> Ask:
    twin = properties_v2.PropertiesV2Twin(
        accounts={"A1": properties_v2.TwinAccount("token", (PROPERTY,))}, clock=CLOCK, **knobs
    )
    twin.load(properties_v2.seeded_messages("A1", PROPERTY, messages, 1, NOW - 600))
    return lambda request: call(twin.app, request)


def old_before_new() -> Ask:
    """The proxy: restcomm in front of the new provider."""
    world = World(
        spoken("restcomm"), spoken("properties-v2", "back"), new_twin(), accounts=("AC1", "A1"), properties=("", PROPERTY),
        tokens=("token", "token"),
    )  # fmt: skip
    return lambda request: world.play(request, CLOCK()).response


def new_before_old() -> Ask:
    """The proxy: properties-v2 in front of the old provider."""
    world = World(
        spoken("properties-v2"), spoken("restcomm", "back"), old_twin(), accounts=("A1", "AC1"), properties=(PROPERTY, ""),
        tokens=("token", "token"),
    )  # fmt: skip
    return lambda request: world.play(request, CLOCK()).response


def target(dialect: str, server: Ask, *, sends: int = 0, token: str = TOKEN) -> Target:
    def transport(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        plain, _, query = path.partition("?")
        given = tuple((name.lower(), value) for name, value in headers.items())
        answer = server(Request(method, plain, query, given, body))
        return Answer(answer.status, dict(answer.headers), answer.body)

    account = "AC1" if dialect == "restcomm" else "A1"
    return Target(
        dialect=dialect, transport=transport, account=account, token=token, send_to=TO if sends else "", max_sends=sends,
        property_sid=PROPERTY if dialect == "properties-v2" else "", turn=CLOCK.advance,
    )  # fmt: skip


NEW_BEFORE_OLD = "properties-v2 before the old twin"
EXPECTED = Path(expected.__file__).parents[1] / "expected" / "properties_v2_before_restcomm.toml"
TODAY = date(2026, 11, 24)
GOOD = {
    "the old twin": ("restcomm", old_twin), "the new twin": ("properties-v2", new_twin),
    "restcomm before the new twin": ("restcomm", old_before_new), NEW_BEFORE_OLD: ("properties-v2", new_before_old),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_good_server_fails_no_must_and_no_should(name: str) -> None:
    dialect, made = GOOD[name]
    verdicts = run(target(dialect, made(), sends=20), load(dialect))
    accepted = (
        {one.id for one in expected.load(EXPECTED, [one.id for one in load(dialect)], TODAY)}
        if name == NEW_BEFORE_OLD
        else set()
    )
    assert [
        (one.requirement.id, one.why) for one in failures(verdicts, "should") if one.requirement.id not in accepted
    ] == []
    assert expected.stale(expected.load(EXPECTED, accepted, TODAY), verdicts) == [] if accepted else True
    assert [one.requirement.id for one in verdicts if one.outcome == "broken"] == []
    skipped = [one.requirement.id for one in verdicts if one.outcome == "skipped"]
    assert skipped == [], "everything can be judged where there are messages and leave to send"


# ---- wrong servers --------------------------------------------------------------------------------------------------


def wrong(
    server: Ask, change: Callable[[Request, Any], Any] | None = None, ask: Callable[[Request], Request] | None = None
) -> Ask:
    """A server whose JSON answers are changed, or that hears something else than it was asked."""

    def asked(request: Request) -> Response:
        answer = server(ask(request) if ask else request)
        if change is None or "json" not in (answer.header("content-type") or ""):
            return answer
        return answer.replace(body=json.dumps(change(request, json.loads(answer.body))).encode())

    return asked


def _each(member: str, edit: Callable[[dict[str, Any]], Any]) -> Callable[[Request, Any], Any]:
    def change(request: Request, body: Any) -> Any:
        for row in body.get(member, [] if "sid" not in body else [body]) if isinstance(body, dict) else []:
            edit(row)
        return body

    return change


def _page(edit: Callable[[dict[str, Any]], Any]) -> Callable[[Request, Any], Any]:
    def change(request: Request, body: Any) -> Any:
        if isinstance(body, dict) and "num_pages" in body:
            edit(body)
        return body

    return change


def _deaf(*names: str) -> Callable[[Request], Request]:
    """A server that does not hear these parameters."""
    return lambda request: request.replace(
        query=urlencode([pair for pair in parse_qsl(request.query, keep_blank_values=True) if pair[0] not in names])
    )


def _shifted(name: str, pattern: str, by: int) -> Callable[[Request], Request]:
    """A server whose bound is off by some seconds."""
    from datetime import datetime, timedelta

    def change(request: Request) -> Request:
        pairs = []
        for key, value in parse_qsl(request.query, keep_blank_values=True):
            shifted = value
            if key == name and len(value) > 10 and pattern:
                shifted = (datetime.fromisoformat(value) + timedelta(seconds=by)).strftime(pattern)
            elif key == name and not pattern:
                shifted = str(int(value) + by)
            pairs.append((key, shifted))
        return request.replace(query=urlencode(pairs))

    return change


def _reversed(request: Request, body: Any) -> Any:
    if isinstance(body, dict) and isinstance(body.get("messages"), list):
        body["messages"].reverse()
    return body


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda row: row.__setitem__(name, value)


def _on(name: str, edit: Callable[[Any], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda row: row.__setitem__(name, edit(row[name])) if name in row else None


def _status(server: Ask, before: int, after: int) -> Ask:
    def asked(request: Request) -> Response:
        answer = server(request)
        return answer.replace(status=after) if answer.status == before else answer

    return asked


def _swapped(row: dict[str, Any]) -> None:
    row["status"] = {"delivered": "done", "sent": "submitted"}.get(row["status"], row["status"])


def _goes_back(row: dict[str, Any]) -> None:
    row["status"] = {"sent": "queued"}.get(row["status"], row["status"])


def _iso(text: str) -> str:
    return re.sub(r", (\d) ", r", 0\1 ", text)


ISO = "%Y-%m-%dT%H:%M:%S"
Wrong = tuple[str, Callable[[], Ask], str]


def _old(
    change: Callable[[Request, Any], Any] | None, caught_by: str, ask: Callable[[Request], Request] | None = None
) -> Wrong:
    return "restcomm", lambda: wrong(old_twin(), change, ask), f"restcomm.{caught_by}"


def _new(
    change: Callable[[Request, Any], Any] | None, caught_by: str, ask: Callable[[Request], Request] | None = None
) -> Wrong:
    return "properties-v2", lambda: wrong(new_twin(), change, ask), f"properties-v2.{caught_by}"


def _rows(name: str, edit: Callable[[Any], Any], member: str = "messages") -> Callable[[Request, Any], Any]:
    return _each(member, _on(name, edit))


def _paged(**edits: Callable[[dict[str, Any]], Any]) -> Callable[[Request, Any], Any]:
    return _page(lambda page: page.update({name: edit(page) for name, edit in edits.items()}))


WRONG: dict[str, Wrong] = {
    "num_pages by the ceiling": _old(
        _paged(num_pages=lambda page: -(-page["total"] // page["page_size"])), "list.paging.13"
    ),
    "end one past the last": _old(_paged(end=lambda page: str(int(page["end"]) + 1)), "list.paging.14"),
    "total of the page": _old(_paged(total=lambda page: len(page["messages"])), "list.paging.15"),
    "start as a number": _old(_paged(start=lambda page: int(page["start"])), "list.paging.06"),
    "pages counted from one": _old(
        _paged(first_page_uri=lambda page: page["first_page_uri"].replace("Page=0", "Page=1")), "list.paging.16"
    ),
    "a next link that loses its place": _old(
        _paged(next_page_uri=lambda page: page["first_page_uri"]), "list.paging.17"
    ),
    "Limit is not heard": _old(None, "list.paging.22", _deaf("Limit")),
    "From is not heard": _old(None, "list.filter.01", _deaf("From")),
    "To is not heard": _old(None, "list.filter.02", _deaf("To")),
    "StartTime off by one second": _old(None, "list.filter.03", _shifted("StartTime", ISO, 1)),
    "EndTime off by one second": _old(None, "list.filter.04", _shifted("EndTime", ISO, -1)),
    "oldest first": _old(_reversed, "list.sort.12"),
    "SortBy is not heard": _old(None, "list.sort.01", _deaf("SortBy")),
    "a padded day": _old(_rows("date_created", _iso), "message.05"),
    "another zone": _old(_rows("date_created", lambda text: text.replace("+0000", "-0000")), "message.06"),
    "statuses in other words": _old(_each("messages", _swapped), "message.12"),
    "the direction inbound": ("restcomm", lambda: old_twin(inbound_word="inbound"), "restcomm.message.13"),
    "an error code in every message": _old(_each("messages", _set("error_code", 30001)), "message.17"),
    "a send answered 201": ("restcomm", lambda: _status(old_twin(), 200, 201), "restcomm.send.01"),
    "a missing page answered 200": ("restcomm", lambda: _status(old_twin(), 400, 200), "restcomm.list.paging.21"),
    "a uri that leads nowhere": _old(
        _rows("uri", lambda _: "/2012-04-24/Accounts/AC1/SMS/Messages/SMx.json"), "message.16"
    ),
    "Date_To inclusive": _new(None, "search.07", _shifted("Date_To", "", 1)),
    "Date_From exclusive": _new(None, "search.06", _shifted("Date_From", "", 1)),
    "Status is not heard": _new(None, "search.08", _deaf("Status")),
    "Direction is not heard": _new(None, "search.09", _deaf("Direction")),
    "Results_Count is not heard": _new(None, "search.12", _deaf("Results_Count")),
    "Results_Skip is not heard": _new(None, "search.13", _deaf("Results_Skip")),
    "timestamps with a fraction": _new(_rows("Created", float, "Messages"), "message.11"),
    "numbers without their plus": _new(_rows("To", lambda to: to.strip("+"), "Messages"), "message.04"),
    "statuses in capitals": _new(_rows("Status", str.upper, "Messages"), "message.08"),
    "null for what is unset": _new(_rows("DeliveryReceipt", lambda _: None, "Messages"), "message.06"),
    "a life that goes back": _old(_each("messages", _goes_back), "life.01"),
    "a life that never ends": (
        "properties-v2",
        lambda: new_twin(pace=properties_v2.Pace(2, 10**6)),
        "properties-v2.life.01",
    ),
    "an unknown message answered 200": ("properties-v2", lambda: _status(new_twin(), 404, 200), "properties-v2.get.02"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_server_is_caught_by_the_requirement_that_should_catch_it(name: str) -> None:
    dialect, made, caught_by = WRONG[name]
    verdicts = run(target(dialect, made(), sends=20), load(dialect))
    assert caught_by in [one.requirement.id for one in verdicts if one.outcome == "failed"]


# ---- what it does and does not do -----------------------------------------------------------------------------------


def test_only_reads_are_made_without_leave_to_send_and_a_skipped_requirement_is_none_that_passed() -> None:
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
    assert waited == [0.25]


# ---- the requirements -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_requirements_are_found_each_with_its_law_and_its_sentence(dialect: str) -> None:
    found = load(dialect)
    assert len(found) >= {"restcomm": 120, "properties-v2": 70}[dialect]
    assert len({one.id for one in found}) == len(found)
    for one in found:
        assert re.fullmatch(rf"{dialect}(\.[a-z]+)+\.\d\d", one.id)
        assert one.law in LAWS[dialect]
        assert bool(one.seed) != bool(one.known), one.id
        assert one.level != "must" or one.seed, f"{one.id}: a must comes from the document only"
        assert bool(one.reading) == (one.level == "ambiguous"), one.id
    assert {one.law for one in found} == set(LAWS[dialect]), "a law that no requirement uses"


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
def test_a_list_of_expected_failures_that_is_over_or_of_nothing_is_a_mistake(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "expected.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(expected.BadList, match=said):
        expected.load(path, [one.id for one in load("restcomm")], TODAY)


@pytest.fixture(scope="module")
def verdicts() -> list[Verdict]:
    return run(target("restcomm", wrong(old_twin(), _reversed), sends=20), load("restcomm"))


def test_an_expected_failure_that_passes_is_said(verdicts: list[Verdict]) -> None:
    listed = [
        expected.Expected(id=name, reason="r", expiry=TODAY) for name in ("restcomm.route.01", "restcomm.list.sort.12")
    ]
    assert expected.stale(listed, verdicts) == ["restcomm.route.01"]
