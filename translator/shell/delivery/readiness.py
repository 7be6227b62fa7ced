"""Reports which of reads, sends and callbacks work now.

reads ─▶ the front listens      sends ─▶ that, and the store accepts writes      callbacks ─▶ that, and the background workers run

A trial write, made every few seconds at most, shows if the store accepts writes. So does a send that could not be recorded.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, insert

from translator.shell.delivery.journal import SendJournal
from translator.shell.delivery.worker import PeriodicWorker
from translator.shell.store import Store, StoreUnavailable
from translator.shell.store.schema import trials

FOR: Final = ("reads", "sends", "callbacks")

_GOOD: Final = 5.0
_BAD: Final = 1.0
"""Seconds for which the result of a trial write is cached: `_GOOD` after a success, `_BAD` after a failure."""

_PATIENCE: Final = 0.5
"""Seconds that a client waits for a trial write, because load balancers have short timeouts."""

_BALLAST: Final = 65536
"""Bytes of a trial write after a failed one, because a full disk may still take a few bytes."""


class Readiness:
    """The readiness of the proxy. `is_serving` is set when the front listens. `loops` are the background workers."""

    def __init__(self, store: Store, journal: SendJournal, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._journal, self._clock = store, journal, clock
        self.is_serving = False
        self.loops: Sequence[PeriodicWorker] = ()
        self._why, self._tried = "nothing was written yet", -_GOOD
        self._trial: asyncio.Task[None] | None = None
        journal.links.heard = self._heard

    def _heard(self, why: str) -> None:
        """Record that a send could not be recorded."""
        self._why, self._tried = why, self._clock()

    async def why_not(self) -> dict[str, str]:
        """Return for each of `FOR` the reason why it is not ready, empty if it is."""
        if not self.is_serving:
            return dict.fromkeys(FOR, "the front does not listen yet")
        sends = self._journal.links.closed or self._store.trouble() or await self._written()
        behind = next((loop.why for loop in self.loops if loop.why), "")
        return {"reads": "", "sends": sends, "callbacks": sends or behind}

    async def _written(self) -> str:
        """Return the reason why the store takes no writes, empty if it does. Waits at most `_PATIENCE` seconds."""
        if self._trial is None and self._clock() >= self._tried + (_BAD if self._why else _GOOD):
            self._tried = self._clock()
            self._trial = asyncio.create_task(self._write())
        if self._trial is not None:
            done, _ = await asyncio.wait({self._trial}, timeout=_PATIENCE)
            if not done:
                return self._why or "the store does not answer"
        return self._why

    async def _write(self) -> None:
        try:
            await self._store.write(lambda connection: _try(connection, _BALLAST if self._why else 1))
            self._why = ""
        except StoreUnavailable as error:
            self._why = str(error)
        except Exception as error:  # noqa: BLE001 - any error means that nothing was written
            self._why = type(error).__name__
        finally:
            self._trial = None

    async def aclose(self) -> None:
        """Cancel a trial write that is in progress."""
        if (trial := self._trial) is not None:
            trial.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await trial


def _try(connection: Connection, size: int) -> Any:
    """Replace the trial row with one of `size` bytes."""
    connection.execute(delete(trials).where(trials.c.id == 1))
    return connection.execute(insert(trials).values(id=1, ballast="x" * size))
