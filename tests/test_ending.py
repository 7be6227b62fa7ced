"""The end of a process: it lingers while balancers look away, drains, and releases its leases."""

import asyncio
import http.client
import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from conformance.twins.serving import serve as serve_twin
from tests.commands import ACCOUNT, LISTS, SECONDS, fetch, running
from tests.processes import children, free_ports, lines_of, until_ready
from tests.reloading import Provider, Serving, written
from tests.stores import on, opened
from tests.test_store import HOOK, NOW, PLACE, intent, looked, recorded, sent, settled
from translator.shell.delivery.worker import PeriodicWorker, going_on
from translator.shell.store import Store, StoreUnavailable, schema, subscriptions, unknown_sends
from translator.shell.store.leases import release

LONG = "linger = 600"
"""Longer than a test waits. An earlier end has another cause."""


def started(tmp_path: Path, script: Callable[[Serving, Provider], Any], server: str, store: str = "") -> Any:
    """Return the result of the script, with a process before a provider that the script may stall."""
    provider = Provider(3)

    def asked(url: str) -> Any:
        config = tmp_path / "translator.toml"
        text = written(url=url, server=server)
        config.write_text(text.replace("sqlite:///translator.db", store or "sqlite:///translator.db"), "utf-8")
        # The tests' own processes do not linger, unless they say so.
        with running(
            "serve", "-c", config, "-o", "json", SMS_TRANSLATOR_SERVER__LINGER=server.rpartition(" ")[2]
        ) as process:
            admin, front = (lines_of(process, event, 1)[0]["listen"] for event in ("admin", "serving"))
            try:
                return script(Serving(process, config, admin, front), provider)
            finally:
                provider.go_on.set()

    async def main() -> Any:
        async with serve_twin(provider) as url:
            return await asyncio.to_thread(asked, url)

    return asyncio.run(main())


def ended(at: Serving) -> int:
    at.process.communicate(timeout=SECONDS)
    return int(at.process.returncode)


def test_sigterm_keeps_answering_and_says_that_it_is_leaving(tmp_path: Path) -> None:
    def script(at: Serving, _provider: Provider) -> None:
        host, _, port = at.front.partition(":")
        kept = http.client.HTTPConnection(host, int(port), timeout=SECONDS)
        kept.request("GET", LISTS)
        assert kept.getresponse().read()
        assert kept.sock is not None, "before, an answer is not the last one"
        at.process.send_signal(signal.SIGTERM)
        [line] = lines_of(at.process, "lingering", 1)
        assert line["seconds"] == 600
        assert fetch(f"http://{at.admin}/readyz")[:1] == (503,)
        assert fetch(f"http://{at.admin}/livez")[:1] == (200,)
        for _ in range(3):  # each on a new connection
            status, headers, _ = fetch(f"http://{at.front}{LISTS}", login=f"{ACCOUNT}:t")
            assert (status, headers["connection"]) == (200, "close")
        kept.request("GET", LISTS)
        answer = kept.getresponse()
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        answer.read()
        at.process.send_signal(signal.SIGTERM)
        assert ended(at) == 0

    started(tmp_path, script, LONG)


def test_it_drains_when_its_seconds_are_over(tmp_path: Path) -> None:
    def script(at: Serving, _provider: Provider) -> None:
        at.process.send_signal(signal.SIGTERM)
        for event in ("lingering", "draining", "stopped"):
            lines_of(at.process, event, 1)
        assert ended(at) == 0

    started(tmp_path, script, "linger = 0.3")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_drains_and_a_third_one_ends(tmp_path: Path, number: signal.Signals) -> None:
    """The provider does not answer a request in flight. The process waits for it until the signal that ends it."""

    def script(at: Serving, provider: Provider) -> None:
        provider.go_on.clear()
        with ThreadPoolExecutor(1) as thread, socket.create_connection(("127.0.0.1", port_of(at))) as new:
            held = thread.submit(truncate, partial(at.status, "t"))
            assert provider.was_asked.wait(SECONDS)
            at.process.send_signal(signal.SIGTERM)
            lines_of(at.process, "lingering", 1)
            at.process.send_signal(number)
            lines_of(at.process, "draining", 1)
            assert new.recv(1) == b"", "idle connections are closed"
            assert at.process.poll() is None
            at.process.send_signal(number)
            assert ended(at) == -number
            assert held.result(SECONDS) is None

    started(tmp_path, script, LONG)


def port_of(at: Serving) -> int:
    return int(at.front.rpartition(":")[2])


def truncate(ask: Callable[[], int]) -> int | None:
    """The status, or None if the connection was cut."""
    try:
        return ask()
    except (OSError, http.client.HTTPException):
        return None


def test_a_person_at_a_terminal_does_not_wait(tmp_path: Path) -> None:
    def script(at: Serving, _provider: Provider) -> None:
        at.process.send_signal(signal.SIGINT)
        assert '"lingering"' not in at.process.communicate(timeout=SECONDS)[1]
        assert at.process.returncode == 0

    started(tmp_path, script, LONG)


def test_workers_linger_and_drain_with_their_supervisor(tmp_path: Path, postgres_url: str) -> None:
    first = free_ports(2)
    config = tmp_path / "translator.toml"
    text = written(server=f"workers = 2\n{LONG}").replace("sqlite:///translator.db", postgres_url)
    config.write_text(text.replace('admin = "127.0.0.1:0"', f'admin = "127.0.0.1:{first}"'), "utf-8")
    with running("serve", "-c", config, "-o", "json", SMS_TRANSLATOR_SERVER__LINGER="600") as process:
        front = lines_of(process, "serving", 2)[0]["listen"]
        for number in range(2):
            until_ready(first + number)
        process.send_signal(signal.SIGTERM)
        lines_of(process, "lingering", 2)
        for pid in children(process.pid):  # as an init system does that signals all processes of a service
            os.kill(pid, signal.SIGTERM)
        assert [fetch(f"http://127.0.0.1:{first + number}/readyz")[0] for number in range(2)] == [503, 503]
        answers = [fetch(f"http://{front}{LISTS}") for _ in range(6)]
        assert [(status, headers["connection"]) for status, headers, _ in answers] == [(401, "close")] * 6
        process.send_signal(signal.SIGTERM)
        lines_of(process, "draining", 2)
        process.communicate(timeout=SECONDS)
        assert process.returncode == 0


