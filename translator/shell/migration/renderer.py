"""Checks the requests of accounts in the stage `render` for their new provider, after they were answered or beside them.

request ─▶ offer ─▶ a bounded queue ─▶ round ─▶ counts by mapping row ─▶ the store
                    └ full: the request is not checked, and that is counted
A check is a computation. It has no provider client, so it cannot send.
"""

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from translator.core.accounts import Account, Accounts
from translator.core.effects import Render
from translator.core.listing import Limits
from translator.core.losses import Losses
from translator.core.model import Draft
from translator.core.rendering import Finding, render_list, render_send
from translator.shell.migration.migrations import pair_of
from translator.shell.observability.admin import Meter
from translator.shell.observability.log import logger
from translator.shell.store import Store, StoreUnavailable, render_findings
from translator.shell.store.render_findings import CHECKED, Found

MOST: Final = 1000
"""The most requests that wait for their check."""

_LARGEST: Final = 1024 * 1024
"""The most characters of all texts that wait."""

_AT_ONCE: Final = 20
"""The number of checks after which other work has its turn."""

EVERY: Final = 2.0
"""Seconds between two rounds."""


class _Share(NamedTuple):
    """The requests that wait, and the characters of their texts."""

    requests: int = 0
    characters: int = 0

    def with_more(self, requests: int, characters: int) -> "_Share":
        return _Share(self.requests + requests, self.characters + characters)


class Renderer:
    """The queue of one process, and the background worker that empties it. `clock` is the wall clock.

    With several accounts, one may have as much in the queue as is left for the others. So one alone gets half of it.
    """

    def __init__(
        self, store: Store, accounts: Accounts, limits: Limits, meter: Meter, clock: Callable[[], float] = time.time
    ) -> None:
        self._store, self._meter, self._clock = store, meter, clock
        self._accounts, self._limits = accounts, limits
        self._losses = Losses()
        self._queue: deque[Render] = deque()
        self._waiting = _Share()
        self._shares: defaultdict[str, _Share] = defaultdict(_Share)
        self._counts: Counter[Found] = Counter()
        self._totals: Counter[tuple[str, str]] = Counter()

    def change(self, accounts: Accounts, limits: Limits) -> None:
        """Use another configuration from the next check on."""
        self._accounts, self._limits, self._losses = accounts, limits, Losses()

    def offer(self, want: Render) -> None:
        """Take a request to be checked later. If too many wait, or too many of its account, it is dropped, and that is counted."""
        free = _Share(MOST - self._waiting.requests, _LARGEST - self._waiting.characters)
        share = self._shares.get(want.account, _Share())
        is_crowded = len(self._accounts.entries) > 1 and (
            share.requests >= free.requests or share.characters >= free.characters
        )
        if is_crowded or free.requests < 1 or _size(want) > free.characters:
            self._count(want.account, "dropped")
            return
        self._queue.append(want)
        self._wait(want, 1)

    async def round(self) -> bool:
        """Check all that wait, and write the counts. Raises StoreUnavailable; the counts are kept then."""
        done = 0
        while self._queue:
            want = self._queue.popleft()
            self._wait(want, -1)
            self._check(want)
            done += 1
            if not done % _AT_ONCE:
                await asyncio.sleep(0)
        await self._write()
        return False

    async def aclose(self) -> None:
        """Write the last counts. Raises StoreUnavailable. Requests that wait are not checked."""
        await self._write()

    def _wait(self, want: Render, requests: int) -> None:
        """Count a request that begins to wait (1) or ends (-1)."""
        characters = requests * _size(want)
        self._waiting = self._waiting.with_more(requests, characters)
        self._shares[want.account] = self._shares[want.account].with_more(requests, characters)
        if not self._shares[want.account].requests:
            del self._shares[want.account]

    def _check(self, want: Render) -> None:
        entry = self._accounts.by_name.get(want.account)
        if entry is None or entry.old is None:
            return
        try:
            findings = self._findings(entry, want)
        except Exception as error:  # noqa: BLE001 - a draft of a client may not stop the worker
            logger().error("render-failed", account=entry.name, why=type(error).__name__)
            self._count(entry.name, "failed")
            return
        pair = pair_of(entry)
        self._count(entry.name, "checked")
        self._counts[Found(pair, CHECKED, "send" if isinstance(want.asked, Draft) else "list")] += 1
        for finding in findings:
            self._counts[Found(pair, *finding)] += 1

    def _findings(self, entry: Account, want: Render) -> tuple[Finding, ...]:
        if isinstance(want.asked, Draft):
            return render_send(entry, want.asked, self._losses, self._clock())
        return render_list(entry, want.asked, want.rows, self._limits)

    async def _write(self) -> None:
        if not self._counts:
            return
        taken, self._counts = self._counts, Counter()
        try:
            await self._store.write_behind(partial(render_findings.add, counts=taken, now=self._clock()))
        except StoreUnavailable as error:
            if not error.is_unsure:  # else they may be there, and no count may be too high
                self._counts.update(taken)
            raise

    def _count(self, account: str, outcome: str) -> None:
        self._totals[account, outcome] += 1
        self._meter.show("migration_renders", self._totals[account, outcome], account, outcome)


def _size(want: Render) -> int:
    """Return the characters that a waiting request holds."""
    return len(want.asked.text or "") if isinstance(want.asked, Draft) else 0
