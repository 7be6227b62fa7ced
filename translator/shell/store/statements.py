"""The statements of every send, compiled once, because compiling one costs more than running it."""

from typing import Final

from sqlalchemy import bindparam, exists, insert, select, update

from translator.shell.store.prepared import Prepared
from translator.shell.store.schema import sends, subscriptions, unfinished, unknown
from translator.shell.store.states import SendState

_other: Final = sends.alias()

FIND_UNKNOWN_LIKE: Final = Prepared(
    select(sends.c.id)
    .where(
        unfinished,
        sends.c.content_hash == bindparam("as_"),
        sends.c.state == SendState.UNKNOWN,
        sends.c.unknown_since > bindparam("after"),
    )
    .order_by(sends.c.created_at)
)
IS_ANY_UNKNOWN: Final = Prepared(select(exists().where(unknown)))
_GIVEN: Final = (
    "id", "account", "provider_account", "created_at", "sender", "recipient", "text", "content_hash", "idempotency_key", "request_hash",
    "next_check_at",
)  # fmt: skip
BEGIN: Final = Prepared(
    insert(sends).values(
        state=SendState.INTENT,
        checks=0,
        leased_until=0.0,
        fencing_token=0,
        **{name: bindparam(name) for name in _GIVEN},
    )
)
_taken = exists().where(
    _other.c.provider_account == sends.c.provider_account, _other.c.sid == bindparam("sid_"), _other.c.id != sends.c.id
)
SETTLE_SENT: Final = Prepared(
    update(sends)
    .where(sends.c.id == bindparam("id_"), sends.c.state != SendState.SENT, ~_taken)
    .values(
        state=SendState.SENT,
        sid=bindparam("sid_"),
        message=bindparam("packed"),
        settled_at=bindparam("now"),
        next_check_at=None,
    )
)
FIND_SUBSCRIPTION: Final = Prepared(
    select(subscriptions.c.id).where(
        subscriptions.c.send_id == bindparam("send_"),
        subscriptions.c.url == bindparam("url_"),
        subscriptions.c.method == bindparam("method_"),
    )
)
SUBSCRIBE: Final = Prepared(
    insert(subscriptions).values(
        send_id=bindparam("send_"), account=bindparam("account_"), url=bindparam("url_"), method=bindparam("method_"),
        provider_account=select(sends.c.provider_account).where(sends.c.id == bindparam("send_")).scalar_subquery(),
        notified="", checks=0, leased_until=0.0, fencing_token=0,
    )
)  # fmt: skip
AWAKEN: Final = Prepared(
    update(subscriptions)
    .where(
        subscriptions.c.send_id == bindparam("send_"),
        subscriptions.c.next_check_at.is_(None),
        subscriptions.c.completed_at.is_(None),
    )
    .values(next_check_at=bindparam("now"))
)
