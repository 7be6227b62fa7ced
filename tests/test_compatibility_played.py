"""Every row of COMPATIBILITY.md is played, in both roads, and is true.

A row is taken at its word: the test sends or answers the members that it names, with a provider that is a plain function.
The result is compared with the verdict and the sentence of the row.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlencode

import pytest

from tests.exchanges import dialects
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.effects import (
    AwaitOutcomes,
    Intent,
    Outcome,
    ProviderRequests,
    Recorded,
    RecordIntents,
    RecordOutcomes,
    Sent,
    run_without_shell,
)
from translator.core.exchange import Limits, Reply, exchange, failure
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.reports.compatibility import Row, rows

NOW: Final = 1_700_000_000
PROPERTY: Final = "S1234567890ABCDE1234567890ABCDEF"
SPOKEN: Final = dialects()
ROWS: Final = rows([SPOKEN[name].table for name in SPOKEN])
DATE: Final = "Tue, 14 Nov 2023 22:12:{:02} +0000"
AT: Final = NOW - 80
"""22:12:00 of that day."""

V2_ROW: Final[dict[str, Any]] = {
    "MessageSid": "MJGPVTNSWHJ35HGQTGABFE27TXFSSUZI", "AccountSid": "B1", "PropertySid": PROPERTY, "From": "+19876543212",
    "To": "+13216549878", "Text": "Test SMS", "DeliveryReceipt": True, "NumSegments": 7, "Status": "Delivered", "Direction": "Transmit",
    "Scheduled": AT, "Created": AT, "Submitted": AT + 2, "Delivered": AT + 5,
}  # fmt: skip
OLD_ROW: Final[dict[str, Any]] = {
    "sid": "SM5e62e689fc204d41b6cfe4993a2d17ca", "date_created": DATE.format(0), "date_updated": DATE.format(5),
    "date_sent": "2023-11-14T22:12:02.000Z", "account_sid": "B1", "from": "19876543212", "to": "13216549878", "body": "Test SMS",
    "status": "delivered", "direction": "outbound-api", "num_segments": 7,
}  # fmt: skip


class Road(NamedTuple):
    """A pair of dialects: the row that its provider shows, and the path and account of its client."""

    front: str
    back: str
    row: dict[str, Any]
    path: str
    account: str

    @property
    def is_old(self) -> bool:
        return self.front == "restcomm"

    def entry(self, **settings: Any) -> Account:
        front, back = SPOKEN[self.front], SPOKEN[self.back]
        prop, behind = ("", PROPERTY) if self.is_old else (PROPERTY, "")
        return Account(
            Endpoint(front, self.account, prop, "t"), ConfiguredProvider("provider", back),
            Endpoint(back, "B1", behind, "b", settings.get("sender", "")), False,
        )  # fmt: skip


OLD: Final = Road("restcomm", "properties-v2", V2_ROW, "/2012-04-24/Accounts/AC1/SMS/Messages", "AC1")
NEW: Final = Road("properties-v2", "restcomm", OLD_ROW, f"/v2/Properties/{PROPERTY}/Messages", "A1")
ROADS: Final = {(road.front, road.back): road for road in (OLD, NEW)}


class Journal:
    """Remembers the intents. `stands` is the state of each send before its provider request."""

    def __init__(self, stands: str = "new") -> None:
        self.intents: list[Intent] = []
        self._stands = stands

    def __call__(self, want: RecordIntents | RecordOutcomes | AwaitOutcomes | Sent) -> Any:
        if isinstance(want, Sent):
            return {}
        if isinstance(want, RecordIntents):
            self.intents += want.intents
            return tuple(Recorded(str(at), self._stands) for at, _ in enumerate(want.intents))  # type: ignore[arg-type]
        return None if isinstance(want, RecordOutcomes) else tuple(Outcome(id_, "unknown") for id_ in want.ids)


class Played(NamedTuple):
    """The result of a request: the response, and the provider requests."""

    reply: Reply
    asked: list[Request]
    intents: list[Intent]

    @property
    def status(self) -> int:
        return self.reply.response.status

    @property
    def body(self) -> Any:
        return json.loads(self.reply.response.body)

    @property
    def shown(self) -> dict[str, Any]:
        """The one message that is shown."""
        body = self.body
        for name in ("Message", "messages", "Messages"):
            body = body.get(name, body) if isinstance(body, dict) else body
        found: dict[str, Any] = body[0] if isinstance(body, list) else body
        return found

    def told(self, number: int = 0) -> dict[str, Any]:
        """The values that the provider got: the members of a body, or the pairs of a form or a query."""
        request = self.asked[number]
        if (request.header("content-type") or "") == "application/json":
            return dict(json.loads(request.body or b"{}"))
        text = (request.body or b"").decode() or request.query
        return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


def play(
    road: Road, method: str, path: str, query: str = "", body: bytes | None = b"", provider: Callable[[Request], Answer] | None = None, *,
    accept: str = "application/json", opened_by: str = "t", stands: str = "new", max_asks: int = 50, entry: Account | None = None,
    media: str = "", extra: tuple[tuple[str, str], ...] = (),
) -> Played:  # fmt: skip
    login = b64encode(f"{road.account}:{opened_by}".encode()).decode()
    given = [("authorization", f"Basic {login}"), ("accept", accept), *extra]
    if method == "POST":
        given.append(
            ("content-type", media or ("application/x-www-form-urlencoded" if road.is_old else "application/json"))
        )
    journal = Journal(stands)
    asked: list[Request] = []
    accounts = Accounts([entry or road.entry()])
    running = run_without_shell(
        exchange(accounts, Limits(max_asks), Request(method, path, query, tuple(given), body), NOW), {}, journal
    )
    try:
        ask: ProviderRequests = next(running)
        while True:
            asked += ask.requests
            ask = running.send(tuple((provider or shows(road, {}))(request) for request in ask.requests))
    except StopIteration as done:
        return Played(done.value, asked, journal.intents)


GONE: Final = object()


def shows(road: Road, changed: dict[str, Any], count: int = 1) -> Callable[[Request], Answer]:
    """A provider with so many messages, each with these members changed. The response to a send has the members of the document's
    example."""

    def provider(request: Request) -> Answer:
        row = {name: value for name, value in {**road.row, **changed}.items() if value is not GONE}
        unsent = ("date_sent", "num_segments") if not road.is_old else ()
        if request.method == "POST":
            row = {name: value for name, value in row.items() if name not in unsent}
            return Response(200, (), json.dumps({"Message": row} if road.is_old else row).encode())
        if str(row.get("MessageSid", row.get("sid"))) in request.path:
            return Response(200, (), json.dumps({"Message": row} if road.is_old else row).encode())
        asked = {name: int(values[0]) for name, values in parse_qs(request.query).items() if values[0].isdigit()}
        size = asked.get("Results_Count", asked.get("PageSize", 200))
        first = asked.get("Results_Skip", asked.get("Page", 0) * size)
        stock = [_numbered(row, number) if count > 1 else row for number in range(count)][first : first + size]
        return Response(200, (), json.dumps({"Messages" if road.is_old else "messages": stock}).encode())

    return provider


def _numbered(row: dict[str, Any], number: int) -> dict[str, Any]:
    sid = "MessageSid" if "MessageSid" in row else "sid"
    letter = "ABCDEFGHIJ"[number] if sid == "MessageSid" else f"{number:x}"
    return {**row, sid: row[sid][:-1] + letter}


def got(road: Road, **changed: Any) -> Played:
    sid = "SM" + V2_ROW["MessageSid"] if road.is_old else SPOKEN[NEW.front].front._sid.write(OLD_ROW["sid"][2:])
    path = f"{road.path}/{sid}.json" if road.is_old else f"{road.path}/{sid}"
    return play(road, "GET", path, provider=shows(road, changed))


def listed(road: Road, asked: dict[str, Any] | None = None, count: int = 1, **changed: Any) -> Played:
    bounds = {} if road.is_old else {"Date_From": AT - 1000, "Date_To": AT + 1000}
    query = urlencode({**bounds, **(asked or {})})
    return play(road, "GET", road.path + (".json" if road.is_old else ""), query, provider=shows(road, changed, count))


SEND: Final[dict[str, dict[str, Any]]] = {
    "restcomm": {"From": "19876543212", "To": "13216549878", "Body": "Test SMS"},
    "properties-v2": {"From": "+19876543212", "To": "+13216549878", "Text": "Test SMS"},
}


def sent(road: Road, changed: dict[str, Any] | None = None, provider: Any = None, **more: Any) -> Played:
    given = {name: value for name, value in {**SEND[road.front], **(changed or {})}.items() if value is not GONE}
    body = urlencode(given).encode() if road.is_old else json.dumps(given).encode()
    return play(road, "POST", road.path + (".json" if road.is_old else ""), "", body, provider, **more)


OPERATIONS: Final[dict[str, Callable[..., Played]]] = {
    "get": got, "list": listed,
    "send": lambda road, **changed: sent(road, provider=shows(road, changed)),
}  # fmt: skip


def quoted(row: Row) -> list[str]:
    """The words of a reason in code type."""
    return re.findall(r"`([^`]+)`", row.reason)


def named(row: Row) -> tuple[str, list[str]]:
    """A field's name, and the operations that its row is about."""
    name = row.name.replace(" (behind)", "")
    found = re.fullmatch(r"(\w+) \(([a-z, ]+)\)", name)
    return (found[1], found[2].split(", ")) if found else (name, ["get", "list", "send"])


