"""The status callbacks of the simulated Restcomm service against its document."""

import asyncio
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.clock import ManualClock
from conformance.twins.restcomm import RestcommTwin, stand_up
from conformance.twins.serving import serve

ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "token"
MESSAGES = f"/restcomm/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages"
SAMPLE = {"From": "19876543212", "To": "13216549878", "Body": "Test SMS"}


def twin_at(now: float = 1_447_935_695) -> tuple[RestcommTwin, ManualClock]:
    clock = ManualClock(now)
    return RestcommTwin(accounts={ACCOUNT: TOKEN}, clock=clock), clock


def send(twin: RestcommTwin, **fields: str) -> str:
    """The sid of a message sent in process."""

    async def once() -> str:
        transport = httpx.ASGITransport(twin.app)
        async with httpx.AsyncClient(transport=transport, auth=(ACCOUNT, TOKEN)) as client:
            answer = await client.post(f"http://twin{MESSAGES}.json", data={**SAMPLE, **fields})
            return str(answer.json()["sid"])

    return asyncio.run(once())


@pytest.mark.parametrize(
    ("ending", "events"),
    [
        ("7777", [("sent", None), ("delivered", None)]),
        ("0001", [("failed", "30008")]),
        ("0002", [("sent", None), ("undelivered", "30005")]),
        ("0003", [("sent", None), ("failed", "30003")]),
        ("0004", []),
    ],
)
def test_callbacks_are_handed_out_once_when_due(ending: str, events: list[tuple[str, str | None]]) -> None:
    twin, clock = twin_at()
    to = f"1555123{ending}"
    sid = send(twin, To=to, StatusCallback="http://app.test/status")
    assert twin.due_callbacks() == []
    due = []
    for _ in range(3):
        clock.advance(2.5)
        due += twin.due_callbacks()
    assert [(event.method, event.url) for event in due] == [("POST", "http://app.test/status")] * len(events)
    for event, (status, error_code) in zip(due, events, strict=True):
        error = [("ErrorCode", error_code)] if error_code else []
        parties = [("AccountSid", ACCOUNT), ("From", "19876543212"), ("To", to), ("Body", "Test SMS")]
        assert list(event.parameters) == [("MessageSid", sid), ("MessageStatus", status), *error, *parties]


def test_a_message_to_a_client_gets_no_callback() -> None:
    twin, clock = twin_at()
    send(twin, To="client:alice8", StatusCallback="http://status.callback.url")
    clock.advance(60)
    assert twin.due_callbacks() == []


@pytest.mark.parametrize(("given", "method"), [("GET", "GET"), ("get", "GET"), ("POST", "POST"), ("PUT", "POST")])
def test_the_callback_method_is_post_unless_get_is_asked_for(given: str, method: str) -> None:
    twin, clock = twin_at()
    send(twin, StatusCallback="http://app.test/status", StatusCallbackMethod=given)
    clock.advance(1)
    assert [event.method for event in twin.due_callbacks()] == [method]


def test_callbacks_of_messages_come_in_order_and_show_no_personal_data() -> None:
    twin, clock = twin_at()
    first = send(twin, StatusCallback="http://app.test/status")
    clock.advance(2)
    second = send(twin, StatusCallback="http://app.test/status")
    clock.advance(60)
    due = twin.due_callbacks()
    assert [event.message_sid for event in due] == [first, second, first, second]
    assert SAMPLE["To"] not in repr(due) and SAMPLE["Body"] not in repr(due)


def test_callbacks_reach_a_receiver_in_order_as_a_form_or_as_a_query() -> None:
    twin, clock = twin_at()
    heard: list[tuple[str, list[tuple[str, str]]]] = []

    async def hear(request: Request) -> Response:
        pairs = parse_qsl(request.url.query) + parse_qsl((await request.body()).decode())
        heard.append((request.method, [pair for pair in pairs if pair[0] in ("k", "MessageStatus", "Body")]))
        return Response(status_code=500)

    async def drive(method: str) -> list[int | None]:
        async with (
            serve(Starlette(routes=[Route("/s", hear, methods=["GET", "POST"])])) as url,
            httpx.AsyncClient() as client,
            httpx.AsyncClient(transport=httpx.ASGITransport(twin.app), auth=(ACCOUNT, TOKEN)) as caller,
        ):
            form = {**SAMPLE, "Body": "a&b", "StatusCallback": f"{url}/s?k=1", "StatusCallbackMethod": method}
            await caller.post(f"http://twin{MESSAGES}", data=form)
            clock.advance(5)
            return [attempt.status for attempt in await twin.run_callbacks(client)]

    for method in ("POST", "GET"):
        heard.clear()
        assert asyncio.run(drive(method)) == [500, 500]
        assert [seen for seen, _ in heard] == [method, method]
        assert [sorted(pairs) for _, pairs in heard] == [
            [("Body", "a&b"), ("MessageStatus", status), ("k", "1")] for status in ("sent", "delivered")
        ]


def test_a_receiver_that_is_not_there_costs_one_attempt_and_nothing_else() -> None:
    twin, clock = twin_at()
    send(twin, To="15551230001", StatusCallback="http://app.test/status")
    clock.advance(60)

    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async def drive() -> list[int | None]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(unreachable)) as client:
            return [attempt.status for _ in range(2) for attempt in await twin.run_callbacks(client)]

    assert asyncio.run(drive()) == [None]


def test_stood_up_by_itself_it_has_a_history_and_calls_back() -> None:
    called = asyncio.Event()

    async def hear(request: Request) -> Response:
        called.set()
        return Response()

    async def drive() -> int:
        app = stand_up(account=ACCOUNT, token=TOKEN, properties=(), messages=7, seed=1)
        async with (
            serve(Starlette(routes=[Route("/", hear, methods=["POST"])])) as receiver,
            serve(app) as url,
            httpx.AsyncClient(auth=(ACCOUNT, TOKEN)) as client,
        ):
            form = {**SAMPLE, "StatusCallback": receiver}
            await client.post(f"{url}{MESSAGES}", data=form)
            await asyncio.wait_for(called.wait(), timeout=5)
            total: int = (await client.get(f"{url}{MESSAGES}.json")).json()["total"]
            return total

    assert asyncio.run(drive()) == 7 + 30 + 1
