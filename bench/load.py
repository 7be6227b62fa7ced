"""Load over loopback, by plain asyncio: so many connections, each with one request after another."""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple


class Load(NamedTuple):
    """The result of a load: seconds, responses by status, and the seconds of each response, sorted."""

    seconds: float
    statuses: dict[int, int]
    latencies: list[float]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The seconds within which that share of the responses came."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))]


async def drive(port: int, requests: int, connections: int, request: Callable[[int], bytes]) -> Load:
    """Send `request(number)` for each number, over so many connections."""
    numbers = iter(range(requests))
    statuses: dict[int, int] = {}
    latencies: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            began = time.perf_counter()
            writer.write(request(number))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - began)
            status = int(head[9:12])
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return Load(time.perf_counter() - began, statuses, sorted(latencies))
