"""The neutral middle: an SMS and what can be asked of a set of them, with no dialect's words, names or forms.

It is the finest distinction that any mapping table makes, and nothing more. Instants are whole seconds since the epoch, UTC.
A phone number is `+` and 7 to 15 digits; a short code is bare digits; anything else is a sender ID, or names a client.
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
"""What a front can be asked for, and a back can be asked."""


class Message(msgspec.Struct, gc=False, kw_only=True):
    """One SMS. A dialect's decoder fills a generated subclass of this, so that what was decoded *is* the neutral message.

    `account` and `property` say whose it is as far as the back says so; None where it does not. `error` is a code as its
    provider writes it. `updated` is the last change as a back that keeps one says it. `segments` is a count.

    They stand in the order in which a provider mostly shows them: a decoder that finds each where the one before it was takes a twelfth
    less.
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
    """A row of a back that cannot be shown. It keeps its place in the list, and is counted there.

    `why` is the back's name of the member that could not be read. `known` are the attributes that could; the others have no meaning. A
    `sid` that is not known is a mark that no SID can be. A `created` that is not known is that of the row beside it.
    """

    why: str
    known: frozenset[str] = frozenset()


class Rows(tuple[Message, ...]):
    """Messages that were read at once, in the order in which they came, and for good: `looked` has what was seen when a whole column of
    them was looked at, by the attribute and the form that all of it has (see `kinds.kind.Column`). `odd` says how many of them are
    Unread."""

    looked: Mapping[tuple[str, str], list[str]]
    odd: int = 0

    @classmethod
    def of(cls, messages: list[Message], looked: Mapping[tuple[str, str], list[str]], odd: int = 0) -> "Rows":
        """These messages with what is known of them; none of them may be changed any more."""
        rows = cls(messages)
        rows.looked = looked
        rows.odd = odd
        return rows


class Draft(msgspec.Struct, gc=False, kw_only=True):
    """A message that somebody wants sent. What was not given is None; `receipt` asks for a delivery receipt.

    `callback` is told each status; `receipt_webhook` is told that a receipt came; `reply_webhook` is told of an answer.
    `as_given` holds sender and recipient as the caller spelled them.
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
    """A message that was sent, and the draft as it was meant."""

    draft: Draft
    message: Message


class CallbackTarget(NamedTuple):
    """Somebody wants to be told of a message: at which address, and by GET or POST."""

    address: str
    method: str


class Order(NamedTuple):
    """How a list is sorted: by which attribute of `Message`, and which way."""

    attribute: str
    descending: bool


class Query(msgspec.Struct, gc=False, kw_only=True, frozen=True):
    """Which messages, in which order, and which stretch of them.

    `since` and `until` bound `created`, half open: since <= created < until. None is no bound. `sender` and `recipient` are
    the whole one, or with `_like` a pattern of its end (see `kinds.patterns`); `within` is a part of the text. `statuses` and
    `directions` are the words allowed. `skip` and `count` are the stretch asked for, `limit` how many of all that match the
    list keeps, `after` the sid that the stretch follows, where the caller named one.
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
    """A stretch of a list: its messages in order, where it starts, and how many messages the list has in all.

    `capped` says that the list has more than were read, so that `total` is only of what was. `more` says whether messages follow
    the last one shown, where the stretch follows a message that the caller named; None where its number says so. `left_out` is how many
    rows of the stretch could not be read: they are counted in `total` and not shown. `cut` says that the list has more
    than `limit`. `last` is the SID of the last row of the stretch, one that was left out included; empty where it is that of the last
    message.
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
"""Every way that a request can fail, and whose fault that is. Each dialect has a row for each in `[[errors.faults]]`."""


class Fault(NamedTuple):
    """A failure as a value. `parameter` is the front's own name for what was wrong, `reason` a clause that completes
    "the parameter …", `allow` the methods of a route, `retry_after` seconds, `log` what the operator should read."""

    name: str
    parameter: str = ""
    reason: str = ""
    allow: tuple[str, ...] = ()
    retry_after: int | None = None
    log: str = ""


class Note(NamedTuple):
    """Something repaired, ignored or unknown that the operator should be able to count: a name, and never a value."""

    name: str
    detail: str = ""


@dataclass(slots=True)
class Notes:
    """What one exchange noticed on its way, in order, and how many requests it made of a back."""

    items: list[Note] = field(default_factory=list)
    asks: int = 0

    def add(self, name: str, detail: str = "") -> None:
        self.items.append(Note(name, detail))
