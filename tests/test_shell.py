"""The shell: everything that a back can do to a request, on real sockets, and the front's response to it."""

import asyncio
import json
import re
import socket
import struct
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

import httpx
import pytest
import structlog

from conformance.clock import ManualClock
from conformance.twins.properties_v2 import PropertiesV2Twin, TwinAccount, seeded_messages
from tests.fronts import (
    ACCOUNT,
    BASIC,
    MESSAGES,
    NOW,
    PROPERTY,
    SMS,
    TOKEN,
    Script,
    Scripted,
    accounts,
    always,
    back,
    proxy,
    requested,
)
from tests.twins import spoken
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.effects import Intent, Recorded
from translator.core.exchange import Limits, Reply
from translator.core.http import messages as wire
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.core.model import Note
from translator.shell.aio.memory_budget import Hold
from translator.shell.client.httpx_transport import HttpxTransportAdapter
from translator.shell.client.provider_client import ProviderClient
from translator.shell.observability.admin import METRICS, PREFIX, Meter, admin_application
from translator.shell.runtime.effect_runner import NullJournal, ProviderPort
from translator.shell.server.handler import Proxy
from translator.shell.server.request import ServerRequest, received

# ---- the back, on real sockets -----------------------------------------------------------------------------


def answering(head: str, body: bytes = b"") -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return script


async def stalling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing is a reset
    writer.transport.abort()


def over(transport: httpx.AsyncBaseTransport) -> HttpxTransportAdapter:
    """An engine over a transport of httpx."""
    return HttpxTransportAdapter("http://back.test", 2**24, 10.0, 64, transport)


A_GET = Request("GET", "/v2/x")


async def asked(url: str, request: Request = A_GET, **knobs: Any) -> Answer:
    upstream = ProviderClient(url, **knobs)
    try:
        return await upstream.ask(request, "an-id")
    finally:
        await upstream.aclose()


def tried(script: Script, **knobs: Any) -> Answer:
    async def main() -> Answer:
        async with back(script) as url:
            return await asked(url, **knobs)

    return asyncio.run(main())


def test_an_answer_comes_back_whole_and_once() -> None:
    answer = tried(answering("HTTP/1.1 302 Found\nLocation: /elsewhere\nSet-Cookie: a=b\nContent-Length: 2", b"{}"))
    assert answer == Response(302, (("location", "/elsewhere"), ("set-cookie", "a=b"), ("content-length", "2")), b"{}")


def test_the_request_is_sent_as_it_is_written() -> None:
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        seen.append(await reader.readexactly(2))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    request = Request("GET", "/v2/P%2B/x", "a=%2B1&b=x+y", (("content-type", "application/json"),), b"{}")

    async def main() -> Answer:
        async with back(script) as url:
            return await asked(f"{url}/restcomm/", request)

    assert asyncio.run(main()) == Response(200, (("content-length", "0"),), b"")
    line, *headers = seen[0].decode().lower().split("\r\n")
    assert line == "get /restcomm/v2/p%2b/x?a=%2b1&b=x+y http/1.1"
    assert seen[1] == b"{}"
    assert {"content-type: application/json", "content-length: 2", "accept-encoding: identity"} <= set(headers)
    assert "x-request-id: an-id" in headers


def test_a_path_that_the_library_would_change_is_never_asked() -> None:
    answer = tried(stalling, request=Request("GET", "/v2/../secrets"))
    assert isinstance(answer, Failure)
    assert answer.kind == "never-left"


@pytest.mark.parametrize(
    ("script", "knobs", "failure"),
    [
        (stalling, {"timeout": 0.5}, Failure("timeout", "deadline")),
        (resetting, {}, Failure("broken", "the connection was closed before an answer came")),
        (
            answering("HTTP/1.1 200 OK\nContent-Length: 9", b"half"),
            {},
            Failure("broken", "the connection was closed within the answer"),
        ),
        (answering("this is no HTTP"), {}, Failure("broken", "the answer is not HTTP")),
        (
            answering("HTTP/1.1 200 OK\nContent-Length: 9", b"too large"),
            {"largest": 8},
            Failure("broken", "a body larger than is read"),
        ),
        (
            answering("HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 1", b"x"),
            {},
            Failure("broken", "an encoded body, which was not asked for"),
        ),
    ],
)
def test_a_back_that_fails_after_the_request_has_left(script: Script, knobs: Any, failure: Failure) -> None:
    assert tried(script, **knobs) == failure


