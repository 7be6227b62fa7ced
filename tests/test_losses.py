"""A response reports its losses by the ids of the mapping rows. It reports no rows but those that COMPATIBILITY.md calls lossy or
derived.

The cases are whole exchanges at the front of the proxy, with the provider's responses as they stand on its wire.
"""

import asyncio
import json
import re
import tomllib
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.clock import ManualClock
from tests.effort import examples
from tests.pairs import ACCOUNT, NOW, PAIRS, PROPERTY, Provider, dialects, entry_of
from tests.twins import World, spoken
from translator.core.accounts import Account, Accounts
from translator.core.dialect import dialect
from translator.core.errors import MalformedProviderResponse
from translator.core.exchange import Limits, Reply
from translator.core.http.messages import Answer, Request, Response
from translator.core.losses import Losses
from translator.core.model import DIRECTIONS, STATUSES, Message, Notes
from translator.shell.server.handler import Proxy

OLD: Final = "restcomm"
V2: Final = "properties-v2"
PAGE: Final = Path(__file__).parents[1] / "mappings" / "COMPATIBILITY.md"
OLD_LIST: Final = "/2012-04-24/Accounts/AC1/SMS/Messages.json"
OLD_SID: Final = "SM" + "0123456789abcdef" * 2
OLD_AS_V2: Final = "M00000ABENCWPCNLZXXQCI2FM6E2XTPP"
V2_SID: Final = "MABCDEFGHIJKLMNOPQRSTUVWXYZ23456"
V2_LIST: Final = "/v2/Properties/P1/Messages"
LISTS: Final = {OLD: OLD_LIST, V2: V2_LIST, "ghost": "/ghost/Q1/posts"}
EVERYTHING: Final = {OLD: "SortBy=DateCreated:asc", V2: f"Date_From=0&Date_To={NOW}", "ghost": "many=20"}

V2_MESSAGE: Final[dict[str, Any]] = {
    "MessageSid": V2_SID, "AccountSid": "A1", "PropertySid": "P1", "From": "+15550100001", "To": "+15550100002", "Text": "hi",
    "DeliveryReceipt": True, "Status": "Processing", "Direction": "Transmit", "Scheduled": NOW - 60, "Created": NOW - 60,
}  # fmt: skip
"""A message that was just sent through a properties-v2 provider."""

OLD_MESSAGE: Final[dict[str, Any]] = {
    "sid": OLD_SID, "date_created": "Tue, 14 Nov 2023 22:12:20 +0000", "date_updated": "Tue, 14 Nov 2023 22:12:20 +0000",
    "account_sid": "AC1", "from": "15550100001", "to": "15550100002", "body": "hi", "status": "sending",
    "direction": "outbound-api", "api_version": "2012-04-24", "uri": "/2012-04-24/Accounts/AC1/SMS/Messages/x.json",
}  # fmt: skip
"""The same at a restcomm provider."""


class Wire:
    """A provider that answers with this JSON. Later slices of a list are empty."""

    def __init__(self, answer: Any, status: int) -> None:
        self._answer, self._status = answer, status

    async def ask(self, request: Request, request_id: str, *_: object) -> Answer:
        body = json.dumps(self._answer).encode()
        lists = [name for name, value in self._answer.items() if isinstance(value, list)]
        self._answer = {**self._answer, **{name: [] for name in lists}}
        return Response(self._status, (("content-type", "application/json"),), body)

    async def aclose(self) -> None:
        pass


