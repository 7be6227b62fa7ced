"""Facts that no literal case can hold: headers, notes beside a response, and whole lists."""

import asyncio
import json
from base64 import b64encode
from typing import Any

import pytest

from tests.listing import MANY, NOW, PATH, PROPERTY, Provider, ask, message, old_provider, page_of, world
from tests.odd_rows import FRONT, OLD_ACCOUNT, rows_of, search
from tests.twins import World, call, spoken
from translator.core.accounts import Accounts
from translator.core.exchange import Limits
from translator.core.http.messages import Answer, Request, Response
from translator.core.model import Message
from translator.shell.server.handler import Proxy
from translator.shell.server.response_head import spelt


def _basic(login: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Basic {b64encode(login.encode()).decode()}"),)


# ----------------------------------------------------------------------------------------------------- row 26, OPTIONS


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (PATH + ".json", "POST, GET, HEAD, OPTIONS"),
        (PATH, "POST, GET, HEAD, OPTIONS"),
        (PATH + "/SM1.json", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_tells_the_methods_of_a_path(path: str, methods: str) -> None:
    reply = world(Provider([])).play(Request("OPTIONS", path, "", _basic("AC1:front-token")), NOW)
    assert (reply.response.status, reply.response.body, reply.response.header("allow")) == (200, b"", methods)
    assert (reply.fault, reply.asks) == ("", 0)


# ------------------------------------------------------------------- rows 7 and 28, lists that are cut, and the note of it


def test_a_default_that_nobody_asked_for_says_that_it_cut_the_list() -> None:
    stock = MANY[:60]
    front = World(
        spoken("restcomm", limit_default=50),
        spoken("properties-v2", "back"),
        Provider(stock),
        properties=("", PROPERTY),
    )
    reply = front.play(ask({"PageSize": 10}), NOW)
    assert (reply.total, page_of(reply)["total"]) == ("capped", 50)
    assert front.play(ask({"PageSize": 10, "Limit": 50}), NOW).total == "exact"
    assert front.play(ask({"PageSize": 10, "Limit": 60}), NOW).total == "exact"


def test_default_of_the_document_cuts_a_long_list_and_the_old_one_does_not() -> None:
    stock = MANY[:10_001]
    seed = world(Provider(stock)).play(ask({}), NOW)
    assert (seed.total, page_of(seed)["total"]) == ("capped", 10_000)
    old = world(Provider(stock), profile="open-source").play(ask({}), NOW)
    assert (old.total, page_of(old)["total"], "limit" in page_of(old)) == ("exact", 10_001, False)


def _old_world(messages: Any) -> World:
    twin = old_provider(messages)
    return World(
        FRONT,
        spoken("restcomm", "back"),
        lambda request: call(twin.app, request),
        accounts=OLD_ACCOUNT,
        properties=(PROPERTY, ""),
    )


def test_smaller_page_than_requested_says_so_and_the_skip_walk_is_exact() -> None:
    stock = [message(number, MANY[0].created + number) for number in range(450)]
    front = _old_world(stock)
    seen: list[str] = []
    for skip in (0, 200, 400):
        reply = front.play(search({"Results_Count": 1000, "Results_Skip": skip}), NOW)
        seen += [row["MessageSid"] for row in rows_of(reply)]
        assert reply.total == ("capped" if skip < 400 else "exact")
    assert len(set(seen)) == len(seen) == 450


# ------------------------------------------------------------------------------- row 29, a page that a provider refuses


def _refusing(messages: Any, page: int, *, counts: bool = True) -> World:
    """A provider that refuses one page, whatever it holds, and perhaps does not count its pages."""
    twin = old_provider(messages)

    def provider(request: Request) -> Answer:
        if f"&Page={page}&" in request.query:
            return Response(400)
        answer = call(twin.app, request)
        if counts:
            return answer
        return answer.replace(body=json.dumps({"messages": json.loads(answer.body)["messages"]}).encode())

    return World(FRONT, spoken("restcomm", "back"), provider, accounts=OLD_ACCOUNT, properties=(PROPERTY, ""))


@pytest.mark.parametrize("rows", [450, 600])
def test_a_page_that_the_provider_itself_counts_is_refused_by_a_fault(rows: int) -> None:
    stock = [message(number, MANY[0].created + number // 10) for number in range(rows)]
    reply = _refusing(stock, 1).play(search({"Status": "Submitted"}), NOW)
    assert (reply.response.status, reply.fault) == (502, "back-failed")
    assert "refuses a page" in reply.log


def test_a_page_past_the_last_is_the_end_where_nothing_says_otherwise() -> None:
    stock = [message(number, MANY[0].created + number) for number in range(400)]
    reply = _refusing(stock, 2, counts=False).play(search({"Results_Count": 200, "Results_Skip": 200}), NOW)
    assert len(rows_of(reply)) == 200


# ----------------------------------------------------------------------------------- rows 8 and 19, the response to a send


def test_a_send_without_a_receipt_is_answered_without_one() -> None:
    """ "DeliveryReceipt: Set to true if a delivery receipt was requested and false otherwise." """
    front = _old_world([])
    for asked in (True, False):
        body = json.dumps(
            {"From": "+15550100001", "To": "+15550100002", "Text": "x", "DeliveryReceipt": asked}
        ).encode()
        headers = (*_basic("A1:front-token"), ("content-type", "application/json"))
        reply = front.play(Request("POST", f"/v2/Properties/{PROPERTY}/Messages", "", headers, body), NOW)
        assert json.loads(reply.response.body)["Message"]["DeliveryReceipt"] is asked


@pytest.mark.parametrize(("numbers", "shown"), [("bare", "15550100001"), ("plus", "+15550100001")])
def test_numbers_are_spelt_in_calls_as_they_are_in_answers(numbers: str, shown: str) -> None:
    told = Message(
        sid="M" + "A" * 31,
        sender="+15550100001",
        recipient="+15550100001",
        text="x",
        status="sent",
        direction="outbound-api",
        created=1,
    )
    pairs = dict(spoken("restcomm", numbers=numbers).calls.write(told, "sent", "AC1", ""))
    assert (pairs["From"], pairs["To"]) == (shown, shown)


# ------------------------------------------------------------------------------------------------ row 18, names of headers


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("content-type", "Content-Type"), ("www-authenticate", "WWW-Authenticate"), ("x-request-id", "X-Request-Id"), ("allow", "Allow"),
        ("retry-after", "Retry-After"), ("x-translator-total", "X-Translator-Total"), ("Content-Type", "Content-Type"), ("date", "Date"),
    ],
)  # fmt: skip
def test_headers_are_written_as_old_servers_wrote_them(name: str, written: str) -> None:
    assert spelt(name) == written


def _names(answers: Proxy, asked: str) -> set[str]:
    """The names of the headers of an answer, as a server that speaks ASGI is given them."""
    method, _, path = asked.partition(" ")
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [],
    }  # fmt: skip
    started: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        started.append(message)

    asyncio.run(answers.application()(scope, receive, send))
    return {name.decode() for name, _ in started[0]["headers"]}


@pytest.mark.parametrize("asked", [f"GET {PATH}.json", f"HEAD {PATH}", "GET /nowhere"])
def test_another_server_is_given_the_names_as_old_servers_wrote_them(asked: str) -> None:
    """Uvicorn over h11 and Hypercorn write them as they are given; over httptools Uvicorn makes them small."""
    names = _names(Proxy(Accounts([world(Provider([])).entry]), Limits(), {}), asked)
    assert {"Content-Type", "X-Request-Id"} <= names
    assert all(spelt(name) == name for name in names - {"content-length", "connection"}), names
    assert "WWW-Authenticate" in names


# ----------------------------------------------------------------------------------- a text that no list could show


@pytest.mark.parametrize("letter", ["a", "😀"])
def test_text_that_no_list_could_show_is_refused_by_name(letter: str) -> None:
    """No document bounds a text. The 255 segments of the longest SMS hold 39,015 characters (TS 23.038)."""
    front = _old_world([])
    texts = [letter * size for size in (65_536, 65_537)]
    entries = [{"From": "+15550100001", "To": "+15550100002", "Text": text} for text in texts]
    headers = (*_basic("A1:front-token"), ("content-type", "application/json"))
    path = f"/v2/Properties/{PROPERTY}/Messages"
    whole = json.dumps({"Messages": entries}).encode()
    batch = front.play(Request("POST", path.replace("/Messages", "/BatchMessages"), "", headers, whole), NOW)
    told = json.loads(batch.response.body)
    assert ([len(entry.get("Text", "")) for entry in told], batch.asks) == ([65_536, 0], 1)
    reason = "Text has to be a text of at most 65536 characters"
    one = front.play(Request("POST", path, "", headers, json.dumps(entries[1]).encode()), NOW)
    assert (one.response.status, one.asks) == (400, 0)
    for status in (told[1], json.loads(one.response.body)):
        assert reason in json.dumps(status)
