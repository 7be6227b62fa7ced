"""The client of one provider: it takes a request as a value, and returns a response or a failure as a value.

    waiting for a slot ─▶ connecting ─▶ sending ─▶ reading ─▶ Response
          never-left        never-left    timeout or broken

One timeout covers all of it. The client does not retry, follow redirects or keep cookies: the core interprets each response.
The bytes are moved by a transport: the own connection pool over httptools, or any httpx transport.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from translator.core.http.messages import Answer, Failure, Request, Response
from translator.shell.aio.memory_budget import UNKNOWN, Hold
from translator.shell.aio.timeouts import Timeouts
from translator.shell.client.connection_pool import ConnectionPool, NotSent
from translator.shell.client.fair_semaphore import FairSemaphore
from translator.shell.client.response_reader import NoRoom, ResponseError

LARGEST: Final = 16 * 1024 * 1024
"""The default limit for a response body, in bytes."""


class Transport(Protocol):
    """Moves the bytes of provider requests. Raises NotSent, ResponseError and NoRoom."""

    async def call(
        self, request: Request, request_id: str, leaves: Callable[[], None], hold: Hold | None = None
    ) -> Response: ...

    async def aclose(self) -> None: ...


class _CallTimeout:
    """The timeout of one provider request, at a third of the cost of `asyncio.timeout`. It also knows if the request has left."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a back is asked within a task")
        self._task, self._before = task, task.cancelling()
        self._reached = False
        self.left = False

    def leaves(self) -> None:
        """Note that the first byte is about to leave."""
        self.left = True

    def reach(self) -> None:
        """Cancel the task, because the time is over."""
        self._reached = True
        self._task.cancel()

    def is_why(self) -> bool:
        """Return True if only this timeout cancelled the task."""
        return self._reached and self._task.uncancel() <= self._before


class ProviderClient:
    """The client of one provider. `timeout` is in seconds and covers a whole request, including the wait for one of `concurrency` slots.
    `is_shared`: True if several accounts send requests to it, so that one may not have all slots."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        concurrency: int = 64,
        largest: int = LARGEST,
        engine: Transport | None = None,
        is_shared: bool = False,
    ) -> None:
        self._deadlines = Timeouts(timeout)
        self._slots = FairSemaphore(concurrency, is_shared=is_shared)
        self._loop: asyncio.AbstractEventLoop | None = None
        """The event loop of all requests, read once because each read takes a system call."""
        self._engine: Transport = engine or ConnectionPool(url, largest)
        self._under_way = 0
        self._is_leaving = False

    async def ask(self, request: Request, request_id: str, hold: Hold | None = None, /) -> Answer:
        """Send a request, and return the whole response or the failure. Never raises for an error of the network or the provider.
        `hold`: names the account, and accounts for the memory of the response. The effect runner releases it."""
        loop = self._loop = self._loop or asyncio.get_running_loop()
        limit = _CallTimeout(loop)
        deadline = self._deadlines.add(loop, _CallTimeout.reach, limit)
        self._under_way += 1
        try:
            who = _turn_of(request, hold)
            if not self._slots.take_free(who):
                await self._slots.take(who)
            try:
                answer = await self._engine.call(request, request_id, limit.leaves, hold)
            finally:
                self._slots.give(who)
        except NotSent as error:
            return Failure("never-left", str(error))
        except asyncio.CancelledError:
            if not limit.is_why():
                raise
            return Failure("timeout" if limit.left else "never-left", "deadline")
        except ResponseError as error:
            return Failure("broken", str(error))
        except NoRoom as error:
            return Failure("no-room", str(error))
        finally:
            self._deadlines.drop(deadline)
            self._under_way -= 1
            if self._is_leaving and not self._under_way:
                await self._engine.aclose()
        if (answer.header("content-encoding") or "identity").lower() not in ("", "identity"):
            return Failure("broken", "an encoded body, which was not asked for")
        return answer

    @property
    def is_idle(self) -> bool:
        """True if no request is in progress."""
        return not self._under_way

    async def leave(self) -> None:
        """Close the connections as soon as no request is in progress. No new request may begin after this."""
        self._is_leaving = True
        if not self._under_way:
            await self._engine.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._engine.aclose()


def _turn_of(request: Request, hold: Hold | None) -> str:
    """Return the key of a request's turn: its account. Accounts that share a provider account have separate turns."""
    if hold is None or hold.account == UNKNOWN:
        return request.header("authorization") or ""
    return hold.account
