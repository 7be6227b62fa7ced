"""The admin port: liveness, readiness and metrics. They are never on the front port."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, Final, NamedTuple

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from translator.core.exchange import Reply
from translator.core.http.messages import Answer, Failure
from translator.shell.aio.memory_budget import MemoryBudget

PREFIX: Final = "sms_translator_"

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds. The last one is the default deadline."""


class Described(NamedTuple):
    """The help text and the labels of a metric."""

    help: str
    labels: tuple[str, ...]


METRICS: Final[dict[str, Described]] = {
    "requests": Described("Requests answered at the front.", ("dialect", "operation", "status")),
    "request_seconds": Described("Seconds from a request's first byte to its answer.", ("dialect", "operation")),
    "provider_requests": Described(
        "Requests to a provider, by the class of the status of the response (2xx, 4xx, …) or the kind of the failure.",
        ("back", "outcome"),
    ),
    "notes": Described("What was repaired, ignored or unknown on the way.", ("note",)),
    "back_refused_us": Described(
        "Alarm: requests that failed because a back does not accept our own credentials.", ("back",)
    ),
    "sends": Described(
        "Unknown sends: found, unresolved, unread (also unresolved, and a part of the window was never read), or resent.",
        ("outcome",),
    ),
    "reconciliation_searches": Described(
        "Searches for unknown sends at a provider: done, cut because the request budget ran out, or failed.",
        ("back", "outcome"),
    ),
    "callbacks": Described(
        "Callbacks: delivered, failed and due again, dead, or unheard because no final status of the message was ever seen.",
        ("outcome",),
    ),
    "polls": Described(
        "Polls of subscriptions: seen, unseen, or put off because the request budget of a round ran out.",
        ("back", "outcome"),
    ),
    "poll_backlog": Described("Subscriptions that are due for a poll, by provider.", ("back",)),
    "poll_stranded": Described(
        "Alarm: subscriptions that cannot be polled, because their provider, provider account or account is not configured.",
        ("back",),
    ),
    "handshakes": Described(
        "TLS handshakes at the front that failed, by why in OpenSSL's words; overdue where a caller took too long, gone where it left.",
        ("reason",),
    ),
    "back_rows_served": Described(
        "Rows that a back is asked for at once now: its page_max, or fewer where it was seen to serve fewer in the last ten minutes.",
        ("back",),
    ),
    "auth_failures": Described(
        "Requests whose credentials were missing or wrong: refused with 401, or limited with 429 where their address had failed too often.",
        ("dialect", "answer"),
    ),
    "connections_refused": Described(
        "Connections that were closed, new or of unknown clients, because as many were open as the process has descriptors for.",
        ("port",),
    ),
    "reloads": Described(
        "Configurations that were read anew: done, or refused, where the one before stays.", ("outcome",)
    ),
    "loaded_seconds": Described("When the configuration that is in force was read, in seconds since the epoch.", ()),
    "callback_lag_seconds": Described("Seconds for which the longest-due destination has waited.", ()),
    "destinations_paused": Described("Destinations of callbacks whose circuit breaker is open.", ()),
    "memory_bytes": Described(
        "Bytes under way in this process, by account and as what they are held; unknown are all callers that no account was opened for.",
        ("account", "kind"),
    ),
    "memory_refused": Described(
        "What was refused because its account had no more of [server] memory, by account and what it was wanted for.",
        ("account", "kind"),
    ),
    "callbacks_refused": Described(
        "Sends that were refused because their account has as many open callbacks as [callbacks] owed_max, by account.",
        ("account",),
    ),
    "backlog_rows": Described("Unfinished rows of the store, by table and state.", ("table", "state")),
    "backlog_oldest_seconds": Described(
        "Seconds since the send of the oldest of these rows; 0 without any.", ("table", "state")
    ),
    "migration_stage": Described("1 for the present stage of a migration, 0 for the others.", ("account", "stage")),
    "migration_percent": Described("Percent of the recipients that a canary's share has, by account.", ("account",)),
    "migration_latched": Described("Alarm: 1 if the guard has stopped the canary of an account.", ("account",)),
    "migration_sends": Described(
        "New sends of migrating accounts, by provider and the rule that decided.", ("account", "home", "reason")
    ),
    "migration_renders": Described(
        "Sends and lists that were checked for the new provider, or dropped because too many waited, or failed.",
        ("account", "outcome"),
    ),
    "ready": Described(
        "1 where reads, sends or callbacks work at the moment, 0 where not: what /readyz?for= says.", ("for",)
    ),
}
"""Every metric, without its prefix. A counter's name on the page ends in `_total`."""


