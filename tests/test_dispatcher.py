"""The calls that are owed: how they look on the wire, when they are made again, and that no dead receiver delays another."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import httpx
import pytest

from tests.stores import on
from tests.test_store import NOW, owing
from translator.shell.admin import Meter
from translator.shell.courier import EACH, GAPS, Courier
from translator.shell.store import Store, calls
from translator.shell.vetting import Vetting


class Receiver(httpx.AsyncBaseTransport):
    """A receiver that answers as it is told, and remembers what it was sent. `answer` is called with the request."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response | Exception]) -> None:
        self._answer = answer
        self.asked: list[httpx.Request] = []
        self.at_once: dict[str, int] = {}
        self.most = 0
        self.hold: asyncio.Event | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        host = request.headers["host"]
        self.at_once[host] = self.at_once.get(host, 0) + 1
        self.most = max(self.most, self.at_once[host])
        try:
            await asyncio.sleep(0)
            if self.hold is not None and host.startswith("slow"):
                await self.hold.wait()
            answer = self._answer(request)
        finally:
            self.at_once[host] -= 1
        if isinstance(answer, Exception):
            raise answer
        return answer


async def public(host: str, port: int) -> Sequence[str]:
    return ["93.184.216.34"]


class Clock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def courier(store: Store, receiver: Receiver, clock: Clock, meter: Meter | None = None) -> Courier:
    return Courier(store, Vetting(resolve=public), meter or Meter(), dial=receiver, clock=clock)


async def until_quiet(courier_: Courier, *, most: int = 50) -> None:
    """Rounds until nothing is due any more."""
    for _ in range(most):
        begun, running = await courier_.round(), list(courier_._running)
        await asyncio.gather(*running)
        if not begun and not running:
            return


def answering(status: int, **headers: str) -> Receiver:
    return Receiver(lambda _: httpx.Response(status, headers=headers))


async def states(store: Store) -> list[tuple[str, str, int, str]]:
    rows = await store.read(partial(calls.listed, states=calls.STATES, most=100))
    return [(row["name"], row["state"], row["tries"], row["why"]) for row in rows]


def test_a_call_is_a_form_and_is_made_in_order() -> None:
    async def work(store: Store) -> list[httpx.Request]:
        await owing(store, address="http://a.example/x?token=1#part")
        receiver, clock = answering(204), Clock()
        await until_quiet(courier(store, receiver, clock))
        assert [state for _, state, *_ in await states(store)] == ["delivered", "delivered"]
        return receiver.asked

    sent, delivered = on("memory:", work)
    assert (sent.content, delivered.content) == (b"MessageStatus=sent", b"MessageStatus=delivered")
    assert str(sent.url) == "http://93.184.216.34/x?token=1"
    assert sent.headers["host"] == "a.example"
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert sent.extensions["sni_hostname"] == "a.example"


def test_a_get_has_its_parameters_behind_those_of_the_address() -> None:
    async def work(store: Store) -> list[httpx.Request]:
        await owing(store, address="https://a.example/x?token=1")
        await store.write(lambda connection: connection.exec_driver_sql("UPDATE events SET method = 'GET'"))
        receiver = answering(200)
        await until_quiet(courier(store, receiver, Clock()))
        return receiver.asked

    first = on("memory:", work)[0]
    assert (first.method, str(first.url), first.content) == (
        "GET", "https://93.184.216.34/x?token=1&MessageStatus=sent", b"",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.Response(500), "answered 500"),
        (httpx.Response(404), "answered 404"),
        (httpx.Response(301, headers={"location": "http://169.254.169.254/"}), "answered 301"),
        (httpx.Response(302, headers={"location": "http://b.example/"}), "answered 302"),
        (httpx.ConnectError("refused"), "no answer: ConnectError"),
        (httpx.ReadTimeout("slow"), "no answer in time"),
        (httpx.RemoteProtocolError("garbage"), "no answer: RemoteProtocolError"),
    ],
)
def test_anything_but_a_2xx_is_tried_again_and_a_redirect_is_not_followed(answer: Any, why: str) -> None:
    async def work(store: Store) -> Any:
        await owing(store)
        receiver = Receiver(lambda _: answer)
        await until_quiet(courier(store, receiver, Clock()))
        return await states(store), len(receiver.asked)

    assert on("memory:", work) == ([("sent", "due", 1, why), ("delivered", "due", 0, "")], 1)


