"""The names of receivers are resolved in a few threads of their own. No account has all of these threads."""

import asyncio
import socket
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.test_connection import LOOPS
from translator.core.http.messages import Request, Response
from translator.shell.client.provider_client import ProviderClient
from translator.shell.delivery import resolver as resolving
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy, UnresolvableHost
from translator.shell.delivery.resolver import THREADS, Resolver, Shares


class Names:
    """A resolver of the system. A slow lookup ends when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = threading.Event()

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        if host.startswith("slow"):
            self.go_on.wait(20)
        if host.startswith("none"):
            raise OSError("no such name")
        return [(0, 0, 0, "", ("93.184.216.34", port))]


def run(work: Coroutine[Any, Any, Any], names: Names) -> Any:
    async def main() -> Any:
        try:
            return await work
        finally:
            names.go_on.set()
            await asyncio.sleep(0.05)

    return asyncio.run(main())


async def settle() -> None:
    await asyncio.sleep(0.05)


def test_slow_names_of_one_account_leave_threads_for_the_others() -> None:
    names = Names()
    resolver = Resolver(names)

    async def work() -> Any:
        slow = [asyncio.create_task(resolver.resolve(f"slow{number}", 80, "one")) for number in range(50)]
        await settle()
        begun = len(names.asked)
        other = await resolver.resolve("quick", 80, "two")
        names.go_on.set()
        found = await asyncio.gather(*slow)
        return begun, other, len(found)

    assert run(work(), names) == (THREADS // 2, ["93.184.216.34"], 50)


def test_name_is_resolved_once_at_a_time_and_refused_while_a_lookup_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names()
    resolver = Resolver(names)

    async def work() -> Any:
        first, second = (asyncio.create_task(resolver.resolve("slow", 80, "one")) for _ in range(2))
        await settle()
        monkeypatch.setattr(resolving, "STUCK", 0.0)
        with pytest.raises(OSError, match="still runs"):
            await resolver.resolve("slow", 80, "two")
        names.go_on.set()
        return await first, await second, names.asked

    assert run(work(), names) == (["93.184.216.34"], ["93.184.216.34"], ["slow"])


def test_a_lookup_that_nobody_waits_for_any_more_keeps_its_place() -> None:
    names = Names()
    resolver = Resolver(names)

    async def work() -> Any:
        for number in range(THREADS):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(resolver.resolve(f"slow{number}", 80, "one"), 0.02)
        begun = len(names.asked)
        names.go_on.set()
        await settle()
        return begun, await resolver.resolve("quick", 80, "one"), resolver._places.free

    assert run(work(), names) == (THREADS // 2, ["93.184.216.34"], THREADS)


def test_what_waits_for_a_thread_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "_WAITING", 3)
    names = Names()
    resolver = Resolver(names)

    async def work() -> Any:
        slow = [asyncio.create_task(resolver.resolve(f"slow{number}", 80, "one")) for number in range(20)]
        await settle()
        refused = sum(task.done() for task in slow)
        names.go_on.set()
        await asyncio.gather(*slow, return_exceptions=True)
        return refused

    assert run(work(), names) == 20 - THREADS // 2 - 3


def test_accounts_take_turns_and_one_that_goes_away_leaves_nothing_behind() -> None:
    async def main() -> Any:
        shares, order = Shares(2), []

        async def take(account: str) -> None:
            await shares.take(account, 9)
            order.append(account)
            await asyncio.sleep(0.01)
            shares.give(account)

        assert shares.take_free("one") and shares.take_free("zero")
        gone = asyncio.create_task(shares.take("three", 9))
        tasks = [asyncio.create_task(take(account)) for account in ("one", "one", "two", "two")]
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        shares.give("one")
        shares.give("zero")
        await asyncio.gather(*tasks)
        return sorted(order), shares.free, shares.is_free()

    order, free, is_free = asyncio.run(main())
    assert order == ["one", "one", "two", "two"]
    assert (free, is_free) == (2, True)


def test_a_place_goes_to_the_next_if_the_first_that_waits_has_just_left() -> None:
    """A request whose time is over learns of it one step later. A place that is given back in between must not be lost."""

    async def main() -> None:
        shares = Shares(1)
        assert shares.take_free("a")
        leaving, next_one = (asyncio.create_task(shares.take("a", 9)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        shares.give("a")
        found = await asyncio.wait_for(asyncio.gather(leaving, next_one, return_exceptions=True), 5)
        assert isinstance(found[0], asyncio.CancelledError)
        assert found[1] is None
        leaving = asyncio.create_task(shares.take("a", 9))
        await asyncio.sleep(0)
        leaving.cancel()
        shares.give("a")
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert shares.is_free()
        assert shares.free == 1

    asyncio.run(main())


def test_a_send_is_not_kept_for_a_name_that_resolves_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names()
    vetting = CallbackUrlPolicy()
    vetting._resolver = Resolver(names)
    monkeypatch.setattr("translator.shell.delivery.callback_url_policy._PATIENCE_OF_A_SEND", 0.05)
    monkeypatch.setattr("translator.shell.delivery.callback_url_policy._PATIENCE", 0.1)

    async def work() -> Any:
        before = asyncio.get_running_loop().time()
        said = (await vetting.judge("http://slow.example/x", "one")).reason
        with pytest.raises(UnresolvableHost):
            await vetting.resolve_target("http://none.example/x", "two")
        return said, asyncio.get_running_loop().time() - before < 5

    assert run(work(), names) == ("", True)


def test_an_internationalised_name_is_read() -> None:
    names = Names()
    vetting = CallbackUrlPolicy()
    vetting._resolver = Resolver(names)
    assert run(vetting.judge("http://xn--a-ecp.example/x", "one"), names).reason == ""


@pytest.mark.parametrize("kind", LOOPS)
def test_blocked_callback_names_leave_the_name_of_a_provider_alone(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lookups of callbacks take every thread that they may have. A provider behind a name is connected to all the same.

    asyncio resolves the provider's name with the simulated resolver. uvloop has its own, so the name is one that each system has.
    """
    names, real = Names(), socket.getaddrinfo
    provider = "provider.test" if kind == "asyncio" else "localhost"

    def simulated(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        names.asked.append(str(host))
        return real("127.0.0.1" if host == provider else host, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", simulated)
    resolver = Resolver(names)

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async def main() -> Any:
        server = await asyncio.start_server(answers, "127.0.0.1", 0)
        client = ProviderClient(f"http://{provider}:{server.sockets[0].getsockname()[1]}")
        accounts = [f"account{number}" for number in range(THREADS)]
        slow = [asyncio.create_task(resolver.resolve(f"slow.{name}", 80, name)) for name in accounts for _ in range(9)]
        await settle()
        blocked = len(names.asked)
        try:
            answer = await asyncio.wait_for(client.ask(Request("GET", "/"), "an-id"), 10)
        finally:
            names.go_on.set()
            await asyncio.gather(*slow)
        await client.aclose()
        server.close()
        return blocked, answer

    with asyncio.Runner(loop_factory=LOOPS[kind]) as runner:
        blocked, answer = runner.run(main())
    assert blocked == THREADS
    assert isinstance(answer, Response) and (answer.status, answer.body) == (200, b"ok")
    assert kind == "uvloop" or provider in names.asked