def test_what_a_process_had_taken_is_free_as_soon_as_it_has_ended(tmp_path: Path, postgres_url: str) -> None:
    """A message has a subscription, and the provider is being asked for its status. Another process can take that at once."""

    def script(at: Serving, provider: Provider) -> None:
        form = b"From=15550100001&To=15550100002&Body=hello&StatusCallback=http://127.0.0.1:1/hook"
        assert fetch(f"http://{at.front}{LISTS}", form, f"{ACCOUNT}:t")[0] == 200
        provider.go_on.clear()
        provider.was_asked.clear()
        assert provider.was_asked.wait(SECONDS), "it is looked at every 0.1 seconds"
        at.process.send_signal(signal.SIGINT)
        assert ended(at) == 0

    started(tmp_path, script, "linger = 0", store=postgres_url)

    async def found(store: Store) -> list[tuple[int, float]]:
        return await store.read(leases_of)

    [(_, leased)] = on(postgres_url, found)
    assert leased == 0.0


def leases_of(connection: Connection) -> list[tuple[int, float]]:
    """The end of the lease of each subscription, by its id."""
    return [
        (id_, leased)
        for id_, leased in connection.execute(select(schema.subscriptions.c.id, schema.subscriptions.c.leased_until))
    ]


def test_only_what_this_process_took_and_nobody_took_since_is_given_back(tmp_path: Path) -> None:
    """Two processes run on one store, each with engines of its own. The second one takes the rows that the first one held for too long."""
    url = f"sqlite:///{tmp_path / 'translator.db'}"

    async def main() -> list[Any]:
        async with opened(url) as first, opened(url, alone=False) as second:
            for number in "123":
                await recorded(first, number, intent(number, HOOK))
                await settled(first, sent(number, f"M{number}"))
            found, _ = await first.read(partial(subscriptions.held_from, place=PLACE, after=(-1.0, 0), most=10))
            kept, lost, done = sorted(one.id for one in found)
            await first.write(partial(subscriptions.take, ids=[kept], now=NOW + 100, lease=60.0))
            await first.write(partial(subscriptions.take, ids=[lost], now=NOW + 101, lease=60.0))
            await first.write(partial(subscriptions.take, ids=[done], now=NOW + 102, lease=60.0))
            [row] = await first.read(partial(subscriptions.taken, ids=[done]))
            await first.write(
                partial(subscriptions.record_results, results=[looked(row, [], NOW + 500)], now=NOW + 103)
            )
            # Only the lease of `lost` is over for the second one, whose clock is ahead.
            await first.write(lambda connection: connection.execute(
                schema.subscriptions.update().where(schema.subscriptions.c.id == lost).values(leased_until=NOW + 104)
            ))  # fmt: skip
            again = await second.write(partial(subscriptions.take, ids=[lost], now=NOW + 105, lease=60.0))
            assert again == {lost}
            given = await first.write(release)
            leases = dict(await first.read(leases_of))
            return [given, leases[kept], leases[lost], await first.write(release)]

    assert asyncio.run(main()) == [1, 0.0, NOW + 165, 0]


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_what_was_taken_by_another_clock_is_given_back_too(tmp_path: Path, step: float) -> None:
    """Subscriptions are leased by the steady clock, unknown sends by the wall clock, which may have been set."""

    async def main() -> list[Any]:
        async with opened(f"sqlite:///{tmp_path / 'translator.db'}") as store:
            await recorded(store, "1", intent("1", HOOK))
            await settled(store, sent("1", "M1"))
            [watch], _ = await store.read(partial(subscriptions.held_from, place=PLACE, after=(-1.0, 0), most=10))
            await store.write(partial(subscriptions.take, ids=[watch.id], now=NOW, lease=60.0))
            await store.write(partial(unknown_sends.take_unknown, most=1, now=NOW + step, lease=60.0))
            return [await store.write(release), await store.read(leases_of)]

    assert asyncio.run(main()) == [1, [(1, 0.0)]]


def test_lease_from_a_clock_that_was_set_back_since_delays_no_worker(tmp_path: Path) -> None:
    async def main() -> list[set[int]]:
        async with opened(f"sqlite:///{tmp_path / 'translator.db'}") as store:
            await recorded(store, "1", intent("1", HOOK))
            await settled(store, sent("1", "M1"))
            take = partial(subscriptions.take, ids=[1], lease=60.0)
            return [await store.write(partial(take, now=now)) for now in (NOW + 3600, NOW + 3601, NOW)]

    assert asyncio.run(main()) == [{1}, set(), {1}]


def test_a_loop_ends_also_where_its_round_hides_that_it_was_cancelled() -> None:
    async def main() -> int:
        begun, rounds = asyncio.Event(), 0

        async def round_() -> bool:
            nonlocal rounds
            rounds += 1
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise StoreUnavailable("TimeoutError") from None
            return True

        async with going_on([PeriodicWorker("stubborn", round_, rest=0.0)]):
            await begun.wait()
        return rounds

    assert asyncio.run(asyncio.wait_for(main(), SECONDS)) == 1
