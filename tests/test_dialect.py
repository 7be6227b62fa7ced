"""Dialects against themselves: a dialect reads as a back what it writes as a front, up to the losses of its words and forms."""

import json
from base64 import b64decode
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import product
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conformance.twins.properties_v2.segments import count_segments
from translator.core.dialect import dialect
from translator.core.dialect.back import Pushed
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.http.formats import json as json_format
from translator.core.http.messages import Request, Response
from translator.core.mapping import overlay
from translator.core.mapping.load import raw_tables
from translator.core.model import DIRECTIONS, STATUSES, Draft, Message, Notes

NOW = 1_700_000_000
SPOKEN = {made.name: made for made in (dialect(file, raw) for file, raw in raw_tables().items())}
DIALECTS = sorted(SPOKEN)
RESTCOMM_CODES = ["30001", "30004", "30008", "30010", "30090"]

_text = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
_numbers = st.text("0123456789", min_size=7, max_size=15).map(lambda digits: "+" + digits) | st.sampled_from(
    ["12345", "ACME", "client:alice", "dev-test"]
)
_instants = st.integers(NOW - 10**6, NOW - 1)
_sids = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=31, max_size=31).map(lambda rest: "M" + rest) | st.text(
    "0123456789abcdef", min_size=32, max_size=32
)


@st.composite
def _messages(draw: st.DrawFn) -> Message:
    """Any possible message: its status says which of its instants it has."""
    direction = draw(st.sampled_from(DIRECTIONS))
    status = (
        "received"
        if direction == "inbound"
        else draw(st.sampled_from([word for word in STATUSES if word != "received"]))
    )
    created = draw(_instants)
    sent = status in ("sent", "delivered", "undelivered")
    submitted = draw(st.integers(created, NOW)) if sent else None
    return Message(
        sid=draw(_sids), sender=draw(_numbers), recipient=draw(_numbers), text=draw(_text), status=status, direction=direction,
        created=created, scheduled=NOW + 1000 if status == "queued" else None, submitted=submitted,
        delivered=draw(st.integers(submitted or created, NOW)) if status == "delivered" else None,
        received=draw(st.integers(created, NOW)) if status == "received" else None,
        receipt=draw(st.none() | st.booleans()), segments=draw(st.none() | st.integers(0, 99)),
        error=draw(st.sampled_from(RESTCOMM_CODES)) if status in ("failed", "undelivered") else None,
        external_id=draw(st.none() | _text),
    )  # fmt: skip


def _members(raw: dict[str, Any], **changed: Any) -> list[str]:
    """The names of the members that a dialect of this table shows of a message, in their order."""
    message = Message(
        sid="M" + "A" * 31, sender="+15550100001", recipient="+15550100002", text="t", direction="outbound-api", created=NOW,
        **{"status": "failed", "error": "30001", **changed},
    )  # fmt: skip
    shown = dialect("restcomm.toml", raw).front.write_message("get", message, "A", "P", "json", Notes())
    return list(json.loads(shown.body))


def test_members_keep_the_table_order_also_among_optional_ones() -> None:
    raw = raw_tables()["restcomm.toml"]
    rows = raw["fields"]
    account = rows.pop(next(at for at, row in enumerate(rows) if row["json"] == "account_sid"))
    rows.insert(next(at for at, row in enumerate(rows) if row["json"] == "error_message"), account)
    shown = _members(raw)
    at = shown.index("error_code")
    assert shown[at : at + 3] == ["error_code", "account_sid", "error_message"]


def test_a_member_that_is_null_has_the_name_that_it_has_with_a_value() -> None:
    raw = raw_tables()["restcomm.toml"]
    raw["formats"]["nulls"] = "written"
    next(row for row in raw["fields"] if row["json"] == "error_code")["json"] = "error{code}"
    assert "error{code}" in _members(raw)
    assert "error{code}" in _members(raw, error=None)


def _through(name: str, message: Message, operation: str = "get") -> Message:
    """Written by the dialect as a front, and read by the same as a back."""
    spoken = SPOKEN[name]
    response = spoken.front.write_message(operation, message, "A", "P", "json", Notes())
    return spoken.back.read_message(operation, response, NOW)