# ------------------------------------------------------------------------------------------------------------- the players

OTHER: Final[dict[str, Any]] = {
    "MessageSid": None, "From": "+12222222222", "To": "+13333333333", "Text": "other", "NumSegments": 3, "Created": AT - 9,
    "Submitted": AT + 9, "Delivered": AT + 20, "Received": AT + 21, "sid": None, "from": "12222222222", "to": "13333333333",
    "body": "other", "num_segments": 3, "date_created": "Tue, 14 Nov 2023 22:11:51 +0000", "date_updated": DATE.format(30),
    "date_sent": "2023-11-14T22:12:09.000Z",
    "Status": "Submitted", "status": "sent", "Direction": "Receive", "direction": "incoming", "ErrorCode": "30003", "error_code": 30003,
    "Scheduled": AT - 7, "DeliveryReceipt": False, "ExternalId": "theirs",
}  # fmt: skip
"""Another value for each member of a provider."""


def play_field(road: Road, row: Row) -> None:
    name, operations = named(row)
    member = name.split(",")[0]
    if ", of another shape" in name:
        odd = "Odd-Sid_1" if road.is_old else "SM-odd"
        shown = OPERATIONS["list"](road, **{"MessageSid" if road.is_old else "sid": odd}).shown[member]
        assert shown.endswith("odd" if not road.is_old else odd)
        assert len(shown) != (34 if road.is_old else 32)
        return
    if ", a " in name:
        value = {"a client": "client:bob", "a short code": "12345"}[name.split(", ")[1]]
        assert OPERATIONS["get"](road, to=value).shown[member] == value
        return
    for operation in operations:
        _play_member(road, row, member, operation)


