"""The readiness of the process: reads, sends and callbacks apart, and the file of its store."""

import asyncio
import fcntl
import os
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from conformance.clock import ManualClock
from tests.kept import Kept
from tests.stores import opened
from tests.test_store import intent, recorded
from translator.core.accounts import Accounts
from translator.core.errors import ConfigError
from translator.core.exchange import Limits
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy
from translator.shell.delivery.journal import Patience
from translator.shell.delivery.readiness import Readiness
from translator.shell.delivery.service import DeliveryService, DeliverySettings
from translator.shell.delivery.status_poller import Polling
from translator.shell.observability.admin import Meter, admin_application
from translator.shell.store import Store, StoreUnavailable, files, open_store, sends
from translator.shell.store.deferred_open import open_late
from translator.shell.store.retention import Keep
from translator.shell.store.states import SendState

ROOT = Path(__file__).parents[1]


def keeper_of(store: Store) -> tuple[Kept, DeliveryService]:
    world = Kept(store)
    keeping = DeliverySettings(CallbackUrlPolicy(), world.receipts, Patience(answer=30.0), Polling(), Keep(1000.0))
    return world, DeliveryService(store, Accounts([world.entry]), Limits(), keeping, world.meter, clock=world.clock)


async def ready(readiness: Readiness, meter: Meter, what: str = "") -> tuple[int, str]:
    """The response of `/readyz`, in a second in which nothing is known yet."""
    readiness._tried = -1e9
    app = admin_application(meter, lambda: False, readiness.why_not)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://admin.test") as client:
        answer = await client.get("/readyz", params={"for": what} if what else {})
        return answer.status_code, answer.text


def test_who_asks_hears_of_reads_sends_and_callbacks_apart(store_url: str) -> None:
    async def main() -> Any:
        async with opened(store_url) as store:
            world, keeper = keeper_of(store)
            before = await ready(keeper.readiness, world.meter)
            keeper.readiness.is_serving = True
            good = await ready(keeper.readiness, world.meter)

            async def down(_: Any) -> Any:
                raise StoreUnavailable("disk I/O error")

            write, store.write = store.write, down  # type: ignore[assignment,method-assign]
            bad = [
                await ready(keeper.readiness, world.meter, what) for what in ("", "reads", "sends", "callbacks", "x")
            ]
            page = admin_application(world.meter, lambda: False, keeper.readiness.why_not)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(page), base_url="http://admin.test") as client:
                metrics = (await client.get("/metrics")).text
            store.write = write  # type: ignore[method-assign]
            return before, good, bad, metrics, await ready(keeper.readiness, world.meter, "sends")

    before, good, bad, metrics, after = asyncio.run(main())
    assert before[0] == 503 and before[1].startswith("reads: the front does not listen yet")
    assert good == (200, "reads: ok\nsends: ok\ncallbacks: ok\n")
    assert bad[0] == (200, "reads: ok\nsends: disk I/O error\ncallbacks: disk I/O error\n")
    assert [status for status, _ in bad[1:]] == [200, 503, 503, 400]
    assert 'sms_translator_ready{for="sends"} 0.0' in metrics and 'sms_translator_ready{for="reads"} 1.0' in metrics
    assert after == (200, "ok\n")


def test_failed_write_of_a_send_is_seen_at_once_and_ended_by_a_trial(tmp_path: Path) -> None:
    async def main() -> Any:
        async with opened(f"sqlite:///{tmp_path / 't.db'}") as store:
            _, keeper = keeper_of(store)
            readiness = keeper.readiness
            readiness.is_serving = True
            clock = ManualClock(0)
            readiness._clock, readiness._tried = clock, -5.0
            first = (await readiness.why_not())["sends"]
            keeper.journal.links.heard("database or disk is full")
            second = (await readiness.why_not())["sends"]
            clock.advance(1)
            return first, second, (await readiness.why_not())["sends"]

    assert asyncio.run(main()) == ("", "database or disk is full", "")


def test_who_asks_is_not_kept_by_a_database_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("translator.shell.delivery.readiness._PATIENCE", 0.01)

    async def main() -> Any:
        async with opened("memory:") as store:
            _, keeper = keeper_of(store)
            keeper.readiness.is_serving = True

            async def never(_: Any) -> Any:
                await asyncio.Event().wait()

            store.write = never  # type: ignore[assignment,method-assign]
            keeper.readiness._why = ""
            said = await keeper.readiness.why_not()
            await keeper.readiness.aclose()
            return said

    assert asyncio.run(main()) == {
        "reads": "",
        "sends": "the store does not answer",
        "callbacks": "the store does not answer",
    }


def test_a_full_disk_is_known_without_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> str:
        async with opened(f"sqlite:///{tmp_path / 't.db'}") as store:
            assert store.trouble() == ""
            monkeypatch.setattr(files, "_LITTLE", 1 << 60)
            return store.trouble()

    assert asyncio.run(main()) == "the disk is full"


# ---- the file is replaced, deleted, or wanted by another one ------------------------------------------------------------


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_file_that_is_gone_is_noticed_before_the_next_send_is_accepted(tmp_path: Path, how: str) -> None:
    path = tmp_path / "t.db"

    async def main() -> Any:
        async with opened(f"sqlite:///{path}") as store:
            world = Kept(store)
            before, _ = await world.send("before")
            path.rename(tmp_path / "moved.db")
            if how == "replaced":
                path.touch()
            gone, _ = await world.send("gone")
            trouble = store.trouble()
            (tmp_path / "moved.db").rename(path)
            back, _ = await world.send("back")
            return before, gone, bool(trouble), back, world.provider.texts

    assert asyncio.run(main()) == (200, 503, True, 200, ["before", "back"])


