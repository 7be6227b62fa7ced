"""The cost of one provider request through each HTTP client: `python -m bench.engines`.

The candidates are the project's own client, httpx with its own transport, aiohttp without httpx, and httpx transports over other
clients. A client that is not installed is reported as skipped: `pip install aiohttp httpx-aiohttp pyreqwest`. All of them run behind the
same interface, with 16 requests at a time, against the same stub. The figure is CPU of this process, the least of the rounds.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import httpx

from bench.beside import data
from bench.beside.run import bench
from bench.stub import Stub
from translator.core.http.messages import Request, Response
from translator.shell.aio.memory_budget import Hold
from translator.shell.client.httpx_transport import HttpxTransportAdapter
from translator.shell.client.provider_client import LARGEST, ProviderClient, Transport

CALLS: Final = 1500
AT_ONCE: Final = 16
ROUNDS: Final = 5
MUST: Final = 1.3
"""The ratio to the cost of the project's own client at which a library would be chosen instead."""

_REQUEST: Final = Request(
    "POST", f"/v2/Properties/{data.PROPERTY}/Messages",
    headers=(("authorization", f"Basic {data.BACK_LOGIN}"), ("content-type", "application/json")),
    body=b'{"From":"+19876543212","To":"+13216549878","Text":"Test SMS","DeliveryReceipt":true}',
)  # fmt: skip


def answer_of_a_send() -> Response:
    """A provider's response to a send, as the stub writes it."""
    return Response(200, (("content-type", "application/json"),), Stub.send())


class AiohttpTransport:
    """aiohttp behind the interface of a transport, without httpx between them. For this bench only."""

    def __init__(self, url: str, aiohttp: Any) -> None:
        self._url, self._aiohttp = url, aiohttp
        self._session: Any = None

    async def call(
        self, request: Request, request_id: str, leaves: Callable[[], None], _: Hold | None = None
    ) -> Response:
        """Send the request and read the whole response. aiohttp does not say when the first byte leaves."""
        if self._session is None:
            # Nothing that the project's own client does not do: no cookies, no redirects, no decoding.
            self._session = self._aiohttp.ClientSession(
                connector=self._aiohttp.TCPConnector(limit=64), cookie_jar=self._aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )  # fmt: skip
        headers = {**dict(request.headers), "x-request-id": request_id}
        leaves()
        async with self._session.request(
            request.method, f"{self._url}{request.path}", data=request.body, headers=headers, allow_redirects=False
        ) as answer:
            return Response(answer.status, tuple(answer.headers.items()), await answer.read())

    async def aclose(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()


_OTHERS: Final = (
    ("httpx over aiohttp", "httpx_aiohttp", "AiohttpTransport"),
    ("httpx over pyreqwest", "pyreqwest.compatibility.httpx", "HttpxTransport"),
)


def candidates(url: str) -> Iterator[tuple[str, Callable[[], Transport | None]]]:
    """Each installed engine, by name. None stands for our own."""

    def over(transport: Any) -> Callable[[], Transport]:
        return lambda: HttpxTransportAdapter(url, LARGEST, 10.0, 64, transport())

    yield "own", lambda: None
    yield "httpx", lambda: HttpxTransportAdapter(url, LARGEST, 10.0, 64)
    if find_spec("aiohttp") is None:
        print("SKIPPED: aiohttp: it is not installed", file=sys.stderr)
    else:
        aiohttp = import_module("aiohttp")
        yield "aiohttp", lambda: AiohttpTransport(url, aiohttp)
    for name, module, transport in _OTHERS:
        if find_spec(module.partition(".")[0]) is None:
            print(f"SKIPPED: {name}: {module} is not installed", file=sys.stderr)
        else:
            yield name, over(getattr(import_module(module), transport))


async def _calls(url: str, engine: Transport | None, calls: int) -> None:
    upstream = ProviderClient(url, engine=engine)
    numbers = iter(range(calls))

    async def one() -> None:
        for _ in numbers:
            answer = await upstream.ask(_REQUEST, "bench")
            if not isinstance(answer, Response) or answer.status >= 300:
                raise RuntimeError(f"a call was answered {answer}")

    await asyncio.gather(*[one() for _ in range(AT_ONCE)])
    await upstream.aclose()


def _cost(url: str, made: Callable[[], Transport | None]) -> tuple[float, float]:
    """Microseconds of CPU a call, and calls a second."""

    async def main() -> tuple[float, float]:
        await _calls(url, made(), 100)
        used, began = _cpu(), time.perf_counter()
        await _calls(url, made(), CALLS)
        return (_cpu() - used) / CALLS * 1e6, CALLS / (time.perf_counter() - began)

    return asyncio.run(main())


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure() -> dict[str, dict[str, float]]:
    """By engine: the least CPU of a call in microseconds, and the most calls a second."""
    with bench() as on:
        on.provider()
        url = f"http://127.0.0.1:{on.back}"
        engines = dict(candidates(url))
        rounds = [{name: _cost(url, made) for name, made in engines.items()} for _ in range(ROUNDS)]
    return {
        name: {"cpu_us": min(one[name][0] for one in rounds), "per_second": max(one[name][1] for one in rounds)}
        for name in engines
    }


if __name__ == "__main__":
    print(f"httpx {httpx.__version__}")
    found = measure()
    for engine, row in found.items():
        times = row["cpu_us"] / found["own"]["cpu_us"]
        print(f"{engine:24}{row['cpu_us']:8.1f} us a call{row['per_second']:10,.0f} a second{times:8.2f} times our own")
    print(json.dumps(found))