def changed(message: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A message with other members; None leaves one out."""
    return {name: value for name, value in {**message, **changes}.items() if value is not None}


def entry(front: str, back: str) -> Account:
    return entry_of(back)._replace(front=entry_of(front).front)


def asked(
    front: str, back: str, answer: Any, method: str, path: str, *, explain: bool = True, status: int = 200, **sent: Any
) -> httpx.Headers:
    """The headers of the proxy's response to this response of the provider."""

    async def main() -> httpx.Headers:
        proxy = Proxy(
            Accounts([entry(front, back)]), Limits(), {"proxy": Wire(answer, status)}, clock=ManualClock(NOW), explain_headers=explain
        )  # fmt: skip
        transport = httpx.ASGITransport(proxy.application())
        login = (ACCOUNT[front], "back-token")
        async with httpx.AsyncClient(transport=transport, base_url="http://front.test", auth=login) as client:
            answered = await client.request(method, path, **sent)
            assert answered.status_code < 500 or status >= 500
            return answered.headers

    return asyncio.run(main())


def lost(*given_: Any, **how: Any) -> str:
    headers: httpx.Headers = asked(*given_, **how)
    return str(headers.get("x-translator-loss", ""))


# ---- the old dialect in front of the new one --------------------------------------------------------------------------

SEND: Final = {"From": "15550100001", "To": "15550100002", "Body": "hi"}


def v2(**changes: Any) -> dict[str, Any]:
    return changed(V2_MESSAGE, changes)


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ({}, ""),
        ({"DeliveryReceipt": None, "Scheduled": None}, ""),
        ({"DeliveryReceipt": False}, "back.fields.DeliveryReceipt"),
        ({"NumSegments": 1}, "back.fields.NumSegments"),
        ({"Status": "Submitted", "Submitted": NOW - 59}, "fields.date_sent, fields.status"),
        ({"Status": "Failed", "ErrorCode": "30003"}, "fields.status, back.fields.ErrorCode"),
        ({"MessageSid": "short"}, "fields.sid"),
    ],
)
def test_an_old_send_over_the_new_dialect(changes: dict[str, Any], ids: str) -> None:
    """A plain send loses nothing: every message of restcomm asks for a receipt, which is the meaning of DeliveryReceipt."""
    assert lost(OLD, V2, {"Message": v2(**changes)}, "POST", OLD_LIST, data=SEND) == ids


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ({"NumSegments": 2}, ""),
        ({"Status": "Delivered", "Submitted": NOW - 59, "Delivered": NOW - 50}, ""),
        ({"Status": "Failed", "Submitted": NOW - 59, "ErrorCode": "30003"}, ""),
        ({"Status": "Received", "Direction": "Receive", "Received": NOW - 60, "DeliveryReceipt": False}, ""),
        ({"Status": "Failed", "ErrorCode": "12345"}, "words.error.30008"),
        ({"Status": "Delivered", "Delivered": NOW - 50, "ErrorCode": "30003"}, "fields.error_code"),
        ({"Scheduled": NOW + 3600}, "back.fields.Scheduled"),
        ({"ExternalId": "mine"}, "back.fields.ExternalId"),
        (
            {"MessageSid": "short", "DeliveryReceipt": False, "ExternalId": "mine", "Status": "Failed", "ErrorCode": "1"},
            "fields.sid, words.error.30008, back.fields.DeliveryReceipt, back.fields.ExternalId",
        ),
    ],
)  # fmt: skip
def test_an_old_get_over_the_new_dialect(changes: dict[str, Any], ids: str) -> None:
    message = v2(**changes)
    path = OLD_LIST.replace(".json", f"/SM{message['MessageSid']}.json")
    assert lost(OLD, V2, {"Message": message}, "GET", path) == ids


def test_a_text_that_xml_cannot_hold_is_lost_in_xml_alone() -> None:
    rung = {"Messages": [v2(Text="ring \x07")]}
    assert lost(OLD, V2, rung, "GET", OLD_LIST.removesuffix(".json")) == "formats.offers.xml"
    assert lost(OLD, V2, rung, "GET", OLD_LIST) == ""
    assert lost(OLD, V2, {"Messages": [v2(Text="a\r\nb\tc")]}, "GET", OLD_LIST.removesuffix(".json")) == ""


# ---- and back ---------------------------------------------------------------------------------------------------------

BACK_SEND: Final = {"From": "+15550100001", "To": "+15550100002", "Text": "hi"}


def old(**changes: Any) -> dict[str, Any]:
    return changed(OLD_MESSAGE, changes)


@pytest.mark.parametrize(
    ("draft", "ids"),
    [
        ({}, "fields.DeliveryReceipt, fields.Submitted"),
        ({"DeliveryReceipt": True}, "fields.DeliveryReceipt, fields.Submitted"),
        ({"DeliveryReceipt": False}, "fields.DeliveryReceipt, fields.Submitted"),
    ],
)  # fmt: skip
def test_a_new_send_over_the_old_dialect(draft: dict[str, Any], ids: str) -> None:
    """It always has less than its document, because restcomm's response to a send lacks those members. A send without a receipt cannot
    be told apart."""
    assert lost(V2, OLD, old(), "POST", V2_LIST, json={**BACK_SEND, **draft}) == ids


