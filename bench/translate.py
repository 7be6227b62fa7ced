"""The cost of the mapping tables: a list of 1,000 messages, back JSON bytes to front JSON bytes, beside the same by hand.

Both sides decode and encode; both responses are compared before anything is timed. The ratio is the median over rounds of the round's
own ratio, each side's best of several runs, taken in turn.
"""

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec

from bench import by_hand
from translator.core.dialect import Dialect, dialect
from translator.core.dialect.list_reader import Listed
from translator.core.http.messages import Request, Response
from translator.core.mapping.load import raw_tables
from translator.core.model import Notes, Page, Query

ACCOUNT = "AC00000000000000000000000000000001"
PATH = f"/restcomm/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages.json"
NOW = 1_700_000_000
MUST = 1.5
"""The most that the product may take of the time of the same written by hand (issue "The first road")."""


def back_list(count: int, *, seed: int = 1, text: str = "") -> bytes:
    """An answer of the provider with that many messages, all statuses among them; the same at every call of a seed. `text` is
    that of each message."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        created = NOW - draw.randrange(10 * 86400)
        row: dict[str, Any] = {
            "MessageSid": "M" + "".join(draw.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=31)),
            "AccountSid": "A1", "PropertySid": "S1234567890ABCDE1234567890ABCDEF",
            "From": f"+61{draw.randrange(10**9):09}", "To": f"+61{draw.randrange(10**9):09}",
            "Text": text or "Your parcel is on its way and will be with you tomorrow before noon. " * draw.randrange(1, 3),
            "DeliveryReceipt": True, "NumSegments": 1, "Direction": "Transmit", "Scheduled": created, "Created": created,
            "Status": draw.choices(["Delivered", "Submitted", "Received", "Failed", "Processing"], [70, 10, 12, 5, 3])[0],
        }  # fmt: skip
        if row["Status"] in ("Delivered", "Submitted", "Failed"):
            row["Submitted"] = created + 2
        if row["Status"] == "Delivered":
            row["Delivered"] = created + 9
        if row["Status"] == "Received":
            row["Direction"], row["Received"] = "Receive", created
        if row["Status"] == "Failed":
            row["ErrorCode"] = "30005"
        rows.append(row)
    return msgspec.json.encode({"Messages": rows})


def dialects() -> tuple[Dialect, Dialect]:
    """The front and the back of the forward road."""
    found = {made.name: made for made in (dialect(file, raw) for file, raw in raw_tables().items())}
    return found["restcomm"], found["properties-v2"]


def product(body: bytes, count: int) -> Callable[[], bytes]:
    """The product's translation of one slice to one page, as the exchange calls it."""
    front, back = (one for one in dialects())
    at = front.front.routing.locate(Request("GET", PATH))
    asked = Listed(Query(count=count, limit=10000), "Limit=10000")

    def translate() -> bytes:
        rows = back.back.read_slice(Response(200, (), body), NOW).rows
        page = Page(messages=rows, skip=0, count=count, total=len(rows), limit=10000)
        return front.front.write_page(page, asked, at, PATH, ACCOUNT, "", "json", Notes()).body

    return translate


def hand(body: bytes, page: dict[str, Any]) -> Callable[[], bytes]:
    return lambda: by_hand.translate(body, ACCOUNT, page, NOW)


def best(runs: int, *calls: Callable[[], bytes]) -> tuple[float, ...]:
    """Seconds of the fastest of several runs of each call. They take turns: a machine that changes its pace does so for all of them."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(runs):
        for call, seconds in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
    return tuple(map(min, times))


def measure(count: int = 1000, rounds: int = 7, runs: int = 30) -> dict[str, float]:
    """The medians, and the ratio that `MUST` bounds. Raises ValueError if the two sides do not do the same work."""
    body = back_list(count)
    ours = product(body, count)
    page = msgspec.json.decode(ours())
    del page["messages"]
    theirs = hand(body, page)
    if ours() != theirs():
        raise ValueError("the product and the translation by hand do not agree")
    pairs = [best(runs, ours, theirs) for _ in range(rounds)]
    return {
        "messages": count,
        "product_us_a_message": statistics.median(one for one, _ in pairs) / count * 1e6,
        "by_hand_us_a_message": statistics.median(other for _, other in pairs) / count * 1e6,
        "ratio": statistics.median(one / other for one, other in pairs),
    }
