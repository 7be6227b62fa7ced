"""The statements of every send, compiled once, because compiling one costs more than running it."""

from typing import Final

from sqlalchemy import bindparam, exists, insert, select, update

from translator.shell.store.prepared import Prepared
from translator.shell.store.schema import INTENT, SENT, UNKNOWN, sends, unfinished, unknown, watches

_other: Final = sends.alias()

FIND_UNKNOWN_LIKE: Final = Prepared(
    select(sends.c.id)
    .where(unfinished, sends.c.same == bindparam("as_"), sends.c.state == UNKNOWN, sends.c.doubted > bindparam("after"))
    .order_by(sends.c.made)
)
IS_ANY_UNKNOWN: Final = Prepared(select(exists().where(unknown)))
_GIVEN: Final = ("id", "entry", "place", "made", "sender", "recipient", "text", "same", "key", "content", "look_at")
BEGIN: Final = Prepared(
    insert(sends).values(state=INTENT, looks=0, leased=0.0, attempt=0, **{name: bindparam(name) for name in _GIVEN})
)
_taken = exists().where(_other.c.place == sends.c.place, _other.c.sid == bindparam("sid_"), _other.c.id != sends.c.id)
SETTLE_SENT: Final = Prepared(
    update(sends)
    .where(sends.c.id == bindparam("id_"), sends.c.state != SENT, ~_taken)
    .values(state=SENT, sid=bindparam("sid_"), message=bindparam("packed"), settled=bindparam("now"), look_at=None)
)
FIND_WATCH: Final = Prepared(
    select(watches.c.id).where(
        watches.c.send == bindparam("send_"),
        watches.c.address == bindparam("address_"),
        watches.c.method == bindparam("method_"),
    )
)
WATCH: Final = Prepared(
    insert(watches).values(
        send=bindparam("send_"), entry=bindparam("entry_"), address=bindparam("address_"), method=bindparam("method_"),
        place=select(sends.c.place).where(sends.c.id == bindparam("send_")).scalar_subquery(),
        told="", looks=0, leased=0.0, attempt=0,
    )
)  # fmt: skip
AWAKEN: Final = Prepared(
    update(watches)
    .where(watches.c.send == bindparam("send_"), watches.c.look_at.is_(None), watches.c.over.is_(None))
    .values(look_at=bindparam("now"))
)
FIND_MESSAGE: Final = Prepared(
    select(sends.c.id).where(sends.c.place == bindparam("place_"), sends.c.sid == bindparam("sid_"))
)
NOTE_MADE: Final = Prepared(
    insert(sends).values(
        state=SENT, looks=0, leased=0.0, attempt=0, entry="", sender="", recipient="", text="", same="",
        **{name: bindparam(name) for name in ("id", "place", "sid", "made", "settled")},
    )
)  # fmt: skip
