"""One row of a provider is odd in any way: all other rows, their order and the total are as they were.

The rules for client requests do not apply to the values that a provider shows. The unit of failure is the row.
"""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.listing import ENTRY, NOW, START, Provider, ask, world
from tests.odd_rows import _MEMBERS, GONE, KNOWN, ODD, STOCK, WHOLE, Odd, _v2_sid, old_world, others, rows_of, search
from tests.twins import World
from translator.core.effects import run_without_shell
from translator.core.exchange import Limits
from translator.core.http.messages import Answer, Request, Response
from translator.core.listing import messages_between
from translator.core.model import Message, Notes, Query
from translator.core.reconciliation import SearchRound, UnknownSearch, UnknownSend, assigned
from translator.core.status_polling.provider_requests import read

CREATED = "Mon, 25 Sep 2017 06:22:33 +0000"

SPECIAL: list[Any] = [
    None, "", 0, -1, 1, 1.5, True, [], {}, "1", "-1", "true", "Sent", "queued?", "\x00", "a\nb", "a\u202eb", "\ud83d", "x\udc00y",
    10**40, float("nan"), float("inf"), "x" * 5000, "2017-09-25T06:22:33Z", "Mon, 25 Sep 2017 06:22:33 +0000", "1506320553",
    START - 1, START, START + 10**6, [[[]]], {"a": {"b": None}}, "SM", "XY12345", "ünïcode", "S1234567890ABCDE1234567890ABCDEG",
    "A2", "Delivered", "Failed", "Receive", "failed", "incoming",
]  # fmt: skip
_values = st.one_of(
    st.sampled_from(SPECIAL),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters(codec=None, exclude_categories=())),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
)


def _named(value: Any) -> str:
    """The name of a value in a test's id, the same in each process."""
    return "gone" if value is GONE else repr(value)


def v2_world(member: str, value: Any, order: str = "ascending", **more: Any) -> World:
    """restcomm in front, and a back with the odd row."""
    return world(
        Odd(Provider(STOCK, order=order), STOCK[ODD].sid.removeprefix("SM"), member, value), order=order, **more
    )


LISTS = [
    {}, {"PageSize": 5}, {"PageSize": 5, "Page": 1}, {"PageSize": 4, "Page": 2}, {"SortBy": "From"}, {"SortBy": "Status:desc"},
    {"SortBy": "DateCreated"}, {"StartTime": "2020-01-01", "SortBy": "Direction"},
]  # fmt: skip


@settings(max_examples=examples(150))
@given(
    st.sampled_from([*_MEMBERS["properties-v2"], WHOLE]),
    _values | st.just(GONE),
    st.sampled_from(LISTS),
    st.sampled_from(["ascending", "descending", "unknown"]),
)
@example("Text", None, {}, "ascending")
@example("From", "", {}, "ascending")
@example("Status", "Rerouted", {"SortBy": "Status:desc"}, "ascending")
@example("Created", GONE, {"PageSize": 5, "Page": 1}, "descending")
@example("Created", 0, {"PageSize": 5, "Page": 1}, "unknown")
@example("MessageSid", None, {"PageSize": 4, "Page": 2}, "unknown")
@example("AccountSid", "A2", {"PageSize": 5, "Page": 1}, "ascending")
@example(WHOLE, None, {"PageSize": 5}, "ascending")
def test_odd_member_of_one_row_leaves_the_other_rows_of_a_list_unchanged(
    member: str, value: Any, asked: dict[str, Any], order: str
) -> None:
    plain = world(Provider(STOCK, order=order), order=order).play(ask(asked), NOW)
    reply = v2_world(member, value, order).play(ask(asked), NOW)
    event(reply.total)
    was, now = rows_of(plain), rows_of(reply)
    sorted_by = {"Status": "SortBy=Status", "From": "SortBy=From", "Direction": "SortBy=Direction"}.get(member, "-")
    if member == "Created" and order == "unknown" and isinstance(value, int):
        assert {row["sid"] for row in now} <= KNOWN, "a row of another instant stands elsewhere in a list by instants"
        return
    if sorted_by not in urlencode(asked) and member != WHOLE:
        assert others(now, STOCK[ODD].sid) == others(was, STOCK[ODD].sid)
    assert [row for row in others(was, STOCK[ODD].sid) if row not in now] == []
    assert json.loads(reply.response.body)["total"] == len(STOCK)
    assert reply.total == ("exact" if len(now) == len(was) else "partial")


