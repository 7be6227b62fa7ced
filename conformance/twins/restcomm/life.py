"""The life of one SMS as the Restcomm document describes it, computed from a clock without a timer.

sending ──SENT_AFTER──▶ sent ──DELIVERED_AFTER──▶ delivered        any other recipient
sending ──SENT_AFTER──▶ failed 30008                               recipient ends in 0001
sending ──SENT_AFTER──▶ sent ──DELIVERED_AFTER──▶ undelivered 30005                    0002
sending ──SENT_AFTER──▶ sent ──DELIVERED_AFTER──▶ failed 30003                         0003
sending                                                                                0004
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from conformance.twins.arrivals import Arrival

SENT_AFTER: Final = 1.0
"""The seconds from the response to a send until the message is given to the provider, or refused by it."""

DELIVERED_AFTER: Final = 4.0
"""The seconds from `sent` to the delivery status. With SENT_AFTER they are the five of the document's dev-test message."""

FAILS_AT_ONCE: Final = "0001"
"""The last digits of recipients whose messages fail before they are sent, with 30008."""

IS_UNDELIVERED: Final = "0002"
"""The last digits of recipients whose messages are sent and then undelivered, with 30005."""

FAILS_LATER: Final = "0003"
"""The last digits of recipients whose messages are sent and then fail, with 30003."""

STAYS_SENDING: Final = "0004"
"""The last digits of recipients whose messages stay in `sending`."""

_ARRIVES: Final = "15550100032"
"""The recipient of a message that arrives between two requests."""

Status: TypeAlias = Literal["queued", "sending", "sent", "failed", "received", "delivered", "undelivered"]
Direction: TypeAlias = Literal["incoming", "outbound-api", "outbound-call"]

STATUSES: Final[tuple[Status, ...]] = (
    "queued",
    "sending",
    "sent",
    "failed",
    "received",
    "delivered",
    "undelivered",
)
"""Source: "Possible values are queued, sending, sent, failed, received, delivered and undelivered." """

ERROR_MESSAGES: Final[dict[int, str]] = {
    30001: "Queue overflow",
    30002: "Account suspended",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Carrier violation",
    30008: "Unknown error",
    30009: "Missing segment",
    30010: "Message price exceeds max price",
    30090: "No Response received for SMPP Request",
}
"""The table "SMS-specific error codes" of the document."""


@dataclass(frozen=True, slots=True)
class Step:
    """The state of a message from the instant `at` (epoch seconds) on.

    `sent` is the instant shown as date_sent, or None if the message shows none.
    """

    at: float
    status: Status
    sent: float | None = None
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class Sms:
    """One message of an account, with its whole life. `created` is epoch seconds; `steps` are in time order.

    Numbers and texts are personal data, so the repr has none of them.
    """

    sid: str
    account: str
    sender: str
    recipient: str
    body: str
    created: float
    direction: Direction
    steps: tuple[Step, ...]
    status_callback: str | None = None
    status_callback_method: Literal["GET", "POST"] = "POST"

    def __repr__(self) -> str:
        return f"Sms({self.sid}, {self.direction})"

    def at(self, now: float) -> Step:
        """Return the step that the message has reached by `now`. Before its first step it is the first."""
        reached = self.steps[0]
        for step in self.steps[1:]:
            if step.at > now:
                break
            reached = step
        return reached

    @property
    def to_client(self) -> bool:
        """True if the recipient is a CPaaS client, whose name is "prefixed with the string 'client:'"."""
        return self.recipient[:7].lower() == "client:"


def outbound_steps(recipient: str, created: float, sent_after: float, delivered_after: float) -> tuple[Step, ...]:
    """Return the life of a message sent at `created` (epoch seconds). It depends on the last digits of its recipient."""
    sending = Step(created, "sending")
    handed_over = created + sent_after
    settled = handed_over + delivered_after
    sent = Step(handed_over, "sent", sent=handed_over)
    ending = recipient[-4:]
    if ending == STAYS_SENDING:
        return (sending,)
    if ending == FAILS_AT_ONCE:
        return sending, Step(handed_over, "failed", error_code=30008)
    if ending == IS_UNDELIVERED:
        return sending, sent, Step(settled, "undelivered", sent=handed_over, error_code=30005)
    if ending == FAILS_LATER:
        return sending, sent, Step(settled, "failed", sent=handed_over, error_code=30003)
    return sending, sent, Step(settled, "delivered", sent=handed_over)


def arrived(arrival: Arrival, sid: str, account: str, now: float, waits: tuple[float, float]) -> Sms:
    """Return the message of an arrival. It is in `account` if the arrival names no place.

    `waits` are the last two arguments of `outbound_steps`.
    """
    created, place, comes_in = now - arrival.ago, arrival.place or account, arrival.direction == "inbound"
    steps = (Step(created, "received", sent=created),) if comes_in else outbound_steps(_ARRIVES, created, *waits)
    direction: Direction = "incoming" if comes_in else "outbound-api"
    return Sms(sid, place, "15550100031", _ARRIVES, arrival.text, created, direction, steps)