@given(_messages())
def test_restcomm_reads_what_it_wrote_but_for_what_it_has_no_member_for(message: Message) -> None:
    """It has no members for the scheduled time, an outside id, and the request of a receipt. Every outbound message then counts as one
    with a receipt.

    Its `date_updated` is the last change of all.
    """
    read = _through("restcomm", message)
    last = max(filter(None, (message.created, message.submitted, message.delivered, message.received)))
    for name in ("sid", "sender", "recipient", "text", "status", "direction", "created", "submitted", "received",
                 "delivered", "segments", "error"):  # fmt: skip
        assert getattr(read, name) == getattr(message, name), name
    assert read.updated == last
    assert (read.scheduled, read.receipt, read.external_id) == (None, message.direction != "inbound", None)


@given(_messages())
def test_properties_reads_its_own_output_except_for_merged_directions(message: Message) -> None:
    """`Transmit` stands for every outbound word. A message that was not scheduled is shown as scheduled for its creation."""
    read = _through("properties-v2", message)
    for name in ("sid", "sender", "recipient", "text", "status", "created", "submitted", "received", "delivered", "receipt",
                 "error", "external_id"):  # fmt: skip
        assert getattr(read, name) == getattr(message, name), name
    counted = 0 if message.direction == "inbound" else count_segments(message.text)
    assert read.segments == (counted if message.segments is None else message.segments)
    assert read.direction == ("inbound" if message.direction == "inbound" else "outbound-api")
    assert read.scheduled == (message.scheduled if message.scheduled is not None else message.created)
    assert (read.account, read.property) == ("A", "P")


@pytest.mark.parametrize("name", DIALECTS)
@given(messages=st.lists(_messages(), max_size=4))
def test_a_list_is_read_as_its_messages_are_one_by_one(name: str, messages: list[Message]) -> None:
    spoken = SPOKEN[name]
    write: Any = spoken.front._writers["list", "json"]
    member = spoken.table.operation("list").member
    body = json_format.with_array(b"{}", member, write(messages, "A", "P", None, Notes()))
    read = spoken.back.read_slice(Response(200, (), body), NOW).rows
    assert [(row.sid, row.text, row.status, row.created) for row in read] == [
        (row.sid, row.text, row.status, row.created) for row in messages
    ]


@pytest.mark.parametrize(("front", "back"), [(front, back) for front in DIALECTS for back in DIALECTS])
@given(messages=st.lists(_messages(), max_size=6), plain=st.booleans())
def test_rows_are_shown_as_they_are_one_by_one_in_whatever_order(
    front: str, back: str, messages: list[Message], *, plain: bool
) -> None:
    if plain:
        for number, message in enumerate(messages):
            message.sender, message.recipient = f"+{1555010000 + number}", f"+{number + 1:0{7 + number}}"
    spoken = SPOKEN[back]
    write: Any = spoken.front._writers["list", "json"]
    member = spoken.table.operation("list").member
    body = json_format.with_array(b"{}", member, write(messages, "A", "P", None, Notes()))
    rows = spoken.back.read_slice(Response(200, (), body), NOW).rows
    write = SPOKEN[front].front._writers["list", "json"]
    shown = [next(write([row], "A", "P", None, Notes())) for row in rows]
    assert list(write(rows, "A", "P", None, Notes())) == shown
    assert list(write(rows[::-1], "A", "P", None, Notes())) == shown[::-1]
    assert list(write(rows[1:], "A", "P", None, Notes())) == shown[1:]


@pytest.mark.parametrize("created", [0, 3599, 86399, 1_700_002_800, 1_700_006_399, 253_402_200_000])
@pytest.mark.parametrize("apart", [0, 1, 1800, 3599, 3600, 3601, 7200, 86400, -1, -1800, -3600, -86400])
@pytest.mark.parametrize("form", ["json", "xml"])
def test_instants_are_right_on_both_sides_of_an_hour(created: int, apart: int, form: str) -> None:
    at = max(created + apart, 0)
    message = Message(
        sid="M" + "A" * 31, sender="+15550100001", recipient="+15550100002", text="", status="sent", direction="outbound-api",
        created=created, submitted=at,
    )  # fmt: skip
    [shown] = SPOKEN["restcomm"].front._writers["list", form]([message], "A", "", None, Notes())
    sent = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    first, last = (
        format_datetime(datetime.fromtimestamp(instant, UTC)).replace(", 0", ", ")
        for instant in (created, max(created, at))
    )
    for name, tag, value in (
        ("date_created", "DateCreated", first), ("date_updated", "DateUpdated", last), ("date_sent", "DateSent", sent),
    ):  # fmt: skip
        assert (f'"{name}":"{value}"' if form == "json" else f"<{tag}>{value}</{tag}>") in shown