def _play_member(road: Road, row: Row, member: str, operation: str) -> None:
    act = OPERATIONS[operation]
    if row.name.endswith("(behind)"):
        status = {"status": "sent"} if not road.is_old else {}
        assert act(road, **status, **{member: OTHER[member]}).shown == act(road, **status, **{member: GONE}).shown
        return
    if "left out" in row.reason:
        assert member not in act(road).shown
        assert member not in act(road, **({"ExternalId": "x"} if road.is_old else {})).shown
        return
    if row.reason.startswith("always "):
        assert str(act(road).shown[member]) == quoted(row)[0]
        return
    if "never shown" in row.reason:
        assert member not in act(road).shown
        return
    if "caller's own" in row.reason:
        assert (
            act(road).shown[member]
            == {"account": road.account, "property": PROPERTY}[row.reason.split()[-6].rstrip(",")]
        )
        return
    if "made from the caller's" in row.reason:
        assert act(road).shown[member] == f"/2012-04-24/Accounts/AC1/SMS/Messages/SM{V2_ROW['MessageSid']}.json"
        return
    if "does not say it" in row.reason:
        assert (
            act(road).shown[member] is True
            and act(road, direction="incoming", status="received").shown[member] is False
        )
        return
    _play_source(road, row, member, operation, act)


