"""One attempt of a delivery: the URL policy, a slot at the address, and the request."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from translator.shell.aio.retry_after import retry_after
from translator.shell.delivery.callback_connection import Answer, Undelivered
from translator.shell.delivery.callback_slots import CallbackSlots
from translator.shell.delivery.callback_url_policy import (
    CallbackUrlPolicy,
    ResolvedTarget,
    UnresolvableHost,
    UrlRejected,
)
from translator.shell.store.rows import LeasedDelivery


class Client(Protocol):
    """The HTTP client that the dispatcher needs, such as `CallbackClient`. `deliver` raises Undelivered."""

    async def deliver(self, vetted: ResolvedTarget, method: str, form: str) -> Answer: ...

    async def aclose(self) -> None: ...


class CallbackAttempts:
    """Makes attempts. `slots` limits those at one IP address and port."""

    def __init__(
        self, policy: CallbackUrlPolicy, slots: CallbackSlots, client: Client, clock: Callable[[], float]
    ) -> None:
        self._policy, self._slots, self._client, self._clock = policy, slots, client, clock

    async def make(self, row: LeasedDelivery, until: float) -> tuple[str, float, bool]:
        """Send one callback, which may begin before `until`, a time of the event loop.
        Returns the reason of a failure or "", the receiver's `Retry-After` in seconds, and if it counts as a try."""
        try:
            target = await self._policy.resolve_target(row.url, row.account)
            where = f"{target.ip} {target.destination.rpartition(':')[2]}"
            begins = asyncio.timeout_at(until)
            async with begins, self._slots.address(where, row.account):
                begins.reschedule(None)
                answer = await self._client.deliver(target, row.method, row.payload)
        except UrlRejected as error:
            return f"forbidden: the address {error}; {error.remedy}".removesuffix("; "), 0.0, True
        except UnresolvableHost:
            return "the name does not resolve", 0.0, True
        except Undelivered as error:
            return str(error), 0.0, True
        except (TimeoutError, OSError):
            return "too many calls to one address", 0.0, False
        if 200 <= answer.status <= 299:
            return "", 0.0, True
        return f"answered {answer.status}", retry_after(answer.retry_after, self._clock()), True

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