# ------------------------------------------------------------------------------------------------------ backs' answers

GOOD: dict[str, dict[str, Any]] = {
    "properties-v2": {
        "MessageSid": "MJGPVTNSWHJ35HGQTGABFE27TXFSSUZI", "From": "+61416240112", "To": "+61488824921", "Text": "Saaaa",
        "DeliveryReceipt": False, "NumSegments": 0, "Status": "Received", "Direction": "Receive",
        "Scheduled": 1506321592, "Created": 1506320553,
    },
    "restcomm": {
        "sid": "SM350df10671b64616a3bb92981967cecb", "date_created": "Thu, 31 May 2018 16:10:32 +0000",
        "date_updated": "Thu, 31 May 2018 16:10:32 +0000", "account_sid": "<accountSid>", "from": "19876543212",
        "to": "13216549878", "body": "Hello 13216549878", "status": "sent", "direction": "outbound-api",
        "api_version": "2012-04-24",
        "uri": "/2012-04-24/Accounts/<accountSid>/SMS/Messages/SM350df10671b64616a3bb92981967cecb.json",
    },
}  # fmt: skip
"""The messages of the two documents' own examples."""

REQUIRED = {
    "properties-v2": {"MessageSid", "From", "To", "Text", "Status", "Direction", "Created"},
    "restcomm": {"sid", "date_created", "from", "to", "body", "status", "direction"},
}


def _read(name: str, members: Any) -> Message:
    return SPOKEN[name].back.read_message("get", Response(200, (), json.dumps(members).encode()), NOW)


def test_the_examples_of_the_documents_are_read_as_they_stand() -> None:
    read = _read("properties-v2", GOOD["properties-v2"])
    assert (read.sid, read.sender, read.recipient) == (
        "MJGPVTNSWHJ35HGQTGABFE27TXFSSUZI",
        "+61416240112",
        "+61488824921",
    )
    assert (read.status, read.direction, read.created, read.receipt, read.segments) == (
        "received",
        "inbound",
        1506320553,
        False,
        0,
    )
    read = _read("restcomm", GOOD["restcomm"])
    assert (read.sid, read.sender, read.recipient) == (
        "350df10671b64616a3bb92981967cecb",
        "+19876543212",
        "+13216549878",
    )
    assert (read.status, read.direction, read.created, read.text) == (
        "sent",
        "outbound-api",
        1527783032,
        "Hello 13216549878",
    )


def test_one_message_is_read_under_its_member_and_bare() -> None:
    bare = GOOD["properties-v2"]
    assert _read("properties-v2", {"Message": bare}) == _read("properties-v2", bare)
    assert _read("properties-v2", {"Message": None, **bare}) == _read("properties-v2", bare)


@pytest.mark.parametrize("name", DIALECTS)
def test_unneeded_members_may_be_null_or_missing_and_unknown_are_ignored(name: str) -> None:
    for member in set(GOOD[name]) - REQUIRED[name]:
        nulled = _read(name, {**GOOD[name], member: None, "somethingNew": [1]})
        missing = _read(name, {key: value for key, value in GOOD[name].items() if key != member})
        assert nulled == missing


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("wrong", [None, [], {}, -5.5, "\x00 is not it", True])
def test_without_a_sid_a_date_and_words_that_are_known_there_is_no_message(name: str, wrong: object) -> None:
    shown = set()
    for member in REQUIRED[name]:
        gone = {key: value for key, value in GOOD[name].items() if key != member}
        for members in ({**GOOD[name], member: wrong}, gone):
            try:
                shown.add((member, _read(name, members).sid))
            except MalformedProviderResponse as error:
                assert member in error.what
    sid = _read(name, GOOD[name]).sid
    assert shown <= {(member, sid) for member in REQUIRED[name] if member.lower() in ("from", "to", "text", "body")}


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"5", b"[]", b"{}", b'"x"', b"{", b"\xff", b'{"Message": [1]}', b"<html>", b"[" * 100_000,
        b'{"Message":' * 3000, b'{"Messages": 5}', b'{"messages": {"a": 1}}',
    ],
)  # fmt: skip
def test_a_body_that_is_no_message_and_no_list_is_unreadable(name: str, body: bytes) -> None:
    with pytest.raises(MalformedProviderResponse):
        SPOKEN[name].back.read_message("get", Response(200, (), body), NOW)
    with pytest.raises(MalformedProviderResponse):
        SPOKEN[name].back.read_slice(Response(200, (), body), NOW)


