"""The memory of the shell: one read for all concurrent readers, bounded in bytes and seconds, and never in the way of a response."""

import asyncio
import json
import math
from base64 import b64encode
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest

from conformance.clock import ManualClock
from tests.driven import ASK, Driver
from tests.listing import ENTRY, MANY, NOW, PATH, Provider
from translator.core.accounts import Accounts
from translator.core.effects import CacheEntry, EffectGenerator, SingleFlight
from translator.core.errors import FaultRaised
from translator.core.exchange import Limits
from translator.core.http.messages import Answer, Request
from translator.core.model import Fault
from translator.shell.runtime.single_flight_cache import SingleFlightCache
from translator.shell.server.handler import Proxy


def once(
    key: str = "k", *, weight: int = 10, life: float = 60.0, asks: bool = True, fails: bool = False
) -> SingleFlight:
    """Effects that count how often they ran, from the kept value."""

    def steps(kept: int | None) -> EffectGenerator:
        if asks:
            yield ASK
        if fails:
            raise FaultRaised(Fault("back-failed"))
        return (kept or 0) + 1, CacheEntry((kept or 0) + 1, weight, life)

    return SingleFlight((key,), steps)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 10))


def test_concurrent_readers_share_one_result_and_the_next_starts_from_it() -> None:
    async def main() -> None:
        memory, driver = SingleFlightCache(), Driver()
        waiting = [asyncio.ensure_future(memory.once(once(), driver)) for _ in range(5)]
        await asyncio.sleep(0)
        driver.go.set()
        assert await asyncio.gather(*waiting) == [1] * 5
        assert driver.begun == 1
        assert await memory.once(once(), driver) == 2

    run(main())


def test_other_keys_do_not_wait_for_each_other() -> None:
    async def main() -> None:
        memory, stuck, quick = SingleFlightCache(), Driver(), Driver()
        quick.go.set()
        waiting = asyncio.ensure_future(memory.once(once("a"), stuck))
        await asyncio.sleep(0)
        assert await memory.once(once("b"), quick) == 1
        waiting.cancel()

    run(main())


def test_a_failure_is_everybodys_and_nothing_is_kept() -> None:
    async def main() -> None:
        memory, driver = SingleFlightCache(), Driver()
        waiting = [asyncio.ensure_future(memory.once(once(fails=True), driver)) for _ in range(3)]
        await asyncio.sleep(0)
        driver.go.set()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in found] == [FaultRaised] * 3
        assert await memory.once(once(), driver) == 1

    run(main())


