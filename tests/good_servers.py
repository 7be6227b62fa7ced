"""Good servers for the conformance suite, and the target of a run against them."""

import json
from collections.abc import Callable
from typing import Any

from conformance.clock import ManualClock
from conformance.judge.target import Answer, Target
from conformance.twins import properties_v2, restcomm
from tests.twins import call
from translator.core.http.messages import Request, Response

NOW = 1_790_000_000.0
CLOCK = ManualClock(NOW)
"""The clock of every server here. Only the last requirement of a run turns it."""

PROPERTY = properties_v2.DEFAULT_PROPERTY
TO = "+15550100009"
TOKEN = "token"
Ask = Callable[[Request], Response]


def old_twin(messages: int = 120, **knobs: Any) -> Ask:
    twin = restcomm.RestcommTwin(accounts={"AC1": "token"}, clock=CLOCK, **knobs)
    twin.load(restcomm.seeded_messages("AC1", messages, 1, NOW - 600))
    return lambda request: call(twin.app, request)


def backwards(server: Ask) -> Ask:
    """A server whose lists are in reverse order."""

    def asked(request: Request) -> Response:
        answer = server(request)
        body = json.loads(answer.body) if "json" in (answer.header("content-type") or "") else None
        if not isinstance(body, dict) or "messages" not in body:
            return answer
        return answer.replace(body=json.dumps({**body, "messages": body["messages"][::-1]}).encode())

    return asked


def target(dialect: str, server: Ask, *, sends: int = 0, token: str = TOKEN) -> Target:
    def transport(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        plain, _, query = path.partition("?")
        given = tuple((name.lower(), value) for name, value in headers.items())
        answer = server(Request(method, plain, query, given, body))
        return Answer(answer.status, dict(answer.headers), answer.body)

    account = "AC1" if dialect == "restcomm" else "A1"
    return Target(
        dialect=dialect, transport=transport, account=account, token=token, send_to=TO if sends else "", max_sends=sends,
        property_sid=PROPERTY if dialect == "properties-v2" else "", turn=CLOCK.advance, sleep=lambda _: None,
    )  # fmt: skip