ALWAYS: Final = "fields.DeliveryReceipt"
SENT: Final = "2023-11-14T22:12:25.000Z"
LATER: Final = "Tue, 14 Nov 2023 22:12:30 +0000"


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ({}, ALWAYS),
        ({"status": "delivered", "date_sent": SENT, "date_updated": LATER}, ALWAYS),
        ({"status": "received", "direction": "incoming", "date_sent": SENT}, ALWAYS),
        ({"status": "undelivered", "date_sent": SENT, "error_code": 12345}, ALWAYS),
        ({"status": "queued"}, f"{ALWAYS}, words.status.Processing"),
        ({"direction": "outbound-call"}, f"{ALWAYS}, words.direction.Transmit"),
        ({"direction": "outbound-reply"}, f"{ALWAYS}, words.direction.Transmit"),
        ({"status": "failed", "date_sent": SENT}, f"{ALWAYS}, words.status.Failed"),
        ({"status": "sent", "date_sent": SENT, "date_updated": LATER}, f"{ALWAYS}, back.fields.date_updated"),
        ({"sid": "SMshort"}, f"fields.MessageSid, {ALWAYS}"),
    ],
)  # fmt: skip
def test_a_new_list_over_the_old_dialect(changes: dict[str, Any], ids: str) -> None:
    path = f"{V2_LIST}?Date_From=0&Date_To={NOW}"
    assert lost(V2, OLD, {"page_size": 200, "messages": [old(**changes)]}, "GET", path) == ids


def test_new_get_over_the_old_dialect_has_segments_and_no_external_id() -> None:
    headers = asked(V2, OLD, old(num_segments=2), "GET", f"/v2/Messages/{OLD_AS_V2}")
    assert headers["x-translator-loss"] == "fields.DeliveryReceipt, fields.ExternalId"


# ---- when there is none, and how much there can be --------------------------------------------------------------------


def test_off_there_is_no_header_and_nothing_is_looked_at() -> None:
    message = {"Message": v2(DeliveryReceipt=False)}
    assert "x-translator-loss" in asked(OLD, V2, message, "POST", OLD_LIST, data=SEND)
    headers = asked(OLD, V2, message, "POST", OLD_LIST, data=SEND, explain=False)
    assert not [name for name in headers if name.startswith("x-translator")]