@settings(max_examples=examples(150))
@given(
    st.sampled_from([*_MEMBERS["restcomm"], WHOLE]),
    _values | st.just(GONE),
    st.sampled_from([{}, {"Results_Count": 7}, {"Results_Count": 5, "Results_Skip": 5}]),
)
@example("body", None, {})
@example("sid", "XY12345", {})
@example("date_created", None, {"Results_Count": 5, "Results_Skip": 5})
@example("status", "rerouted", {"Results_Count": 7})
@example("status", "rerouted", {"Results_Count": 5, "Results_Skip": 5})
@example(WHOLE, [], {"Results_Count": 7})
def test_and_so_they_are_on_the_way_back(member: str, value: Any, asked: dict[str, Any]) -> None:
    plain = old_world("", GONE)
    plain.answer = plain.answer._provider  # type: ignore[attr-defined]  # the same provider, with nothing odd
    was = rows_of(plain.play(search(asked), NOW))
    reply = old_world(member, value).play(search(asked), NOW)
    now = rows_of(reply)
    odd = _v2_sid(STOCK[ODD])
    assert [row for row in others(was, odd) if row not in now] == []
    assert [row["Created"] for row in now] == sorted(row["Created"] for row in now) or member == "date_created"
    assert len(now) == len(was) or len(was) < asked.get(
        "Results_Count", 200
    )  # a page that is short would be taken for the last


@pytest.mark.parametrize("member", _MEMBERS["restcomm"])
def test_a_walk_by_skip_comes_past_every_other_row(member: str) -> None:
    """A client stops at a short page, so no page is short before the last one."""
    values: tuple[Any, ...] = (None, "rerouted", {})
    for value in values:
        front = old_world(member, value)
        seen: list[str] = []
        for skip in range(0, 40, 4):
            rows = rows_of(front.play(search({"Results_Count": 4, "Results_Skip": skip}), NOW))
            seen += [row["MessageSid"] for row in rows]
            if len(rows) < 4:
                break
        assert {_v2_sid(sms) for sms in STOCK} - {_v2_sid(STOCK[ODD])} <= set(seen)


@pytest.mark.parametrize(
    ("filtered", "member"), [({"To": "15550100002"}, "From"), ({"Status": "sent"}, "To"), ({"Body": "text"}, "Status")]
)
@pytest.mark.parametrize("value", SPECIAL, ids=_named)
def test_a_filter_that_the_odd_member_has_no_part_in_finds_the_others(
    filtered: dict[str, str], member: str, value: Any
) -> None:
    was = rows_of(world(Provider(STOCK)).play(ask(filtered), NOW))
    now = rows_of(v2_world(member, value).play(ask(filtered), NOW))
    assert others(now, STOCK[ODD].sid) == others(was, STOCK[ODD].sid)


@pytest.mark.parametrize("member", _MEMBERS["properties-v2"])
@pytest.mark.parametrize("value", SPECIAL, ids=_named)
def test_get_of_the_odd_message_is_answered_and_others_are_unchanged(member: str, value: Any) -> None:
    front = v2_world(member, value)
    for sms in (STOCK[ODD], STOCK[ODD + 1]):
        reply = front.play(ask({}, f"/{sms.sid}.json"), NOW)
        assert reply.response.status == 200 or (sms is STOCK[ODD] and member in _BEYOND)


_BEYOND = ("MessageSid", "AccountSid", "PropertySid", "Status", "Direction", "Created")
"""Members without which a message cannot be shown, or is not the client's."""


@pytest.mark.parametrize(
    ("member", "value", "shown"),
    [
        ("Text", None, {"body": ""}), ("Text", GONE, {"body": ""}), ("From", None, {"from": ""}), ("From", "", {"from": ""}),
        ("From", "A\x00B\nC\u202eD", {"from": "A\x00B\nC\u202eD"}), ("Text", "half \ud83d", {"body": "half \ufffd"}),
        ("Text", "\ud83d\ude00", {"body": "😀"}), ("From", 12345, {"from": "12345"}), ("NumSegments", "2", {"num_segments": 2}),
        ("NumSegments", -1, {}), ("DeliveryReceipt", "true", {}), ("Created", "1506320553", {"date_created": CREATED}),
        ("Created", "2017-09-25T06:22:33Z", {"date_created": CREATED}), ("Status", " DELIVERED", {"status": "delivered"}),
        ("To", "x" * 300, {"to": "x" * 300}), ("From", "0800123456", {"from": "0800123456"}), ("From", "4350100", {"from": "4350100"}),
        ("To", "+0499999999", {"to": "+0499999999"}),
    ],
    ids=_named,
)  # fmt: skip
def test_what_can_be_meant_is_shown(member: str, value: Any, shown: dict[str, Any]) -> None:
    reply = v2_world(member, value).play(ask({}, f"/{STOCK[ODD].sid}.json"), NOW)
    body = json.loads(reply.response.body)
    assert reply.response.status == 200
    assert {name: body.get(name) for name in shown} == shown


