"""The memory that one account's provider requests hold: it is counted for the account, refused beyond its share, and never delays
another account."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Generator
from typing import Any

import pytest

from conformance.clock import ManualClock
from tests.driven import Driver as Drive
from tests.listing import BACKS, FRONTS, MANY, NOW, PROPERTY, START, Provider, ask, message, page_of, sending, to, world
from tests.scripted import GET, POST, Script, back
from tests.twins import World
from translator.core.accounts import Accounts
from translator.core.effects import CacheEntry, EffectGenerator, ProviderRequests, SingleFlight, run_without_shell
from translator.core.exchange import Limits, Reply, exchange
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.core.listing.answers import largest
from translator.shell.aio.memory_budget import UNKNOWN, MemoryBudget
from translator.shell.client.provider_client import ProviderClient
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import EffectRunner, RequestContext
from translator.shell.runtime.single_flight_cache import SingleFlightCache
from translator.shell.server.handler import Proxy

MIB = 1024 * 1024
FLOODING, OTHER = "flooding", "other"


def large(size: int) -> Script:
    """A provider that answers `size` bytes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
            await writer.drain()

    return script


# ---- answers of a provider -------------------------------------------------------------------------------------------------


def test_an_account_that_is_answered_too_much_fails_and_another_does_not() -> None:
    """A quarter of 16 MiB is for both. One of them may have 9 of the rest."""
    budget = MemoryBudget(16 * MIB, [FLOODING, OTHER])

    async def main() -> None:
        async with back(large(8 * MIB)) as hostile, back(large(MIB)) as fine:
            backs = {
                FLOODING: ProviderClient(f"http://127.0.0.1:{hostile}"),
                OTHER: ProviderClient(f"http://127.0.0.1:{fine}"),
            }
            holds = [budget.hold(FLOODING, "answer") for _ in range(8)]
            answers = await asyncio.gather(
                *(backs[FLOODING].ask(GET, "an-id", hold) for hold in holds),
                backs[OTHER].ask(GET, "an-id", budget.hold(OTHER, "answer")),
            )
            assert isinstance(answers[-1], Response)
            kinds = {answer.kind for answer in answers if isinstance(answer, Failure)}
            assert kinds == {"no-room"}
            assert sum(hold.size for hold in holds) <= 12 * MIB
            for hold in holds:
                hold.release()
            again = budget.hold(FLOODING, "answer")
            assert isinstance(await backs[FLOODING].ask(GET, "an-id", again), Response), (
                "and then it has its share again"
            )
            assert again.size >= 8 * MIB - 64 * 1024
            for upstream in backs.values():
                await upstream.aclose()

    asyncio.run(main())
    assert {account for account, _, _ in budget.refusals()} == {FLOODING}


@pytest.mark.parametrize("request_", [GET, POST])
def test_response_as_small_as_that_to_a_send_is_read_at_any_usage(request_: Request) -> None:
    budget = MemoryBudget(16 * MIB, [FLOODING])
    while budget.take(FLOODING, "answer", 1000) is not None:
        pass

    async def main() -> Answer:
        async with back(large(16 * 1024)) as port:
            upstream = ProviderClient(f"http://127.0.0.1:{port}")
            answer = await upstream.ask(request_, "an-id", budget.hold(FLOODING, "answer"))
            await upstream.aclose()
            return answer

    assert isinstance(asyncio.run(main()), Response)


def test_the_memory_of_answers_is_held_until_they_are_read_and_no_longer() -> None:
    """The same holds if the work is given up."""
    budget = MemoryBudget(16 * MIB, [FLOODING])

    async def main() -> None:
        async with back(large(MIB)) as port:
            driver = EffectRunner(
                {"b": ProviderClient(f"http://127.0.0.1:{port}")}, SingleFlightCache(budget=budget), Meter()
            )
            seen: list[int] = []

            def steps() -> Generator[ProviderRequests, Any, None]:
                answers = yield ProviderRequests("b", (GET, GET), FLOODING, 5000)
                seen.append(budget.held)
                assert [len(answer.body) for answer in answers] == [MIB, MIB]
                yield ProviderRequests("b", (GET,), FLOODING)
                raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await driver.run(RequestContext("an-id"), steps())
            assert 2 * MIB + 5000 - 2 * 16 * 1024 <= seen[0] <= 2 * MIB + 5000 + 2 * 64 * 1024
            assert budget.held == 0
            task = asyncio.create_task(driver.run(RequestContext("an-id"), steps()))
            for _ in range(10**6):
                await asyncio.sleep(0)
                if budget.held > MIB:
                    break
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0)
            assert budget.held == 0
            await driver.aclose()

    asyncio.run(main())


