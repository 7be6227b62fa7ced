"""How long sends stand still while what is finished is deleted: a store of a million sends, and 100 sends a second beside retention.

`python -m bench.retention [--against DIR]`; with `--against` the code of another checkout is measured in the same run, on a copy of the
same file. `--sends` and `--watches` make it smaller. Two phases are measured on each: nothing is old enough to be deleted, and all is.
"""

import argparse
import asyncio
import inspect
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

SENDS: Final = 1_000_000
WATCHES: Final = 200_000
PER_SECOND: Final = 100
NOTHING_SECONDS: Final = 25.0
DELETING_SECONDS: Final = 20.0
MUST: Final = {"nothing_ms": 50.0, "deleting_ms": 100.0, "rows_a_second": 5000.0}
AIM: Final = {"nothing_ms": 20.0, "deleting_ms": 50.0, "rows_a_second": 20000.0}
_TABLES: Final = ("sends", "watches", "events")
_AGE: Final = 7200.0
"""Seconds ago that the rows were finished. The first phase keeps rows longer than that, the second one does not."""


def fill(path: Path, count: int, watched: int) -> None:
    """Write finished sends, of which some have a watch that is over and a call that was delivered, as a day of work leaves them."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    first, step, every = time.time() - _AGE - 3600, 3600 / count, max(1, count // max(1, watched))
    sends: list[Any] = []
    watches: list[Any] = []
    events: list[Any] = []
    for number in range(count):
        made = first + number * step
        id_, sid = f"{int(made * 1000):012x}{os.urandom(10).hex()}", os.urandom(16).hex()
        sends.append((id_, made, os.urandom(32).hex(), sid, made + 0.1))
        if number % every == 0:
            watches.append((len(watches) + 1, id_, made + 10))
            events.append((len(watches), len(watches), made, made, made + 11))
    connection.executemany(
        "INSERT INTO sends (id, entry, place, state, made, sender, recipient, text, same, sid, message, settled, looks, leased, attempt)"
        " VALUES (?, 'restcomm/AC1/', 'provider/A1/P1', 'sent', ?, '+15550100001', '+15550100005', printf('%.*c', 120, 'x'), ?, ?,"
        " CAST(printf('%.*c', 300, 'y') AS BLOB), ?, 0, 0, 0)",
        sends,
    )
    connection.executemany(
        "INSERT INTO watches (id, send, entry, address, method, told, looks, over, leased, attempt)"
        " VALUES (?, ?, 'restcomm/AC1/', 'http://a.example/hook', 'POST', 'sent,delivered', 3, ?, 0, 1)",
        watches,
    )
    connection.executemany(
        "INSERT INTO events (id, watch, entry, position, name, method, address, form, destination, state, made, due_at, tries, why,"
        " finished, leased, attempt) VALUES (?, ?, 'restcomm/AC1/', 0, 'delivered', 'POST', 'http://a.example/hook',"
        " printf('%.*c', 200, 'z'), 'a.example:80', 'delivered', ?, ?, 1, '', ?, 0, 1)",
        events,
    )
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    os.sync()  # what is still to be written of this is no part of what is measured


def counted(path: Path) -> int:
    """How many rows there are."""
    connection = sqlite3.connect(path)
    found = sum(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _TABLES)  # noqa: S608 - names of ours
    connection.close()
    return int(found)


# ---- in the process that is measured: the code of whichever checkout is first on the path --------------------------------------


def _retiring(store: Any, keep: Any) -> Any:
    """The loop that deletes. Builds of before take the value, today's a function that returns it."""
    from translator.shell.admin import Meter
    from translator.shell.background import retiring

    if "Callable" in str(inspect.signature(retiring).parameters["keep"].annotation):
        return retiring(store, lambda: keep, Meter())
    return retiring(store, keep, Meter())


