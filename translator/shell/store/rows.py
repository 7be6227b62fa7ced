"""The rows of the store as values. The fields of each stand in the order of the columns that are selected for it."""

from typing import NamedTuple

from translator.shell.store.states import SendState


class SendRow(NamedTuple):
    """A whole row of the table `sends`. See the schema for its columns."""

    id: str
    account: str
    provider_account: str
    state: str
    created_at: float
    sender: str
    recipient: str
    text: str
    content_hash: str
    idempotency_key: str | None
    request_hash: str | None
    sid: str | None
    message: bytes | None
    fault: bytes | None
    next_check_at: float | None
    checks: int
    unknown_since: float | None
    settled_at: float | None
    resent_at: float | None
    leased_until: float
    fencing_token: int

    @property
    def in_progress(self) -> bool:
        """True if the send has no outcome yet, and a response may still come."""
        return self.state == SendState.INTENT


class UnfinishedSend(NamedTuple):
    """A send without a known outcome, as reconciliation compares it with a message."""

    id: str
    state: str
    created_at: float
    account: str
    sender: str
    recipient: str
    text: str

    @property
    def in_progress(self) -> bool:
        """True if the send has no outcome yet, and a response may still come."""
        return self.state == SendState.INTENT


class LeasedDelivery(NamedTuple):
    """A delivery that the dispatcher has leased.
    `position`: its place among the deliveries of its subscription.
    `attempts`: the number of attempts so far.
    `is_probe`: True if it is the one delivery that a half-open circuit breaker lets through."""

    id: int
    subscription_id: int
    account: str
    position: int
    event: str
    method: str
    url: str
    payload: str
    destination: str
    created_at: float
    attempts: int
    fencing_token: int
    is_probe: bool = False


class DeliveryRow(NamedTuple):
    """A whole row of the table `callback_deliveries`, and the SID of its message at the provider."""

    id: int
    subscription_id: int
    account: str
    position: int
    event: str
    method: str
    url: str
    payload: str
    destination: str
    state: str
    created_at: float
    due_at: float | None
    attempts: int
    last_error: str
    finished_at: float | None
    leased_until: float
    fencing_token: int
    sid: str | None


class WaitingRow(NamedTuple):
    """A subscription whose message has no final status yet, for the operator."""

    subscription: int
    account: str
    provider_account: str
    sid: str | None
    created_at: float | None
    method: str
    notified: str
    next_check_at: float
    checks: int
    state: str = "waiting"
