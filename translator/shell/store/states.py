"""The states of sends and of callback deliveries. The value of each is the word in the store, in the commands and in the metrics."""

from enum import StrEnum


class SendState(StrEnum):
    """The state of a send. An intent has no outcome yet. An unresolved send was unknown until reconciliation gave it up."""

    INTENT = "intent"
    UNKNOWN = "unknown"
    UNRESOLVED = "unresolved"
    SENT = "sent"
    REFUSED = "refused"


class DeliveryState(StrEnum):
    """The state of a callback delivery. A dead one has used up its attempts."""

    DUE = "due"
    DEAD = "dead"
    DELIVERED = "delivered"