def test_who_began_may_leave_and_the_others_still_get_it() -> None:
    async def main() -> None:
        memory, driver = SingleFlightCache(), Driver()
        first, second = (asyncio.ensure_future(memory.once(once(), driver)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        driver.go.set()
        assert await second == 1
        assert driver.begun == 1

    run(main())


def test_what_nobody_waits_for_is_dropped_and_begun_anew() -> None:
    async def main() -> None:
        memory, driver = SingleFlightCache(), Driver()
        alone = asyncio.ensure_future(memory.once(once(), driver))
        await asyncio.sleep(0)
        alone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await alone
        driver.go.set()
        assert await memory.once(once(), driver) == 1
        assert driver.begun == 2

    run(main())


def test_steps_that_ask_nothing_are_done_at_once() -> None:
    async def main() -> None:
        memory, driver = SingleFlightCache(), Driver()
        assert [await memory.once(once(asks=False), driver) for _ in range(3)] == [1, 2, 3]
        assert driver.begun == 0

    run(main())


@pytest.mark.parametrize(("seconds", "then"), [(59.0, 2), (61.0, 1)])
def test_what_is_kept_lives_as_long_as_it_may(seconds: float, then: int) -> None:
    async def main() -> None:
        clock = ManualClock(0.0)
        memory = SingleFlightCache(clock=clock)
        await memory.once(once(asks=False), Driver())
        clock.advance(seconds)
        assert await memory.once(once(asks=False), Driver()) == then

    run(main())


def test_least_recently_used_is_evicted_and_too_large_a_value_is_not_kept() -> None:
    async def main() -> None:
        memory, driver = SingleFlightCache(25), Driver()
        for key in ("a", "b", "a", "c"):
            await memory.once(once(key, asks=False), driver)
        assert await memory.once(once("a", asks=False), driver) == 3
        assert await memory.once(once("b", asks=False), driver) == 1
        assert await memory.once(once("d", weight=26, asks=False), driver) == 1
        assert await memory.once(once("d", weight=26, asks=False), driver) == 1

    run(main())


def test_what_lives_as_long_as_the_process_is_never_put_out() -> None:
    async def main() -> None:
        clock = ManualClock(0.0)
        memory, driver = SingleFlightCache(25, clock=clock), Driver()
        await memory.once(once("for ever", life=math.inf, asks=False), driver)
        clock.advance(10**9)
        for key in ("a", "b", "c"):
            await memory.once(once(key, asks=False), driver)
        assert await memory.once(once("for ever", life=math.inf, asks=False), driver) == 2

    run(main())


# ------------------------------------------------------------------------------------------------------- with the proxy


class Slow:
    """A provider that takes a turn of the loop for each request."""

    def __init__(self, provider: Provider) -> None:
        self.provider, self.asked = provider, 0

    async def ask(self, request: Request, request_id: str, *_: object) -> Answer:
        self.asked += 1
        await asyncio.sleep(0.001)
        return self.provider(request)

    async def aclose(self) -> None:
        pass


def _get(client: httpx.AsyncClient, query: str) -> Coroutine[Any, Any, httpx.Response]:
    token = b64encode(b"AC1:front-token").decode()
    return client.get(f"{PATH}.json?{query}", headers={"authorization": f"Basic {token}"})


def _proxied(back: Slow, **knobs: Any) -> httpx.AsyncClient:
    proxy = Proxy(Accounts([ENTRY]), Limits(), {"provider": back}, clock=ManualClock(NOW), **knobs)
    transport = httpx.ASGITransport(proxy.application())
    return httpx.AsyncClient(transport=transport, base_url="http://front.test")


@pytest.mark.parametrize("query", ["SortBy=From", "To=15550100002", ""])
def test_equal_lists_at_the_same_moment_are_read_once(query: str) -> None:
    async def main() -> None:
        alone, together = Slow(Provider(MANY[:3000])), Slow(Provider(MANY[:3000]))
        async with _proxied(alone) as client:
            expected = (await _get(client, query)).json()
        async with _proxied(together) as client:
            answers = await asyncio.gather(*(_get(client, query) for _ in range(4)))
        assert [answer.json() for answer in answers] == [expected] * 4
        assert together.asked == alone.asked

    run(main())


def test_list_that_fails_at_the_back_fails_for_all_and_works_again_later() -> None:
    async def main() -> None:
        back = Slow(Provider(MANY[:300]))
        back.provider.twin.accounts = {}
        async with _proxied(back) as client:
            answers = await asyncio.gather(*(_get(client, "SortBy=From") for _ in range(3)))
            assert [answer.status_code for answer in answers] == [502] * 3
            back.provider = Provider(MANY[:300])
            assert (await _get(client, "SortBy=From")).json()["total"] == 300

    run(main())


def test_an_answer_says_what_it_took_where_the_operator_wants_that_said() -> None:
    async def main() -> None:
        async with _proxied(Slow(Provider(MANY[:300])), explain_headers=True) as client:
            first, second = await _get(client, "SortBy=From"), await _get(client, "SortBy=From&Page=1")
            wrong = await _get(client, "Page=x")
        told = [
            (answer.headers["x-translator-back-calls"], answer.headers["x-translator-total"])
            for answer in (first, second)
        ]
        assert told == [("5", "exact"), ("0", "exact")]
        assert wrong.headers["x-translator-back-calls"] == "0" and "x-translator-total" not in wrong.headers
        async with _proxied(Slow(Provider(MANY[:3]))) as client:
            assert not [name for name in (await _get(client, "")).headers if name.startswith("x-translator")]
        assert json.loads(first.content)["total"] == 300

    run(main())
