"""Runs the simulated provider as a server: one account, an invented history, and callbacks that are sent by themselves."""

import asyncio
import time
from functools import partial

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from conformance.twins.control import TurnedClock, controlled
from conformance.twins.restcomm.history import seeded_messages
from conformance.twins.restcomm.twin import RestcommTwin


def stand_up(
    *,
    account: str,
    token: str,
    properties: tuple[str, ...],  # noqa: ARG001 - every dialect has the same arguments
    messages: int,
    seed: int,
    control: bool = False,
) -> ASGIApp:
    """Return a simulated provider with one account and `messages` invented messages, and with those of the documents.

    It runs on the system clock. This dialect has no properties. Callbacks are sent from the first request on, while the loop runs.
    `control` adds the routes of `conformance.twins.control`.
    """
    clock = TurnedClock()
    twin = RestcommTwin(accounts={account: token}, seed=seed, clock=clock)
    twin.load(seeded_messages(account, messages, seed, time.time()))
    app = _CallingBack(twin)
    if not control:
        return app
    return controlled(
        app,
        clock,
        lambda sender, recipient, text: twin.receive(account, sender=sender, recipient=recipient, body=text),
        lambda count, chosen: twin.load(seeded_messages(account, count, chosen, clock())[-count:]),
        partial(setattr, twin, "arrivals"),
    )


class _CallingBack:
    """A simulated provider that also sends its callbacks, in the event loop that serves it."""

    def __init__(self, twin: RestcommTwin) -> None:
        self._twin = twin
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._running is None:
            self._running = asyncio.create_task(self._call_back())
        await self._twin.app(scope, receive, send)

    async def _call_back(self) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            await self._twin.keep_calling_back(client)
