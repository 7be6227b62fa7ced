"""One message, as the simulated provider stores it and as the response shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PROCESSING, SUBMITTED, DELIVERED, FAILED, RECEIVED = (
    "Processing",
    "Submitted",
    "Delivered",
    "Failed",
    "Received",
)
STATUSES = (PROCESSING, SUBMITTED, DELIVERED, FAILED, RECEIVED)
"""The five words of "Description of possible status values", in the page's order."""

TRANSMIT, RECEIVE = "Transmit", "Receive"
DIRECTIONS = (TRANSMIT, RECEIVE)
""""Direction: Possible values: Transmit and Receive"."""


@dataclass(frozen=True, kw_only=True)
class MessageRow:
    """A message resource. Every timestamp is whole seconds since the epoch, UTC; None means *has not happened*.

    `advances` is true if the status and the stamps follow from the clock (see `lifecycle.as_of`). Otherwise the row never changes.
    `options` has the members of a send that no resource shows (webhooks and forwarding), under their documented names.
    """

    sid: str
    account_sid: str
    property_sid: str
    sender: str
    recipient: str
    text: str
    delivery_receipt: bool
    segments: int
    status: str
    direction: str
    scheduled: int
    created: int
    submitted: int | None = None
    delivered: int | None = None
    received: int | None = None
    error_code: str | None = None
    external_id: str | None = None
    advances: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


def resource(row: MessageRow, *, show_owner: bool, show_external_id: bool = False) -> dict[str, object]:
    """Return the row as a Message Resource, with members in the order of the page's table.

    Members without a value are left out and never null. The page's example leaves out Submitted, Delivered, Received and ErrorCode.
    AccountSid and PropertySid are in the page's table but not in its example, so `show_owner` decides.
    """
    members: dict[str, object] = {"MessageSid": row.sid}
    if show_owner:
        members |= {"AccountSid": row.account_sid, "PropertySid": row.property_sid}
    members |= {
        "From": row.sender,
        "To": row.recipient,
        "Text": row.text,
        "DeliveryReceipt": row.delivery_receipt,
        "NumSegments": row.segments,
        "Status": row.status,
        "Direction": row.direction,
        "Scheduled": row.scheduled,
        "Created": row.created,
    }
    optional = {
        "Submitted": row.submitted,
        "Delivered": row.delivered,
        "Received": row.received,
        "ErrorCode": row.error_code,
        "ExternalId": row.external_id if show_external_id else None,
    }
    return members | {name: value for name, value in optional.items() if value is not None}