def test_a_body_of_exactly_the_largest_size_is_read() -> None:
    answer = tried(answering("HTTP/1.1 200 OK\nContent-Length: 9", b"too large"), largest=9)
    assert isinstance(answer, Response)
    assert answer.body == b"too large"


def test_a_body_that_trickles_is_cut_by_the_deadline_of_the_whole_call() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.005)

    assert tried(script, timeout=0.5) == Failure("timeout", "deadline")


def test_what_never_reached_a_back_never_left() -> None:
    async def main() -> tuple[Answer, Answer, Answer]:
        async with back(stalling) as url:
            handshake = await asked(url.replace("http:", "https:"), timeout=1.0)
        refused = await asked(url)
        return handshake, refused, await asked("ftp://127.0.0.1")

    assert asyncio.run(main()) == (
        Failure("never-left", "deadline"),
        Failure("never-left", "ConnectionRefusedError"),
        Failure("never-left", "an address that is not http or https"),
    )


class Held(httpx.AsyncBaseTransport):
    """A transport that keeps a call's slot, although its time is over, until it is let go."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            await asyncio.Event().wait()
        finally:
            await self.let_go.wait()
        raise httpx.ReadError("let go", request=request)


def test_a_call_that_gets_no_slot_never_left() -> None:
    async def main() -> tuple[Answer, Answer]:
        transport = Held()
        upstream = ProviderClient("http://127.0.0.1:1", timeout=0.05, concurrency=1, engine=over(transport))
        first = asyncio.create_task(upstream.ask(Request("GET", "/x"), "an-id"))
        await asyncio.sleep(0)
        second = await upstream.ask(Request("GET", "/x"), "an-id")
        transport.let_go.set()
        return await first, second

    assert asyncio.run(main()) == (Failure("timeout", "deadline"), Failure("never-left", "deadline"))


# ---- the front ---------------------------------------------------------------------------------------------


def twin() -> PropertiesV2Twin:
    made = PropertiesV2Twin(accounts={"A1": TwinAccount("back-token", (PROPERTY,))}, clock=ManualClock(NOW))
    made.load(seeded_messages("A1", PROPERTY, 30, 1, NOW))
    return made


def through_the_twin() -> ProviderClient:
    return ProviderClient("http://back.test", engine=over(httpx.ASGITransport(twin().app)))


def test_the_seeds_send_and_list_go_all_the_way() -> None:
    sent = requested(through_the_twin(), "POST", data=SMS)
    assert (sent.status_code, sent.json()["status"], sent.json()["from"]) == (200, "sending", "19876543212")
    filters = "From=19876543212&To=13216549878&StartTime=2018-05-30&EndTime=2018-06-09&Page=0&PageSize=10"
    listed = requested(through_the_twin(), path=f"{MESSAGES}?{filters}&SortBy=DateCreated:asc")
    first = listed.json()["messages"][0]
    assert (first["date_created"], first["body"]) == ("Thu, 31 May 2018 16:10:32 +0000", "Hello 13216549878")


def test_a_head_is_a_get_without_its_body() -> None:
    whole, head = requested(through_the_twin()), requested(through_the_twin(), "HEAD")
    assert (whole.status_code, head.status_code) == (200, 200)
    assert head.content == b""
    assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.content))


def test_a_request_id_is_taken_echoed_and_passed_on_or_made() -> None:
    provider = always(Failure("never-left"))
    good = requested(provider, headers={"x-request-id": "A-b_c.1"})
    assert good.headers["x-request-id"] == "A-b_c.1"
    assert provider.asked[0][1] == "A-b_c.1"
    for bad in ("", "a b", "a" * 65, "id\tid"):
        made = requested(always(Failure("never-left")), headers={"x-request-id": bad})
        assert re.fullmatch(r"[0-9a-f]{32}", made.headers["x-request-id"])


def test_the_path_reaches_the_core_as_it_was_sent() -> None:
    for path in ("/2012-04-24/Accounts/%0A/SMS/Messages.json", "//", "/2012-04-24/Accounts/a%2Fb/SMS/Messages.json"):
        answer = requested(always(Failure("never-left")), path=path)
        assert answer.status_code in (403, 404)
        assert "message" in answer.text.lower()
    plus = always(Failure("never-left"))
    requested(plus, path=f"{MESSAGES}?From=%2B19876543212")
    assert len(plus.asked) == 1


def test_a_body_larger_than_is_read_is_refused_without_reading_on() -> None:
    provider = always(Failure("never-left"))
    sizes: list[int] = []

    async def main() -> httpx.Response:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(100):
                sizes.append(1)
                yield b"x"

        transport = httpx.ASGITransport(proxy(provider, max_body=10).application())
        async with httpx.AsyncClient(transport=transport, base_url="http://front.test") as client:
            return await client.post(MESSAGES, content=pieces(), headers={"authorization": BASIC})

    assert asyncio.run(main()).status_code == 413
    assert (len(sizes), provider.asked) == (11, [])


def test_a_body_that_stalls_is_answered_and_the_connection_closed() -> None:
    async def main() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(60)
            return {}

        async def send(message: Any) -> None:
            sent.append(message)

        await proxy(always(Failure("never-left")), deadline=0.02)(scope("POST"), receive, send)
        return sent

    start, _ = asyncio.run(main())
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]


def test_requests_run_up_to_the_limit_and_one_more_gets_a_retry_time() -> None:
    async def main() -> list[httpx.Response]:
        go_on = asyncio.Event()

        async def held(request: Request) -> Answer:
            await go_on.wait()
            return Failure("never-left")

        app = proxy(Scripted(held), queue_max=2).application()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://front.test") as client:

            def ask() -> Coroutine[Any, Any, httpx.Response]:
                return client.get(MESSAGES, headers={"authorization": BASIC})

            waiting = [asyncio.create_task(ask()) for _ in range(2)]
            await asyncio.sleep(0.05)
            refused = await ask()
            go_on.set()
            return [refused, *await asyncio.gather(*waiting), await ask()]

    refused, *answered = asyncio.run(main())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert "as many requests under way as it takes" in refused.json()["message"]
    assert [answer.status_code for answer in answered] == [502, 502, 502]


def test_an_account_that_fills_the_queue_leaves_room_for_another() -> None:
    async def main() -> tuple[list[int], int]:
        go_on = asyncio.Event()

        async def held(request: Request) -> Answer:
            await go_on.wait()
            return Failure("never-left")

        [entry] = accounts().entries
        other = entry._replace(front=entry.front._replace(account="AC" + "2" * 32))
        crowded = Proxy(Accounts([entry, other]), Limits(), {"provider": Scripted(held)}, queue_max=8)
        transport = httpx.ASGITransport(crowded.application())
        async with httpx.AsyncClient(transport=transport, base_url="http://front.test") as client:

            def ask(side: Endpoint) -> Coroutine[Any, Any, httpx.Response]:
                path = MESSAGES.replace(ACCOUNT, side.account)
                return client.get(path, auth=(side.account, side.token))

            greedy = [asyncio.create_task(ask(entry.front)) for _ in range(8)]
            await asyncio.sleep(0.05)
            modest = asyncio.create_task(ask(other.front))
            await asyncio.sleep(0.05)
            go_on.set()
            return sorted([answer.status_code for answer in await asyncio.gather(*greedy)]), (await modest).status_code

    assert asyncio.run(main()) == ([502] * 4 + [503] * 4, 502)


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes() -> None:
    async def main() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            raise AssertionError("the body was read")

        async def send(message: Any) -> None:
            sent.append(message)

        declared = scope("POST")
        declared["headers"] = [*declared["headers"], (b"content-length", b"1099511627776")]
        await proxy(always(Failure("never-left")))(declared, receive, send)
        return sent

    start, _ = asyncio.run(main())
    assert start["status"] == 413
    assert (b"connection", b"close") not in start["headers"], "who is still writing its body would not see the answer"


def test_a_caller_that_hangs_up_while_it_is_answered_is_no_defect() -> None:
    async def main() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(_: Any) -> None:
            raise RuntimeError("the handle is closed")

        await proxy(always(Failure("never-left")))(scope("POST"), receive, send)

    asyncio.run(main())


def scope(method: str) -> dict[str, Any]:
    headers = [
        (b"authorization", BASIC.encode()),
        (b"content-type", b"application/x-www-form-urlencoded"),
    ]
    return {
        "type": "http", "method": method, "path": MESSAGES, "raw_path": MESSAGES.encode(), "query_string": b"",
        "headers": headers,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "fault", "finished"),
    [("GET", "takes too long", 0), ("POST", "is not known", 1)],
)
def test_read_past_its_deadline_is_overdue_and_a_send_unknown_and_finished(
    method: str, fault: str, finished: int
) -> None:
    ended: list[str] = []

    async def slow(request: Request) -> Answer:
        await asyncio.sleep(0.6)
        ended.append(request.method)
        return Failure("timeout")

    async def main() -> httpx.Response:
        app = proxy(Scripted(slow), deadline=0.3).application()
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://front.test") as client:
                data = SMS if method == "POST" else None
                return await client.request(method, MESSAGES, data=data, headers={"authorization": BASIC})

    answer = asyncio.run(main())
    assert answer.status_code == 504
    said = {"takes too long": "The answer took longer than this server allows.", "is not known": "is not known"}
    assert said[fault] in answer.json()["message"]
    assert len(ended) == finished


def test_send_still_being_written_at_the_deadline_is_unknown_and_made() -> None:
    provider = always(Failure("never-left"))

    class Slow(NullJournal):
        async def record(self, intents: Sequence[Intent], _: object = ()) -> Sequence[Recorded]:
            await asyncio.sleep(0.6)
            return await super().record(intents)

    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(proxy(provider, deadline=0.2, scribe=Slow()).application())
        async with httpx.AsyncClient(transport=transport, base_url="http://front.test") as client:
            return await client.post(MESSAGES, data=SMS, headers={"authorization": BASIC})

    answer = asyncio.run(main())
    assert (answer.status_code, "is not known" in answer.json()["message"]) == (504, True)
    assert len(provider.asked) == 1


@pytest.mark.parametrize(("method", "ended"), [("GET", []), ("POST", ["POST"])])
def test_a_caller_that_leaves_ends_a_read_and_not_a_send(method: str, ended: list[str]) -> None:
    seen: list[str] = []

    async def main() -> list[Any]:
        begun = asyncio.Event()
        sent: list[Any] = []
        body = b"From=19876543212&To=13216549878&Body=x" if method == "POST" else b""
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def slow(request: Request) -> Answer:
            begun.set()
            await asyncio.sleep(1.0)
            seen.append(request.method)
            return Failure("never-left")

        async def receive() -> Any:
            if messages:
                return messages.pop()
            await begun.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await proxy(Scripted(slow))(scope(method), receive, send)
        return sent

    sent = asyncio.run(main())
    assert seen == ended
    assert bool(sent) == (method == "POST")


def test_a_caller_that_leaves_before_its_body_is_whole_asks_nothing() -> None:
    provider = always(Failure("never-left"))

    async def main() -> None:
        async def receive() -> Any:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            raise AssertionError(message)

        await proxy(provider)(scope("POST"), receive, send)

    asyncio.run(main())
    assert provider.asked == []


# ---- log lines ---------------------------------------------------------------------------------------------


def test_a_request_is_one_line_without_a_number_a_text_a_token_or_a_path() -> None:
    with structlog.testing.capture_logs() as logs:
        answer = requested(through_the_twin(), "POST", data=SMS, headers={"x-request-id": "an-id"})
        requested(through_the_twin(), path=f"{MESSAGES}?From=19876543212&Colour=secret")
    sent, listed = logs
    assert answer.status_code == 200
    assert {key: sent[key] for key in ("event", "method", "dialect", "operation", "status", "asks", "request_id")} == {
        "event": "request", "method": "POST", "dialect": "restcomm", "operation": "send", "status": 200, "asks": 1,
        "request_id": "an-id",
    }  # fmt: skip
    assert listed["notes"]
    said = json.dumps(logs)
    private = ("9876543212", "3216549878", "Test SMS", TOKEN, "back-token", "Accounts/", PROPERTY, "secret")
    assert [value for value in private if value in said] == []


def test_defect_is_answered_in_the_shape_of_the_front_and_logged_tersely() -> None:
    async def broken(_: Request) -> Answer:
        raise LookupError("the number 19876543212")

    with structlog.testing.capture_logs() as logs:
        answer = requested(Scripted(broken))
    assert (answer.status_code, answer.json()) == (500, {"message": "This server failed to handle the request."})
    defect = next(line for line in logs if line["event"] == "defect")
    assert defect["traceback"].startswith("LookupError < test_shell.py:")
    assert "19876543212" not in json.dumps(logs)


def test_every_metric_is_documented_and_counts() -> None:
    meter = Meter()
    requested(through_the_twin(), "POST", data=SMS, meter=meter)
    requested(always(Response(401)), meter=meter)
    requested(always(Failure("never-left")), meter=meter)
    meter.count(Reply(Response(200), (Note("ignored-parameter", "x"),)), 0.1, "")
    meter.count_handshake("HTTP_REQUEST")
    page = meter.page().decode()
    for line in (
        'requests_total{dialect="restcomm",operation="send",status="200"} 1.0',
        'requests_total{dialect="restcomm",operation="list",status="502"} 2.0',
        'provider_requests_total{back="provider",outcome="2xx"} 1.0',
        'provider_requests_total{back="provider",outcome="4xx"} 1.0',
        'provider_requests_total{back="provider",outcome="never-left"} 1.0',
        'notes_total{note="ignored-parameter"} 1.0',
        'back_refused_us_total{back="provider"} 1.0',
        'handshakes_total{reason="HTTP_REQUEST"} 1.0',
        'request_seconds_count{dialect="restcomm",operation="list"} 2.0',
    ):
        assert f"{PREFIX}{line}\n" in page
    shown = set(re.findall(rf"^# HELP {PREFIX}(\w+)", page, re.MULTILINE))
    bare = {name.removesuffix("_total").removesuffix("_created") for name in shown}
    assert bare == set(METRICS)
    assert all(metric.help.endswith(".") for metric in METRICS.values())


def test_the_admin_port_says_how_it_stands() -> None:
    draining = False

    async def main() -> list[tuple[int, str]]:
        nonlocal draining
        transport = httpx.ASGITransport(admin_application(Meter(), lambda: draining))
        async with httpx.AsyncClient(transport=transport, base_url="http://admin.test") as client:
            paths = ["/livez", "/readyz", "/metrics", "/other"]
            found = [await client.get(path) for path in paths]
            draining = True
            found += [await client.get("/livez"), await client.get("/readyz")]
        return [(answer.status_code, answer.headers["content-type"].split(";")[0]) for answer in found]

    plain = "text/plain"
    assert asyncio.run(main()) == [(status, plain) for status in (200, 200, 200, 404, 200, 503)]


def test_the_values_of_the_wire_are_what_the_seam_takes() -> None:
    seam: ProviderPort = ProviderClient("http://back.test", engine=over(httpx.ASGITransport(twin().app)))
    answer = asyncio.run(seam.ask(wire.Request("GET", "/v2/Messages/MX"), "an-id"))
    assert isinstance(answer, wire.Response)
    assert answer.status == 401


def test_receipt_is_read_only_in_its_path_and_is_never_cut_short() -> None:
    stood: list[tuple[bool, bool]] = []

    class Called(ServerRequest):
        async def read(self, most: int, hold: Hold | None = None, *, may_drop: bool = False) -> bytes | None:
            raise AssertionError("the body was read")

        def respond(self, response: Response, hold: Hold | None = None) -> None:
            assert response.status == 200

    async def main() -> None:
        call = Called(received("GET", "/receipts/a.b", "", ()), iter(["an-id"]))
        call.work.start(asyncio.current_task())

        async def takes(path: str) -> bool:
            stood.append((call.work.is_read, call.work.task is None))
            call.lose()
            await asyncio.sleep(0)
            return path == "/receipts/a.b"

        await proxy(always(Failure("never-left")), receipts=takes).handle(call)

    asyncio.run(main())
    assert stood == [(True, True)]


@pytest.mark.parametrize(
    ("method", "path", "large"),
    [
        ("POST", "/v2/Properties/P1/BatchMessages", True), ("GET", "/v2/Properties/P1/Messages", True),
        ("POST", "/v2/Properties/P1/Messages", False), ("GET", "/v2/Messages/M1", False),
    ],
)  # fmt: skip
def test_search_and_batch_may_be_sixteen_times_as_large_as_other_bodies(method: str, path: str, large: bool) -> None:
    """64 KiB, and 1 MiB for a body that holds many."""
    front, behind = spoken("properties-v2"), spoken("restcomm", "back")
    entry = Account(
        Endpoint(front, ACCOUNT, "P1", TOKEN),
        ConfiguredProvider("provider", behind),
        Endpoint(behind, "AC9", "", "b"),
        False,
    )
    under = Proxy(Accounts([entry]), Limits(), {"provider": always(Failure("never-left"))}, clock=ManualClock(NOW))

    async def main() -> dict[int, int]:
        transport = httpx.ASGITransport(under.application())
        async with httpx.AsyncClient(transport=transport, base_url="http://front.test") as client:
            return {
                size: (
                    await client.request(method, path, content=b" " * size, headers={"authorization": BASIC})
                ).status_code
                for size in (65536, 65537, 16 * 65536, 16 * 65536 + 1)
            }

    statuses = asyncio.run(main())
    assert [size for size, status in statuses.items() if status == 413] == [
        size for size in statuses if size > 65536 * (16 if large else 1)
    ]