def test_what_is_held_is_on_the_page_of_metrics_by_account_and_kind() -> None:
    meter, budget = Meter(), MemoryBudget(16 * MIB, [FLOODING])
    EffectRunner({}, SingleFlightCache(budget=budget), meter)
    hold = budget.take(FLOODING, "answer", 700)
    budget.take("who?", "head", 16 * MIB)
    assert hold is not None
    page = meter.page().decode()
    assert f'sms_translator_memory_bytes{{account="{FLOODING}",kind="answer"}} 700.0' in page
    assert f'sms_translator_memory_refused_total{{account="{UNKNOWN}",kind="head"}} 1.0' in page
    hold.release()
    assert f'sms_translator_memory_bytes{{account="{FLOODING}",kind="answer"}} 0.0' in meter.page().decode()


# ---- turns ----------------------------------------------------------------------------------------------------------------


def test_accounts_that_share_one_at_the_provider_take_turns() -> None:
    budget = MemoryBudget(16 * MIB, ["a", "b"])
    order: list[str] = []
    shared = Request("GET", "/x", headers=(("authorization", "Basic shared"),))

    async def main() -> None:
        async with back(large(2)) as port:
            upstream = ProviderClient(f"http://127.0.0.1:{port}", concurrency=1)

            async def one(who: str) -> None:
                await upstream.ask(shared, "an-id", budget.hold(who, "answer"))
                order.append(who)

            await asyncio.gather(*(one(who) for who in "aaaaaabb"))
            await upstream.aclose()

    asyncio.run(main())
    assert "".join(order) == "aababaaa", "the first one waits for nobody"


def test_each_ask_says_for_which_account_it_is() -> None:
    """The law holds for every kind of request: one message, a list, a send, several sends."""
    made = world(Provider(MANY[:500]))
    seen: set[str] = set()
    for request in (ask({}), ask({"SortBy": "From"}), to("/restcomm/2012-04-24/Accounts/AC1/SMS/Messages/SM1")):
        running = exchange(Accounts([made.entry]), Limits(), request, NOW)
        seen |= {want.account for want in _asks(running, made)}
    assert seen == {made.entry.name}


def _asks(running: Any, made: World) -> list[ProviderRequests]:
    found = []
    steps = run_without_shell(running, {})
    try:
        want = next(steps)
        while True:
            found.append(want)
            want = steps.send(made.answers(want.requests))
    except StopIteration:
        return found


# ---- lists ----------------------------------------------------------------------------------------------------------------

ROW = 760
"""The bytes that a row takes besides its text, as `make bench` measures it."""


def test_a_list_is_bounded_in_bytes_and_not_only_in_asks(many: Provider) -> None:
    front = world(many, limits=Limits(max_bytes=2 * MIB))
    reply = front.play(ask({"SortBy": "From"}), NOW)
    assert (reply.response.status, reply.fault) == (400, "list-too-long")
    assert front.asks <= 2 * MIB / (200 * ROW) + 4, "nothing is asked for that could not be held"


@pytest.fixture(scope="module")
def many() -> Provider:
    return Provider(MANY)


def test_a_few_rows_of_large_texts_are_as_much_as_many_of_small_ones() -> None:
    texts = [message(number, START + number, body="x" * 10_000) for number in range(5000)]
    front = world(Provider(texts), limits=Limits(max_bytes=20 * MIB))
    assert front.play(ask({"SortBy": "From"}), NOW).fault == "list-too-long"
    assert front.asks <= 10 + 3, "each of 200 rows: 2 MB"
    assert world(Provider(texts)).play(ask({"SortBy": "From"}), NOW).fault == ""


def test_too_large_list_is_answered_with_what_was_read_if_less_will_do(many: Provider) -> None:
    front = world(many, limits=Limits(max_bytes=2 * MIB, cap=True))
    reply = front.play(ask({"SortBy": "From"}), NOW)
    page = page_of(reply)
    assert reply.total == "capped"
    assert 0 < page["total"] * ROW <= 3 * MIB


def test_list_in_memory_counts_for_its_account_and_its_page_says_too_long(many: Provider) -> None:
    """The provider answers as much as it likes. Another account has its list at the same moment."""
    made = world(many)
    other = made.entry._replace(front=made.entry.front._replace(account="AC2"))
    budget = MemoryBudget(16 * MIB, [made.entry.name, other.name])

    class Twin:
        async def ask(self, request: Request, request_id: str, *_: object) -> Answer:
            await asyncio.sleep(0)
            return many(request)

        async def aclose(self) -> None:
            """Nothing is connected."""

    async def main() -> list[Reply]:
        driver = EffectRunner({"provider": Twin()}, SingleFlightCache(budget=budget), Meter())
        accounts = Accounts([made.entry, other])
        theirs = to(ask({}).path.replace("AC1", "AC2") + "?PageSize=50")
        login = ("authorization", "Basic " + b64encode(b"AC2:front-token").decode())
        theirs = theirs.replace(headers=(login,))
        mine = ask({"SortBy": "From"})
        return list(
            await asyncio.gather(
                *(driver.run(RequestContext("x"), exchange(accounts, Limits(), one, NOW)) for one in (mine, theirs))
            )
        )

    long, fine = asyncio.run(main())
    assert (long.response.status, long.fault) == (400, "list-too-long")
    assert fine.response.status == 200
    assert len(json.loads(fine.response.body)["messages"]) == 50
    assert {(account, kind) for account, kind, _ in budget.refusals()} == {(made.entry.name, "answer")}
    assert {kind for _, kind, size in budget.totals() if size} <= {"snapshot"}