def _play_source(road: Road, row: Row, member: str, operation: str, act: Callable[..., Played]) -> None:
    """A value that is made of members of the provider changes with them, and with no other."""
    sources = [name for name in quoted(row) if name in road.row or name in OTHER]
    needs: dict[str, Any] = {}
    if "when the status is failed or undelivered" in row.reason:
        needs = {"Status": "Failed"} if road.is_old else {"status": "failed"}
        needs |= {"ErrorCode": "30005"} if road.is_old else {"error_code": 30005}
    if member == "Received" or (member == "date_sent" and sources[-1] == "Received"):
        needs = {"direction": "incoming", "status": "received"} if not road.is_old else {}
    if "counted here" in row.reason and operation != "get":
        assert act(road, **({} if operation == "send" else {"num_segments": GONE})).shown[member] == 1
        return
    for source in sources:
        if OTHER[source] is None:
            assert act(road).shown[member] in (
                "SM" + V2_ROW["MessageSid"],
                SPOKEN[NEW.front].front._sid.write(OLD_ROW["sid"][2:]),
            )
            continue
        changed = {source: OTHER[source]}
        if source == "Received":  # the first there is, and the latest
            changed |= {"Submitted": GONE}
        if source == "Created" and "latest" in row.reason:
            changed |= {"Submitted": GONE, "Delivered": GONE}
        if source == "Submitted" and "latest" in row.reason:
            changed = {"Submitted": AT + 40}
        before, after = act(road, **needs).shown, act(road, **{**needs, **changed}).shown
        assert before.get(member) != after.get(member), (source, before.get(member))


def play_send_parameter(road: Road, row: Row) -> None:
    name, _, sort = row.name.partition(", ")
    values: dict[str, Any] = {
        "DeliveryReceipt": False, "Schedule": NOW + 500, "StatusCallback": "http://a.example/", "StatusCallbackMethod": "GET",
        "DeliveryReceiptWebhookUri": "http://a.example/", "DeliveryReceiptWebhookMethod": "GET", "WebhookUri": "http://a.example/",
        "WebhookMethod": "GET", "ForwardToSms": "+15550100001", "ForwardFromSms": "+15550100001", "ForwardToEmail": "a@a.example",
        "ForwardFromEmail": "a@a.example", "ExternalId": "mine",
    }  # fmt: skip
    if row.name.endswith("(behind)"):
        assert str(sent(road).told()[name.removesuffix(" (behind)")]).lower() == quoted(row)[0]
    elif row.name.endswith("(batch)"):
        entries = json.dumps({"Messages": [SEND[road.front], {"Text": "x"}]}).encode()
        played = play(road, "POST", road.path.replace("/Messages", "/BatchMessages"), "", entries)
        assert ["MessageSid" in one for one in played.body] == [True, False] and len(played.asked) == 1
    elif sort == "left out":
        entry = road.entry(sender="15550100009")
        assert sent(road, {name: GONE}, entry=entry).told()["From"] == "15550100009"
        assert (sent(road, {name: GONE}).status, sent(road, {name: GONE}).asked) == (400, [])
    elif row.verdict == "refused":
        value = {"a short code": "12345", "a client": "client:bob"}.get(sort, values.get(name))
        played = sent(road, {name: value})
        assert (played.status, played.asked) == (400, []) and name in played.reply.response.body.decode()
    elif row.verdict == "emulated":
        address = name.replace("Method", "") if road.is_old else name.replace("Method", "Uri")
        played = sent(road, {address: values[address], name: values[name]})
        [wish] = [intent.wish for intent in played.intents]
        assert wish == (values[address], "GET" if name != address else "POST")
        assert not {name, address} & set(played.told())
    elif row.verdict == "lossy":
        played = sent(road, {name: values[name]})
        assert played.status == 200 and values[name] not in played.told().values()
    else:
        assert str(sent(road).told()[quoted(row)[0]]).lstrip("+") == str(SEND[road.front][name]).lstrip("+")


