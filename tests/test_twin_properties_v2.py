"""The simulated provider of the Properties/Messages v2 service, compared with the pages that it is written from."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from conformance.clock import ManualClock
from conformance.twins.properties_v2 import (
    DELIVERED_EXAMPLE_SID,
    MessageRow,
    Pace,
    PropertiesV2Twin,
    TwinAccount,
    seeded_messages,
)
from conformance.twins.properties_v2.segments import count_segments
from conformance.twins.serving import serve

ACCOUNT, TOKEN, PROPERTY = "A1", "to:ken", "S1234567890ABCDE1234567890ABCDEF"
OTHER_ACCOUNT, OTHER_TOKEN, OTHER_PROPERTY = "A2", "other", "S1234567890ABCDE1234567890ABCDEG"
MESSAGES = f"/v2/Properties/{PROPERTY}/Messages"
BATCH = f"/v2/Properties/{PROPERTY}/BatchMessages"
NOW = 1_570_000_000
FORM = "application/x-www-form-urlencoded"

EXAMPLE_RANGE = {"Date_From": 1506038400, "Date_To": 1506427200}
EXAMPLE_ANSWER = {
    "Messages": [
        {
            "MessageSid": "MJGPVTNSWHJ35HGQTGABFE27TXFSSUZI",
            "From": "+61416240112",
            "To": "+61488824921",
            "Text": "Saaaa",
            "DeliveryReceipt": False,
            "NumSegments": 0,
            "Status": "Received",
            "Direction": "Receive",
            "Scheduled": 1506321592,
            "Created": 1506320553,
        },
        {
            "MessageSid": "MI6R6L455Q35QQ5VR6O4QISTOYSWBFGA",
            "From": "+61416240112",
            "To": "+61488824921",
            "Text": "Vvvvv",
            "DeliveryReceipt": False,
            "NumSegments": 0,
            "Status": "Received",
            "Direction": "Receive",
            "Scheduled": 1506321592,
            "Created": 1506321575,
        },
    ]
}


def new_twin(**knobs: Any) -> PropertiesV2Twin:
    accounts = {
        ACCOUNT: TwinAccount(TOKEN, (PROPERTY,)),
        OTHER_ACCOUNT: TwinAccount(OTHER_TOKEN, (OTHER_PROPERTY,)),
    }
    return PropertiesV2Twin(**{"accounts": accounts, "clock": ManualClock(NOW), **knobs})


def row(sid: str, created: int, **members: Any) -> MessageRow:
    usual = {
        "account_sid": ACCOUNT,
        "property_sid": PROPERTY,
        "sender": "+61491570156",
        "recipient": "+61491570157",
        "text": "Hi",
        "delivery_receipt": True,
        "segments": 1,
        "status": "Delivered",
        "direction": "Transmit",
        "scheduled": created,
    }
    return MessageRow(sid=sid, created=created, **{**usual, **members})


def ask(
    twin: PropertiesV2Twin,
    method: str,
    path: str,
    body: object = None,
    *,
    auth: tuple[str, str] | None = (ACCOUNT, TOKEN),
    survive: bool = False,
    **request: Any,
) -> httpx.Response:
    async def talk() -> httpx.Response:
        transport = httpx.ASGITransport(twin.app, raise_app_exceptions=not survive)
        async with httpx.AsyncClient(transport=transport, base_url="http://twin", auth=auth) as client:
            return await client.request(method, path, json=body, **request)

    return asyncio.run(talk())


def found(twin: PropertiesV2Twin, **parameters: Any) -> list[str]:
    answer = ask(twin, "GET", MESSAGES, {"Date_From": 0, "Date_To": 2_000_000_000, **parameters})
    assert answer.status_code == 200, answer.text
    return [message["MessageSid"] for message in answer.json()["Messages"]]


def sent(twin: PropertiesV2Twin, **members: Any) -> dict[str, Any]:
    answer = ask(twin, "POST", MESSAGES, {"To": "+61491570157", "Text": "Hi", **members})
    assert answer.status_code == 200, answer.text
    message: dict[str, Any] = answer.json()["Message"]
    return message


def retrieved(twin: PropertiesV2Twin, sid: str) -> dict[str, Any]:
    message: dict[str, Any] = ask(twin, "GET", f"/v2/Messages/{sid}").json()["Message"]
    return message


def refusal(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """Status, code and named fields; the ResponseStatus must be the only top-level member and hold a text."""
    assert list(answer.json()) == ["ResponseStatus"]
    status = answer.json()["ResponseStatus"]
    assert isinstance(status["Message"], str)
    return answer.status_code, status["ErrorCode"], [entry["FieldName"] for entry in status.get("Errors", [])]


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# --- search


@pytest.mark.parametrize("how", [{"body": EXAMPLE_RANGE}, {"params": EXAMPLE_RANGE}], ids=["body", "query"])
def test_the_pages_first_example_finds_the_pages_answer_member_for_member(how: Mapping[str, Any]) -> None:
    twin = new_twin(show_owner=False)
    twin.load(seeded_messages(ACCOUNT, PROPERTY, 50, 1, NOW))
    answer = ask(twin, "GET", MESSAGES, **how)
    assert answer.status_code == 200 and answer.json() == EXAMPLE_ANSWER
    assert list(answer.json()["Messages"][0]) == list(EXAMPLE_ANSWER["Messages"][0])


def test_the_pages_second_example_filters_and_then_cuts_the_second_ten() -> None:
    twin = new_twin()
    for number in range(15):
        created = 1506038400 + number
        twin.load([row(f"D{number}", created), row(f"S{number}", created, status="Submitted")])
        twin.load([row(f"R{number}", created, status="Received", direction="Receive")])
    every = {"Direction": "Transmit", "Status": "Delivered", "Results_Count": 10, "Results_Skip": 10}
    assert found(twin, **EXAMPLE_RANGE, **every) == ["D10", "D11", "D12", "D13", "D14"]
    assert found(twin, Direction="Receive") == [f"R{number}" for number in range(15)]
    assert found(twin, Status="Submitted", Results_Skip=13) == ["S13", "S14"]
    assert found(twin, Direction="Receive", Status="Delivered") == []


def test_date_from_is_inclusive_date_to_exclusive_and_both_mean_created() -> None:
    twin = new_twin()
    twin.load(row(f"M{created}", created, scheduled=500) for created in (99, 100, 199, 200))
    assert found(twin, Date_From=100, Date_To=200) == ["M100", "M199"]


@pytest.mark.parametrize(("first", "last"), [(300, 100), (150, 150)])
def test_a_reversed_or_empty_range_finds_nothing(first: int, last: int) -> None:
    twin = new_twin()
    twin.load([row("M150", 150)])
    assert found(twin, Date_From=first, Date_To=last) == []


def test_rows_come_oldest_first_by_arrival_and_descending_is_the_reverse() -> None:
    twin = new_twin()
    twin.load([row("MB", 20), row("MZ", 10), row("MA", 20), row("MC", 15)])
    assert found(twin) == ["MZ", "MC", "MB", "MA"]
    assert found(twin, Results_Skip=1, Results_Count=2) == ["MC", "MB"]
    twin.order = "descending"
    assert found(twin) == ["MA", "MB", "MC", "MZ"]
    assert found(twin, Results_Skip=1, Results_Count=2) == ["MB", "MC"]
    assert found(twin, Status="Delivered", Results_Skip=3) == ["MZ"]


def test_two_hundred_rows_come_unasked_and_a_greater_count_is_lowered() -> None:
    twin = new_twin(results_max=250)
    twin.load(row(f"M{number}", number) for number in range(300))
    assert len(found(twin)) == 200
    assert len(found(twin, Results_Count=1000)) == 250
    assert found(twin, Results_Count=1, Results_Skip=299) == ["M299"]
    assert found(twin, Results_Skip=300) == found(twin, Results_Skip=10**18) == []
    twin.results_max = 50
    assert len(found(twin)) == 50


def test_names_and_words_take_any_case_numbers_as_text_and_the_query_wins() -> None:
    twin = new_twin()
    twin.load([row("M1", 10), row("M2", 20, status="Failed"), row("M3", 30)])
    loose = {"date_from": "0", "DATE_TO": "31", "status": "dELIVERED", "direction": "transmit"}
    assert [m["MessageSid"] for m in ask(twin, "GET", MESSAGES, loose).json()["Messages"]] == ["M1", "M3"]
    both = ask(twin, "GET", MESSAGES, loose, params={"Status": "Failed", "Unheard_Of": "1"})
    assert [m["MessageSid"] for m in both.json()["Messages"]] == ["M2"]


def test_a_twin_may_read_only_the_query_string_or_only_the_body() -> None:
    twin = new_twin(search_reads="query")
    assert refusal(ask(twin, "GET", MESSAGES, EXAMPLE_RANGE))[1:] == (
        "PARAMETER_REQUIRED",
        ["Date_From", "Date_To"],
    )
    assert ask(twin, "GET", MESSAGES, params=EXAMPLE_RANGE).json() == {"Messages": []}
    twin.search_reads = "body"
    assert refusal(ask(twin, "GET", MESSAGES, params=EXAMPLE_RANGE))[0] == 400
    assert ask(twin, "GET", MESSAGES, EXAMPLE_RANGE).json() == {"Messages": []}


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"Date_From": None}, "PARAMETER_REQUIRED", "Date_From"),
        ({"Date_To": ""}, "PARAMETER_REQUIRED", "Date_To"),
        ({"Date_From": "2017-09-22"}, "PARAMETER_INVALID", "Date_From"),
        ({"Date_To": 1506427200.5}, "PARAMETER_INVALID", "Date_To"),
        ({"Date_To": True}, "PARAMETER_INVALID", "Date_To"),
        ({"Status": "Sent"}, "PARAMETER_INVALID", "Status"),
        ({"Direction": "Inbound"}, "PARAMETER_INVALID", "Direction"),
        ({"Results_Count": 0}, "PARAMETER_INVALID", "Results_Count"),
        ({"Results_Count": -5}, "PARAMETER_INVALID", "Results_Count"),
        ({"Results_Skip": -1}, "PARAMETER_INVALID", "Results_Skip"),
    ],
)
def test_a_search_that_cannot_be_meant_is_400_and_names_the_field(
    change: Mapping[str, object], code: str, field: str
) -> None:
    assert refusal(ask(new_twin(), "GET", MESSAGES, {**EXAMPLE_RANGE, **change})) == (400, code, [field])


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff", b'{"Date_From":NaN}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_400_with_a_response_status(body: bytes) -> None:
    twin = new_twin()
    assert refusal(ask(twin, "GET", MESSAGES, content=body)) == (400, "PARAMETER_INVALID", [])
    assert refusal(ask(twin, "POST", MESSAGES, content=body)) == (400, "PARAMETER_INVALID", [])


# --- credentials


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer abc",
        "Basic",
        "Basic ???",
        "Basic QTE=",
        "Basic QTE6d3Jvbmc=",
        "Basic Tk9CT0RZOnRvOmtlbg==",
    ],
)
def test_bad_credentials_get_a_challenge_and_nothing_is_done(header: str | None) -> None:
    twin = new_twin()
    headers = {} if header is None else {"Authorization": header}
    send = {"To": "+61491570157", "Text": "Hi"}
    for path in (MESSAGES, "/nowhere"):
        answer = ask(twin, "POST", path, send, auth=None, headers=headers)
        assert refusal(answer) == (401, "UNAUTHORIZED", [])
        assert re.fullmatch(r'Basic realm=".+"', answer.headers["WWW-Authenticate"])
    assert twin.messages == ()
    assert [call.credentials for call in twin.calls] == [header is not None] * 2


def test_property_of_another_account_is_forbidden_and_its_messages_unknown() -> None:
    twin = new_twin()
    twin.load([row("MX", 10, account_sid=OTHER_ACCOUNT, property_sid=OTHER_PROPERTY)])
    foreign = f"/v2/Properties/{OTHER_PROPERTY}"
    calls = [("GET", "Messages"), ("POST", "Messages"), ("POST", "BatchMessages"), ("GET", "Messages/MX")]
    for method, tail in calls:
        assert refusal(ask(twin, method, f"{foreign}/{tail}", {}))[:2] == (403, "FORBIDDEN")
    assert refusal(ask(twin, "GET", "/v2/Messages/MX")) == (404, "MESSAGE_NOT_FOUND", [])
    assert found(twin) == []
    assert ask(twin, "GET", "/v2/Messages/MX", auth=(OTHER_ACCOUNT, OTHER_TOKEN)).status_code == 200


def test_unserved_path_or_method_is_answered_with_a_response_status() -> None:
    twin = new_twin()
    assert refusal(ask(twin, "GET", "/v2/Nothing"))[:2] == (404, "NOT_FOUND")
    assert refusal(ask(twin, "GET", "/"))[:2] == (404, "NOT_FOUND")
    answer = ask(twin, "DELETE", MESSAGES)
    assert refusal(answer)[:2] == (405, "METHOD_NOT_ALLOWED") and "GET" in answer.headers["Allow"]


def test_a_trailing_slash_is_served_and_never_redirected() -> None:
    assert ask(new_twin(), "GET", MESSAGES + "/", EXAMPLE_RANGE).status_code == 200


def test_a_fault_of_the_twin_itself_is_a_response_status_too() -> None:
    def broken_clock() -> float:
        raise RuntimeError("stopped")

    answer = ask(new_twin(clock=broken_clock), "GET", MESSAGES, EXAMPLE_RANGE, survive=True)
    assert refusal(answer) == (500, "INTERNAL_ERROR", [])


def test_what_was_asked_is_written_down_without_the_token() -> None:
    twin = new_twin()
    ask(twin, "GET", MESSAGES, {"Date_To": 5}, params={"Date_From": "1"})
    (call,) = twin.calls
    assert (call.method, call.path, call.query, call.credentials) == ("GET", MESSAGES, "Date_From=1", True)
    assert call.body == b'{"Date_To":5}'
    assert TOKEN not in repr(call) and TOKEN not in repr(twin)


# --- send


def test_a_send_is_answered_200_with_a_processing_message_in_an_envelope() -> None:
    twin = new_twin()
    text = 'Grüße, 25 € "sofort" 🎂'
    answer = ask(twin, "POST", MESSAGES, {"From": "+61491570156", "To": "+61491570157", "Text": text, "Foo": 1})
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/json")
    message = answer.json()["Message"]
    assert re.fullmatch(r"M[A-Z2-7]{31}", message.pop("MessageSid"))
    assert message == {
        "AccountSid": ACCOUNT,
        "PropertySid": PROPERTY,
        "From": "+61491570156",
        "To": "+61491570157",
        "Text": text,
        "DeliveryReceipt": True,
        "NumSegments": 1,
        "Status": "Processing",
        "Direction": "Transmit",
        "Scheduled": NOW,
        "Created": NOW,
    }


def test_same_seed_gives_the_same_sids_and_equal_sends_are_two_messages() -> None:
    def sids(seed: int) -> list[str]:
        twin = new_twin(seed=seed)
        return [sent(twin)["MessageSid"], sent(twin)["MessageSid"]]

    assert sids(1) == sids(1) and not set(sids(1)) & set(sids(2)) and len(set(sids(1))) == 2


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("application/json", '{"To":"+61491570157","Text":"mañana"}'.encode("latin-1"), "mañana"),
        ("", '{"to":"+61491570157","TEXT":"café","From":null}'.encode(), "café"),
        (FORM, b"To=%2B61491570157&Text=caf%C3%A9+au+lait", "café au lait"),
    ],
    ids=["latin-1", "utf-8", "form"],
)
def test_a_send_may_come_in_latin_1_in_utf_8_or_as_a_form(content_type: str, body: bytes, text: str) -> None:
    answer = ask(new_twin(), "POST", MESSAGES, content=body, headers={"Content-Type": content_type})
    assert answer.json()["Message"]["Text"] == text


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the € is not cut in two: 152, 2 + 151, 1
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("🎂" * 35, 1),
        ("🎂" * 36, 2),
        ("🎂" * 67, 3),  # 33 to a segment, since a surrogate pair is not cut in two either
        ("Ç" * 160, 1),  # the capital is in the default alphabet, the small letter is not
        ("ç" * 71, 2),
    ],
)
def test_segments_follow_the_arithmetic_of_gsm_and_ucs_2(text: str, segments: int) -> None:
    assert count_segments(text) == segments
    assert sent(new_twin(), Text=text)["NumSegments"] == segments


@pytest.mark.parametrize("sender", ["+61491570156", "AcmePizza", "Acme 24", "1234567890X", "40404"])
def test_a_number_a_sender_id_and_a_short_code_may_send(sender: str) -> None:
    assert sent(new_twin(), From=sender)["From"] == sender


def test_leased_number_sends_if_there_is_no_sender_or_its_id_cannot_pass() -> None:
    twin = new_twin()
    leased = sent(twin)["From"]
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}", leased)
    assert sent(twin, From="")["From"] == leased, "one number per recipient"
    assert sent(twin, To="+61491570158")["From"] != leased
    assert sent(twin, To="+12025550123", From="AcmePizza")["From"].startswith("+")
    twin.no_sender_id = ()
    assert sent(twin, To="+12025550123", From="AcmePizza")["From"] == "AcmePizza"


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"To": None}, "PARAMETER_REQUIRED", "To"),
        ({"Text": ""}, "PARAMETER_REQUIRED", "Text"),
        ({"To": "61491570157"}, "PARAMETER_INVALID", "To"),
        ({"To": "+0491570157"}, "PARAMETER_INVALID", "To"),
        ({"To": "+614915"}, "PARAMETER_INVALID", "To"),
        ({"To": "+1234567890123456"}, "PARAMETER_INVALID", "To"),
        ({"To": "+61491570157\n"}, "PARAMETER_INVALID", "To"),
        ({"To": "client:alice8"}, "PARAMETER_INVALID", "To"),
        ({"To": ["+61491570157"]}, "PARAMETER_INVALID", "To"),
        ({"Text": {"a": 1}}, "PARAMETER_INVALID", "Text"),
        ({"Text": "a" * 21}, "PARAMETER_INVALID", "Text"),
        ({"From": "dev-test"}, "PARAMETER_INVALID", "From"),
        ({"From": "TwelveLetter"}, "PARAMETER_INVALID", "From"),
        ({"From": "19876543212"}, "PARAMETER_INVALID", "From"),
        ({"DeliveryReceipt": "maybe"}, "PARAMETER_INVALID", "DeliveryReceipt"),
        ({"WebhookMethod": "PUT"}, "PARAMETER_INVALID", "WebhookMethod"),
        ({"Schedule": "tomorrow"}, "PARAMETER_INVALID", "Schedule"),
        ({"Schedule": NOW - 3600}, "PARAMETER_INVALID", "Schedule"),
        ({"Schedule": NOW + 14 * 86400 + 1}, "PARAMETER_INVALID", "Schedule"),
    ],
)
def test_senseless_send_is_400_names_the_field_and_keeps_nothing(
    change: Mapping[str, object], code: str, field: str
) -> None:
    twin = new_twin(text_max=20)
    answer = ask(twin, "POST", MESSAGES, {"To": "+61491570157", "Text": "Hi", **change})
    assert refusal(answer) == (400, code, [field]) and twin.messages == ()


def test_webhook_and_forward_are_kept_and_external_id_only_on_retrieve() -> None:
    twin = new_twin()
    options = {
        "WebhookUri": "https://app.example/reply",
        "ForwardToSms": "+61491570158",
        "WebhookMethod": "GET",
    }
    message = sent(twin, ExternalId="order-7", **{**options, "WebhookMethod": "Get"})
    assert "ExternalId" not in message
    assert twin.messages[0].options == options
    assert retrieved(twin, message["MessageSid"]) == {**message, "ExternalId": "order-7"}
    answer = ask(twin, "GET", MESSAGES, {"Date_From": NOW, "Date_To": NOW + 1})
    assert answer.json() == {"Messages": [message]}


def test_batch_answers_a_bare_array_in_order_with_an_outcome_for_each() -> None:
    twin = new_twin()
    entries = [
        {"To": "+61491570157", "Text": "One"},
        {"To": "nobody", "Text": "Two"},
        3,
        {"To": "+61491570158"},
    ]
    answer = ask(twin, "POST", BATCH, {"messages": [*entries, {"To": "+61491570159", "Text": "Five"}]})
    assert answer.status_code == 200
    first, *failed, last = answer.json()
    assert (first["Text"], last["Text"]) == ("One", "Five") and first["MessageSid"] != last["MessageSid"]
    codes = ["PARAMETER_INVALID", "PARAMETER_INVALID", "PARAMETER_REQUIRED"]
    assert [entry["ErrorCode"] for entry in failed] == codes
    assert all(set(entry) == {"ErrorCode", "Message"} for entry in failed)
    assert [message.text for message in twin.messages] == ["One", "Five"]


def test_batch_without_a_list_or_with_too_long_a_one_is_refused_whole() -> None:
    twin = new_twin(batch_max=1)
    entry = {"To": "+61491570157", "Text": "One"}
    assert refusal(ask(twin, "POST", BATCH, {})) == (400, "PARAMETER_REQUIRED", ["Messages"])
    assert refusal(ask(twin, "POST", BATCH, {"Messages": entry}))[2] == ["Messages"]
    assert refusal(ask(twin, "POST", BATCH, {"Messages": [entry, entry]}))[2] == ["Messages"]
    assert refusal(ask(twin, "POST", BATCH, content=b'{"Messages":[{}],}'))[:2] == (400, "PARAMETER_INVALID")
    assert twin.messages == () and ask(twin, "POST", BATCH, {"Messages": []}).json() == []


# --- life cycle, at the default pace: submitted after 2 s, receipt after 3 s more

P, S, D, F = "Processing", "Submitted", "Delivered", "Failed"


@pytest.mark.parametrize(
    ("last_digits", "receipt", "at_1", "at_2", "at_4", "at_5", "code"),
    [
        ("0157", True, P, S, S, D, None),
        ("0157", False, P, S, S, S, None),
        ("0001", True, P, F, F, F, "30001"),
        ("0002", True, P, S, S, F, "30005"),
        ("0003", True, P, S, S, F, "SMSC_0x45B"),
        ("0004", True, P, P, P, P, None),
    ],
)
def test_a_message_advances_by_the_clock_alone(
    last_digits: str, receipt: bool, at_1: str, at_2: str, at_4: str, at_5: str, code: str | None
) -> None:
    clock = ManualClock(NOW)
    twin = new_twin(clock=clock)
    sid = sent(twin, To=f"+6149157{last_digits}", DeliveryReceipt=receipt)["MessageSid"]
    seen = []
    for seconds in (1, 1, 2, 1, 10**6):
        clock.advance(seconds)
        seen.append(retrieved(twin, sid)["Status"])
    assert seen == [at_1, at_2, at_4, at_5, at_5]
    message = retrieved(twin, sid)
    assert message.get("Submitted") == (NOW + 2 if S in seen else None)
    assert message.get("Delivered") == (NOW + 5 if at_5 == D else None)
    assert message.get("ErrorCode") == code
    assert found(twin, Status=at_5) == [sid] and None not in message.values()


def test_scheduled_message_waits_for_its_time_and_a_past_one_goes_at_once() -> None:
    clock = ManualClock(NOW + 0.9)
    twin = new_twin(clock=clock, pace=Pace(submitted_after=0, delivered_after=1))
    later = sent(twin, Schedule=NOW + 14 * 86400)
    earlier = sent(twin, Schedule=str(NOW - 3599))
    assert (later["Scheduled"], later["Created"]) == (NOW + 14 * 86400, NOW)
    assert earlier["Scheduled"] == NOW - 3599
    assert retrieved(twin, earlier["MessageSid"])["Submitted"] == NOW
    clock.advance(14 * 86400 - 1)
    assert retrieved(twin, later["MessageSid"])["Status"] == "Processing"
    clock.advance(1)
    assert retrieved(twin, later["MessageSid"])["Submitted"] == NOW + 14 * 86400


def test_inbound_message_is_received_now_with_no_receipt_or_segments() -> None:
    twin = new_twin()
    arrived = twin.receive(property_sid=PROPERTY, sender="+61491570157", recipient="+61491570156", text="Yes")
    message = retrieved(twin, arrived.sid)
    assert (message["Status"], message["Direction"]) == ("Received", "Receive")
    assert (message["DeliveryReceipt"], message["NumSegments"]) == (False, 0)
    assert message["Created"] == message["Scheduled"] == message["Received"] == NOW
    with pytest.raises(ValueError, match="property"):
        twin.receive(property_sid="S0", sender="+61491570157", recipient="+61491570156", text="Yes")


# --- retrieve


def test_one_message_is_found_with_and_without_its_property_in_the_path() -> None:
    twin = new_twin()
    twin.load([row("M1", 10, error_code="30003", status="Failed", submitted=11)])
    bare = ask(twin, "GET", "/v2/Messages/M1").json()
    assert bare == ask(twin, "GET", f"{MESSAGES}/M1").json()
    assert bare["Message"]["ErrorCode"] == "30003" and bare["Message"]["Submitted"] == 11
    twin.retrieve_wrapped = False
    assert ask(twin, "GET", "/v2/Messages/M1").json() == bare["Message"]


def test_unknown_message_is_404_or_400_as_set_also_in_another_property() -> None:
    twin = new_twin(accounts={ACCOUNT: TwinAccount(TOKEN, (PROPERTY, OTHER_PROPERTY))})
    twin.load([row("M1", 10, property_sid=OTHER_PROPERTY)])
    assert refusal(ask(twin, "GET", "/v2/Messages/M0")) == (404, "MESSAGE_NOT_FOUND", [])
    twin.not_found_status = 400
    assert refusal(ask(twin, "GET", f"{MESSAGES}/M1")) == (400, "MESSAGE_NOT_FOUND", [])
    assert retrieved(twin, "M1")["PropertySid"] == OTHER_PROPERTY


def test_a_sid_is_loaded_once() -> None:
    twin = new_twin()
    with pytest.raises(ValueError, match="M1"):
        twin.load([row("M1", 10), row("M1", 20)])


# --- the seeded history


@pytest.mark.parametrize("count", [5, 250])
def test_history_repeats_by_its_seed_with_every_status_and_direction(
    count: int,
) -> None:
    rows = seeded_messages(ACCOUNT, PROPERTY, count, 1, NOW, documented=False)
    assert rows == seeded_messages(ACCOUNT, PROPERTY, count, 1, NOW, documented=False)
    assert rows != seeded_messages(ACCOUNT, PROPERTY, count, 2, NOW, documented=False)
    assert len({message.sid for message in rows}) == len(rows) == count
    assert {m.status for m in rows} == {"Processing", "Submitted", "Delivered", "Failed", "Received"}
    assert {m.direction for m in rows} == {"Transmit", "Receive"}
    assert all((m.status == "Received") == (m.direction == "Receive") for m in rows)
    assert [m.created for m in rows] == sorted(m.created for m in rows)
    assert NOW - 3600 < rows[-1].created < NOW
    assert all(re.fullmatch(r"M[A-Z2-7]{31}", m.sid) for m in rows)
    assert all(m.delivery_receipt for m in rows if m.status == "Delivered")


def documented_twin() -> PropertiesV2Twin:
    twin = new_twin()
    twin.load(seeded_messages(ACCOUNT, PROPERTY, 40, 1, epoch("2018-06-05T12:00:00")))
    return twin


def test_old_list_example_has_its_two_messages_between_inclusive_midnights() -> None:
    first, last = epoch("2018-05-30T00:00:00"), epoch("2018-06-09T00:00:00")
    window = ask(documented_twin(), "GET", MESSAGES, {"Date_From": first, "Date_To": last + 1}).json()["Messages"]
    pair = [m for m in window if (m["From"], m["To"]) == ("+19876543212", "+13216549878")]
    assert len(pair) == 2 and len(window) > 4
    assert pair[0]["Created"] == pair[0]["Submitted"] == epoch("2018-05-31T16:10:32")
    assert (pair[0]["Text"], pair[0]["Status"]) == ("Hello 13216549878", "Submitted")
    assert pair[1]["Created"] == last
    beyond = [m for m in documented_twin().messages if (m.sender, m.recipient) == ("+19876543212", "+13216549878")]
    assert epoch("2018-06-09T00:00:01") in [m.created for m in beyond]


def test_the_old_retrieve_example_is_there_under_its_named_sid() -> None:
    message = retrieved(documented_twin(), DELIVERED_EXAMPLE_SID)
    assert re.fullmatch(r"M[A-Z2-7]{31}", DELIVERED_EXAMPLE_SID)
    assert (message["From"], message["To"], message["Text"]) == (
        "dev-test",
        "+4915739360736",
        "Another test from CPaaS",
    )
    assert (message["Status"], message["Direction"], message["NumSegments"]) == ("Delivered", "Transmit", 1)
    assert message["Created"] == message["Submitted"] == epoch("2019-07-04T07:02:28")
    assert message["Delivered"] == epoch("2019-07-04T07:02:33")


# --- on a real port


def test_a_twin_answers_on_a_loopback_port_and_lets_the_port_go() -> None:
    twin = new_twin(show_owner=False)
    twin.load(seeded_messages(ACCOUNT, PROPERTY, 10, 1, NOW))

    async def talk() -> tuple[str, httpx.Response]:
        async with (
            serve(twin.app) as url,
            httpx.AsyncClient(auth=(ACCOUNT, TOKEN), trust_env=False) as client,
        ):
            return url, await client.request("GET", url + MESSAGES, json=EXAMPLE_RANGE)

    url, answer = asyncio.run(talk())
    assert answer.json() == EXAMPLE_ANSWER
    with socket.socket() as again, pytest.raises(ConnectionRefusedError):
        again.connect(("127.0.0.1", urlsplit(url).port or 0))


def test_interrupted_request_is_not_acted_on_not_written_and_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    twin = new_twin()
    whole = b'{"To":"+61491570157","Text":"Hi"}'
    head = f"POST {MESSAGES} HTTP/1.1\r\nHost: twin\r\nContent-Length: {len(whole) + 1}\r\n\r\n"

    async def break_off() -> None:
        async with serve(twin.app) as url:
            _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            writer.write(head.encode() + whole)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    asyncio.run(break_off())
    assert (twin.messages, list(twin.calls), caplog.records) == ((), [], [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_listens_answers_there_and_stops_quietly(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "conformance.twins", "properties-v2", "--port", "0", "--messages", "7"]
    command += [
        "--account",
        "A9",
        "--token",
        "env:TWIN_TOKEN",
        "--property",
        PROPERTY,
        "--property",
        OTHER_PROPERTY,
    ]
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "TWIN_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.fullmatch(r"properties-v2 twin on (http://127\.0\.0\.1:[0-9]+)\n", line)
        assert match is not None
        everything = {"Date_From": 0, "Date_To": 4_000_000_000}
        with httpx.Client(base_url=match[1], auth=("A9", TOKEN), trust_env=False) as client:
            example = client.get(f"/v2/Messages/{DELIVERED_EXAMPLE_SID}").json()
            other = client.get(f"/v2/Properties/{OTHER_PROPERTY}/Messages", params=everything).json()
    finally:
        process.send_signal(number)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (0, "")
    access = f"account A9 with the token from env:TWIN_TOKEN, property {PROPERTY}, {OTHER_PROPERTY}"
    assert errors == f"It answers {access}. Ctrl-C stops it.\n"
    assert example["Message"]["Text"] == "Another test from CPaaS" and len(other["Messages"]) == 7


def test_token_that_is_no_reference_is_wrong_usage_and_is_not_repeated() -> None:
    command = [sys.executable, "-m", "conformance.twins", "properties-v2", "--token", "sesame"]
    ended = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert ended.returncode == 2 and "env:NAME" in ended.stderr and "sesame" not in ended.stderr
