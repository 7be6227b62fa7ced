"""Failed writes of a request: a 503 that says that nothing was done is true, and the outcome of a send is written late."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import Connection

from tests.kept import Kept
from tests.stores import on, opened
from tests.test_store import HOOK, NOW, intent, recorded, settled, unknown
from translator.core.effects import Outcome
from translator.shell.store import Store, StoreUnavailable, sends, unknown_sends
from translator.shell.store.states import SendState
from translator.shell.store.withdrawn_sends import withdraw


class Losing:
    """A store that loses the answer to a commit, for the works named in `loses`.

    The work was committed, and its waiter gets the error that the store is down. While `is_gone` nothing is written at all.
    """

    def __init__(self, store: Store) -> None:
        self._store, self.shared = store, store.shared
        self.loses: set[str] = set()
        self.is_gone = False

    async def _done(self, name: str, work: Any) -> Any:
        if self.is_gone:
            work.close()
            raise StoreUnavailable("ConnectionRefusedError")
        result = await work
        if name in self.loses:
            self.is_gone = True
            raise StoreUnavailable("ConnectionDoesNotExistError", is_unsure=True)
        return result

    async def record(self, *what: Any) -> Any:
        return await self._done("record", self._store.record(*what))

    async def settle(self, *what: Any) -> Any:
        return await self._done("settle", self._store.settle(*what))

    async def write(self, work: Callable[[Connection], Any]) -> Any:
        return await self._done("write", self._store.write(work))

    async def write_behind(self, work: Callable[[Connection], Any]) -> Any:
        return await self.write(work)

    async def read(self, work: Callable[[Connection], Any]) -> Any:
        return await self._store.read(work)

    def trouble(self) -> str:
        return ""

    async def close(self) -> None:
        await self._store.close()


async def states(store: Store) -> list[str]:
    rows = await store.read(partial(sends.listed, states=tuple(SendState), most=100))
    return sorted(row.state for row in rows)


def kept(url: str, work: Callable[[Kept, Losing], Any]) -> Any:
    async def main() -> Any:
        async with opened(url) as real:
            store = Losing(real)
            return await work(Kept(store), store)

    return asyncio.run(main())


def test_send_with_a_lost_record_is_withdrawn_and_its_repetition_is_sent(store_url: str) -> None:
    async def work(world: Kept, store: Losing) -> Any:
        store.loses = {"record"}
        first, _ = await world.send("hello", key="k")
        meanwhile, _ = await world.send("hello", key="k")
        store.is_gone, store.loses = False, set()
        again, _ = await world.send("hello", key="k")
        await world.work_off(40)
        return first, meanwhile, again, world.provider.texts, await states(store)

    assert kept(store_url, work) == (503, 503, 200, ["hello"], ["sent"])


def test_withdrawal_needs_no_other_request_and_an_equal_send_joins_nothing(store_url: str) -> None:
    async def work(world: Kept, store: Losing) -> Any:
        store.loses = {"record"}
        first, _ = await world.send("hello")
        store.is_gone, store.loses = False, set()
        assert await world.journal.links.leftovers.write()
        left = [] if store_url == "memory:" else await states(store)
        await world.work_off(100)  # beyond the time after which an open intent is taken for unknown
        again, _ = await world.send("hello")
        return first, left, again, world.provider.texts

    assert kept(store_url, work) == (503, [], 200, ["hello"])


def test_it_is_withdrawn_also_where_it_was_taken_for_unknown_meanwhile(store_url: str) -> None:
    async def work(store: Store) -> Any:
        await unknown(store, "1")
        [again] = await unknown(store, "2")
        assert await store.write(partial(unknown_sends.begin_resend, row=again, now=NOW, patience=60.0))
        gone = await store.write(partial(withdraw, ids=["1", "2", "never"]))
        return gone, await states(store)

    assert on(store_url, work) == (1, ["intent"]), "what was made again by the operator's word was asked for"


def test_a_process_that_dies_right_after_sends_nothing_twice(tmp_path: Any) -> None:
    async def work(world: Kept, store: Losing) -> Any:
        store.loses = {"record"}
        first, _ = await world.send("hello")
        store.is_gone, store.loses = False, set()
        world.start()
        await world.recover()
        await world.work_off(0)
        joined, _ = await world.send("hello")
        world.clock.advance(121)
        again, _ = await world.send("hello")
        return first, joined, again, world.provider.texts

    # No process is left that knows that the provider request was not made. The send is unknown, and equal ones join it
    # for `join` seconds.
    assert kept(f"sqlite:///{tmp_path / 't.db'}", work) == (503, 504, 200, ["hello"])


@pytest.mark.parametrize("fault", ["", "400", "never left"])
def test_outcome_of_a_send_is_written_when_the_store_answers_again(
    store_url: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("translator.shell.delivery.journal._GLANCE", 0.0)

    async def work(world: Kept, store: Losing) -> Any:
        world.provider.fault = fault
        store.loses = {"settle"}
        told, _ = await world.send("hello")
        store.is_gone, store.loses = False, set()
        asked = world.provider.asked
        assert await world.journal.links.leftovers.write()
        assert world.provider.asked == asked
        return told, await states(store)

    assert kept(store_url, work) == (504, [] if fault else ["sent"])


def test_settling_twice_is_settling_once(store_url: str) -> None:
    async def work(store: Store) -> Any:
        from tests.test_store import sent

        await recorded(store, "1", intent(wish=HOOK))
        for _ in range(2):
            await settled(store, sent("1"))
        await recorded(store, "2", intent())
        for _ in range(2):
            await settled(store, Outcome("2", "never-left"))
        return await states(store)

    assert on(store_url, work) in (["sent"], [])  # memory keeps nothing of a send that is over


def test_batch_with_a_sent_first_message_is_not_said_to_have_done_nothing(tmp_path: Any) -> None:
    from base64 import b64encode

    from translator.core.exchange import exchange
    from translator.core.http.formats import json
    from translator.core.http.messages import Request
    from translator.shell.runtime.effect_runner import RequestContext

    async def work(world: Kept, store: Losing) -> Any:
        records = iter(range(100))
        record = store.record

        async def second_fails(*what: Any) -> Any:
            if next(records) > 0:
                raise StoreUnavailable("OperationalError")
            return await record(*what)

        store.record = second_fails  # type: ignore[method-assign]
        login = b64encode(b"A1:front-token").decode()
        one = {"From": "+15550100001", "To": "+15550100005", "Text": "x"}
        body = json.write({"Messages": [{**one, "Text": f"text {number}"} for number in range(5)]})
        headers = (("authorization", f"Basic {login}"), ("content-type", "application/json"))
        request = Request("POST", "/v2/Properties/P1/BatchMessages", "", headers, body)
        reply = await world.driver.run(
            RequestContext("a"), exchange(world._accounts, world._limits, request, world.clock())
        )
        return reply.response.status, len(world.provider.texts)

    async def main() -> Any:
        async with opened(f"sqlite:///{tmp_path / 't.db'}") as real:
            store = Losing(real)
            return await work(Kept(store, "properties-v2"), store)

    status, sent = asyncio.run(main())
    assert sent == 3, "as many as are asked at once"
    assert status != 503


# ---- a relay between us and PostgreSQL, which cuts the answer to a commit ---------------------------------------------


@contextlib.asynccontextmanager
async def relay(url: str, cuts: list[bool]) -> AsyncIterator[str]:
    """A URL through which PostgreSQL is reached. If `cuts` is not empty, nothing comes back after a COMMIT was passed on."""
    parts = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        is_cut = False

        async def forth() -> None:
            nonlocal is_cut
            while data := await reader.read(65536):
                if cuts and b"COMMIT" in data:
                    cuts.pop()
                    is_cut = True
                back.write(data)
                await back.drain()

        async def answers() -> None:
            while data := await there.read(65536):
                if is_cut:
                    writer.transport.abort()
                    return
                writer.write(data)
                await writer.drain()

        with contextlib.suppress(ConnectionError):
            await asyncio.wait(
                [asyncio.create_task(forth()), asyncio.create_task(answers())], return_when="FIRST_COMPLETED"
            )
        back.transport.abort()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}"))


def test_the_answer_to_a_commit_of_postgresql_is_lost_on_its_way(postgres_url: str) -> None:
    cuts: list[bool] = []

    async def main() -> Any:
        async with relay(postgres_url, cuts) as url, opened(url) as store:
            world = Kept(store)
            before, _ = await world.send("before")
            cuts.append(True)
            first, _ = await world.send("hello")
            there = await states(store)
            again, _ = await world.send("hello")
            return before, first, there, again, world.provider.texts, await states(store)

    assert asyncio.run(main()) == (200, 503, ["intent", "sent"], 200, ["before", "hello"], ["sent", "sent"])
