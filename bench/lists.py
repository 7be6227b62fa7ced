"""The cost of a list that is read whole: its memory, and the time to filter and sort it.

The time stands beside that in which msgspec decodes the list into structs written by hand.
"""

import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, Final

import msgspec

from bench import by_hand
from bench.translate import NOW, back_list, dialects
from translator.core.dialect.back import BackVerbs
from translator.core.http.messages import Response
from translator.core.listing.local_query import base_order, filter_and_sort
from translator.core.listing.row_sizes import weight
from translator.core.model import Message, Order, Query

ROWS: Final = 10_000
MUST_BYTES: Final = 10_000_000
MUST_RATIO: Final = 3.0
SLICE: Final = 200
_TYPED: Final = msgspec.json.Decoder(by_hand.BackList)
NUMBER: Final = "+13216549878"
QUERIES: Final = {
    "by From": Query(order=Order("sender", False)),
    "To, by From": Query(recipient=NUMBER, order=Order("sender", False)),
    "Body, newest first": Query(within="x", order=Order("created", True)),
    "Status, by Direction": Query(statuses=frozenset({"delivered", "sent"}), order=Order("direction", True)),
    "To by its tail, by From": Query(recipient_like="6549878", order=Order("sender", False)),
    "To with a part of it, by From": Query(recipient_like="%654987%", order=Order("sender", False)),
    "To with gaps in it, by To": Query(recipient_like="1%2_6%98%", order=Order("recipient", True)),
}
"""Each matches half of the rows or more."""


def slices() -> list[bytes]:
    """The answers of a back that hold `ROWS` messages with ASCII texts of 160 characters."""
    return [back_list(SLICE, seed=number, text="x" * 160) for number in range(0, ROWS, SLICE)]


def decoded(back: BackVerbs, bodies: list[bytes]) -> list[Message]:
    """All messages of these answers, as a scan holds them."""
    return [row for body in bodies for row in back.read_slice(Response(200, (), body), NOW).rows]


def by_msgspec(bodies: list[bytes]) -> list[list[by_hand.BackMessage]]:
    """The same with a decoder that knows the types."""
    return [_TYPED.decode(body).Messages for body in bodies]


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
    for row in rows[::2]:
        row.recipient = NUMBER
    ratios = {}
    for name, query in QUERIES.items():
        key = front.front.sort_key(query.order.attribute)

        def arrange(query: Query = query, key: Callable[[Message], Any] = key) -> list[Message]:
            return filter_and_sort(base_order(rows, descending=False), query, key)

        if len(arrange()) < len(rows) // 2:
            raise ValueError(f"{name} matches too few rows to be a measure")
        pairs = [(timed(arrange), timed(lambda: by_msgspec(bodies))) for _ in range(rounds)]
        ratios[name] = statistics.median(one / other for one, other in pairs)
    return {
        "rows": len(rows),
        "bytes": held,
        "bytes_reckoned": weight(rows),
        "ratio": max(ratios.values()),
        **{f"ratio: {name}": ratio for name, ratio in ratios.items()},
    }
