"""The twin as a server of its own: one account, an invented past, and callbacks that go out by themselves."""

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
    properties: tuple[str, ...],  # noqa: ARG001 - every dialect is stood up alike
    messages: int,
    seed: int,
    control: bool = False,
) -> ASGIApp:
    """A twin on the real clock with one account and `messages` invented messages beside the documents' own.

    This dialect has no properties. Callbacks go out from the first request on, while the loop runs. With `control` it can be told
    what to do: see `conformance.twins.control`.
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
    """A twin with its callbacks running beside it, in the event loop that serves it."""

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
