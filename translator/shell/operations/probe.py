"""Probes the provider of each account with one harmless read: a list of the last minute, requested at the front like a client does."""

from base64 import b64encode
from typing import Final, NamedTuple
from urllib.parse import urlencode

from translator.core.accounts import Account, Accounts, Endpoint
from translator.core.effects import run_without_shell
from translator.core.exchange import Limits, Reply, exchange
from translator.core.http.messages import Answer, Request
from translator.core.http.paths import Template
from translator.core.values.codecs import KINDS
from translator.shell.operations.probe_reasons import explain_failure
from translator.shell.runtime.effect_runner import ProviderPort
from translator.shell.wiring import Wiring

UNREACHABLE: Final = 10
REFUSED: Final = 11
BAD: Final = 1
"""The exit statuses of a failed probe."""

_VERDICTS: Final = {"": 0, "back-unreachable": UNREACHABLE, "back-timeout": UNREACHABLE, "back-refused-us": REFUSED}
_SECONDS: Final = 60
_ASKS: Final = 5
"""The request budget of a probe. A provider may return whole days for a minute, and a few requests show that it works."""


class Verdict(NamedTuple):
    """The result of one account's probe. `exit_status` is 0 if the provider's response was good."""

    front: str
    back: str
    exit_status: int
    fault: str
    why: str

    def __str__(self) -> str:
        said = f"{self.fault}: {self.why}".removesuffix(": ") if self.fault else "good"
        return f"{self.front} -> {self.back}: {said}"


async def probe_all(assembly: Wiring, now: float) -> list[Verdict]:
    """Probe every account at each of its providers, one after the other, because a check is no load test."""
    backs = {name: reach.upstream() for name, reach in assembly.reaches.items()}
    try:
        return [
            await probe(
                Accounts([home]),
                assembly.limits,
                home,
                backs[home.back.name],
                now,
                assembly.reaches[home.back.name].url,
            )
            for entry in assembly.accounts.entries
            for home in (
                one._replace(old=None) for one in entry.homes
            )  # else the old provider's token would go to the new one
        ]
    finally:
        for back in backs.values():
            await back.aclose()


def worst(verdicts: list[Verdict]) -> int:
    """Return the exit status of all probes: unreachable comes before refused, and refused before any other failure."""
    found = {verdict.exit_status for verdict in verdicts}
    return next((status for status in (UNREACHABLE, REFUSED, BAD) if status in found), 0)


async def probe(
    accounts: Accounts, limits: Limits, entry: Account, back: ProviderPort, now: float, url: str
) -> Verdict:
    """Run a whole exchange, and derive the verdict from its fault. `url` is the base address of the provider."""
    few = limits._replace(max_asks=_ASKS, cap=True)
    last: list[tuple[str, Answer]] = []
    reply = await _asked(accounts, few, narrow_list(entry.front, now), back, now, last)
    front, behind = entry.front, entry.behind
    names = (" ".join(filter(None, (side.dialect.name, side.account, side.property))) for side in (front, behind))
    status = _VERDICTS.get(reply.fault, BAD)
    why = explain_failure(url, *last[-1], behind) if reply.fault and last else ""
    return Verdict(next(names), f"{entry.back.name} ({next(names)})", status, reply.fault, why or reply.log)


def narrow_list(front: Endpoint, now: float) -> Request:
    """Return a request for one row of the last minute, in the front's dialect."""
    table = front.dialect.table
    row = table.operation("list")
    bounds = {"lower-bound": int(now) - _SECONDS, "upper-bound": int(now)}
    given = [
        (item.name, str(KINDS[item.kind].write(bounds[item.test]))) for item in table.filters if item.test in bounds
    ]
    path = Template(row.path).fill(account=front.account, property=front.property)
    return Request(
        row.method,
        path,
        urlencode([*given, (table.paging.size, "1")]),
        (("authorization", basic(front)), ("accept", table.formats.offers[0].media)),
    )


def basic(side: Endpoint) -> str:
    """Return the Authorization header with an endpoint's credentials."""
    return "Basic " + b64encode(f"{side.account}:{side.token}".encode()).decode("ascii")


async def _asked(
    accounts: Accounts, limits: Limits, request: Request, back: ProviderPort, now: float, last: list[tuple[str, Answer]]
) -> Reply:
    """Return the reply to a front request. Add the path and the response of each provider request to `last`."""
    steps = run_without_shell(exchange(accounts, limits, request, now), {})
    try:
        ask = next(steps)
        while True:
            answers = tuple([await back.ask(asked, "probe") for asked in ask.requests])
            last += [(asked.path, answer) for asked, answer in zip(ask.requests, answers, strict=True)]
            ask = steps.send(answers)
    except StopIteration as finished:
        reply: Reply = finished.value
        return reply
