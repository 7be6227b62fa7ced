"""Who makes the calls that are owed: each at least once, those of one message in order, and nobody kept waiting by a receiver that is dead.

due ─▶ claimed, at most `EACH` at a destination ─▶ vetted ─▶ dialled ─┬▶ 2xx: delivered
                                                                      └▶ else: again after the next gap, or given up
"""

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import httpx

from translator import __version__
from translator.shell.admin import Meter
from translator.shell.log import logger
from translator.shell.store import Store, StoreDown
from translator.shell.store import calls as rows
from translator.shell.vetting import Forbidden, Unresolved, Vetted, Vetting

GAPS: Final = (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0)
"""Seconds between a try and the next one, 28 hours in all."""

EACH: Final = 8
"""Calls at once to one destination."""

LEASE: Final = 60.0
"""Seconds for which a call that was taken is nobody else's. It is begun in the first half of them, and over before their end."""

_ALL: Final = 256
_PATIENCE: Final = 10.0
_JITTER: Final = 0.1
_LONGEST_WAIT: Final = 86400
_OPENS: Final = 5
_OPEN: Final = (15.0, 300.0)
"""Failures in a row after which a destination gets one call at a time, and the seconds between two of them: at first, and at most."""


class Breaker:
    """How a destination fares: how many calls there may be at once."""

    def __init__(self) -> None:
        self._failed = 0
        self._until = 0.0
        self.running = 0

    def free(self, now: float) -> int:
        """How many more calls it may get now."""
        if self._failed < _OPENS:
            return EACH - self.running
        return 1 if now >= self._until and not self.running else 0

    def went(self, *, well: bool, now: float) -> None:
        """A call has ended."""
        self._failed = 0 if well else self._failed + 1
        if self._failed >= _OPENS:
            self._until = now + min(_OPEN[0] * 2 ** (self._failed - _OPENS), _OPEN[1])

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to remember of it."""
        return not self._failed and not self.running


class Courier:
    """One round at a time: see `background`. `dial` replaces the sockets, for tests."""

    def __init__(
        self, store: Store, vetting: Vetting, meter: Meter, *, gaps: tuple[float, ...] = GAPS,
        dial: httpx.AsyncBaseTransport | None = None, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._store, self._vetting, self._meter, self._gaps, self._clock = store, vetting, meter, gaps, clock
        # A connection that is kept would be used for another name at the same address, whose certificate nobody has seen.
        limits = httpx.Limits(max_connections=_ALL, max_keepalive_connections=0)
        self._transport = dial or httpx.AsyncHTTPTransport(retries=0, limits=limits)
        self._breakers: dict[str, Breaker] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._after = ""

    async def round(self) -> bool:
        """Begin the calls that are due and that there is room for. Whether there were any."""
        room = _ALL - len(self._running)
        if room <= 0:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            return True
        now = self._clock()

        def free(destination: str) -> int:
            breaker = self._breakers.get(destination)
            return EACH if breaker is None else breaker.free(now)

        take = partial(rows.take_calls, free=free, after=self._after, most=room, now=now, lease=LEASE)
        begun_at = self._after
        taken, self._after = await self._store.write(take)
        for row in taken:
            self._breakers.setdefault(row["destination"], Breaker()).running += 1
            task = asyncio.create_task(self._deliver(row, asyncio.get_running_loop().time() + LEASE / 2))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return bool(taken or begun_at)

    async def aclose(self) -> None:
        """Let the calls under way end, and close what is connected."""
        if self._running:
            await asyncio.wait(self._running, timeout=_PATIENCE + 1)
        await self._transport.aclose()

    async def _deliver(self, row: dict[str, Any], until: float) -> None:
        """One call, begun before its lease is too old: who slept longer must not say anything any more."""
        breaker = self._breakers[row["destination"]]
        try:
            if asyncio.get_running_loop().time() >= until:
                return
            why, retry_after = await self._told(row)
            breaker.went(well=not why, now=self._clock())
            await self._settle(row, why, retry_after)
        except StoreDown as error:
            # The lease runs out, and the call is made again: at least once.
            logger().warning("store-down", why=str(error))
        finally:
            breaker.running -= 1
            if breaker.is_quiet:
                self._breakers.pop(row["destination"], None)

    async def _settle(self, row: dict[str, Any], why: str, retry_after: float) -> None:
        now = self._clock()
        if not why:
            if await self._store.write(partial(rows.finish, row=row, state=rows.DELIVERED, why="", now=now)):
                self._meter.count_call("delivered")
            return
        if row["tries"] >= len(self._gaps):
            if await self._store.write(partial(rows.finish, row=row, state=rows.DEAD, why=why, now=now)):
                self._meter.count_call("dead")
                logger().warning("given-up", call=row["id"], event_name=row["name"], why=why)
            return
        gap = self._gaps[row["tries"]] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - it spreads, it hides nothing
        due_at = now + max(gap, retry_after)
        await self._store.write(partial(rows.put_off, row=row, due_at=due_at, why=why, tried=True))
        self._meter.count_call("failed")

    async def _told(self, row: dict[str, Any]) -> tuple[str, float]:
        """Why the call did not arrive, empty where it did, and for how long the receiver wants to be left alone."""
        try:
            async with asyncio.timeout(_PATIENCE):
                vetted = await self._vetting.vet(row["address"])
                answer = await self._transport.handle_async_request(_request(vetted, row))
                await answer.aclose()
        except Forbidden as error:
            return f"forbidden: the address {error}", 0.0
        except Unresolved:
            return "the name does not resolve", 0.0
        except (TimeoutError, httpx.TimeoutException):
            return "no answer in time", 0.0
        except httpx.HTTPError as error:
            return f"no answer: {type(error).__name__}", 0.0
        if 200 <= answer.status_code <= 299:
            return "", 0.0
        return f"answered {answer.status_code}", _seconds(answer.headers.get("retry-after", ""))


def _request(vetted: Vetted, row: dict[str, Any]) -> httpx.Request:
    """The call, to the address that was vetted and by the name that was given."""
    url, content = vetted.url, b""
    headers = {"host": url.netloc.decode("ascii"), "user-agent": f"sms-translator/{__version__}", "connection": "close"}
    if row["method"] == "GET":
        query = url.query.decode("ascii")
        url = url.copy_with(query=f"{query}&{row['form']}".lstrip("&").encode("ascii"), fragment=None)
    else:
        content = row["form"].encode("ascii")
        headers["content-type"] = "application/x-www-form-urlencoded; charset=UTF-8"
        url = url.copy_with(fragment=None)
    extensions = {
        "sni_hostname": vetted.url.raw_host.decode("ascii"),
        "timeout": {"connect": _PATIENCE, "read": _PATIENCE, "write": _PATIENCE, "pool": _PATIENCE},
    }
    return httpx.Request(
        row["method"], url.copy_with(host=vetted.ip), headers=headers, content=content, extensions=extensions
    )  # fmt: skip


def _seconds(retry_after: str) -> float:
    plain = retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10
    return float(min(int(retry_after), _LONGEST_WAIT)) if plain else 0.0
