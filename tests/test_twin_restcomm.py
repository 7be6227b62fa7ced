"""The simulated Restcomm service against its document: sends, single messages, seeded history."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from conformance.clock import ManualClock
from conformance.twins.restcomm import RestcommTwin, Sms, seeded_messages
from conformance.twins.serving import serve

ACCOUNT = "AC00000000000000000000000000000001"
OTHER = "AC00000000000000000000000000000002"
TOKEN = "a-token:with-a-colon"
MESSAGES = f"/restcomm/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages"
NOW = datetime(2015, 11, 19, 12, 21, 35, tzinfo=UTC).timestamp()
SAMPLE = {"From": "19876543212", "To": "13216549878", "Body": "Test SMS"}


def twin_at(now: float = NOW, **knobs: Any) -> tuple[RestcommTwin, ManualClock]:
    clock = ManualClock(now)
    return RestcommTwin(accounts={ACCOUNT: TOKEN, OTHER: "other"}, clock=clock, **knobs), clock


def ask(
    twin: RestcommTwin,
    method: str,
    url: str,
    *,
    auth: tuple[str, str] | None = (ACCOUNT, TOKEN),
    headers: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> httpx.Response:
    """One request in process, without the Accept header that httpx would add by itself."""

    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(twin.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://twin") as client:
            del client.headers["accept"]
            return await client.request(method, url, auth=auth, headers=headers, data=data, content=content)

    return asyncio.run(once())


def send(twin: RestcommTwin, **fields: str) -> dict[str, Any]:
    answer = ask(twin, "POST", f"{MESSAGES}.json", data={**SAMPLE, **fields})
    assert answer.status_code == 200, answer.text
    message: dict[str, Any] = answer.json()
    return message


def read(twin: RestcommTwin, sid: str) -> dict[str, Any]:
    message: dict[str, Any] = ask(twin, "GET", f"{MESSAGES}/{sid}.json").json()
    return message


def test_send_is_answered_with_the_representation_of_the_document() -> None:
    twin, _ = twin_at(zone=timezone(timedelta(hours=-5)))
    answer = ask(twin, "POST", f"{MESSAGES}.json", data={**SAMPLE, "StatusCallback": "http://status.callback.url"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    sid = answer.json()["sid"]
    assert len(sid) == 34 and sid.startswith("SM") and set(sid[2:]) <= set("0123456789abcdef")
    assert list(answer.json().items()) == [
        ("sid", sid),
        ("date_created", "Thu, 19 Nov 2015 07:21:35 -0500"),
        ("date_updated", "Thu, 19 Nov 2015 07:21:35 -0500"),
        ("account_sid", ACCOUNT),
        ("from", "19876543212"),
        ("to", "13216549878"),
        ("body", "Test SMS"),
        ("status", "sending"),
        ("direction", "outbound-api"),
        ("api_version", "2012-04-24"),
        ("uri", f"/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages/{sid}.json"),
    ]


def test_the_single_message_of_the_document_is_served_member_for_member() -> None:
    twin, _ = twin_at(now=1_506_320_553)
    twin.load(seeded_messages(ACCOUNT, 0, 1, 1_506_320_553))
    assert list(read(twin, "SM6c13cca264f940a4b4573a49e8bdf917").items()) == [
        ("sid", "SM6c13cca264f940a4b4573a49e8bdf917"),
        ("date_created", "Thu, 4 Jul 2019 07:02:28 +0000"),
        ("date_updated", "Thu, 4 Jul 2019 07:02:33 +0000"),
        ("date_sent", "2019-07-04T07:02:28.000Z"),
        ("account_sid", ACCOUNT),
        ("from", "dev-test"),
        ("to", "4915739360736"),
        ("body", "Another test from CPaaS"),
        ("status", "delivered"),
        ("direction", "outbound-api"),
        ("num_segments", 1),
        ("api_version", "2012-04-24"),
        ("uri", f"/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages/SM6c13cca264f940a4b4573a49e8bdf917.json"),
    ]


@pytest.mark.parametrize("prefix", ["", "/restcomm", "/api"])
@pytest.mark.parametrize(
    "tail",
    ["Messages.json", "Messages.json/", "Messages/.json", "Messages.json/{sid}", "Messages/{sid}.json"],
)
def test_resource_answers_under_each_prefix_with_json_after_any_segment(prefix: str, tail: str) -> None:
    twin, _ = twin_at()
    sid = send(twin)["sid"]
    answer = ask(twin, "GET", f"{prefix}/2012-04-24/Accounts/{ACCOUNT}/SMS/{tail.format(sid=sid)}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json().get("sid", sid) == sid


@pytest.mark.parametrize(
    ("suffix", "accept", "content_type"),
    [
        (".json", "text/plain", "application/json"),
        (".json", None, "application/json"),
        ("", None, "application/xml"),
        ("", "*/*", "application/xml"),
        ("", "text/html, application/xml;q=0.9, */*;q=0.8", "application/xml"),
        ("", "application/json", "application/json"),
        ("", "application/xml;q=1, application/json;q=0.1", "application/json"),
    ],
)
def test_the_suffix_then_the_accept_header_choose_the_format(
    suffix: str, accept: str | None, content_type: str
) -> None:
    answer = ask(twin_at()[0], "GET", MESSAGES + suffix, headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)


def test_xml_message_has_an_empty_date_sent_until_sent_and_a_bare_uri() -> None:
    twin, clock = twin_at()
    answer = ask(twin, "POST", MESSAGES, data={**SAMPLE, "To": "15550000002", "Body": "a < b & \x01c\r"})
    sms = ElementTree.fromstring(answer.content).find("SMSMessage")
    assert sms is not None
    names = "Sid DateCreated DateUpdated DateSent AccountSid From To Body Status Direction ApiVersion Uri"
    assert [child.tag for child in sms] == names.split()
    assert sms.findtext("Body") == "a < b & \ufffdc\r"
    assert sms.findtext("DateSent") == ""
    clock.advance(60)
    later = ElementTree.fromstring(ask(twin, "GET", f"{MESSAGES}/{sms.findtext('Sid')}").content)
    assert later.findtext("SMSMessage/DateSent") == "2015-11-19T12:21:36.000Z"
    assert later.findtext("SMSMessage/Error/ErrorCode") == "30005"
    assert later.findtext("SMSMessage/Error/ErrorMessage") == "Unknown destination handset"
    uri = later.findtext("SMSMessage/Uri")
    assert uri == f"/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages/{sms.findtext('Sid')}"


@pytest.mark.parametrize(
    ("given", "missing"),
    [("", "From"), ("To Body", "From"), ("From Body", "To"), ("From", "To"), ("From To", "Body")],
)
def test_missing_fields_are_named_in_the_order_from_to_body(given: str, missing: str) -> None:
    twin, _ = twin_at()
    form = {"Other": "1", **{name: SAMPLE[name] for name in given.split()}}
    answer = ask(twin, "POST", f"{MESSAGES}.json", data=form)
    assert (answer.status_code, answer.json()) == (400, {"message": f"{missing} can not be null."})
    assert twin.messages == ()


@pytest.mark.parametrize(
    ("form", "sender", "body"),
    [
        (
            b"From=19876543212&To=1&Body=Test SMS&StatusCallback=http://status.callback.url",
            "19876543212",
            "Test SMS",
        ),
        (b"From=%2B19876543212&To=1&Body=caf%C3%A9", "+19876543212", "caf\u00e9"),
        (b"From=OTPApp&To=1&Body=caf%E9+au+lait", "OTPApp", "caf\u00e9 au lait"),
        (b"From=+19876543212&To=1&Body=caf\xc3\xa9", "+19876543212", "caf\u00e9"),
        (b"Body=first&To=1&From=72975&Body=second", "72975", "first"),
    ],
)
def test_form_bodies_parse_however_a_client_wrote_them(form: bytes, sender: str, body: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    answer = ask(twin_at()[0], "POST", f"{MESSAGES}.json", content=form, headers=headers)
    assert (answer.json()["from"], answer.json()["body"]) == (sender, body)


def test_json_is_pure_ascii_so_that_a_latin_1_client_sees_every_character() -> None:
    answer = ask(twin_at()[0], "POST", f"{MESSAGES}.json", data={**SAMPLE, "Body": "caf\u00e9 \U0001f697"})
    assert b"caf\\u00e9 \\ud83d\\ude97" in answer.content
    assert json.loads(answer.content.decode("iso-8859-1"))["body"] == "caf\u00e9 \U0001f697"


@pytest.mark.parametrize(
    ("ending", "life"),
    [
        ("7777", [(0, "sending", None), (1, "sent", None), (4.9, "sent", None), (5, "delivered", None)]),
        ("0001", [(0.9, "sending", None), (1, "failed", 30008), (99, "failed", 30008)]),
        ("0002", [(1, "sent", None), (5, "undelivered", 30005)]),
        ("0003", [(1, "sent", None), (5, "failed", 30003)]),
        ("0004", [(1, "sending", None), (99_999, "sending", None)]),
    ],
)
def test_a_message_lives_as_the_ending_of_its_recipient_says(
    ending: str, life: list[tuple[float, str, int | None]]
) -> None:
    twin, clock = twin_at()
    sid = send(twin, To=f"1555123{ending}")["sid"]
    for after, status, error_code in life:
        clock.advance(NOW + after - clock())
        message = read(twin, sid)
        assert (message["status"], message.get("error_code")) == (status, error_code)
        assert ("error_message" in message) == (error_code is not None)
        was_sent = status != "sending" and ending != "0001"
        assert message.get("date_sent") == ("2015-11-19T12:21:36.000Z" if was_sent else None)
        second = {"sending": 35, "sent": 36}.get(status, 36 if ending == "0001" else 40)
        assert message["date_updated"] == f"Thu, 19 Nov 2015 12:21:{second} +0000"


def test_a_client_recipient_keeps_its_prefix_and_has_no_segments() -> None:
    twin, _ = twin_at()
    message = send(twin, To="client:alice8")
    assert message["to"] == "client:alice8"
    assert "num_segments" not in read(twin, message["sid"])


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("\u20ac" * 80, 1),
        ("a" * 152 + "\u20ac" + "a" * 151, 2),
        ("a" * 152 + "\u20ac" + "a" * 152, 3),
        ("\u0436" * 70, 1),
        ("\u0436" * 71, 2),
        ("\U0001f697" * 35, 1),
        ("\U0001f697" * 67, 3),
    ],
)
def test_num_segments_is_shown_on_one_message_only_and_counts_as_gsm_does(body: str, segments: int) -> None:
    twin, _ = twin_at()
    message = send(twin, Body=body)
    assert "num_segments" not in message
    assert read(twin, message["sid"])["num_segments"] == segments


def test_an_inbound_message_is_received_now_and_worded_as_the_knobs_say() -> None:
    for word in ("incoming", "inbound"):
        twin, _ = twin_at(inbound_word=word, nulls_written=word == "inbound")
        sms = twin.receive(ACCOUNT, sender="61416240112", recipient="61488824921", body="Saaaa")
        assert "61416240112" not in repr(sms) and "Saaaa" not in repr(sms)
        message = read(twin, sms.sid)
        assert (message["status"], message["direction"]) == ("received", word)
        assert message["date_sent"] == "2015-11-19T12:21:35.000Z"
        written = [name for name in ("error_code", "error_message", "num_segments") if name in message]
        assert written == ([] if word == "incoming" else ["error_code", "error_message", "num_segments"])
    with pytest.raises(ValueError, match="no account"):
        twin.receive("AC404", sender="1", recipient="2", body="")


def test_seeded_history_repeats_with_both_directions_and_seven_statuses() -> None:
    now = 1_700_000_000.0
    history = seeded_messages(ACCOUNT, 250, 1, now)
    assert history == seeded_messages(ACCOUNT, 250, 1, now) != seeded_messages(ACCOUNT, 250, 2, now)
    assert len({sms.sid for sms in history}) == len(history) == 280
    words = {"queued", "sending", "sent", "failed", "received", "delivered", "undelivered"}
    assert {sms.at(now).status for sms in history} == words
    assert {sms.at(now).status for sms in seeded_messages(ACCOUNT, 7, 5, now)} == words
    assert {sms.direction for sms in history} == {"incoming", "outbound-api", "outbound-call"}
    for sms in history:
        assert (sms.direction == "incoming") == (sms.at(now).status == "received")
        assert sms.created <= sms.at(now).at <= now
    window = [sms for sms in history if 1_506_038_400 <= sms.created < 1_506_427_200]
    delivered = [sms for sms in window if sms.at(now).status == "delivered" and sms.direction == "outbound-api"]
    inbound = [(sms.created, sms.body) for sms in window if sms.direction == "incoming"]
    assert len(delivered) >= 25
    assert inbound == [(1_506_320_553, "Saaaa"), (1_506_321_575, "Vvvvv")]


def test_loading_a_sid_twice_or_for_an_unknown_account_is_an_error() -> None:
    twin, _ = twin_at()
    sms: Sms = seeded_messages(ACCOUNT, 0, 1, NOW)[0]
    twin.load([sms])
    with pytest.raises(ValueError, match="already has"):
        twin.load([sms])
    with pytest.raises(ValueError, match="no account"):
        twin.load(seeded_messages("AC404", 0, 1, NOW))


def test_head_answers_as_get_without_a_body_and_options_lists_methods() -> None:
    twin, _ = twin_at()

    async def drive() -> list[httpx.Response]:
        async with serve(twin.app) as url, httpx.AsyncClient(auth=(ACCOUNT, TOKEN)) as client:
            return [await client.request(method, f"{url}{MESSAGES}") for method in ("GET", "HEAD", "OPTIONS")]

    got, head, options = asyncio.run(drive())
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))
    assert (options.status_code, options.headers["allow"]) == (200, "GET, HEAD, OPTIONS, POST")