@pytest.mark.parametrize(
    "error",
    [MalformedProviderResponse("not again"), KeyError("a word that is nowhere"), ValueError("a defect")],
    ids=repr,
)
def test_send_that_was_made_is_answered_also_if_its_losses_are_unknown(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def unreadable(*_: object) -> tuple[str, ...]:
        raise error

    monkeypatch.setattr(Losses, "of", unreadable)
    headers = asked(OLD, V2, V2_MESSAGE, "POST", OLD_LIST, data=SEND)
    assert (headers.get("x-translator-loss"), headers["x-translator-back-calls"]) == (None, "1")


def test_an_answer_that_shows_no_message_has_lost_nothing() -> None:
    empty = {"page_size": 200, "messages": []}
    for answer, status, path in (
        (empty, 200, f"{V2_LIST}?Date_From=0&Date_To={NOW}"),
        ({}, 500, f"{V2_LIST}?Date_From=0&Date_To={NOW}"),
        (empty, 200, f"{V2_LIST}?Date_From=never"),
    ):
        headers = asked(V2, OLD, answer, "GET", path, status=status)
        assert "x-translator-back-calls" in headers and "x-translator-loss" not in headers


def test_a_long_list_names_each_row_once_and_in_the_order_of_the_tables() -> None:
    messages = [
        Message(
            sid=V2_SID, sender="ACME", recipient="+15550100003", text=str(number), status=STATUSES[number % 3],
            direction=DIRECTIONS[number % 3], created=NOW - 2000 + number, updated=NOW - number,
        )
        for number in range(1000)
    ]  # fmt: skip
    made = dialects()
    assert Losses().of(made[V2], made[OLD], "list", messages, NOW) == (
        "fields.DeliveryReceipt", "words.status.Processing", "words.direction.Transmit",
        "back.fields.date_updated",
    )  # fmt: skip


def test_a_batch_says_what_all_of_it_lost() -> None:
    entries = [{**BACK_SEND, "DeliveryReceipt": True}, {**BACK_SEND, "DeliveryReceipt": False}, {"Text": "x"}]
    path = V2_LIST.replace("Messages", "BatchMessages")
    ids = "fields.DeliveryReceipt, fields.Submitted"
    assert lost(V2, OLD, old(), "POST", path, json={"Messages": entries}) == ids
    assert lost(V2, OLD, old(), "POST", path, json={"Messages": entries[2:]}) == ""


@pytest.mark.parametrize(
    ("name", "operation", "message", "ids"),
    [
        (V2, "POST", {"Message": v2(NumSegments=1, DeliveryReceipt=False)}, ""),
        (V2, "GET", {"Messages": [v2(MessageSid="short", Status="Failed", ErrorCode="12345")]}, ""),
        (OLD, "POST", old(), ""),
        (OLD, "GET", {"page_size": 200, "messages": [old(sid="SMshort", direction="outbound-reply", status="queued")]}, ""),
        (OLD, "GET", {"page_size": 200, "messages": [old(status="failed", error_code=12345)]}, "words.error.30008"),
    ],
)  # fmt: skip
def test_dialect_before_itself_loses_only_what_it_has_no_words_for(
    name: str, operation: str, message: Any, ids: str
) -> None:
    path, sent = (V2_LIST, BACK_SEND) if name == V2 else (OLD_LIST, SEND)
    how = {} if operation == "GET" else {"json": sent} if name == V2 else {"data": sent}
    bounds = f"?Date_From=0&Date_To={NOW}" if (name, operation) == (V2, "GET") else ""
    assert lost(name, name, message, operation, path + bounds, **how) == ids


def test_words_are_lost_where_the_provider_says_another_one() -> None:
    """A scheduled message and one on its way are both `Processing` at the provider. The scheduled hour is lost."""
    message = Message(
        sid=V2_SID, sender="+15550100001", recipient="+15550100002", text="hi", status="queued", direction="outbound-api",
        created=NOW - 9, scheduled=NOW + 3600,
    )  # fmt: skip
    made = dialects()
    assert Losses().of(made["ghost"], made[V2], "list", [message], NOW) == ("back.fields.Scheduled",)
    assert Losses().of(made["ghost"], made[OLD], "list", [message], NOW) == ("words.status.open",)


def test_what_is_shown_under_some_statuses_only_is_left_out_under_those() -> None:
    """A provider without error codes, before a front that shows a code for a failed message."""
    raw = tomllib.loads((Path(__file__).parent / "data" / "ghost.toml").read_text("utf-8"))
    raw["fields"] = [row for row in raw["fields"] if row["json"] != "trouble"]
    mute, losses = dialect("ghost.toml", raw), Losses()
    message = Message(
        sid=V2_SID, sender="+15550100001", recipient="+15550100002", text="hi", status="sent", direction="outbound-api", created=NOW
    )  # fmt: skip
    always = ("fields.DeliveryReceipt",)
    assert losses.of(dialects()[V2], mute, "list", [message], NOW) == always
    message.status = "failed"
    assert losses.of(dialects()[V2], mute, "list", [message], NOW) == (*always, "fields.ErrorCode")


@pytest.mark.parametrize(
    "settings_",
    [{"profile": "open-source"}, {"numbers": "plus"}, {"nulls": "written"}, {"inbound_word": "inbound"}],
    ids=str,
)
def test_how_a_front_is_set_up_loses_nothing_more(settings_: dict[str, str]) -> None:
    message = Message(
        sid=V2_SID, sender="+15550100001", recipient="+15550100002", text="hi", status="received", direction="inbound",
        created=NOW, received=NOW, receipt=False,
    )  # fmt: skip
    front, losses = spoken(OLD, "front", **settings_), Losses()
    assert losses.of(front, dialects()[V2], "list", [message], NOW) == ()
    message.scheduled = NOW + 5
    assert losses.of(front, dialects()[V2], "list", [message], NOW) == ("back.fields.Scheduled",)


# ---- the page ---------------------------------------------------------------------------------------------------------


@cache
def verdicts(front: str, back: str) -> dict[str, set[str]]:
    """The verdicts of each id in the page's section for a pair."""
    section = PAGE.read_text("utf-8").split(f"\n## {front} in front, {back} behind\n")[1].split("\n## ")[0]
    found: dict[str, set[str]] = {}
    for verdict, id_ in re.findall(r"^\| .+? \| (\w+) \| .* \| `([^`]+)` \|$", section, re.MULTILINE):
        found.setdefault(id_, set()).add(verdict)
    assert len(found) > 40
    return found


_instants = st.none() | st.integers(NOW - 300, NOW + 300)


@st.composite
def _messages(draw: st.DrawFn) -> list[Message]:
    """Messages without any rule: any word with any timestamp."""
    seconds = sorted(draw(st.sets(st.integers(NOW - 200, NOW - 100), max_size=6)))
    return [
        Message(
            sid=draw(st.sampled_from(["M" + "A" * 30, f"{number}-short", "V" + "0" * 32])) if number > 3
            else draw(st.sampled_from(["M" + "A" * 30 + "ABCDEFG"[number], f"{number:032x}"])),
            sender=draw(st.sampled_from(["+15550100001", "ACME", "12345"])), recipient="+15550100002",
            text=draw(st.text(max_size=3)), status=draw(st.sampled_from(STATUSES)), direction=draw(st.sampled_from(DIRECTIONS)),
            created=created, updated=draw(_instants), scheduled=draw(_instants), submitted=draw(_instants),
            delivered=draw(_instants), received=draw(_instants), receipt=draw(st.none() | st.booleans()),
            segments=draw(st.none() | st.integers(0, 3)), error=draw(st.sampled_from([None, "30003", "12345"])),
            external_id=draw(st.sampled_from([None, "mine"])),
        )
        for number, created in enumerate(seconds)
    ]  # fmt: skip


def _listed(front: str, back: str, messages: list[Message]) -> Reply:
    """The proxy's response to a list of everything, with its losses."""
    world = World(
        dialects()[front], dialects()[back], Provider(back, messages), accounts=(ACCOUNT[front], ACCOUNT[back]),
        properties=(PROPERTY[front], PROPERTY[back]), tokens=("back-token", "back-token"),
    )  # fmt: skip
    token = b64encode(f"{ACCOUNT[front]}:back-token".encode()).decode()
    headers = (("authorization", f"Basic {token}"),)
    reply = world.play(Request("GET", LISTS[front], EVERYTHING[front], headers), NOW, Losses())
    assert reply.response.status == 200, reply
    return reply


def _trips(front: str, back: str, messages: list[Message]) -> tuple[Reply, list[tuple[dict[str, Any], dict[str, Any]]]]:
    """The proxy's response, and each message in two forms: as the provider shows it, and as it would show the values of the response."""
    alone = Provider(back, messages)(Request("GET", LISTS[back], EVERYTHING[back]))
    reply = _listed(front, back, messages)
    read = [
        dialects()[name].back.read_slice(answer, NOW).rows for name, answer in ((back, alone), (front, reply.response))
    ]
    before, after = (_wire(back, rows) for rows in read)
    assert len(before) == len(after) == len(messages)
    return reply, list(zip(before, after, strict=True))


def _wire(name: str, messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as a server of this dialect lists them."""
    write, rows = dialects()[name].front.write_message, []
    for message in messages:
        [shown] = json.loads(write("list", message, ACCOUNT[name], PROPERTY[name], "json", Notes()).body).values()
        rows.append(shown)
    return rows


NAMED_BY: Final[dict[str, dict[str, set[str]]]] = {
    V2: {
        "DeliveryReceipt": {"back.fields.DeliveryReceipt"},
        "NumSegments": {"back.fields.NumSegments"},
        "Scheduled": {"back.fields.Scheduled"},
        "Submitted": {"fields.date_sent"},
        "Received": {"fields.date_sent"},
        "Delivered": {"fields.date_updated"},
        "ErrorCode": {"words.error.30008", "fields.error_code"},
    },
    OLD: {
        "status": {"words.status.Processing", "words.status.Failed"},
        "direction": {"words.direction.Transmit"},
        "date_sent": {"fields.Submitted", "fields.Received"},
        "date_updated": {"back.fields.date_updated", "fields.Delivered"},
        "error_code": {"fields.ErrorCode"},
        "error_message": {"fields.ErrorCode"},
    },
}
"""For each member of a provider's row that may come back changed: the rows of the front that can have lost it."""


EQUAL: Final = {
    OLD: {"words.error.30008", "fields.error_code", "fields.date_updated", "fields.date_sent"}, V2: {"fields.ErrorCode"}, "ghost": set(),
}  # fmt: skip
"""The losses of a dialect before itself: values that no server of the dialect shows either."""


@pytest.mark.parametrize(("front", "back"), [(OLD, V2), (V2, OLD)])
@settings(max_examples=examples(150))
@given(messages=_messages())
def test_changed_member_was_lost_at_a_row_that_is_lossy_or_derived(
    front: str, back: str, messages: list[Message]
) -> None:
    reply, trips = _trips(front, back, messages)
    for before, after in trips:
        for member in {name for name in before if before[name] != after.get(name)}:
            assert NAMED_BY[back][member] & set(reply.lost), (member, before, after, reply.lost)
    for id_ in reply.lost:
        assert verdicts(front, back)[id_] & {"lossy", "derived"}, id_


@pytest.mark.parametrize(("front", "back"), PAIRS)
@settings(max_examples=examples(40))
@given(messages=_messages())
def test_changed_member_through_any_pair_is_reported_as_lost(front: str, back: str, messages: list[Message]) -> None:
    reply, trips = _trips(front, back, messages)
    if any(value is not None and after.get(name) != value for before, after in trips for name, value in before.items()):
        assert reply.lost
    if front == back:
        assert set(reply.lost) <= EQUAL[front]
    if "ghost" not in (front, back):
        assert all(f" | `{id_}` |\n" in PAGE.read_text("utf-8") for id_ in reply.lost)
    assert len(reply.lost) == len(set(reply.lost))
