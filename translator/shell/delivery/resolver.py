"""Resolves the host names of callbacks in a few threads, of which each account gets a share.

    lookup ─▶ a lookup of the same name is running: joined, or refused if it has run for too long
           └▶ a slot, as soon as it is the account's turn ─▶ a thread ─▶ addresses, or OSError

The system's resolver cannot be interrupted. A lookup keeps its slot until it ends, even if no request waits for it any more.
"""

import asyncio
import socket
import threading
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

THREADS: Final = 8
"""The number of concurrent lookups."""

STUCK: Final = 5.0
"""Seconds after which a running lookup is not joined any more."""

_WAITING: Final = 256
"""The number of lookups of one account that may wait for a slot."""


class Shares:
    """A fair semaphore of `count` slots. An account may take one while it has fewer than are free, so it never has all of them."""

    def __init__(self, count: int) -> None:
        self.free = count
        self._used: defaultdict[str, int] = defaultdict(int)
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def is_free(self) -> bool:
        """True if no account has a slot or waits for one."""
        return not self._used and not self._waiting

    def room(self, account: str) -> int:
        """The number of slots that the account may take now."""
        return max(0, (self.free - self._used.get(account, 0) + 1) // 2)

    def take_free(self, account: str) -> bool:
        """Take a slot if the account may. True if it was taken."""
        if self.free - self._used.get(account, 0) <= 0:
            return False
        self.free -= 1
        self._used[account] += 1
        return True

    async def take(self, account: str, most: int) -> None:
        """Take a slot as soon as the account may. Raises OSError if `most` tasks of the account wait already."""
        if self.take_free(account):
            return
        turns = self._waiting.setdefault(account, deque())
        if len(turns) >= most:
            raise OSError("too many wait")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        turns.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(account)
            else:
                turns.remove(turn)  # the next `give` deletes the account if it has no other turn
            raise

    def give(self, account: str) -> None:
        """Release a slot. Waiting accounts take turns."""
        self.free += 1
        self._used[account] -= 1
        if not self._used[account]:
            del self._used[account]
        for waiting in list(self._waiting):
            turns = self._waiting[waiting]
            if turns and self.take_free(waiting):
                turns.popleft().set_result(None)
                self._waiting.move_to_end(waiting)
            if not turns:
                del self._waiting[waiting]


class Resolver:
    """Resolves host names. `look_up` does the work in a thread. Tests replace `socket.getaddrinfo`."""

    def __init__(self, look_up: Any = socket.getaddrinfo) -> None:
        self._look_up = look_up
        self._places = Shares(THREADS)
        self._running: dict[tuple[str, int], tuple[float, asyncio.Future[Sequence[str]]]] = {}

    async def resolve(self, host: str, port: int, account: str) -> Sequence[str]:
        """Return the addresses of a name. Raises OSError, also if a lookup of the same name has run for too long."""
        running = self._running.get((host, port))
        if running is None:
            await self._places.take(account, _WAITING)
            running = self._running.get((host, port))
            if running is None:
                return await asyncio.shield(self._begun(host, port, account))
            self._places.give(account)
        since, found = running
        if time.monotonic() - since > STUCK:
            raise OSError("a lookup of this name still runs")
        return await asyncio.shield(found)

    def _begun(self, host: str, port: int, account: str) -> "asyncio.Future[Sequence[str]]":
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[str]] = loop.create_future()
        self._running[host, port] = time.monotonic(), found

        def done(addresses: Sequence[str], error: OSError | None) -> None:
            del self._running[host, port]
            self._places.give(account)
            if error is None:
                found.set_result(addresses)
            else:
                found.set_exception(error)
                found.exception()  # marks it as retrieved, because no task may be waiting any more

        def work() -> None:
            addresses: list[str] = []
            error: OSError | None = None
            try:
                addresses = [str(one[4][0]) for one in self._look_up(host, port, type=socket.SOCK_STREAM)]
            except (OSError, UnicodeError) as failure:
                error = failure if isinstance(failure, OSError) else OSError(type(failure).__name__)
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(done, addresses, error)

        threading.Thread(target=work, name="resolver", daemon=True).start()
        return found
