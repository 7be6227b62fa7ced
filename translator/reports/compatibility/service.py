"""The parts around messages: faults, formats and headers."""

from collections.abc import Iterator
from typing import Final

from translator.core.mapping.schema import FaultRead
from translator.core.model import FAULTS, OPERATIONS
from translator.reports.compatibility.row import Pair, Row, Verdict, quoted

_OTHERWISE: Final = {
    "caller": "said without a request to {back}: the client's fault",
    "back": "said if {back} gives no answer: the provider's fault",
    "ours": "said by this proxy: its own fault or limit",
}


def faults(pair: Pair) -> Iterator[Row]:
    """Yield each way in which a request can fail, by its status in front."""
    back = pair.names[1]
    for fault, whose in FAULTS.items():
        if _is_never_said(pair, fault):
            continue
        name = f"{pair.front.fault(fault).status} {fault}"
        answers = [_answer(read) for read in pair.back.errors.reads if read.fault == fault]
        if fault == "page-out-of-range":
            reason = f"if the list has no such page, as counted from {back}"
            yield pair.row("fault", name, "derived", reason, of=fault)
        elif answers:
            reason = f"when {back} answers {', or '.join(dict.fromkeys(answers))}"
            yield pair.row("fault", name, "derived", reason, of=fault)
        elif fault == "refused-parameter":
            reason = f"as refused-message, if {back} names the parameter"
            yield pair.row("fault", name, "derived", reason, of=fault)
        else:
            yield pair.row("fault", name, "native", _OTHERWISE[whose].format(back=back), of=fault)


def _is_never_said(pair: Pair, fault: str) -> bool:
    """True if this fault cannot occur: there is one format, no sort, no page number, or no error of the back that names a parameter."""
    front = pair.front
    return {
        "not-acceptable": len(front.formats.offers) == 1,
        "unsortable": not front.sort.parameter,
        "page-out-of-range": front.paging.unit != "pages",
        "refused-parameter": pair.back.errors.shape == "message",
    }.get(fault, False)


def _answer(read: FaultRead) -> str:
    low, high = read.statuses
    said = (
        str(low)
        if low == high
        else f"anything else that is not good, {low} to {high}"
        if low == 300
        else f"{low} to {high}"
    )
    said += f" with a code ending in {read.code}" if read.code else ""
    return said if len(read.operations) == len(OPERATIONS) else f"{said} to {' or '.join(read.operations)}"


def formats(pair: Pair) -> Iterator[Row]:
    """Yield each media type that the front offers."""
    back = pair.names[1]
    behind = {offer.media for offer in pair.back.formats.offers}
    for offer in pair.front.formats.offers:
        if offer.media in behind:
            yield pair.row("format", offer.media, "native", f"{back} speaks it too", of=offer.name)
        else:
            reason = f"written here; {back} is asked for JSON"
            yield pair.row("format", offer.media, "emulated", reason, of=offer.name)
        if offer.name == "xml":
            reason = "a character that no XML can hold is replaced by U+FFFD"
            yield pair.row("format", f"{offer.media}, of a control character", "lossy", reason, of=offer.name)


def headers(pair: Pair) -> Iterator[Row]:
    """Yield the headers that have a meaning."""
    front, back = pair.names
    scheme = pair.front.credentials.scheme.capitalize()
    offers = quoted([offer.media for offer in pair.front.formats.offers], "or")
    said: tuple[tuple[str, Verdict, str], ...] = (
        ("Authorization", "derived", f"checked here; {back} is given this proxy's own account and token"),
        ("WWW-Authenticate", "native", f'`{scheme} realm="{pair.front.credentials.realm}"` with every 401 of {front}'),
        ("Accept", "emulated", f"answered in {offers} whatever {back} speaks"),
        ("Retry-After", "native", f"the value of {back} when it is busy, or one second"),
        ("X-Request-Id", "native", f"taken or made, echoed, and passed on to {back}"),
    )
    yield from (pair.row("header", *row) for row in said)