def test_who_removes_the_lock_file_lets_no_second_one_in(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    words = "import asyncio, sys; from pathlib import Path; from translator.shell.store import open_store\n"
    words += "async def main():\n    await (await open_store(sys.argv[1], 'x', Path('/'))).close()\nasyncio.run(main())"

    async def main() -> Any:
        async with opened(f"sqlite:///{path}") as store:
            os.unlink(f"{path}.lock")
            second = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-c", words, f"sqlite:///{path}"],
                cwd=ROOT,
                capture_output=True,
                text=True,
            )
            await recorded(store, "1", intent())
            return second.returncode, second.stderr

    code, said = asyncio.run(main())
    assert code == 1 and "is in use by another serve" in said
    asyncio.run(close_at_once(path))


async def close_at_once(path: Path) -> None:
    """Open the store and close it. This works when the first process has closed it."""
    async with opened(f"sqlite:///{path}"):
        pass


def test_nobody_else_can_hold_the_lock_or_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    path.touch(0o644)
    Path(f"{path}.lock").touch(0o644)
    path.chmod(0o644)
    Path(f"{path}.lock").chmod(0o644)

    async def main() -> list[int]:
        async with opened(f"sqlite:///{path}") as store:
            await recorded(store, "1", intent())
            found = [path, Path(f"{path}.lock"), Path(f"{path}-wal"), Path(f"{path}-shm")]
            return [stat.S_IMODE(os.stat(one).st_mode) for one in found]

    assert asyncio.run(main()) == [0o600] * 4


def test_a_lock_that_was_removed_while_it_was_taken_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, removed = tmp_path / "t.db.lock", [True]
    flock = fcntl.flock

    def slow(handle: int, how: int) -> None:
        flock(handle, how)
        if removed:
            removed.pop()
            lock.unlink()

    monkeypatch.setattr(fcntl, "flock", slow)
    handle = files._locked(lock, "x")
    assert lock.exists() and os.fstat(handle).st_ino == lock.stat().st_ino
    os.close(handle)


def test_what_looks_beside_makes_no_store(tmp_path: Path) -> None:
    async def beside(url: str) -> None:
        await open_store(url, "[store] url", Path("/"), alone=False)

    with pytest.raises(ConfigError, match="there is no store"):
        asyncio.run(beside(f"sqlite:///{tmp_path / 't.db'}"))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "t.db").touch()
    with pytest.raises(ConfigError, match="holds no store yet"):
        asyncio.run(beside(f"sqlite:///{tmp_path / 't.db'}"))


# ---- a store that cannot be opened, or written, at the start ---------------------------------------------------------------


def test_a_store_that_cannot_be_opened_yet_is_opened_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("translator.shell.store.deferred_open._AGAIN", 0.01)
    tries: list[int] = []

    async def opening() -> Store:
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnavailable("database or disk is full")
        return await open_store(f"sqlite:///{tmp_path / 't.db'}", "x", Path("/"))

    async def main() -> Any:
        store = await open_late(opening, shared=False)
        trouble = store.trouble()
        with pytest.raises(StoreUnavailable):
            await recorded(store, "1", intent())
        while store.trouble():  # noqa: ASYNC110 - it opens by itself
            await asyncio.sleep(0.01)
        found = await recorded(store, "1", intent())
        await store.close()
        return trouble, found.state

    assert asyncio.run(main()) == ("database or disk is full", "new")


def test_what_never_can_be_opened_is_said_at_once() -> None:
    async def opening() -> Store:
        raise ConfigError("[store] url", "was written by a newer release")

    with pytest.raises(ConfigError):
        asyncio.run(open_late(opening, shared=False))


def test_reads_go_on_and_sends_do_not_while_leftovers_are_not_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("translator.shell.delivery.worker._AGAIN", 0.01)

    async def main() -> Any:
        async with opened(f"sqlite:///{tmp_path / 't.db'}") as store:
            world, keeper = keeper_of(store)
            await recorded(store, "left", intent("left"))
            world.journal = world.driver.scribe = keeper.journal
            write = store.write

            async def full(_: Any) -> Any:
                raise StoreUnavailable("database or disk is full")

            store.write = full  # type: ignore[assignment,method-assign]
            async with keeper.going_on(world.driver):
                keeper.readiness.is_serving = True
                why = await keeper.readiness.why_not()
                early, _ = await world.send("early")
                store.write = write  # type: ignore[method-assign]
                while keeper.journal.links.closed:  # noqa: ASYNC110 - it is taken over by itself
                    await asyncio.sleep(0.01)
                late, _ = await world.send("late")
                rows = await store.read(partial(sends.listed, states=tuple(SendState), most=9))
                return why["reads"], why["sends"], early, late, {row.id: row.state for row in rows}["left"]

    reads, not_sends, early, late, left = asyncio.run(main())
    assert (reads, not_sends, early, late) == ("", "database or disk is full", 503, 200)
    assert left != "intent", "it was taken over"


def test_a_disk_that_is_full_at_the_start_does_not_end_the_store(tmp_path: Path) -> None:
    path = tmp_path / "t.db"

    async def main() -> str:
        async with opened(f"sqlite:///{path}") as store:
            pages = await store.write(lambda connection: connection.execute(text("PRAGMA page_count")).scalar())
            await store.write(lambda connection: connection.execute(text(f"PRAGMA max_page_count={pages}")))
            _, keeper = keeper_of(store)
            keeper.readiness.is_serving = True
            keeper.readiness._why = "tried before"
            await keeper.readiness._write()
            return keeper.readiness._why

    assert "full" in asyncio.run(main())