# ---- memory of lists -------------------------------------------------------------------------------------------------------


def _kept(budget: MemoryBudget, account: str) -> int:
    return sum(size for who, kind, size in budget.totals() if (who, kind) == (account, "snapshot"))


def test_what_is_kept_of_a_list_counts_until_it_is_dropped() -> None:
    clock, budget = ManualClock(0.0), MemoryBudget(1600, ["a", "b"])
    memory = SingleFlightCache(1000, budget, clock=clock)

    def keep(key: str, weight: int, account: str, life: float = 60.0) -> None:
        def steps(_: object) -> EffectGenerator:
            return None, CacheEntry(key, weight, life, account)
            yield

        asyncio.run(memory.once(SingleFlight((key,), steps), Drive()))

    keep("one", 300, "a")
    keep("two", 300, "a")
    assert _kept(budget, "a") == 600
    keep("one", 100, "a")
    assert _kept(budget, "a") == 400
    keep("two", 10**6, "a")
    assert (memory.recall(("two",)), _kept(budget, "a")) == ("two", 400), "what no memory could hold changes nothing"
    keep("three", 900, "b")
    assert memory.recall(("three",)) == "three"
    assert _kept(budget, "a") + _kept(budget, "b") == 900 + (100 if memory.recall(("one",)) else 0)
    clock.advance(61)
    keep("four", 1, "b")
    assert (_kept(budget, "a"), _kept(budget, "b")) == (0, 1)


def test_what_is_kept_is_dropped_where_its_account_needs_the_memory() -> None:
    budget = MemoryBudget(1600, ["a", "b"])
    memory = SingleFlightCache(1000, budget)

    def steps(_: object) -> EffectGenerator:
        return None, CacheEntry("rows", 800, 60.0, "a")
        yield

    asyncio.run(memory.once(SingleFlight(("k",), steps), Drive()))
    assert _kept(budget, "a") == 800
    assert budget.take("a", "answer", 700) is not None
    assert (memory.recall(("k",)), _kept(budget, "a")) == (None, 0)


# ---- wiring ---------------------------------------------------------------------------------------------------------------


def test_the_proxy_counts_in_the_budget_that_its_memory_has() -> None:
    made = World(FRONTS["seed"], BACKS[200, "ascending"], Provider(MANY[:10]), properties=("", PROPERTY))
    budget, meter = MemoryBudget(16 * MIB, [made.entry.name]), Meter()
    Proxy(Accounts([made.entry]), Limits(), {}, memory=SingleFlightCache(budget=budget), meter=meter)
    assert meter.budget is budget


def test_a_slice_of_more_rows_than_were_asked_for_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that lies can answer millions of them: their decoding would take all others' time."""
    made = world(Provider([]))
    row = {"MessageSid": "M" + "A" * 31, "Text": "x" * 100}
    body = json.dumps({"Messages": [row] * 10_000}).encode()
    decoded: list[int] = []
    verbs = type(made.entry.back.dialect.back)
    monkeypatch.setattr(verbs, "read_slice", lambda *_: decoded.append(1))
    made.answer = lambda _: Response(200, (), body)
    reply = made.play(ask({"SortBy": "From"}), NOW)
    assert (reply.response.status, reply.fault, decoded) == (502, "back-failed", [])


@pytest.mark.parametrize("rows", [1, 200, 1000])
def test_what_is_read_of_a_slice_suffices_for_the_longest_messages(rows: int) -> None:
    """1,600 characters, each escaped, and a kilobyte of other members."""
    assert largest(rows) >= rows * (1600 * 6 + 1024)


NO_ROOM = Failure("no-room", "the account has no memory left for this answer")


def test_a_read_whose_answer_has_no_room_may_be_tried_again() -> None:
    made = world(Provider([]))
    made.answer = lambda _: NO_ROOM
    one = made.play(to(ask({}, "").path + "/SM" + "0" * 32 + ".json"), NOW)
    assert (one.response.status, one.fault, one.response.header("retry-after")) == (503, "too-busy", "1")
    many = made.play(ask({}), NOW)
    assert (many.response.status, many.fault) == (400, "list-too-long")


def test_send_without_room_for_its_response_has_left_and_is_unknown() -> None:
    made = world(Provider([]))
    made.answer = lambda _: NO_ROOM
    assert made.play(sending(), NOW).fault == "outcome-unknown"
