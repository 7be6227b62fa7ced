"""What a list that was read whole costs: its memory, and the time to sift and sort it beside the time to decode it."""

import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, Final

from bench.translate import NOW, back_list, dialects
from translator.dialect.back import BackVerbs
from translator.model import Message, Order, Query
from translator.planning.arrange import arranged, base_order
from translator.planning.scans import weight
from translator.wire import Response

ROWS: Final = 10_000
MUST_BYTES: Final = 10_000_000
MUST_RATIO: Final = 3.0
SLICE: Final = 200
QUERIES: Final = {
    "To, by From": Query(recipient="+13216549878", order=Order("sender", False)),
    "Body, newest first": Query(within="Test", order=Order("created", True)),
    "Status, by Direction": Query(statuses=frozenset({"delivered", "sent"}), order=Order("direction", True)),
}


def slices() -> list[bytes]:
    """The answers of a back that hold `ROWS` messages with ASCII texts of 160 characters."""
    return [back_list(SLICE, seed=number, text="x" * 160) for number in range(0, ROWS, SLICE)]


def decoded(back: BackVerbs, bodies: list[bytes]) -> list[Message]:
    """All messages of these answers, as a scan holds them."""
    return [row for body in bodies for row in back.read_slice(Response(200, (), body), NOW).rows]


def timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(rounds: int = 5) -> dict[str, float]:
    """Bytes of a snapshot, those it is reckoned to take, and the worst of the medians of sift and sort to decode."""
    bodies = slices()
    front, back = (spoken for spoken in dialects())
    gc.collect()
    tracemalloc.start()
    rows = decoded(back.back, bodies)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    ratios = {}
    for name, query in QUERIES.items():
        key = front.front.sort_key(query.order.attribute)

        def arrange(query: Query = query, key: Callable[[Message], Any] = key) -> None:
            arranged(base_order(rows, descending=False), query, key)

        pairs = [(timed(arrange), timed(lambda: decoded(back.back, bodies))) for _ in range(rounds)]
        ratios[name] = statistics.median(one / other for one, other in pairs)
    return {
        "rows": len(rows),
        "bytes": held,
        "bytes_reckoned": weight(rows),
        "ratio": max(ratios.values()),
    }
