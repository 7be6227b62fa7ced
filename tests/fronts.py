"""The front of a proxy in this process, and a back that is a function or follows a script."""

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import httpx

from conformance.clock import ManualClock
from tests.twins import spoken
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.exchange import Limits
from translator.core.http.messages import Answer, Request
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import ProviderPort
from translator.shell.server.handler import Proxy

NOW = 1_570_000_000
ACCOUNT, TOKEN, PROPERTY = "AC00000000000000000000000000000001", "front-token", "S1234567890ABCDE1234567890ABCDEF"
MESSAGES = f"/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages.json"
BASIC = "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
SMS = {"From": "19876543212", "To": "13216549878", "Body": "Test SMS"}

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def back(script: Script) -> AsyncIterator[str]:
    """A server that follows the script with each connection. The block gets its base URL."""
    open_: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_.add(task)
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await script(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in open_:
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)


class Scripted:
    """A back that is a function, and remembers its requests."""

    def __init__(self, answer: Callable[[Request], Coroutine[Any, Any, Answer]]) -> None:
        self._answer = answer
        self.asked: list[tuple[Request, str]] = []

    async def ask(self, request: Request, request_id: str, *_: object) -> Answer:
        self.asked.append((request, request_id))
        return await self._answer(request)

    async def aclose(self) -> None:
        return None


def always(answer: Answer) -> Scripted:
    async def said(_: Request) -> Answer:
        return answer

    return Scripted(said)


def accounts() -> Accounts:
    front, behind = spoken("restcomm"), spoken("properties-v2", "back")
    return Accounts(
        [
            Account(
                Endpoint(front, ACCOUNT, "", TOKEN),
                ConfiguredProvider("provider", behind),
                Endpoint(behind, "A1", PROPERTY, "back-token"),
                shared=False,
            )
        ]
    )


def proxy(provider: ProviderPort, **knobs: Any) -> Proxy:
    return Proxy(accounts(), Limits(), {"provider": provider}, clock=ManualClock(NOW), **knobs)


def requested(
    provider: ProviderPort, method: str = "GET", path: str = MESSAGES, *, meter: Meter | None = None, **given: Any
) -> httpx.Response:
    headers = {"authorization": BASIC, **given.pop("headers", {})}

    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(proxy(provider, meter=meter).application())
        async with httpx.AsyncClient(transport=transport, base_url="http://front.test") as client:
            return await client.request(method, path, headers=headers, **given)

    return asyncio.run(main())
