"""What goes on beside the requests: unknown sends are looked for, messages looked at, calls made, what is finished deleted.

Each is a round that is gone through again and again: at once while there is something to do, and otherwise when it is woken or
its time has come. A round that fails says so in the log and is tried again; nothing that was owed is forgotten by that.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol

from translator.shell.admin import Meter
from translator.shell.log import logger, where_it_broke
from translator.shell.store import Store, StoreDown, calls, sends
from translator.shell.store.retention import Keep, retire

_AGAIN: Final = 1.0
"""Seconds after which a round that failed is tried again."""

_RETIRE: Final = 60.0


class Loop:
    """Rounds, one after another; `rest` seconds between two where there is nothing to do, `gap` where there is."""

    def __init__(self, name: str, round_: Callable[[], Awaitable[bool]], *, rest: float, gap: float = 0.0) -> None:
        self._name, self._round, self._rest, self._gap = name, round_, rest, gap
        self._woken = asyncio.Event()

    def pace(self, *, rest: float, gap: float) -> None:
        """Go on at another pace, from the next round on."""
        self._rest, self._gap = rest, gap

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            self._woken.clear()
            try:
                rest = self._gap if await self._round() else self._rest
            except StoreDown as error:
                logger().warning("store-down", loop=self._name, why=str(error))
                rest = _AGAIN
            except Exception as error:  # noqa: BLE001 - the last line of defence, and it is logged
                logger().error("defect", loop=self._name, traceback=where_it_broke(error))
                rest = _AGAIN
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._woken.wait()


def retiring(store: Store, keep: Callable[[], Keep], meter: Meter) -> Loop:
    """The loop that deletes what is finished for long enough, and counts what is not. `keep` says what is long enough today."""

    async def round_() -> bool:
        meter.show_owed("sends", await store.read(sends.counted), (sends.INTENT, sends.UNKNOWN, sends.LOST))
        meter.show_owed("calls", await store.read(calls.counted), (calls.DUE, calls.DEAD))
        return await store.write(partial(retire, keep=keep(), now=time.time())) > 0

    return Loop("retention", round_, rest=_RETIRE, gap=0.1)


class Running(Protocol):
    """What goes on until it is cancelled."""

    async def run(self) -> None: ...


@contextlib.asynccontextmanager
async def going_on(loops: Sequence[Running]) -> AsyncIterator[None]:
    """Let these loops go on while the block runs."""
    tasks = [asyncio.create_task(loop.run()) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
