"""The life of a sent message, computed from the clock. Nothing runs in the background.

    Processing ──SUBMITTED_AFTER──▶ Submitted ──DELIVERED_AFTER──▶ Delivered   (only with DeliveryReceipt)
         │                              └───────DELIVERED_AFTER──▶ Failed      (...0002, ...0003; ditto)
         └──────SUBMITTED_AFTER──▶ Failed (...0001)

The life of a message starts at Created, or at Scheduled if that is later.
"""

from dataclasses import dataclass, replace

from .rows import DELIVERED, FAILED, SUBMITTED, MessageRow

SUBMITTED_AFTER = 2
"""The seconds from the start until the SMS Center has the message."""

DELIVERED_AFTER = 3
"""The seconds from Submitted until the receipt says delivered, or failed."""

NEVER_SUBMITTED = "0001"
"""The last digits of a recipient whose message is Failed in place of Submitted. It has no Submitted stamp.

The page describes this as "submission to the SMS Center was not possible within a reasonable time limit".
"""

NEVER_SUBMITTED_CODE = "30001"
"""Its ErrorCode: *Queue overflow* in the list that the old service's document prints."""

UNDELIVERABLE = "0002"
"""The last digits of a recipient whose message is Submitted, and Failed when the receipt would have come."""

UNDELIVERABLE_CODE = "30005"
"""Its ErrorCode: *Unknown destination handset* in the same list."""

UNDELIVERABLE_OPAQUE = "0003"
"""Like `UNDELIVERABLE`, with a code that is in no list. The page calls ErrorCode a string and prints no values."""

OPAQUE_CODE = "SMSC_0x45B"
"""Its ErrorCode."""

STUCK = "0004"
"""The last digits of a recipient whose message stays Processing."""


@dataclass(frozen=True)
class Pace:
    """The delays in the life of a message, in seconds. 0 means at once."""

    submitted_after: int = SUBMITTED_AFTER
    delivered_after: int = DELIVERED_AFTER


def as_of(row: MessageRow, now: float, pace: Pace) -> MessageRow:
    """Return the row at *now*, epoch seconds. The function is pure, and the status never goes back as *now* grows.

    "Delivered: The message has been delivered successfully (if delivery receipts are activated)". Without a receipt the service does not
    learn the outcome, and the message stays Submitted.
    """
    if not row.advances:
        return row
    submitted = max(row.created, row.scheduled) + pace.submitted_after
    settled = submitted + pace.delivered_after
    fate = row.recipient[-4:]
    if fate == STUCK or now < submitted:
        return row
    if fate == NEVER_SUBMITTED:
        return replace(row, status=FAILED, error_code=NEVER_SUBMITTED_CODE)
    if not row.delivery_receipt or now < settled:
        return replace(row, status=SUBMITTED, submitted=submitted)
    if fate == UNDELIVERABLE:
        return replace(row, status=FAILED, submitted=submitted, error_code=UNDELIVERABLE_CODE)
    if fate == UNDELIVERABLE_OPAQUE:
        return replace(row, status=FAILED, submitted=submitted, error_code=OPAQUE_CODE)
    return replace(row, status=DELIVERED, submitted=submitted, delivered=settled)