_STATUS: Final[dict[str, dict[str, Any]]] = {
    "is there": {"Submitted": AT + 2}, "is not there": {"Submitted": GONE}, "is later than now": {"Scheduled": NOW + 9, "Submitted": GONE},
}  # fmt: skip


def play_status_word(road: Road, row: Row) -> None:
    member, theirs = ("status", "Status") if road.is_old else ("Status", "status")
    words = [word for word in quoted(row) if word in {other.wire for other in SPOKEN[road.back].table.words.status}]
    if road.is_old:
        needs = next((facts for says, facts in _STATUS.items() if says in row.reason), {})
        if "unless" in row.reason:
            needs = {"Submitted": GONE, "Scheduled": AT}
        assert got(road, **{theirs: words[0]}, **needs).shown[member] == row.name
    else:
        shown = [
            got(road, **{theirs: word}, date_sent=GONE if word == "failed" else OLD_ROW["date_sent"]).shown
            for word in words
        ]
        assert [one[member] for one in shown] == [row.name] * len(words)
        if "told apart" in row.reason:
            assert sorted("Submitted" in one for one in shown) == [False, True]


def play_direction_word(road: Road, row: Row) -> None:
    member, theirs = ("direction", "Direction") if road.is_old else ("Direction", "direction")
    known = {other.wire for other in SPOKEN[road.back].table.words.direction}
    words = [word for word in quoted(row) if word in known] or [row.name.removesuffix(" (behind)")]
    shown = {got(road, **{theirs: word}).shown[member] for word in words}
    if "never shown" in row.reason:
        assert row.name not in {got(road, **{theirs: word}).shown[member] for word in known} and shown == {
            quoted(row)[1]
        }
    else:
        assert shown == {quoted(row)[0] if row.name.endswith("(behind)") else row.name}


def play_error_code(road: Road, row: Row) -> None:
    if not road.is_old:
        assert got(road, status="failed", error_code=31234).shown["ErrorCode"] == "31234"
        return
    text = re.search("“(.*)”", row.reason)
    assert text is not None
    code, shown = (row.name, int(row.name)) if row.name.isdigit() else ("NO_SUCH", 30008)
    found = got(road, Status="Failed", ErrorCode=code).shown
    assert (found["error_code"], found["error_message"]) == (shown, text[1])