@pytest.mark.parametrize("depth", [*range(900, 1001, 4), 5000])
def test_what_a_back_nests_deeply_is_ignored_or_unreadable(depth: int) -> None:
    body = json.dumps(GOOD["restcomm"]).encode()[:-1] + b', "more": ' + b"[" * depth + b"]" * depth + b"}"
    try:
        assert SPOKEN["restcomm"].back.read_message("get", Response(200, (), body), NOW).text == "Hello 13216549878"
    except MalformedProviderResponse:
        assert depth > 900


@pytest.mark.parametrize(
    ("status", "members", "neutral"),
    [
        ("Processing", {"Scheduled": NOW + 1}, "queued"), ("Processing", {"Scheduled": NOW}, "sending"),
        ("Processing", {"Scheduled": None}, "sending"), ("Failed", {"Submitted": 1}, "undelivered"), ("Failed", {}, "failed"),
        ("Submitted", {}, "sent"), ("Delivered", {}, "delivered"), ("Received", {}, "received"),
    ],
)  # fmt: skip
def test_a_status_word_that_stands_for_two_is_told_apart_by_a_second_fact(
    status: str, members: dict[str, Any], neutral: str
) -> None:
    assert _read("properties-v2", {**GOOD["properties-v2"], "Status": status, **members}).status == neutral


# ------------------------------------------------------------------------------------------------------- backs' asks


def test_properties_send_is_json_under_its_property_with_our_credentials() -> None:
    draft = Draft(sender="+15550100001", recipient="+15550100002", text="héllo\U0001f600")
    ask = SPOKEN["properties-v2"].back.write_send(draft, "A", "P/1", "t:k")
    assert (ask.method, ask.path, ask.query) == ("POST", "/v2/Properties/P%2F1/Messages", "")
    members = {"From": "+15550100001", "To": "+15550100002", "Text": "héllo\U0001f600", "DeliveryReceipt": True}
    assert json.loads(ask.body or b"") == members
    assert ask.header("content-type") == "application/json"
    assert b64decode(str(ask.header("authorization")).removeprefix("Basic ")) == b"A:t:k"