class Meter(Collector):
    """The counts, as plain numbers. Counting a request takes a tenth of the time of the library's own counters. The library only writes
    the page."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, tuple[Any, ...]], float] = defaultdict(float)
        self._seconds: dict[tuple[str, str], list[float]] = {}
        self.rows_served: Callable[[], Iterable[tuple[str, int]]] = tuple
        """Yields the rows that one provider request asks for, by provider. Called for each page."""
        self.callbacks_refused: Callable[[], Iterable[tuple[str, int]]] = tuple
        """Yields the sends that were refused because of pending callbacks, by account. Called for each page."""
        self.budget: MemoryBudget | None = None
        """The memory budget of this process, read for each page."""

    def count(self, reply: Reply, seconds: float, back: str) -> None:
        """Count an answered request. `back` is the provider of its last provider request, or empty."""
        self._counts["requests", (reply.dialect, reply.operation, reply.response.status)] += 1
        what = (reply.dialect, reply.operation)
        taken = self._seconds.get(what)
        if taken is None:
            taken = self._seconds[what] = [0.0] * (len(BUCKETS) + 2)
        taken[bisect_left(BUCKETS, seconds)] += 1
        taken[-1] += seconds
        for note in reply.notes:
            self._counts["notes", (note.name,)] += 1
        if reply.fault == "back-refused-us":
            self._counts["back_refused_us", (back,)] += 1

    def count_provider_request(self, back: str, answer: Answer) -> None:
        """Count a provider request by its response or failure."""
        outcome = answer.kind if isinstance(answer, Failure) else answer.status // 100
        self._counts["provider_requests", (back, outcome)] += 1

    def count_send(self, outcome: str) -> None:
        """Count the outcome of an unknown send."""
        self._counts["sends", (outcome,)] += 1

    def count_search(self, back: str, outcome: str) -> None:
        """Count a search for unknown sends at a provider."""
        self._counts["reconciliation_searches", (back, outcome)] += 1

    def count_callback(self, outcome: str) -> None:
        """Count an attempt of a delivery, or a message that is no longer polled."""
        self._counts["callbacks", (outcome,)] += 1

    def count_polls(self, back: str, outcome: str, many: int) -> None:
        """Count polled subscriptions."""
        self._counts["polls", (back, outcome)] += many

    def show_polling(self, backlogs: Mapping[str, int], stranded: Mapping[str, int] | None = None) -> None:
        """Set the number of subscriptions that are due, and of those that cannot be polled, by provider."""
        for back, many in backlogs.items():
            self._counts["poll_backlog", (back,)] = many
        if stranded is not None:
            for name, labels in [key for key in self._counts if key[0] == "poll_stranded"]:
                self._counts[name, labels] = 0
            for back, many in stranded.items():
                self._counts["poll_stranded", (back,)] = many

    def count_handshake(self, reason: str) -> None:
        """Count a failed TLS handshake at the front."""
        self._counts["handshakes", (reason,)] += 1

    def count_unknown(self, dialect: str, answer: str) -> None:
        """Count a request of an unauthenticated client."""
        self._counts["auth_failures", (dialect, answer)] += 1

    def count_refused(self, port: str) -> None:
        """Count a refused connection."""
        self._counts["connections_refused", (port,)] += 1

    def count_reload(self, outcome: str) -> None:
        """Count a reload of the configuration."""
        self._counts["reloads", (outcome,)] += 1

    def count_choice(self, account: str, home: str, reason: str) -> None:
        """Count a new send of an account that migrates, by the provider and the rule that decided."""
        self._counts["migration_sends", (account, home, reason)] += 1

    def show_loaded(self, when: float) -> None:
        """Set the time at which the present configuration was read."""
        self._counts["loaded_seconds", ()] = when

    def set_backlog(self, table: str, states: Mapping[str, int], known: Iterable[str]) -> None:
        """Set the number of rows in each of the known states."""
        for state in known:
            self._counts["backlog_rows", (table, state)] = states.get(state, 0)

    def show_oldest(self, table: str, state: str, seconds: float) -> None:
        """Set the age of the oldest row in a state."""
        self._counts["backlog_oldest_seconds", (table, state)] = seconds

    def show_ready(self, why_not: Mapping[str, str]) -> None:
        """Set the readiness. A part without a reason in `why_not` is ready."""
        for name, why in why_not.items():
            self._counts["ready", (name,)] = float(not why)

    def show(self, name: str, number: float, *labels: str) -> None:
        """Set a gauge, with its labels."""
        self._counts[name, labels] = number

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics for the library."""
        for back, rows in self.rows_served():
            self._counts["back_rows_served", (back,)] = rows
        for account, many in self.callbacks_refused():
            self._counts["callbacks_refused", (account,)] = many
        if self.budget is not None:
            for account, kind, size in self.budget.totals():
                self._counts["memory_bytes", (account, kind)] = size
            for account, kind, count in self.budget.refusals():
                self._counts["memory_refused", (account, kind)] = count
        for name, metric in METRICS.items():
            family = _FAMILIES.get(name, CounterMetricFamily)(PREFIX + name, metric.help, labels=metric.labels)
            for (counted, labels), number in self._counts.items():
                if counted == name:
                    family.add_metric([_label(name, label) for label in labels], number)
            if isinstance(family, HistogramMetricFamily):
                for what, (*taken, total) in self._seconds.items():
                    sums = accumulate(taken)
                    family.add_metric(
                        what, [(str(bound), n) for bound, n in zip((*BUCKETS, "+Inf"), sums, strict=True)], total
                    )
            yield family

    def page(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self)


