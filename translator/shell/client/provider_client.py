"""The one seam to a back: a request as a value in, an answer or a failure as a value out.

    waiting for a slot ─▶ connecting ─▶ sending ─▶ reading ─▶ Response
          never-left        never-left    timeout or broken

One deadline covers it all. Nothing is asked twice, no redirect is followed, no cookie is kept: what a back says is the
core's to judge. What moves the bytes is an engine: our own over httptools, or any httpx transport.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from translator.core.http.messages import Answer, Failure, Request, Response
from translator.shell.aio.memory_budget import UNKNOWN, Hold
from translator.shell.aio.timeouts import Timeouts
from translator.shell.client.connection_pool import ConnectionPool, NotSent
from translator.shell.client.fair_semaphore import FairSemaphore
from translator.shell.client.http1 import NoRoom, ResponseError

LARGEST: Final = 16 * 1024 * 1024
"""How many bytes of an answer's body are read, unless told otherwise."""


class Transport(Protocol):
    """What an engine does. Raises NeverLeft, Broken and NoRoom."""

    async def call(
        self, request: Request, request_id: str, leaves: Callable[[], None], hold: Hold | None = None
    ) -> Response: ...

    async def aclose(self) -> None: ...


class _CallTimeout:
    """The time that a call may take. What `asyncio.timeout` does, for a third of what that costs; and whether the call has left."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a back is asked within a task")
        self._task, self._before = task, task.cancelling()
        self._reached = False
        self.left = False

    def leaves(self) -> None:
        """The first byte of the call is about to leave."""
        self.left = True

    def reach(self) -> None:
        """The time is over."""
        self._reached = True
        self._task.cancel()

    def is_why(self) -> bool:
        """Whether the task was cancelled by this, and by nobody else."""
        return self._reached and self._task.uncancel() <= self._before


class ProviderClient:
    """One back. `timeout` is seconds for a whole call, the wait for one of `concurrency` slots included."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        concurrency: int = 64,
        largest: int = LARGEST,
        engine: Transport | None = None,
    ) -> None:
        self._deadlines = Timeouts(timeout)
        self._slots = FairSemaphore(concurrency)
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop of all calls, asked for once: each time that it is asked for takes a system call."""
        self._engine: Transport = engine or ConnectionPool(url, largest)
        self._under_way = 0
        self._is_leaving = False

    async def ask(self, request: Request, request_id: str, hold: Hold | None = None, /) -> Answer:
        """The back's answer, whole, or why there is none. Never raises for what a network or a back can do. `hold` says on whose behalf it
        is asked, and what the memory for the answer is taken from; whoever asks releases it."""
        loop = self._loop = self._loop or asyncio.get_running_loop()
        limit = _CallTimeout(loop)
        deadline = self._deadlines.add(loop, _CallTimeout.reach, limit)
        self._under_way += 1
        try:
            if not self._slots.take_free():
                await self._slots.take(_turn_of(request, hold))
            try:
                answer = await self._engine.call(request, request_id, limit.leaves, hold)
            finally:
                self._slots.give()
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
        """Whether no call is under way."""
        return not self._under_way

    async def leave(self) -> None:
        """Nobody begins anything at this back any more: from now on its connections are closed as soon as no call is under way."""
        self._is_leaving = True
        if not self._under_way:
            await self._engine.aclose()

    async def aclose(self) -> None:
        """Close what is connected."""
        await self._engine.aclose()


def _turn_of(request: Request, hold: Hold | None) -> str:
    """Whose turn a call takes: its account's. Accounts that share one at the back share its credentials, and no turn."""
    if hold is None or hold.account == UNKNOWN:
        return request.header("authorization") or ""
    return hold.account