def play_filter(road: Road, row: Row) -> None:
    name = row.name.removesuffix(" (behind)")
    if row.verdict == "refused":
        played = listed(road, {name: "x"})
        assert (played.status, played.asked) == (400, []) and name in played.body["message"]
    elif row.name.endswith("(behind)"):
        assert int(listed(road).told()[name]) == {"Date_From": 0, "Date_To": NOW + 300}[name]
    elif row.verdict == "emulated":
        value, other = {
            "To": ("13216549878", "13216549879"), "From": ("19876543212", "19876543213"), "Body": ("SMS", "sms"),
            "Status": ("delivered", "sent") if road.is_old else ("Delivered", "Submitted"), "Direction": ("Transmit", "Receive"),
        }[name]  # fmt: skip
        if not row.reason.startswith("`"):
            assert [len(_shown(listed(road, {name: asked}))) for asked in (value, other)] == [1, 0]
        assert (name in listed(road, {name: value}).told()) == (row.reason.startswith("`"))
        if row.reason.startswith("`"):
            undelivered: dict[str, Any] = {"Status": "Failed", "ErrorCode": "30005"}
            assert [len(_shown(listed(road, {name: word}, **undelivered))) for word in ("failed", "undelivered")] == [
                0,
                1,
            ]
    else:
        bounds = {"StartTime": "2023-11-14T22:00:00", "EndTime": "2023-11-14T23:00:00"} if road.is_old else {}
        told = listed(road, bounds).told()[quoted(row)[0]]
        expected = {
            "StartTime": 1_699_999_200,
            "EndTime": 1_700_002_801,
            "Date_From": "2023-11-14T21:55:20",
            "Date_To": "2023-11-14T22:28:39",
        }
        assert told == expected[name]


def _shown(played: Played) -> list[Any]:
    body = played.body
    found: list[Any] = body.get("messages", body.get("Messages"))
    return found


def play_sort(road: Road, row: Row) -> None:
    if row.verdict == "refused":
        played = listed(road, {"SortBy": row.name})
        assert (played.status, played.asked) == (400, [])
        return
    if not road.is_old:
        assert listed(road).told()["SortBy"] == "DateCreated:asc"
        return
    asked = {} if row.name == "nothing asked" else {"SortBy": row.name}
    order = [one["sid"][-1] for one in _shown(listed(road, asked, count=3))]
    assert order == (["A", "B", "C"] if row.name == "DateCreated" else ["C", "B", "A"])


def play_paging(road: Road, row: Row) -> None:
    sids = [one.get("sid", one.get("MessageSid"))[-1] for one in _shown(listed(road, {}, count=8))]
    if not road.is_old:
        played = listed(road, {"Results_Skip": 2, "Results_Count": 3}, count=8)
        assert [one["MessageSid"][-1] for one in _shown(played)] == sids[2:5]
        assert listed(road, {"Results_Count": 1000}).told()["PageSize"] == "200"
        return
    path = f"{road.path}.json"
    after = "SM" + V2_ROW["MessageSid"][:-1] + sids[2]
    expected = {
        "Page": ({"Page": 1, "PageSize": 3}, "messages", sids[3:6]), "PageSize": ({"PageSize": 2}, "messages", sids[:2]),
        "Limit": ({"Limit": 4}, "messages", sids[:4]), "AfterSid": ({"AfterSid": after, "PageSize": 2}, "messages", sids[3:5]),
        "page": ({"Page": 1, "PageSize": 3}, "page", 1), "num_pages": ({"PageSize": 3}, "num_pages", 2), "page_size": ({}, "page_size", 50),
        "total": ({}, "total", 8), "limit": ({}, "limit", 10000), "start": ({"Page": 1, "PageSize": 3}, "start", "3"),
        "end": ({"Page": 1, "PageSize": 3}, "end", "5"), "uri": ({}, "uri", road.path),
        "first_page_uri": ({}, "first_page_uri", f"{path}?Page=0&PageSize=50&Limit=10000"),
        "previous_page_uri": ({"Page": 1, "PageSize": 3}, "previous_page_uri", f"{path}?Page=0&PageSize=3&Limit=10000"),
        "next_page_uri": ({"PageSize": 3}, "next_page_uri", f"{path}?Page=1&PageSize=3&AfterSid={after}&Limit=10000"),
        "last_page_uri": ({"PageSize": 3}, "last_page_uri", f"{path}?Page=2&PageSize=3&Limit=10000"),
    }  # fmt: skip
    asked, member, value = expected[row.name]
    body = listed(road, asked, count=8).body
    found = [one["sid"][-1] for one in body["messages"]] if member == "messages" else body[member]
    assert found == value