async def _phase(path: Path, done: float, seconds: float) -> dict[str, Any]:
    """Sends at 100 a second beside the retention of a store. Milliseconds of the slowest, and how many there were."""
    # ruff: noqa: PLC0415 - whose code this is says the path, and the process that measures needs none of it
    from translator.model import Message
    from translator.shell.background import going_on
    from translator.shell.store import open_store
    from translator.shell.store.retention import Keep
    from translator.shell.store.sends import Begun, Times
    from translator.wants import Intent, Outcome

    store = await open_store(f"sqlite:///{path}", "bench", path.parent)
    taken: list[tuple[float, float]] = []

    async def send() -> None:
        now, began = time.time(), time.perf_counter()
        id_, sid = f"{int(now * 1000):012x}{os.urandom(10).hex()}", os.urandom(16).hex()
        intent = Intent("restcomm/AC1/", "+15550100001", "+15550100005", "hello " + id_)
        await store.record([Begun(id_, "provider/A1/P1", intent)], Times(now, 60.0, 120.0))
        between = time.perf_counter()
        message = Message(
            sid=sid, sender=intent.sender, recipient=intent.recipient, text=intent.text, status="sending",
            direction="outbound-api", created=int(now),
        )  # fmt: skip
        await store.settle([Outcome(id_, "sent", message)], now)
        taken.append((between - began, time.perf_counter() - between))

    async def warm() -> None:
        for _ in range(20):
            await send()

    await warm()
    taken.clear()
    tasks, walked = [], 0
    async with going_on([_retiring(store, Keep(30 * 86400.0, done))]):
        began = time.perf_counter()
        while (at := time.perf_counter() - began) < seconds:
            while walked < at * PER_SECOND:
                tasks.append(asyncio.create_task(send()))
                walked += 1
            await asyncio.sleep(0.002)
        await asyncio.gather(*tasks)
        took = time.perf_counter() - began
    largest_wal = os.stat(f"{path}-wal").st_size
    await store.close()
    each = sorted(1000 * one for pair in taken for one in pair)
    return {
        "seconds": took, "sends": len(taken), "p50_ms": each[len(each) // 2], "p99_ms": each[len(each) * 99 // 100],
        "longest_ms": each[-1], "wal_mb": largest_wal / 1e6,
    }  # fmt: skip


def _work(path: Path, done: float, seconds: float) -> None:
    try:
        import uvloop

        loop: Any = uvloop.new_event_loop
    except ImportError:
        loop = None
    with asyncio.Runner(loop_factory=loop) as runner:
        print(json.dumps(runner.run(_phase(path, done, seconds))))


# ---- the run -------------------------------------------------------------------------------------------------------------------


def _asked(code: Path, path: Path, done: float, seconds: float) -> dict[str, Any]:
    words = [sys.executable, str(Path(__file__).resolve()), "--work", str(path), str(done), str(seconds)]
    said = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": str(code)}, cwd=code, check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


def _made(code: Path, path: Path, count: int, watched: int) -> None:
    """A store of a checkout's own schema, filled."""
    words = "import asyncio, sys; from pathlib import Path; from translator.shell.store import open_store\n"
    words += "async def main():\n    await (await open_store('sqlite:///' + sys.argv[1], 'bench', Path('/'))).close()\n"
    subprocess.run(
        [sys.executable, "-c", words + "asyncio.run(main())", str(path)],
        env={**os.environ, "PYTHONPATH": str(code)}, cwd=code, check=True,
    )  # fmt: skip
    fill(path, count, watched)


def measure(
    code: Path, count: int = SENDS, watched: int = WATCHES, seconds: float = DELETING_SECONDS
) -> dict[str, Any]:
    """Both phases with the code of a checkout: milliseconds of the longest standstill, and rows that were deleted a second."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "translator.db"
        _made(code, path, count, watched)
        nothing = _asked(code, path, 86400.0, min(seconds, NOTHING_SECONDS) + 5)
        before = counted(path)
        deleting = _asked(code, path, _AGE / 2, seconds)
        left = counted(path)
        shutil.rmtree(folder, ignore_errors=True)
    gone = before + deleting["sends"] + 20 - left
    return {
        "nothing": nothing, "deleting": deleting, "nothing_ms": nothing["longest_ms"], "deleting_ms": deleting["longest_ms"],
        "rows_a_second": gone / deleting["seconds"], "rows_gone": gone,
    }  # fmt: skip


def main() -> int:
    """Measure, print, and judge."""
    if sys.argv[1:2] == ["--work"]:
        _work(Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
        return 0
    parser = argparse.ArgumentParser(prog="python -m bench.retention", description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--sends", type=int, default=SENDS)
    parser.add_argument("--watches", type=int, default=WATCHES)
    parser.add_argument("--seconds", type=float, default=DELETING_SECONDS)
    parser.add_argument("--json", type=Path, help="a file for every figure")
    given = parser.parse_args()
    codes = {"product": Path(__file__).parents[1], **({"against": given.against} if given.against else {})}
    figures = {name: measure(code, given.sends, given.watches, given.seconds) for name, code in codes.items()}
    for name, found in figures.items():
        print(f"{name}: {given.sends:,} sends, {given.watches:,} watches, sends at {PER_SECOND}/s")
        for key in ("nothing_ms", "deleting_ms", "rows_a_second"):
            print(f"  {key:14} {found[key]:12,.1f}   must {MUST[key]:,}, aim {AIM[key]:,}")
        for phase in ("nothing", "deleting"):
            print(
                f"  {phase:14} " + ", ".join(f"{key} {value:,.1f}" for key, value in found[phase].items()), flush=True
            )
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=1), "utf-8")
    mine = figures["product"]
    good = [mine[key] <= MUST[key] for key in ("nothing_ms", "deleting_ms")]
    return 0 if all(good) and mine["rows_a_second"] >= MUST["rows_a_second"] else 1


if __name__ == "__main__":
    sys.exit(main())
