"""Tests an application's own StatusCallback receiver with callbacks as the old provider makes them, and with worse ones.

The document knows four words (sent, failed, delivered, undelivered), POST and GET, and seven parameters. The suite adds what a network
adds: an event that comes twice, late, before the preceding one, or with a parameter that the document does not have. A receiver
accepts an event with a 2xx. After any other status the provider would repeat the event or lose it.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple
from urllib.parse import urlencode

from conformance.judge.target import Transport


class Event(NamedTuple):
    """One callback. It has a status, may have an error code and an extra parameter, and is delayed by `late` seconds.

    `message` is the index of the message within its scenario.
    """

    status: str
    error: str = ""
    message: int = 0
    extra: bool = False
    late: float = 0.0


class Scenario(NamedTuple):
    """Some events of one message or of several, in the order in which they arrive."""

    name: str
    events: tuple[Event, ...]
    method: str = "POST"


class Heard(NamedTuple):
    """The response of a receiver to one event."""

    scenario: str
    event: str
    status: int

    @property
    def taken(self) -> bool:
        """True if the provider would not repeat this event."""
        return 200 <= self.status <= 299


SCENARIOS: Final = (
    Scenario("sent, then delivered", (Event("sent"), Event("delivered"))),
    Scenario("failed at once", (Event("failed", error="30008"),)),
    Scenario("sent, then undelivered", (Event("sent"), Event("undelivered", error="30005"))),
    Scenario("sent, then failed", (Event("sent"), Event("failed", error="30003"))),
    Scenario("the same event twice", (Event("sent"), Event("sent"), Event("delivered"), Event("delivered"))),
    Scenario("late", (Event("sent"), Event("delivered", late=2.0))),
    Scenario("out of order", (Event("delivered"), Event("sent"))),
    Scenario("two messages at a time", (Event("sent"), Event("sent", message=1), Event("delivered", message=1), Event("delivered"))),
    Scenario("with a parameter that it does not know", (Event("sent", extra=True), Event("delivered", extra=True))),
    Scenario("by GET", (Event("sent"), Event("delivered")), method="GET"),
    Scenario("an error code that is a name", (Event("sent"), Event("failed", error="UNKNOWN_ERROR"))),
)  # fmt: skip


def parameters(event: Event, scenario: int) -> list[tuple[str, str]]:
    """Return the parameters of the document, in its order. The error code is left out if it is empty."""
    found = [("MessageSid", f"SM{scenario * 16 + event.message:032x}"), ("MessageStatus", event.status)]
    found += [("ErrorCode", event.error)] if event.error else []
    found += [
        ("AccountSid", f"AC{0:032x}"), ("From", "19876543212"), ("To", "13216549878"), ("Body", "Conformance drill, caf\u00e9 & more"),
    ]  # fmt: skip
    return [*found, ("ChannelStatusMessage", "unheard of")] if event.extra else found


def drill(ask: Transport, path: str, sleep: Callable[[float], None]) -> Iterator[Heard]:
    """Run every scenario in turn. Raises Unreachable if the receiver gives no response."""
    for number, scenario in enumerate(SCENARIOS):
        for event in scenario.events:
            if event.late:
                sleep(event.late)
            encoded = urlencode(parameters(event, number))
            if scenario.method == "GET":
                target = f"{path}{'&' if '?' in path else '?'}{encoded}"
                answer = ask("GET", target, {}, b"")
            else:
                media = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
                answer = ask("POST", path, media, encoded.encode())
            yield Heard(scenario.name, event.status, answer.status)