def test_the_gaps_are_those_that_are_promised_and_then_the_next_event_goes_out() -> None:
    assert GAPS == (5, 30, 120, 600, 1800, 7200, 18000, 36000, 36000)
    assert sum(GAPS) == pytest.approx(28 * 3600, rel=0.02)

    async def work(store: Store) -> Any:
        await owing(store)
        clock, meter = Clock(), Meter()
        receiver = Receiver(lambda request: httpx.Response(500 if b"=sent" in request.content else 200))
        courier_ = courier(store, receiver, clock, meter)
        moments = []
        for gap in (0.0, *GAPS):
            clock.now += gap * 0.89
            early = len(receiver.asked)
            await until_quiet(courier_)
            assert len(receiver.asked) == early or gap == 0.0, "no call is made before its gap has passed"
            clock.now += gap * 0.22
            await until_quiet(courier_)
            moments.append(len([asked for asked in receiver.asked if b"=sent" in asked.content]))
        clock.now += 400  # a destination that failed so often gets a call at a time
        await until_quiet(courier_)
        page = meter.page().decode()
        return moments, await states(store), page

    moments, found, page = on("memory:", work)
    assert moments == list(range(1, 11))
    assert found == [("sent", "dead", 10, "answered 500"), ("delivered", "delivered", 1, "")]
    assert 'sms_translator_calls_total{outcome="dead"} 1.0' in page
    assert 'sms_translator_calls_total{outcome="failed"} 9.0' in page


@pytest.mark.parametrize(("said", "seconds"), [("3600", 3600), ("1", 5), ("soon", 5), ("-3", 5), ("999999999", 86400)])
def test_a_receiver_that_says_when_is_left_alone_until_then(said: str, seconds: float) -> None:
    async def work(store: Store) -> float:
        await owing(store)
        await until_quiet(courier(store, answering(503, **{"retry-after": said}), Clock()))
        [row, _] = await store.read(partial(calls.listed, states=calls.STATES, most=9))
        return float(row["due_at"]) - NOW

    assert on("memory:", work) == pytest.approx(seconds, rel=0.11)


def test_a_name_that_changes_its_mind_is_not_dialled() -> None:
    async def work(store: Store) -> Any:
        await owing(store)
        receiver = answering(200)

        async def inside(host: str, port: int) -> Sequence[str]:
            return ["10.0.0.1"]

        await until_quiet(Courier(store, Vetting(resolve=inside), Meter(), dial=receiver, clock=Clock()))
        return await states(store), receiver.asked

    (first, _), asked = on("memory:", work)
    assert first == ("sent", "due", 1, "forbidden: the address leads to an address that is not public")
    assert asked == []


def test_a_destination_has_at_most_so_many_calls_at_once_and_a_slow_one_delays_no_other() -> None:
    async def work(store: Store) -> Any:
        for number in range(20):
            await owing(store, f"s{number}", "http://slow.example/x", "slow.example:80")
        await owing(store, "q", "http://quick.example/x", "quick.example:80")
        receiver, clock = answering(200), Clock()
        receiver.hold = asyncio.Event()
        courier_ = courier(store, receiver, clock)
        for _ in range(6):
            await courier_.round()
            await asyncio.sleep(0.01)
        quick = [asked for asked in receiver.asked if asked.headers["host"] == "quick.example"]
        slow = len(receiver.asked) - len(quick)
        receiver.hold.set()
        await until_quiet(courier_)
        return len(quick), slow, receiver.most, len(receiver.asked)

    assert on("memory:", work) == (2, EACH, EACH, 42)


def test_a_dead_destination_is_asked_once_at_a_time_until_it_answers() -> None:
    async def work(store: Store) -> Any:
        for number in range(40):
            await owing(store, str(number))
        alive: list[bool] = []
        receiver, clock = Receiver(lambda _: httpx.Response(200 if alive else 500)), Clock()
        courier_ = courier(store, receiver, clock)
        await until_quiet(courier_)
        dead = len(receiver.asked)
        clock.now += 400
        await until_quiet(courier_)
        probed = len(receiver.asked)
        alive.append(True)
        clock.now += 400
        await until_quiet(courier_)
        clock.now += 400
        await until_quiet(courier_)
        return dead, probed - dead, {state for _, state, *_ in await states(store)}

    dead, probed, found = on("memory:", work)
    assert dead == EACH, "the first ones fail together, and then the destination is left alone"
    assert probed == 1
    assert found == {"delivered"}


def test_a_call_on_the_wire() -> None:
    """A real receiver on loopback: what it reads is what was written."""
    seen: list[bytes] = []

    async def work(store: Store) -> Any:
        async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            seen.append(head + await reader.readexactly(18 if b"content-length: 18" in head.lower() else 23))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(receive, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        await owing(store, address=f"http://localhost:{port}/x", destination=f"localhost:{port}")
        courier_ = Courier(store, Vetting(["127.0.0.1", "::1"], [port], resolve=loopback), Meter(), clock=Clock())
        await until_quiet(courier_)
        await courier_.aclose()
        server.close()
        await server.wait_closed()
        return port, await states(store)

    async def loopback(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    port, found = on("memory:", work)
    assert [state for _, state, *_ in found] == ["delivered", "delivered"]
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /x HTTP/1.1\r\n")
    assert f"host: localhost:{port}".encode() in head.lower()
    assert body == b"MessageStatus=sent"