_GAUGES: Final = (
    "back_rows_served", "callback_lag_seconds", "destinations_paused", "loaded_seconds", "memory_bytes", "migration_latched",
    "migration_percent", "migration_stage", "backlog_oldest_seconds", "backlog_rows", "poll_backlog", "poll_stranded", "ready",
)  # fmt: skip

_FAMILIES: Final[dict[str, Any]] = {
    **dict.fromkeys(_GAUGES, GaugeMetricFamily),
    "request_seconds": HistogramMetricFamily,
}


def _label(name: str, value: Any) -> str:
    """Return a label as text. The status class of a provider request is written as `2xx`."""
    return f"{value}xx" if name == "provider_requests" and isinstance(value, int) else str(value)


async def _ready() -> Mapping[str, str]:
    return dict.fromkeys(_PARTS, "")


_PARTS: Final = ("reads", "sends", "callbacks")


def admin_application(
    meter: Meter, is_draining: Callable[[], bool], why_not: Callable[[], Awaitable[Mapping[str, str]]] = _ready
) -> Starlette:
    """Return the admin port's application. `why_not` returns for reads, sends and callbacks the reason why each does not work, or ""."""

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        asked = request.query_params.get("for", "")
        if asked and asked not in _PARTS:
            return PlainTextResponse(f"for is one of {', '.join(_PARTS)}\n", 400)
        found = dict.fromkeys(_PARTS, "draining") if is_draining() else await why_not()
        said = {name: found[name] or "ok" for name in _PARTS}
        page = f"{said[asked]}\n" if asked else "".join(f"{name}: {why}\n" for name, why in said.items())
        return PlainTextResponse(page, 503 if found[asked or "reads"] else 200)

    async def metrics(_: Request) -> Response:
        meter.show_ready(dict.fromkeys(_PARTS, "draining") if is_draining() else await why_not())
        return Response(meter.page(), headers={"content-type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])