@pytest.mark.parametrize("suffix", [".json", ""])
def test_an_odd_sender_is_escaped_by_both_formats(suffix: str) -> None:
    reply = v2_world("From", 'A<b>&"\x00\n\u202e\ud83d').play(ask({}, suffix), NOW)
    assert reply.response.status == 200
    assert (b"<b>" not in reply.response.body) == (suffix == "")
    assert b"\x00" not in reply.response.body
    assert reply.total == "exact"


# ------------------------------------------------------------------------------------------------ rows that are left out


@pytest.mark.parametrize("asked", [{}, {"SortBy": "To"}])
def test_a_row_that_cannot_be_read_is_left_out_and_said(asked: dict[str, Any]) -> None:
    reply = v2_world("Status", "Rerouted").play(ask(asked), NOW)
    assert [(note.name, note.detail) for note in reply.notes] == [("unreadable-row", "Status")]
    assert (reply.total, len(rows_of(reply))) == ("partial", len(STOCK) - 1)
    again = v2_world("Status", "Rerouted", limits=Limits(fail_unread=True)).play(ask(asked), NOW)
    assert (again.response.status, again.fault) == (502, "back-failed")
    assert "unreadable" in again.log


LONGEST = 64 * 1024
"""Characters of the longest text that is shown: the 255 parts of the longest SMS hold 39,015 (TS 23.038)."""


@pytest.mark.parametrize("letter", ["a", "é", "😀"])
@pytest.mark.parametrize("size", [LONGEST + 1, 500_000])
def test_a_text_longer_than_any_sms_is_unreadable_alone(size: int, letter: str) -> None:
    reply = v2_world("Text", letter * size).play(ask({}), NOW)
    assert [(note.name, note.detail) for note in reply.notes] == [("unreadable-row", "Text")]
    assert (reply.total, json.loads(reply.response.body)["total"]) == ("partial", len(STOCK))
    was = rows_of(world(Provider(STOCK)).play(ask({}), NOW))
    assert rows_of(reply) == [row for row in was if row["sid"] != STOCK[ODD].sid]
    one = v2_world("Text", letter * size).play(ask({}, f"/{STOCK[ODD].sid}.json"), NOW)
    assert (one.response.status, one.fault) == (502, "back-failed")
    assert "Text" in one.log


@pytest.mark.parametrize("size", [LONGEST + 1, 500_000])
def test_and_so_it_is_on_the_way_back(size: int) -> None:
    reply = old_world("body", "a" * size).play(search({}), NOW)
    assert [(note.name, note.detail) for note in reply.notes] == [("unreadable-row", "body")]
    assert _v2_sid(STOCK[ODD]) not in {row["MessageSid"] for row in rows_of(reply)}
    assert len(rows_of(reply)) == len(STOCK) - 1


@pytest.mark.parametrize("letter", ["a", "é", "😀"])
def test_a_text_of_the_greatest_length_is_shown(letter: str) -> None:
    reply = v2_world("Text", letter * LONGEST).play(ask({}), NOW)
    assert reply.total == "exact"
    [odd] = [row["body"] for row in rows_of(reply) if row["sid"] == STOCK[ODD].sid]
    assert odd == letter * LONGEST


@pytest.mark.parametrize("member", ["ExternalId", "ErrorCode", "NumSegments", "New"])
def test_too_long_member_is_left_out_if_a_message_can_be_shown_without_it(member: str) -> None:
    reply = v2_world(member, "9" * (LONGEST + 1)).play(ask({}), NOW)
    assert (reply.total, len(rows_of(reply))) == ("exact", len(STOCK))
    assert "9" * 100 not in reply.response.body.decode()


def test_a_page_that_does_not_show_the_row_is_whole() -> None:
    front = v2_world("Status", "Rerouted", limits=Limits(fail_unread=True))
    reply = front.play(ask({"PageSize": 4}), NOW)
    assert (reply.total, len(rows_of(reply))) == ("exact", 4)


def test_a_slice_of_nothing_but_odd_rows_is_a_list_with_nothing_to_show() -> None:
    """Two rows with equal bytes stand at two places all the same."""

    def provider(request: Request) -> Answer:
        skip = int(dict(pair.split("=") for pair in request.query.split("&"))["Results_Skip"])
        return Response(200, (), json.dumps({"Messages": [{}, {}, None][skip:]}).encode())

    reply = world(provider).play(ask({}), NOW)
    assert (json.loads(reply.response.body)["total"], rows_of(reply), reply.total) == (3, [], "partial")


def test_a_full_slice_with_an_odd_row_is_a_full_slice() -> None:
    """Seven rows a slice, and one of the seven cannot be read. The list goes on after it all the same."""
    front = v2_world("Created", None, size=7)
    body = json.loads(front.play(ask({"SortBy": "DateCreated"}), NOW).response.body)
    assert (body["total"], len(body["messages"])) == (len(STOCK), len(STOCK) - 1)


