"""The dispatcher: the form of callbacks on the wire, the times of their retries, and that no receiver delays another."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.receivers import Dialled
from tests.stores import on
from tests.test_store import ENTRY, NOW, owing
from translator.shell.aio.clocks import SteadyClock
from translator.shell.delivery.callback_budget import FAILURES, PACE, UNPROVEN, CallbackBudget
from translator.shell.delivery.callback_dispatcher import CallbackDispatcher
from translator.shell.delivery.callback_settings import GAPS, Dispatching
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy
from translator.shell.observability.admin import Meter
from translator.shell.store import Store, StoreUnavailable, deliveries, delivery_admin
from translator.shell.store.deliveries import CallbackDelivery, NewDeliveries
from translator.shell.store.states import DeliveryState

EACH = Dispatching().concurrency


class Receiver(httpx.AsyncBaseTransport):
    """A receiver that answers by `answer`, which is called with the request. It remembers its requests."""

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


def dispatcher(
    store: Store, receiver: Receiver, clock: Any, meter: Meter | None = None, *, vetting: CallbackUrlPolicy | None = None,
    rules: Dispatching | None = None,
) -> CallbackDispatcher:  # fmt: skip
    return CallbackDispatcher(
        store, vetting or CallbackUrlPolicy(resolve=public), meter or Meter(), rules or Dispatching(), client=Dialled(receiver),
        clock=clock,
        pace=0.0,
    )  # fmt: skip


def answering(status: int, **headers: str) -> Receiver:
    return Receiver(lambda _: httpx.Response(status, headers=headers))


async def states(store: Store, most: int = 100) -> list[tuple[str, str, int, str]]:
    rows = await store.read(partial(delivery_admin.listed, states=tuple(DeliveryState), most=most))
    return [(row.event, row.state, row.attempts, row.last_error) for row in rows]


def test_a_call_is_a_form_and_is_made_in_order() -> None:
    async def work(store: Store) -> list[httpx.Request]:
        await owing(store, address="http://a.example/x?token=1#part")
        receiver, clock = answering(204), Clock()
        await dispatcher(store, receiver, clock).until_quiet()
        assert [state for _, state, *_ in await states(store)] == ["delivered", "delivered"]
        return receiver.asked

    sent, delivered = on("memory:", work)
    assert (sent.content, delivered.content) == (b"MessageStatus=sent", b"MessageStatus=delivered")
    assert str(sent.url) == "http://93.184.216.34/x?token=1"
    assert sent.headers["host"] == "a.example"


def test_a_get_has_its_parameters_behind_those_of_the_address() -> None:
    async def work(store: Store) -> list[httpx.Request]:
        await owing(store, address="https://a.example/x?token=1")
        await store.write(
            lambda connection: connection.exec_driver_sql("UPDATE callback_deliveries SET method = 'GET'")
        )
        receiver = answering(200)
        await dispatcher(store, receiver, Clock()).until_quiet()
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
        await dispatcher(store, receiver, Clock()).until_quiet()
        return await states(store), len(receiver.asked)

    assert on("memory:", work) == ([("sent", "due", 1, why), ("delivered", "due", 0, "")], 1)


def test_backoff_delays_are_as_promised_and_then_the_next_event_goes_out() -> None:
    assert GAPS == (5, 30, 120, 600, 1800, 7200, 18000, 36000, 36000)
    assert sum(GAPS) == pytest.approx(28 * 3600, rel=0.02)

    async def work(store: Store) -> Any:
        await owing(store)
        clock, meter = Clock(), Meter()
        receiver = Receiver(lambda request: httpx.Response(500 if b"=sent" in request.content else 200))
        dispatcher_ = dispatcher(store, receiver, clock, meter)
        moments = []
        for gap in (0.0, *GAPS):
            clock.now += gap * 0.89
            early = len(receiver.asked)
            await dispatcher_.until_quiet()
            assert len(receiver.asked) == early or gap == 0.0, "no call is made before its gap has passed"
            clock.now += gap * 0.22
            await dispatcher_.until_quiet()
            moments.append(len([asked for asked in receiver.asked if b"=sent" in asked.content]))
        clock.now += 400  # a destination that failed so often gets a call at a time
        await dispatcher_.until_quiet()
        page = meter.page().decode()
        return moments, await states(store), page

    moments, found, page = on("memory:", work)
    assert moments == list(range(1, 11))
    assert found == [("sent", "dead", 10, "answered 500"), ("delivered", "delivered", 1, "")]
    assert 'sms_translator_callbacks_total{outcome="dead"} 1.0' in page
    assert 'sms_translator_callbacks_total{outcome="failed"} 9.0' in page


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("3600", 3600), ("1", 5), ("soon", 5), ("-3", 5), ("999999999", 86400), ("9" * 400, 86400),
        ("Tue, 14 Nov 2023 23:13:20 GMT", 3600),
        ("Tuesday, 14-Nov-23 23:13:20 GMT", 3600),
        ("Tue Nov 14 23:13:20 2023", 3600),
        ("Tue, 14 Nov 2023 21:13:20 GMT", 5),
        ("Tue, 14 Nov 2033 23:13:20 GMT", 86400),
        ("Tue, 32 Nov 2023 23:13:20 GMT", 5),
    ],
)  # fmt: skip
def test_a_receiver_that_says_when_is_left_alone_until_then(said: str, seconds: float) -> None:
    async def work(store: Store) -> float:
        await owing(store)
        await dispatcher(store, answering(503, **{"retry-after": said}), Clock()).until_quiet()
        [row, _] = await store.read(partial(delivery_admin.listed, states=tuple(DeliveryState), most=9))
        assert row.due_at is not None
        return row.due_at - NOW

    assert on("memory:", work) == pytest.approx(seconds, rel=0.11)


def test_a_name_that_changes_its_mind_is_not_dialled() -> None:
    async def work(store: Store) -> Any:
        await owing(store)
        receiver = answering(200)

        async def inside(host: str, port: int) -> Sequence[str]:
            return ["10.0.0.1"]

        await dispatcher(store, receiver, Clock(), vetting=CallbackUrlPolicy(resolve=inside)).until_quiet()
        return await states(store), receiver.asked

    (first, _), asked = on("memory:", work)
    why = 'forbidden: the address leads to an address that is not public; [callbacks] allow = ["10.0.0.1"] permits it'
    assert first == ("sent", "due", 1, why)
    assert asked == []


def test_destination_has_a_limit_of_calls_and_a_slow_one_delays_no_other() -> None:
    async def work(store: Store) -> Any:
        for number in range(20):
            await owing(store, f"s{number}", "http://slow.example/x", "slow.example:80")
        await owing(store, "q", "http://quick.example/x", "quick.example:80")
        receiver, clock = answering(200), Clock()
        receiver.hold = asyncio.Event()
        dispatcher_ = dispatcher(store, receiver, clock)
        for _ in range(6):
            await dispatcher_.round()
            await asyncio.sleep(0.01)
        quick = [asked for asked in receiver.asked if asked.headers["host"] == "quick.example"]
        slow = len(receiver.asked) - len(quick)
        receiver.hold.set()
        await dispatcher_.until_quiet()
        return len(quick), slow, receiver.most, len(receiver.asked)

    assert on("memory:", work) == (2, EACH, EACH, 42)


async def many(
    store: Store, count: int, *, host: Callable[[int], str], first: int = 0, entry: str = ENTRY, now: float = NOW
) -> None:
    """So many due deliveries, each of a message of its own."""

    def work(connection: Any) -> None:
        for number in range(first, first + count):
            name = host(number)
            call = CallbackDelivery("sent", "POST", f"http://{name}/x", f"n={number}", f"{name}:80")
            deliveries.enqueue_all(connection, [NewDeliveries(number, entry, [call], 0)], now)

    await store.write(work)


class Counted:
    """A store that counts the rows that its transactions hand out and the statements that they run."""

    def __init__(self, store: Store) -> None:
        self._store, self.shared = store, store.shared
        self.writes = self.reads = 0

    async def write(self, work: Any) -> Any:
        self.writes += 1
        return await self._store.write(work)

    async def read(self, work: Any) -> Any:
        self.reads += 1
        return await self._store.read(work)


# ---- woken, not slept ----------------------------------------------------------------------------------------


def test_fast_receiver_gets_all_its_callbacks_without_an_idle_second() -> None:
    """Each attempt that ends starts the next one, and wakes the dispatcher. It never waits for the next second."""

    async def work(store: Store) -> Any:
        await many(store, 500, host=lambda _: "a.example")
        receiver, counted = answering(200), Counted(store)
        dispatcher_ = dispatcher(counted, receiver, Clock())  # type: ignore[arg-type]
        roused = asyncio.Event()
        dispatcher_.rouse = roused.set
        rounds = 0
        while len(receiver.asked) < 500:
            roused.clear()
            rounds += 1
            if not await dispatcher_.round():
                await asyncio.wait_for(roused.wait(), 5)
        await dispatcher_.aclose()
        return rounds, counted.writes, receiver.most, Counter(state for _, state, *_ in await states(store))

    rounds, writes, most, found = on("memory:", work)
    assert most == EACH
    assert writes < 120, "what ends together is written down together, and more is taken in the same commit"
    assert rounds < 400
    assert found["delivered"] == 100, "the first hundred that are listed"


def test_calls_that_end_while_a_commit_is_under_way_begin_the_next_ones() -> None:
    async def work(store: Store) -> Any:
        await many(store, 60, host=lambda _: "a.example")
        receiver = answering(200)
        dispatcher_ = dispatcher(store, receiver, Clock())
        await dispatcher_.round()
        await asyncio.sleep(0.05)
        early = len(receiver.asked)  # nothing is held ahead of a receiver that has not answered yet
        await dispatcher_.round()
        await asyncio.sleep(0.05)
        return early, len(receiver.asked) - early

    early, then = on("memory:", work)
    assert early == EACH
    assert then > 2 * EACH, "one commit is enough for several calls at each of its places"


def test_prefetched_deliveries_are_released_on_failure_and_at_shutdown() -> None:
    async def work(store: Store) -> Any:
        await many(store, 100, host=lambda _: "a.example")
        clock, alive = Clock(), [True]
        receiver = Receiver(lambda _: httpx.Response(200 if alive else 500))
        dispatcher_ = dispatcher(store, receiver, clock)
        for _ in range(3):
            await dispatcher_.round()
            await asyncio.sleep(0.001)
        alive.clear()
        receiver.hold = None
        await dispatcher_.aclose()
        leased = await store.read(
            lambda connection: connection.execute(
                text("SELECT count(*) FROM callback_deliveries WHERE leased_until > 0")
            ).scalar()
        )
        return leased, len(receiver.asked)

    leased, asked = on("memory:", work)
    assert leased == 0, "whoever comes next need not wait for a lease to end"
    assert 0 < asked < 100


def test_deliveries_of_a_dead_process_are_made_at_once_if_it_was_alone() -> None:
    async def work(store: Store) -> Any:
        await many(store, 3, host=lambda _: "a.example")
        room = {(ENTRY, "a.example:80"): 8}
        rules = deliveries.Breaker()
        await store.write(lambda c: deliveries.turn(c, [], room, NOW, 60.0, rules))  # and it dies
        receiver = answering(200)
        await dispatcher(store, receiver, Clock()).until_quiet()
        shared = answering(200)
        await store.write(
            lambda c: c.execute(text("UPDATE callback_deliveries SET state = 'due', due_at = 1, finished_at = NULL"))
        )
        await store.write(lambda c: deliveries.turn(c, [], room, NOW, 60.0, rules))
        beside = Counted(store)
        beside.shared = True
        await dispatcher(beside, shared, Clock()).until_quiet()  # type: ignore[arg-type]
        return len(receiver.asked), len(shared.asked)

    assert on("memory:", work) == (3, 0), "replicas wait for the lease to end"


def test_a_store_that_was_down_at_the_first_round_is_seen_to_in_the_next() -> None:
    async def work(store: Store) -> Any:
        await many(store, 3, host=lambda _: "a.example")
        room = {(ENTRY, "a.example:80"): 8}
        await store.write(lambda c: deliveries.turn(c, [], room, NOW, 60.0, deliveries.Breaker()))  # and it dies
        receiver, read, left = answering(200), store.read, [StoreUnavailable("OperationalError")]

        async def down_once(work: Any) -> Any:
            if left:
                raise left.pop()
            return await read(work)

        store.read = down_once  # type: ignore[method-assign]
        dispatcher_ = dispatcher(store, receiver, Clock())
        with pytest.raises(StoreUnavailable):
            await dispatcher_.round()
        await dispatcher_.until_quiet()
        return len(receiver.asked)

    assert on("memory:", work) == 3


# ---- deliveries that are not due cost nothing ----------------------------------------------------------------


@pytest.mark.parametrize("owed", [10, 10_000])
def test_a_round_touches_as_much_whatever_is_owed(owed: int) -> None:
    """Count the rows that SQLite steps over in a round. It starts a delivery to one destination beside others that are paused, or have
    a backlog."""

    async def work(store: Store) -> Any:
        clock = Clock()
        await many(store, owed, host=lambda number: f"h{number}.example")
        await store.write(
            lambda connection: connection.execute(text("UPDATE destinations SET due_at = due_at + 600, standing = 2"))
        )
        await store.write(
            lambda connection: connection.execute(text("UPDATE callback_deliveries SET due_at = due_at + 600"))
        )
        await many(store, 1, host=lambda _: "a.example", first=owed + 1)
        dispatcher_ = dispatcher(store, answering(200), clock)
        await dispatcher_.round()  # the work of each minute is done here
        await asyncio.sleep(0.001)
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        raw: Any = store._connection.connection.driver_connection  # type: ignore[attr-defined]
        raw.set_progress_handler(count, 1)
        await dispatcher_.until_quiet()
        raw.set_progress_handler(None, 1)
        return steps

    assert on("memory:", work) < 12_000


def test_ten_thousand_refusing_destinations_do_not_delay_a_good_one() -> None:
    async def work(store: Store) -> Any:
        clock = Clock()

        def refuses(request: httpx.Request) -> httpx.Response | Exception:
            return httpx.Response(200) if request.headers["host"] == "well.example" else httpx.ConnectError("no")

        receiver = Receiver(refuses)
        dispatcher_ = dispatcher(store, receiver, clock)
        await many(store, 10_000, host=lambda number: f"h{number}.example")
        for _ in range(5):
            await dispatcher_.round()
        waited = []
        for number in range(5):
            clock.now += 1.0
            await many(store, 1, host=lambda _: "well.example", first=20_000 + number, now=clock.now)
            before = len(receiver.asked)
            while not any(asked.headers["host"] == "well.example" for asked in receiver.asked[before:]):
                await dispatcher_.round()
                await asyncio.sleep(0)
            waited.append(len(receiver.asked) - before)
        await dispatcher_.aclose()
        return waited, len(dispatcher_._places)

    waited, remembered = on("memory:", work)
    assert max(waited) <= 20 * UNPROVEN, "so few calls to dead receivers were made before it"
    assert remembered <= 4 * UNPROVEN, "nothing is kept in memory of a destination where nothing is under way"


def test_a_backlog_behind_a_paused_destination_is_not_looked_at() -> None:
    async def work(store: Store) -> Any:
        clock = Clock()
        await many(store, 200, host=lambda _: "dead.example")

        def answer(_: httpx.Request) -> httpx.Response:
            clock.now += 0.001
            return httpx.Response(500)

        receiver = Receiver(answer)
        dispatcher_ = dispatcher(store, receiver, clock)
        await dispatcher_.until_quiet()
        before = len(receiver.asked)
        counted = Counted(store)
        dispatcher_._store = counted  # type: ignore[assignment]
        for _ in range(10):
            await dispatcher_.round()
        await many(
            store, 1, host=lambda _: "dead.example", first=500
        )  # and a new delivery does not close the circuit breaker
        await dispatcher_.round()
        return len(receiver.asked) - before, counted.writes

    assert on("memory:", work) == (0, 0), "and nothing is written where nothing is taken"


def test_failing_receivers_use_a_refilling_budget_and_good_ones_use_none() -> None:
    budget, at, begun = CallbackBudget(), 1000.0, 0
    for _ in range(400):  # ten seconds in which every call fails
        left = budget.left(at)
        begun += left
        for _ in range(left):
            budget.failed()
        budget.begun(at)
        assert budget.left(at) == 0, "and some time passes between two beginnings"
        at += PACE
    assert begun == pytest.approx(FAILURES * 11, rel=0.02)
    assert budget.left(at + 1) == UNPROVEN


# ---- the circuit breaker ---------------------------------------------------------------------------------------


def test_calls_that_fail_at_the_same_moment_are_one_failure() -> None:
    async def work(store: Store) -> Any:
        await many(store, 8, host=lambda _: "a.example")
        clock, meter = Clock(), Meter()

        def answer(_: httpx.Request) -> httpx.Response:
            clock.now += 0.001
            return httpx.Response(500)

        receiver = Receiver(answer)
        dispatcher_ = dispatcher(store, receiver, clock, meter)
        await dispatcher_.until_quiet()
        [row] = await destinations(store)
        return len(receiver.asked), row["failures"], row["paused_until"]

    assert on("memory:", work) == (8, 1, 0.0)


async def destinations(store: Store) -> list[dict[str, Any]]:
    rows = await store.read(lambda connection: connection.execute(text("SELECT * FROM destinations")).mappings().all())
    return [dict(row) for row in rows]


def test_breaker_pauses_are_as_configured_and_a_success_ends_them_at_once() -> None:
    rules = Dispatching(breaker=deliveries.Breaker(3, 20.0, 50.0))

    async def work(store: Store) -> Any:
        await many(store, 60, host=lambda _: "a.example")
        clock, alive = Clock(), [False]

        def answer(_: httpx.Request) -> httpx.Response:
            clock.now += 0.001
            return httpx.Response(200 if alive[0] else 503)

        receiver = Receiver(answer)
        meter = Meter()
        moments = []
        dispatcher_ = dispatcher(store, receiver, clock, meter, rules=rules)
        for _ in range(4):
            await dispatcher_.until_quiet()
            [row] = await destinations(store)
            moments.append((len(receiver.asked), round(row["paused_until"] - clock.now)))
            clock.now = row["paused_until"]
        dispatcher_ = dispatcher(store, receiver, clock, meter, rules=rules)  # another process knows it too
        alive[0] = True
        await dispatcher_.until_quiet()
        [row] = await destinations(store)
        return moments, len(receiver.asked), row["failures"], meter.page().decode()

    moments, asked, failures, page = on("memory:", work)
    assert [pause for _, pause in moments] == [20, 40, 50, 50]
    assert [asked - before for (before, _), (asked, _) in itertools.pairwise(moments)] == [1, 1, 1]
    assert moments[0][0] == 3 * EACH
    assert asked > 60 and failures == 0, "all that is due is made as soon as one call has arrived"
    assert "sms_translator_destinations_paused" in page


def test_flapping_receiver_gets_all_callbacks_soon_after_it_is_up() -> None:
    async def work(store: Store) -> Any:
        await many(store, 300, host=lambda _: "a.example")
        clock = Clock()

        def answer(_: httpx.Request) -> httpx.Response:
            clock.now += 0.001
            return httpx.Response(200 if (clock.now - NOW) % 20 >= 10 else 500)

        receiver = Receiver(answer)
        dispatcher_ = dispatcher(store, receiver, clock)
        for second in range(60):
            clock.now = max(clock.now, NOW + second)
            await dispatcher_.until_quiet()
            if all(state == "delivered" for _, state, *_ in await states(store, 400)):
                return second
        return None

    told = on("memory:", work)
    assert told is not None and told <= 36, "it is up from second 10 on, and again from 30 on"


# ---- shares ------------------------------------------------------------------------------------------------------


def test_account_has_at_most_half_of_all_calls_and_another_starts_beside() -> None:
    async def work(store: Store) -> Any:
        receiver = answering(200)
        receiver.hold = asyncio.Event()
        dispatcher_ = dispatcher(store, receiver, Clock(), vetting=CallbackUrlPolicy(resolve=by_name))
        await many(store, 600, host=lambda number: f"slow{number}.example")
        for _ in range(60):
            await dispatcher_.round()
            await asyncio.sleep(0.001)
        slow = len(receiver.asked)
        await many(store, 3, host=lambda number: f"quick{number}.example", first=1000, entry="restcomm/AC2/")
        for _ in range(8):
            await dispatcher_.round()
            await asyncio.sleep(0.001)
        quick = len(receiver.asked) - slow
        receiver.hold.set()
        await dispatcher_.until_quiet(most=5000)
        return slow, quick, len(receiver.asked)

    assert on("memory:", work) == (128, 3, 603)


async def by_name(host: str, port: int) -> Sequence[str]:
    number = int("".join(filter(str.isdigit, host)) or 0)
    return [f"93.184.{number // 250}.{number % 250 + 1}"]


def test_many_names_of_one_address_are_one_receiver() -> None:
    async def work(store: Store) -> Any:
        receiver = answering(200)
        receiver.hold = asyncio.Event()
        await many(store, 200, host=lambda number: f"slow{number}.example")
        dispatcher_ = dispatcher(store, receiver, Clock())
        for _ in range(60):
            await dispatcher_.round()
            await asyncio.sleep(0.001)
        slow = len(receiver.asked)
        receiver.hold.set()
        await dispatcher_.until_quiet(most=5000)
        return slow, len(receiver.asked)

    assert on("memory:", work) == (2 * EACH, 200), "half of the four destinations' worth that an address gets"


# ---- clocks --------------------------------------------------------------------------------------------------------


def test_a_step_of_the_wall_clock_moves_no_due_time_by_itself() -> None:
    wall, steady = [NOW], [0.0]
    clock = SteadyClock(lambda: wall[0], lambda: steady[0])

    def passes(seconds: float) -> float:
        wall[0] += seconds
        steady[0] += seconds
        return clock() - NOW

    assert passes(10) == 10
    wall[0] += 3600
    assert passes(10) == pytest.approx(21), "it is followed by a tenth of the time that passes"
    wall[0] -= 7200
    assert passes(10) == pytest.approx(30)
    assert passes(100) == pytest.approx(120)
    clock.set_by(NOW + 5000)
    assert clock() - NOW == 5000, "the clock that others share is believed at once"
    clock.set_by(NOW + 4000)
    assert passes(10) == pytest.approx(5009)


@pytest.mark.parametrize("back", [600.0, 7200.0, 1e6])
def test_clock_set_back_delays_deliveries_by_the_step_and_at_most_a_day(
    back: float,
) -> None:
    async def work(store: Store) -> Any:
        await owing(store)
        clock = Clock()
        await dispatcher(store, answering(500), clock).until_quiet()
        [first, _] = await store.read(partial(delivery_admin.listed, states=tuple(DeliveryState), most=9))
        assert first.due_at is not None
        due_in = first.due_at - clock.now
        clock.now -= back
        receiver = answering(200)
        dispatcher_ = dispatcher(store, receiver, clock)  # a process that was started since
        await dispatcher_.until_quiet()
        at_once = len(receiver.asked)
        clock.now += back + due_in if at_once == 0 else 0
        await dispatcher_.until_quiet()
        return at_once, len(receiver.asked)

    assert on("memory:", work) == ((2, 2) if back > 86400 else (0, 2))


def test_a_clock_that_is_set_forward_while_the_process_runs_ends_no_gap() -> None:
    async def work(store: Store) -> Any:
        await owing(store)
        wall, steady = [NOW], [0.0]
        clock = SteadyClock(lambda: wall[0], lambda: steady[0])
        receiver = answering(500)
        dispatcher_ = dispatcher(store, receiver, clock)
        await dispatcher_.until_quiet()
        wall[0] += 36000.0
        for _ in range(4):
            steady[0] += 1.0
            await dispatcher_.until_quiet()
        early = len(receiver.asked)
        steady[0] += 2.0
        await dispatcher_.until_quiet()
        return early, len(receiver.asked)

    assert on("memory:", work) == (1, 2)


# ---- log lines -------------------------------------------------------------------------------------------------------


def test_failed_delivery_is_logged_and_a_destination_once_a_minute(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def work(store: Store) -> None:
        await owing(store, "1", "http://a.example/secret", "a.example:80")
        await owing(store, "2", "http://a.example/secret", "a.example:80")
        await dispatcher(store, answering(500), Clock()).until_quiet()

    on("memory:", work)
    [line] = [line for line in capsys.readouterr().out.splitlines() if "callback-failed" in line]
    for field in (
        "sid=M1",
        "event_name=sent",
        "destination=a.example:80",
        "why='answered 500'",
        "attempts=1",
        "again_in=5",
    ):
        assert field in line
    assert "secret" not in line


def test_what_waits_for_longest_is_measured() -> None:
    async def work(store: Store) -> str:
        await many(store, 1, host=lambda _: "a.example")
        clock, meter = Clock(), Meter()
        clock.now += 90
        await dispatcher(store, answering(200), clock, meter).round()
        return meter.page().decode()

    assert "sms_translator_callback_lag_seconds 90.0" in on("memory:", work)