def answering(status: int, body: Any = "") -> Callable[[Request], Answer]:
    return lambda request: Response(status, (), json.dumps(body).encode())


def play_fault(road: Road, row: Row) -> None:
    status, fault = row.name.split()
    played = FAULTS_PLAYED[fault](road)
    for one in played if isinstance(played, list) else [played]:
        assert (one.status, one.reply.fault) == (int(status), fault)
        if row.reason.startswith("said without a request"):
            assert one.asked == []


def _given_up(fault: str) -> Callable[[Road], Played]:
    """Play a row of the shell: it gives up, and requests this response."""

    def played(road: Road) -> Played:
        suffix = ".json" if road.is_old else ""
        return Played(failure(Accounts([road.entry()]), Request("GET", road.path + suffix), fault), [], [])

    return played


def _answered(operation: str, statuses: list[int], body: Any = "") -> Callable[[Road], list[Played]]:
    def played(road: Road) -> list[Played]:
        sid = "SM" + V2_ROW["MessageSid"] if road.is_old else "M" + "A" * 31
        suffix = ".json" if road.is_old else ""
        bounds = "" if road.is_old else f"Date_From={AT}&Date_To={NOW}"
        found = []
        for status in statuses:
            provider = answering(status, body)
            if operation == "send":
                found.append(sent(road, provider=provider))
            elif operation == "get":
                found.append(play(road, "GET", f"{road.path}/{sid}{suffix}", provider=provider))
            else:
                found.append(play(road, "GET", road.path + suffix, bounds, provider=provider))
        return found

    return played


def _all(*some: Callable[[Road], Any]) -> Callable[[Road], list[Played]]:
    return lambda road: [one for each in some for one in each(road)]


def _failing(kind: Any) -> Callable[[Road], Played]:
    return lambda road: listed_by(road, lambda request: Failure(kind))


def listed_by(road: Road, provider: Callable[[Request], Answer], **more: Any) -> Played:
    bounds = "" if road.is_old else f"Date_From={AT}&Date_To={NOW}"
    return play(road, "GET", road.path + (".json" if road.is_old else ""), bounds, provider=provider, **more)


def _text(road: Road) -> str:
    return "Body" if road.is_old else "Text"


FAULTS_PLAYED: Final[dict[str, Callable[[Road], Any]]] = {
    "unauthenticated": lambda road: listed_by(road, answering(200), opened_by="wrong"),
    "forbidden": lambda road: play(road, "GET", road.path.replace("AC1", "AC2").replace(PROPERTY, PROPERTY[:-1] + "G")),
    "too-large": lambda road: play(road, "POST", road.path, "", None),
    "body-overdue": _given_up("body-overdue"), "overdue": _given_up("overdue"), "internal": _given_up("internal"),
    "store-down": _given_up("store-down"), "too-busy": _given_up("too-busy"),
    "not-acceptable": lambda road: play(road, "GET", road.path, accept="text/csv"),
    "no-route": lambda road: play(road, "GET", road.path + "/a/b/c"),
    "method-not-allowed": lambda road: play(road, "DELETE", road.path),
    "unsupported-media": lambda road: sent(road, media="text/plain"),
    "malformed-body": lambda road: play(road, "POST", road.path, "", b"&".join([b"a=b"] * 300) if road.is_old else b"{"),
    "missing-parameter": lambda road: sent(road, {_text(road): GONE}),
    "invalid-parameter": lambda road: sent(road, {"To": "0412345678"}),
    "unsortable": lambda road: listed(road, {"SortBy": ":asc"}),
    "unsupported-parameter": lambda road: listed(road, {"Direction": "x"}) if road.is_old else sent(road, {"Schedule": NOW + 99}),
    "refused-parameter": lambda road: sent(
        road, provider=answering(400, {"ResponseStatus": {"ErrorCode": "X", "Message": "", "Errors": [{"FieldName": "To"}]}})
    ),
    "refused-message": _answered("send", [400, 413, 415, 422]),
    "unknown-message": lambda road: [
        *_answered("get", [404])(road),
        *(_answered("get", [400], {"ResponseStatus": {"ErrorCode": "A_NOT_FOUND"}})(road) if road.is_old else []),
    ],
    "page-out-of-range": lambda road: listed(road, {"Page": 5}),
    "list-too-long": lambda road: listed_by(road, shows(road, {}, 1), max_asks=0),
    "back-unreachable": _failing("never-left"), "back-timeout": _failing("timeout"),
    "back-failed": _all(_answered("send", [404, 405]), _answered("get", [300, 500, 599]), _answered("list", [302, 418, 500])),
    "back-refused-us": _all(*(_answered(operation, [401, 403]) for operation in ("send", "get", "list"))),
    "back-busy": _all(_answered("send", [429]), _answered("get", [429, 503]), _answered("list", [429, 503])),
    "outcome-unknown": _answered("send", [302, 500, 503, 504]),
    "key-reused": lambda road: sent(road, stands="reused", extra=(("idempotency-key", "k"),)),
    "key-running": lambda road: sent(road, stands="running", extra=(("idempotency-key", "k"),)),
    "callbacks-owed": lambda road: sent(road, stands="owed"),
}  # fmt: skip


