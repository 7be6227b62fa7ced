"""The life of one SMS as the Restcomm document tells it, reckoned from a clock instead of run by a timer.

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
"""Seconds from the answer to a send until the message is handed to the provider (or refused by it)."""

DELIVERED_AFTER: Final = 4.0
"""Seconds from `sent` to the delivery status: with SENT_AFTER the five of the document's dev-test message."""

FAILS_AT_ONCE: Final = "0001"
"""Recipients with this ending fail before they are sent, with 30008."""

IS_UNDELIVERED: Final = "0002"
"""Recipients with this ending are sent and then undelivered, with 30005."""

FAILS_LATER: Final = "0003"
"""Recipients with this ending are sent and then fail, with 30003."""

STAYS_SENDING: Final = "0004"
"""Recipients with this ending never leave `sending`."""

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
    """What a message looks like from the instant `at` (epoch seconds) on.

    `sent` is the instant shown as date_sent, None where the message shows none.
    """

    at: float
    status: Status
    sent: float | None = None
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class Sms:
    """One message of an account, with its whole life. `created` is epoch seconds; `steps` are in time order.

    Numbers and texts are personal data: none of them is in the repr.
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
        """The step the message has reached by `now`; before its first step, the first."""
        reached = self.steps[0]
        for step in self.steps[1:]:
            if step.at > now:
                break
            reached = step
        return reached

    @property
    def to_client(self) -> bool:
        """Whether the recipient is a CPaaS client, whose name is "prefixed with the string 'client:'"."""
        return self.recipient[:7].lower() == "client:"


def outbound_steps(recipient: str, created: float, sent_after: float, delivered_after: float) -> tuple[Step, ...]:
    """The life of a message sent at `created` (epoch seconds), by the ending of its recipient."""
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
    """The message that an arrival is; `account` is where it is if the arrival names no place, `waits` are those of `outbound_steps`."""
    created, place, comes_in = now - arrival.ago, arrival.place or account, arrival.direction == "inbound"
    steps = (Step(created, "received", sent=created),) if comes_in else outbound_steps(_ARRIVES, created, *waits)
    direction: Direction = "incoming" if comes_in else "outbound-api"
    return Sms(sid, place, "15550100031", _ARRIVES, arrival.text, created, direction, steps)