def test_a_restcomm_send_is_a_form_as_the_seeds_samples_write_it() -> None:
    draft = Draft(
        sender="+19876543212", recipient="+13216549878", text="Test SMS", callback="http://status.callback.url"
    )
    ask = SPOKEN["restcomm"].back.write_send(draft, "ACCOUNT_SID", "", "AUTH_TOKEN")
    assert (ask.method, ask.path) == ("POST", "/2012-04-24/Accounts/ACCOUNT_SID/SMS/Messages.json")
    assert ask.header("content-type") == "application/x-www-form-urlencoded"
    assert parse_qsl((ask.body or b"").decode("ascii")) == [
        ("From", "19876543212"), ("To", "13216549878"), ("Body", "Test SMS"), ("StatusCallback", "http://status.callback.url"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("since", "until", "query"),
    [
        (1506038400, 1506427200, "Date_From=1506038400&Date_To=1506427200&Results_Count=10&Results_Skip=10"),
        (None, None, f"Date_From=0&Date_To={NOW + 300}&Results_Count=10&Results_Skip=10"),
    ],
)
def test_a_search_has_both_dates_always_in_the_query_and_as_json(
    since: int | None, until: int | None, query: str
) -> None:
    ask = SPOKEN["properties-v2"].back.write_slice(Pushed(since, until), 10, 10, "A", "P", "t", NOW)
    assert (ask.method, ask.path, ask.query) == ("GET", "/v2/Properties/P/Messages", query)
    assert json.loads(ask.body or b"") == {name: int(value) for name, value in parse_qsl(query)}


def test_inclusive_upper_bound_is_the_last_second_of_the_half_open_range() -> None:
    """The seed: EndTime is `on this date/time or earlier`; 1538779532 is 2018-10-05T22:45:32."""
    ask = SPOKEN["restcomm"].back.write_slice(Pushed(1538779532, 1538779533), 0, 200, "A", "", "t", NOW)
    asked = dict(parse_qsl(ask.query))
    assert (asked["StartTime"], asked["EndTime"]) == ("2018-10-05T22:45:32", "2018-10-05T22:45:32")
    assert (asked["Page"], asked["PageSize"], asked["SortBy"]) == ("0", "200", "DateCreated:asc")


OLD_BACKS = {
    given_: dialect("restcomm.toml", overlay(raw_tables()["restcomm.toml"], "back", dict(given_), "test")).back
    for given_ in (
        tuple(zip(("start_time", "end_time", "zone"), words, strict=True))
        for words in product(("second", "day"), ("midnight", "whole-day"), ("utc", "unknown"))
    )
}
DAY = 86400


@pytest.mark.parametrize("given_", OLD_BACKS, ids=lambda given_: ", ".join(dict(given_).values()))
@example(since=1506038400, width=43200, zone=0)
@example(since=1506038401, width=86399, zone=-50400)
@example(since=1506038399, width=86401, zone=50400)
@example(since=1506038400, width=86401, zone=0)
@given(since=st.integers(10**9, 10**9 + 3 * DAY), width=st.integers(1, 3 * DAY), zone=st.integers(-50400, 50400))
def test_server_shows_all_that_was_requested_and_nothing_unexpected(
    given_: Any, since: int, width: int, zone: int
) -> None:
    """The written bounds are read in two ways: as a server of these habits reads them, in its zone, and as a server that follows the
    document."""
    verbs, habits, until = OLD_BACKS[given_], dict(given_), since + width
    ask = verbs.write_slice(Pushed(since, until), 0, 200, "A", "", "t", NOW)
    first, last = (
        int(datetime.fromisoformat(dict(parse_qsl(ask.query))[name]).replace(tzinfo=UTC).timestamp())
        for name in ("StartTime", "EndTime")
    )
    assert first <= since
    assert last >= until - 1, "the document's server leaves nothing out either"
    begins = first // DAY * DAY if habits["start_time"] == "day" else first
    ends = last // DAY * DAY + DAY if habits["end_time"] == "whole-day" else last
    zone = zone if habits["zone"] == "unknown" else 0
    since_shown, last_shown = begins - zone, ends - zone
    assert since_shown <= since
    assert last_shown >= until - 1
    through = verbs.lets_through(since, until)
    assert through[0] is not None and through[0] <= since_shown
    assert through[1] is not None and through[1] > last_shown
    if habits["zone"] == "utc":
        assert through == (since_shown, last_shown + 1), "no more is expected than it shows"
    inner = verbs.lets_through(*verbs.times.within(since, until))
    assert inner[0] is not None and inner[0] >= since
    assert inner[1] is not None and inner[1] <= until


@pytest.mark.parametrize(
    ("back", "draft", "found"),
    [
        ("properties-v2", Draft(callback="http://a.example"), "callback"), ("restcomm", Draft(schedule=5), "schedule"),
        ("properties-v2", Draft(recipient="client:alice"), "recipient"), ("restcomm", Draft(external_id="x"), "external_id"),
        ("properties-v2", Draft(sender="ACME", recipient="+15550100002"), None), ("restcomm", Draft(recipient="12345"), None),
    ],
)  # fmt: skip
def test_what_a_back_cannot_be_told_is_found_and_never_dropped(back: str, draft: Draft, found: str | None) -> None:
    said = SPOKEN[back].back.uncarried(draft)
    assert (said[0] if said else None) == found


# ------------------------------------------------------------------------------------------------------- fronts' requests


def _fault(name: str, request: Request) -> tuple[str, str]:
    front = SPOKEN[name].front
    with pytest.raises(FaultRaised) as refused:
        front.read_request(front.routing.locate(request), request, Notes())
    return refused.value.fault.name, refused.value.fault.parameter


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("Page=x", ("invalid-parameter", "Page")), ("PageSize=0", ("invalid-parameter", "PageSize")),
        ("SortBy=DateCreated:up", ("unsortable", "SortBy")), ("SortBy=Body", ("invalid-parameter", "SortBy")),
        ("SortBy=:asc", ("unsortable", "SortBy")), ("page=1", ("unsupported-parameter", "page")),
        ("Direction=incoming", ("unsupported-parameter", "Direction")), ("StartTime=yesterday", ("invalid-parameter", "StartTime")),
        ("To=", ("invalid-parameter", "To")), ("&".join(["a=1"] * 201), ("malformed-body", "")),
    ],
)  # fmt: skip
def test_a_restcomm_list_that_cannot_be_meant_is_refused_by_name(query: str, fault: tuple[str, str]) -> None:
    assert _fault("restcomm", Request("GET", "/2012-04-24/Accounts/A/SMS/Messages", query)) == fault


