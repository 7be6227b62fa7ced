"""The neutral model: a message, and the requests about messages, without the words, names and forms of any dialect.

It makes the finest distinctions that any mapping table makes, and no others. Instants are whole seconds since the epoch, UTC. A phone
number is `+` and 7 to 15 digits. A short code is bare digits. Every other party is a sender ID or names a client.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

STATUSES: Final = ("queued", "sending", "sent", "delivered", "undelivered", "failed", "received")
"""The neutral status words, in the order of a life cycle."""

DIRECTIONS: Final = ("outbound-api", "outbound-call", "outbound-reply", "inbound")
"""The neutral direction words."""

OPERATIONS: Final = ("send", "get", "list")
"""The operations of a front and of a back."""


class Message(msgspec.Struct, gc=False, kw_only=True):
    """One SMS. A dialect's decoder fills a generated subclass of it, so that the decoded object *is* the neutral message.

    `account` and `property` are its owner, as far as the provider says; else None. `error` is a code as its provider writes it. `updated`
    is the last change, from a provider that keeps one. `segments` is a count.

    The attributes are in the order of most providers, because a decoder that meets its fields in order takes a twelfth less time.
    """

    sid: str
    account: str | None = None
    property: str | None = None
    sender: str
    recipient: str
    text: str
    receipt: bool | None = None
    segments: int | None = None
    status: str
    direction: str
    scheduled: int | None = None
    created: int
    submitted: int | None = None
    delivered: int | None = None
    received: int | None = None
    error: str | None = None
    external_id: str | None = None
    updated: int | None = None


class Unread(Message, gc=False, kw_only=True):
    """A row of a provider that cannot be shown. It keeps its place in the list, and is counted there.

    `why` is the provider's name of the member that could not be read. `known` are the attributes that could; the others have no meaning.
    If its `sid` is not known, it is a mark that cannot be a SID. If its `created` is not known, it is that of the row beside it.
    """

    why: str
    known: frozenset[str] = frozenset()


class Rows(tuple[Message, ...]):
    """Messages that were read at once, in their order. They never change. `looked` has the results of batch codecs, by the attribute
    and the form that its whole column has (see `codecs.codec.BatchCodec`). `odd` is the number of rows that are Unread."""

    looked: Mapping[tuple[str, str], list[str]]
    odd: int = 0

    @classmethod
    def of(cls, messages: list[Message], looked: Mapping[tuple[str, str], list[str]], odd: int = 0) -> "Rows":
        """Return these messages with what is known of them. They may not be changed afterwards."""
        rows = cls(messages)
        rows.looked = looked
        rows.odd = odd
        return rows


class Draft(msgspec.Struct, gc=False, kw_only=True):
    """A message to send. An attribute that the client did not give is None. `receipt` asks for a delivery receipt.

    `callback` is notified of each status, `receipt_webhook` of a delivery receipt, and `reply_webhook` of a reply. `as_given` holds
    sender and recipient as the client wrote them.
    """

    sender: str | None = None
    recipient: str | None = None
    text: str | None = None
    callback: str | None = None
    callback_method: str | None = None
    receipt: bool | None = None
    receipt_webhook: str | None = None
    receipt_webhook_method: str | None = None
    reply_webhook: str | None = None
    reply_webhook_method: str | None = None
    forward_to_sms: str | None = None
    forward_from_sms: str | None = None
    forward_to_email: str | None = None
    forward_from_email: str | None = None
    schedule: int | None = None
    external_id: str | None = None
    as_given: dict[str, str] = {}


class SentMessage(msgspec.Struct, frozen=True, gc=False):
    """A message that was sent, its draft, and the name of the provider account that was chosen for it."""

    draft: Draft
    message: Message
    place: str = ""


class CallbackTarget(NamedTuple):
    """The callback target of a message: an address, and GET or POST."""

    address: str
    method: str


class Order(NamedTuple):
    """The order of a list: an attribute of `Message`, and a direction."""

    attribute: str
    descending: bool


class Query(msgspec.Struct, gc=False, kw_only=True, frozen=True):
    """The messages of a list request, their order, and the page window.

    `since` and `until` bound `created`, half open: since <= created < until. None is no bound. `sender` and `recipient` are exact. With
    `_like` they are a pattern of the end (see `codecs.patterns`). `within` is a part of the text. `statuses` and `directions` are the
    allowed words. `skip` and `count` are the page window. `limit` is the number of matching messages that the list keeps. `after` is the
    SID of the anchor, if the client named one.
    """

    since: int | None = None
    until: int | None = None
    sender: str | None = None
    recipient: str | None = None
    sender_like: str | None = None
    recipient_like: str | None = None
    within: str | None = None
    statuses: frozenset[str] | None = None
    directions: frozenset[str] | None = None
    order: Order = Order("created", False)
    skip: int = 0
    count: int = 1
    limit: int | None = None
    after: str | None = None


class Page(msgspec.Struct, gc=False, kw_only=True):
    """A page of a list: its messages in order, the index where it starts, and the total of the list.

    `capped` says that the list has more messages than were read, so that `total` counts only those that were read. `more` says whether
    messages follow, if the page follows an anchor. It is None if the page number decides. `left_out` is the number of rows of the page
    that could not be read. They are in `total` and not in `messages`. `cut` says that the list has more than `limit`. `last` is the SID of
    the last row of the page, even if that row was left out. It is empty if that is the last message.
    """

    messages: Sequence[Message]
    skip: int
    count: int
    total: int
    limit: int | None
    capped: bool = False
    more: bool | None = None
    left_out: int = 0
    last: str = ""
    cut: bool = False


Whose: TypeAlias = Literal["caller", "back", "ours"]

FAULTS: Final[dict[str, Whose]] = {
    "unauthenticated": "caller",
    "forbidden": "caller",
    "too-large": "caller",
    "body-overdue": "caller",
    "not-acceptable": "caller",
    "no-route": "caller",
    "method-not-allowed": "caller",
    "unsupported-media": "caller",
    "malformed-body": "caller",
    "missing-parameter": "caller",
    "invalid-parameter": "caller",
    "unsortable": "caller",
    "unsupported-parameter": "caller",
    "refused-parameter": "caller",
    "refused-message": "caller",
    "unknown-message": "caller",
    "page-out-of-range": "caller",
    "list-too-long": "ours",
    "overdue": "ours",
    "internal": "ours",
    "back-unreachable": "back",
    "back-failed": "back",
    "back-refused-us": "back",
    "back-busy": "back",
    "back-timeout": "back",
    "outcome-unknown": "back",
    "key-reused": "caller",
    "key-running": "caller",
    "store-down": "ours",
    "too-busy": "ours",
    "callbacks-owed": "ours",
}
"""Every way in which a request can fail, and whose fault it is. Each dialect has a row for each in `[[errors.faults]]`."""


class Fault(NamedTuple):
    """A failure as a value. `parameter` is the front's own name of the wrong parameter. `reason` is a clause that completes "the
    parameter …". `allow` are the methods of a route. `retry_after` is in seconds. `log` is a text for the operator."""

    name: str
    parameter: str = ""
    reason: str = ""
    allow: tuple[str, ...] = ()
    retry_after: int | None = None
    log: str = ""


class Note(NamedTuple):
    """A repaired, ignored or unknown thing that the operator can count: a name, and never a value."""

    name: str
    detail: str = ""


@dataclass(slots=True)
class Notes:
    """The notes of one exchange, in order, and the number of its provider requests."""

    items: list[Note] = field(default_factory=list)
    asks: int = 0

    def add(self, name: str, detail: str = "") -> None:
        self.items.append(Note(name, detail))
