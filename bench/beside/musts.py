"""The bounds that the product has to keep beside its peers, and the comparison of a measured value with its bound."""

import statistics
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from bench.beside.peers import FASTAPI, MEMORY, NGINX, NODE, SQLITE
from bench.beside.run import FLIGHT

Found = dict[str, Any]


class Must(NamedTuple):
    """A bound on a figure.

    `value` reads the figure from the measured values. `needs` are the peers that it is made from. `more` says that larger is better.
    """

    name: str
    value: Callable[[Found], float]
    must: float
    aim: float
    more: bool
    needs: tuple[str, ...]


class Verdict(NamedTuple):
    """A bound and its result: the value (none: not judged), True if it holds (none: not judged), and a sentence."""

    must: Must
    value: float | None
    holds: bool | None
    says: str


def _samples(found: Found, peer: str, cell: str, figure: str) -> list[float]:
    return [each["cells"][cell][figure] for each in found["samples"][peer]]


def ratio(found: Found, figure: str, over: tuple[str, str], under: tuple[str, str]) -> float:
    """The median of each round's own ratio of a figure, of one (peer, cell) to another."""
    pairs = zip(_samples(found, *over, figure), _samples(found, *under, figure), strict=True)
    return statistics.median(one / max(other, 1e-9) for one, other in pairs)


def _faster(cell: str, peer: str, must: float, aim: float) -> Must:
    """Requests a second of the product, to those of a peer."""
    return Must(
        f"{cell}: requests/s to {peer}",
        lambda found: ratio(found, "per_second", (MEMORY, cell), (peer, cell)),
        must, aim, True, (MEMORY, peer),
    )  # fmt: skip


def _cheaper(product: str, must: float, aim: float) -> Must:
    """CPU of a send of FastAPI, to that of the product."""
    return Must(
        f"send c16: CPU of {FASTAPI} to {product}",
        lambda found: ratio(found, "cpu_us", (FASTAPI, "send c16"), (product, "send c16")),
        must, aim, True, (product, FASTAPI),
    )  # fmt: skip


ENOUGH: Final = 0.99
"""The share of the sends in flight below which nothing is said of them."""
SLOW: Final = "send c256, 20 ms"
MUSTS: Final = (
    _cheaper(MEMORY, 15, 40),
    _cheaper(SQLITE, 8, 8),
    _faster("send c16", NODE, 1.0, 1.5),
    _faster("send c16", NGINX, 0.35, 0.6),
    _faster("get c64", NGINX, 0.4, 0.6),
    _faster("list50 c16", NGINX, 1.2, 2),
    _faster("list1000 c16", NGINX, 1.5, 2.5),
    _faster("list1000 c16", NODE, 2, 4),
    _faster("list1000 c16", FASTAPI, 10, 20),
    Must("translating 1,000 to ASCII, to typed decode + encode alone", lambda found: float(found["translation"]["ratio"]),
         2.5, 1.5, False, ()),
    Must("CPU of a send, 256 clients to 16", lambda found: ratio(found, "cpu_us", (MEMORY, "send c256"), (MEMORY, "send c16")),
         2.0, 1.5, False, (MEMORY,)),
    Must("provider of 20 ms, 256 clients: requests/s", lambda found: float(found["peers"][MEMORY]["cells"][SLOW]["per_second"]),
         6000, 8500, True, (MEMORY,)),
    Must("provider of 20 ms, 256 clients: errors", lambda found: float(found["peers"][MEMORY]["cells"][SLOW]["errors"]),
         0, 0, False, (MEMORY,)),
    Must("peak memory after all of it, MB", lambda found: float(found["peers"][MEMORY]["peak_mb"]), 90, 70, False, (MEMORY,)),
    Must("10,000 sends in flight: not answered with 200", lambda found: float(found["in_flight"]["sends"] - found["in_flight"]["answered"]),
         0, 0, False, (MEMORY,)),
    Must("10,000 sends in flight: not at the provider with all others",
         lambda found: float(found["in_flight"]["sends"] - found["in_flight"]["at_the_provider"]), 0, 0, False, (MEMORY,)),
    Must("10,000 sends in flight: peak memory, MB", lambda found: float(found["in_flight"]["peak_mb"]),
         300, 200, False, (MEMORY,)),
)  # fmt: skip


def judge(found: Found) -> list[Verdict]:
    """A verdict for every must."""
    return [_judged(must, found) for must in MUSTS]


def _short(must: Must, found: Found) -> str:
    """A note for a machine that cannot have as many sends in flight as the bound is about."""
    flight = found.get("in_flight", {})
    if "in flight" not in must.name or flight["sends"] >= FLIGHT:
        return ""
    return f", of {flight['sends']:,} sends: {flight['files']:,} open files are allowed here"


def _judged(must: Must, found: Found) -> Verdict:
    for name in must.needs:
        if name not in found["peers"]:
            why = found["skipped"].get(name, f"{name} was not asked for")
            return Verdict(must, None, None, f"not judged: {why}")
    value = must.value(found)
    holds, aimed = (value >= must.must, value >= must.aim) if must.more else (value <= must.must, value <= must.aim)
    short = _short(must, found)
    if short and found["in_flight"]["sends"] < ENOUGH * FLIGHT:
        return Verdict(must, value, None, "not judged" + short)
    says = "DOES NOT HOLD" if not holds else "reaches the aim" if aimed else "holds"
    return Verdict(must, value, holds, says + short)