@pytest.mark.parametrize(
    "query", ["PageSize=7&From=%2B19876543212&Nonsense=1", "PageSize=7&Page=2", f"Nonsense={'1' * 600}"]
)
def test_repeated_list_means_the_same_and_the_repetition_is_noticed(query: str) -> None:
    path = "/2012-04-24/Accounts/A/SMS/Messages"
    at = SPOKEN["restcomm"].front.routing.locate(Request("GET", path))
    found = []
    for _ in range(3):
        notes = Notes()
        found.append((SPOKEN["restcomm"].front.read_request(at, Request("GET", path, query), notes), notes.items))
    assert found[0] == found[1] == found[2]
    assert [note.name for note in found[0][1]] == ["unknown-parameter"] * query.count("Nonsense")


@pytest.mark.parametrize("filler", ["", "1" * 600])
def test_what_was_noticed_of_a_list_that_is_refused_is_noticed_each_time(filler: str) -> None:
    path, query = "/2012-04-24/Accounts/A/SMS/Messages", f"To=+447900007000&Nonsense={filler}&Page=one"
    at = SPOKEN["restcomm"].front.routing.locate(Request("GET", path))
    for _ in range(3):
        notes = Notes()
        with pytest.raises(FaultRaised) as refused:
            SPOKEN["restcomm"].front.read_request(at, Request("GET", path, query), notes)
        assert refused.value.fault.parameter == "Page"
        assert [tuple(note) for note in notes.items] == [("unknown-parameter", "Nonsense"), ("repaired-plus", "To")]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", ("malformed-body", "")), (b"[]", ("malformed-body", "")), (b"{", ("malformed-body", "")),
        (b'{"From": "+15550100001", "Text": "x"}', ("missing-parameter", "To")),
        (b'{"To": "+15550100002", "Text": ""}', ("missing-parameter", "Text")),
        (b'{"To": "+15550100002", "Text": 5}', ("invalid-parameter", "Text")),
        (b'{"To": "12345", "Text": "x"}', ("invalid-parameter", "To")),
    ],
)  # fmt: skip
def test_a_properties_send_that_cannot_be_meant_is_refused_by_name(body: bytes, fault: tuple[str, str]) -> None:
    request = Request("POST", "/v2/Properties/P/Messages", "", (("content-type", "application/json"),), body)
    assert _fault("properties-v2", request) == fault


def test_names_of_properties_are_taken_in_any_case_and_null_is_not_given() -> None:
    body = b'{"to": "+15550100002", "TEXT": "caf\xe9", "Schedule": null}'
    request = Request("POST", "/v2/Properties/P/Messages", "", (("content-type", "application/json"),), body)
    front, notes = SPOKEN["properties-v2"].front, Notes()
    draft = front.read_request(front.routing.locate(request), request, notes)
    assert isinstance(draft, Draft)
    assert (draft.recipient, draft.text, draft.schedule, draft.sender) == ("+15550100002", "café", None, None)
    assert ("latin-1", "Text") in [tuple(note) for note in notes.items]