def test_two_rows_that_were_not_asked_for_are_a_back_that_does_not_listen() -> None:
    def provider(request: Request) -> Answer:
        answer = Provider(STOCK)(request)
        assert isinstance(answer, Response)
        body = json.loads(answer.body)
        for row in body["Messages"][2:4]:
            row["PropertySid"] = "another"
        return answer.replace(body=json.dumps(body).encode())

    assert world(provider).play(ask({}), NOW).response.status == 502


def test_a_row_of_somebody_else_is_shown_to_nobody() -> None:
    reply = v2_world("AccountSid", "A2").play(ask({}), NOW)
    assert (reply.total, [note.name for note in reply.notes]) == ("partial", ["odd-row"])
    assert STOCK[ODD].sid not in reply.response.body.decode()


@pytest.mark.parametrize("torn", [b"Gr\xfc\xc3\xbc\xc3", b"\xff\xfe", b"caf\xe9", "Grüße … spä".encode()[:-1]])
def test_bytes_that_are_no_text_spoil_one_text_only(torn: bytes) -> None:
    plain = Provider(STOCK)

    def provider(request: Request) -> Answer:
        answer = plain(request)
        assert isinstance(answer, Response)
        return answer.replace(body=answer.body.replace(b'"text 5"', b'"' + torn + b'"'))

    was = rows_of(world(plain).play(ask({}), NOW))
    now = rows_of(world(provider).play(ask({}), NOW))
    assert [row for row in now if row["sid"] != STOCK[ODD].sid] == [row for row in was if row["sid"] != STOCK[ODD].sid]
    [odd] = [row["body"] for row in now if row["sid"] == STOCK[ODD].sid]
    assert "Ã" not in odd


# ------------------------------------------------------------------------------------------------------------- searches


def _played(steps: Any, provider: Any) -> Any:
    running = run_without_shell(steps, {})
    try:
        asked = next(running)
        while True:
            asked = running.send(tuple(provider(request) for request in asked.requests))
    except StopIteration as done:
        return done.value


def _searched(sought: UnknownSend, provider: Any) -> list[Message]:
    """The message that one search takes for a send, if it takes any."""
    search = UnknownSearch(sought, 10.0)
    look = SearchRound(ENTRY, [search], Limits(), NOW)
    _played(look.steps(), provider)
    assert look.error is None
    return list(assigned([search], [], 10.0).values())


@pytest.mark.parametrize("member", [*_MEMBERS["properties-v2"], WHOLE])
@pytest.mark.parametrize("value", [None, GONE, "Rerouted", -1, {}, "\ud83d"], ids=_named)
def test_a_search_for_a_send_steps_over_an_odd_neighbour(member: str, value: Any) -> None:
    provider = Odd(Provider(STOCK), STOCK[ODD].sid.removeprefix("SM"), member, value)
    meant = STOCK[ODD + 1]
    sought = UnknownSend("id", float(meant.created), "+" + meant.sender, "+" + meant.recipient, meant.body)
    assert [row.sid for row in _searched(sought, provider)] == [meant.sid.removeprefix("SM")]


@pytest.mark.parametrize("member", [*_MEMBERS["properties-v2"], WHOLE])
@pytest.mark.parametrize("value", [None, GONE, "Rerouted", -1, {}, "\ud83d"], ids=_named)
def test_a_look_for_statuses_steps_over_an_odd_neighbour(member: str, value: Any) -> None:
    provider = Odd(Provider(STOCK), STOCK[ODD].sid.removeprefix("SM"), member, value)
    reading = _played(read(ENTRY, START, START + 100, 20, NOW, Notes()), provider)
    assert {sms.sid.removeprefix("SM") for sms in STOCK} - {row.sid for row in reading.rows} <= {
        STOCK[ODD].sid.removeprefix("SM")
    }


def test_the_send_that_is_looked_for_is_found_although_its_status_is_new() -> None:
    provider = Odd(Provider(STOCK), STOCK[ODD - 2].sid.removeprefix("SM"), "Status", "Rerouted")
    meant = STOCK[ODD - 2]
    sought = UnknownSend("id", float(meant.created), "+" + meant.sender, "+" + meant.recipient, meant.body)
    [found] = _searched(sought, provider)
    assert (found.sid, found.status) == (meant.sid.removeprefix("SM"), "sending")


def test_what_is_between_two_instants_is_told_with_what_cannot_be_read() -> None:
    provider = Odd(Provider(STOCK), STOCK[ODD].sid.removeprefix("SM"), "Status", "Rerouted")
    unread: list[Any] = []
    window = Query(since=START, until=START + 100)
    rows = _played(messages_between(ENTRY, window, Limits(), NOW, Notes(), unread), provider)
    assert (len(rows), [row.why for row in unread]) == (len(STOCK) - 1, ["Status"])