def play_format(road: Road, row: Row) -> None:
    if row.name == "application/json":
        assert got(road).reply.response.header("content-type") == row.name
        return
    text = "a\x01b" if "control" in row.name else "ab"
    played = play(road, "GET", road.path, provider=shows(road, {"Text": text}), accept="application/xml")
    assert played.reply.response.header("content-type") == "application/xml"
    assert f"<Body>{text.replace(chr(1), chr(0xFFFD))}</Body>" in played.reply.response.body.decode()
    assert played.asked[0].header("accept") == "application/json"


def play_header(road: Road, row: Row) -> None:
    if row.name == "Authorization":
        assert got(road).asked[0].header("authorization") == "Basic " + b64encode(b"B1:b").decode()
    elif row.name == "WWW-Authenticate":
        refused = listed_by(road, answering(200), opened_by="wrong").reply.response
        assert refused.header("www-authenticate") == quoted(row)[0]
    elif row.name == "Accept":
        found = play(
            road, "GET", road.path, "" if road.is_old else f"Date_From={AT}&Date_To={NOW}", accept="application/json"
        )
        assert found.reply.response.header("content-type") in quoted(row)
    elif row.name == "Retry-After":
        for said, shown in (("7", "7"), ("", "1"), ("Tue, 14 Nov 2023 22:14:20 GMT", "60")):
            headers = (("retry-after", said),) if said else ()
            busy = listed_by(road, lambda request, headers=headers: Response(503, headers))  # type: ignore[misc]
            assert busy.reply.response.header("retry-after") == shown
    else:
        assert row.name == "X-Request-Id"  # the shell's: tests/test_shell.py takes, makes, echoes and passes it on


PLAYERS: Final[dict[str, Callable[[Road, Row], None]]] = {
    "send parameter": play_send_parameter, "field": play_field, "status word": play_status_word, "direction word": play_direction_word,
    "error code": play_error_code, "filter": play_filter, "sort": play_sort, "paging": play_paging, "fault": play_fault,
    "format": play_format, "header": play_header,
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.front}: {row.what} {row.name}")
def test_a_row_of_the_page_is_true(row: Row) -> None:
    PLAYERS[row.what](ROADS[row.front, row.back], row)


def test_there_are_rows_for_both_roads() -> None:
    assert {(row.front, row.back) for row in ROWS} == set(ROADS)
    assert len(ROWS) > 200
    assert {row.what for row in ROWS} == set(PLAYERS)
