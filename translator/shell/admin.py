"""The admin port: whether the process answers, whether it takes requests, and what it has counted. Never on the front port."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from translator.exchange import Reply
from translator.wire import Answer, Failure

PREFIX: Final = "sms_translator_"

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds; the last one is the default deadline."""


class Metric(NamedTuple):
    """What a metric counts, and by which labels."""

    help: str
    labels: tuple[str, ...]


METRICS: Final[dict[str, Metric]] = {
    "requests": Metric("Requests answered at the front.", ("dialect", "operation", "status")),
    "request_seconds": Metric("Seconds from a request's first byte to its answer.", ("dialect", "operation")),
    "asks": Metric(
        "Calls to a back, by the class of the status it answered (2xx, 4xx, …) or how the call failed.",
        ("back", "outcome"),
    ),
    "notes": Metric("What was repaired, ignored or unknown on the way.", ("note",)),
    "back_refused_us": Metric(
        "Alarm: requests that failed because a back does not accept our own credentials.", ("back",)
    ),
    "sends": Metric(
        "Sends whose outcome was not known: found at the back, lost to sight, or resent where the operator wants that.",
        ("outcome",),
    ),
    "calls": Metric(
        "Calls to applications: delivered, failed and put off, dead, or unheard where a message's end was never seen.",
        ("outcome",),
    ),
    "owed": Metric("Rows of the store that somebody has to know of, by table and state.", ("table", "state")),
}
"""Every metric, without its prefix; a counter's name on the page ends in `_total`."""


class Meter:
    """Counts, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._counter("requests")
        self._asks = self._counter("asks")
        self._notes = self._counter("notes")
        self._refused_us = self._counter("back_refused_us")
        self._sends = self._counter("sends")
        self._calls = self._counter("calls")
        owed = METRICS["owed"]
        self._owed = Gauge(f"{PREFIX}owed", owed.help, owed.labels, registry=self.registry)
        name, seconds = "request_seconds", METRICS["request_seconds"]
        self._seconds = Histogram(PREFIX + name, seconds.help, seconds.labels, buckets=BUCKETS, registry=self.registry)

        # The counters by what they count, for what is counted with every request: to find one by its labels costs more than to count.
        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._asked: dict[tuple[str, str | int], Counter] = {}

    def _counter(self, name: str) -> Counter:
        metric = METRICS[name]
        return Counter(PREFIX + name, metric.help, metric.labels, registry=self.registry)

    def count(self, reply: Reply, seconds: float, back: str) -> None:
        """A request has been answered; `back` is the one that was asked last, or empty."""
        what = (reply.dialect, reply.operation, reply.response.status)
        children = self._answered.get(what)
        if children is None:
            labels = (reply.dialect, reply.operation)
            children = self._requests.labels(*labels, str(reply.response.status)), self._seconds.labels(*labels)
            self._answered[what] = children
        requests, taken = children
        requests.inc()
        taken.observe(seconds)
        for note in reply.notes:
            self._notes.labels(note.name).inc()
        if reply.fault == "back-refused-us":
            self._refused_us.labels(back).inc()

    def count_ask(self, back: str, answer: Answer) -> None:
        """A back has answered, or not."""
        what = (back, answer.kind if isinstance(answer, Failure) else answer.status // 100)
        child = self._asked.get(what)
        if child is None:
            outcome = answer.kind if isinstance(answer, Failure) else f"{answer.status // 100}xx"
            child = self._asked[what] = self._asks.labels(back, outcome)
        child.inc()

    def count_send(self, outcome: str) -> None:
        """A send whose outcome was not known has one."""
        self._sends.labels(outcome).inc()

    def count_call(self, outcome: str) -> None:
        """A call to an application was tried, or its message is no longer looked at."""
        self._calls.labels(outcome).inc()

    def show_owed(self, table: str, states: Mapping[str, int], known: Iterable[str]) -> None:
        """How many rows there are in each of the known states."""
        for state in known:
            self._owed.labels(table, state).set(states.get(state, 0))

    def page(self) -> bytes:
        """Everything counted, in the text format of Prometheus."""
        return generate_latest(self.registry)


async def _always() -> bool:
    return True


def admin_application(
    meter: Meter, is_draining: Callable[[], bool], is_well: Callable[[], Awaitable[bool]] = _always
) -> Starlette:
    """The admin port's application; `is_well` says whether what requests need is there."""

    def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        why = "draining" if is_draining() else "" if await is_well() else "the store does not answer"
        return PlainTextResponse(f"{why or 'ok'}\n", 503 if why else 200)

    def metrics(_: Request) -> Response:
        return Response(meter.page(), headers={"content-type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])
