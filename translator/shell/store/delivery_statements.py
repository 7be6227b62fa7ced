"""The dispatcher's statements, compiled once. Each finds its rows by an index; `tests/test_deliveries.py` checks that on both databases."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Float,
    Integer,
    String,
    TextClause,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.sql import visitors

from translator.shell.store.prepared import Prepared
from translator.shell.store.rows import LeasedDelivery
from translator.shell.store.schema import deliveries, destinations, sends, subscriptions
from translator.shell.store.states import DeliveryState


class Statement(Prepared):
    """A statement whose values are named like columns. SQLAlchemy would take such a name for a column to set, so it gets a suffix there."""

    def __init__(self, statement: Any) -> None:
        super().__init__(statement)
        self._is_renamed = not isinstance(statement, TextClause)
        if self._is_renamed:
            plain: Any = self._statement
            self._statement = visitors.replacement_traverse(plain, {}, _renamed)

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """See `Prepared.run`."""
        if connection.dialect.name == "sqlite" or not self._is_renamed:
            return super().run(connection, values)
        return connection.execute(self._statement, {f"{name}_": value for name, value in values.items()})

    def run_each(self, connection: Connection, values: Sequence[Mapping[str, Any]]) -> int:
        """See `Prepared.run_each`."""
        if connection.dialect.name == "sqlite":
            return super().run_each(connection, values)
        return sum(self.run(connection, one).rowcount for one in values)


def _renamed(element: Any, **_: Any) -> Any:
    if isinstance(element, BindParameter) and element.required:
        return bindparam(f"{element.key}_", type_=element.type)
    return None


_now: Final = bindparam("now", type_=Float)
_most: Final = bindparam("most", type_=Integer)
_here: Final[Any] = and_(
    destinations.c.account == bindparam("account", type_=String),
    destinations.c.destination == bindparam("destination", type_=String),
)
_there: Final[Any] = and_(
    deliveries.c.account == bindparam("account", type_=String),
    deliveries.c.destination == bindparam("destination", type_=String),
    deliveries.c.due_at.is_not(None),
)
_held: Final[Any] = and_(
    deliveries.c.id == bindparam("id", type_=BigInteger),
    deliveries.c.fencing_token == bindparam("token", type_=Integer),
    deliveries.c.state == DeliveryState.DUE,
)
_first: Final = (
    select(deliveries.c.id)
    .where(
        deliveries.c.subscription_id == bindparam("subscription_id", type_=BigInteger),
        deliveries.c.state == DeliveryState.DUE,
    )
    .order_by(deliveries.c.position)
    .limit(1)
)

# ---- queueing ----------------------------------------------------------------------------------------------

TOUCH: Final = Statement(
    text(
        "INSERT INTO destinations (account, destination, due_at, standing, failures, failed_at, paused_until) "
        "VALUES (:account, :destination, :now, :new, 0, 0, 0) ON CONFLICT (account, destination) DO UPDATE SET due_at = "
        "CASE WHEN destinations.paused_until > excluded.due_at THEN destinations.paused_until "
        "WHEN destinations.due_at > excluded.due_at THEN excluded.due_at ELSE destinations.due_at END"
    ).bindparams(
        bindparam("account", type_=String),
        bindparam("destination", type_=String),
        bindparam("now", type_=Float),
        bindparam("new", type_=Integer),
    )
)
"""Marks a destination that has work: due now, or at the end of its pause."""

_QUEUED: Final = (
    "subscription_id", "account", "position", "event", "method", "url", "payload", "destination", "created_at",
)  # fmt: skip
QUEUE: Final = Statement(
    insert(deliveries).values(
        state=DeliveryState.DUE, attempts=0, last_error="", leased_until=0.0, fencing_token=0,
        due_at=bindparam("due", type_=Float),
        **{name: bindparam(name) for name in _QUEUED},
    )
)  # fmt: skip
FIND_FIRST: Final = Statement(_first)

# ---- what is due -------------------------------------------------------------------------------------------

_due: Final[Any] = and_(
    destinations.c.standing == bindparam("standing", type_=Integer), destinations.c.due_at <= _now
)  # fmt: skip
_columns: Final = (destinations.c.account, destinations.c.destination)
OLDEST_DUE: Final = Statement(select(*_columns).where(_due).order_by(destinations.c.due_at).limit(_most))
NEWEST_DUE: Final = Statement(select(*_columns).where(_due).order_by(destinations.c.due_at.desc()).limit(_most))
NEXT_ACCOUNT: Final = Statement(
    select(destinations.c.account)
    .where(destinations.c.account > bindparam("after", type_=String))
    .order_by(destinations.c.account)
    .limit(1)
)
DUE_OF_ACCOUNT: Final = Statement(
    select(destinations.c.destination)
    .where(destinations.c.account == bindparam("account", type_=String), _due)
    .order_by(destinations.c.due_at)
    .limit(_most)
)
FIRST_DUE: Final = Statement(
    select(func.min(destinations.c.due_at)).where(destinations.c.standing == bindparam("standing", type_=Integer))
)
COUNT_STANDING: Final = Statement(
    select(func.count()).where(destinations.c.standing == bindparam("standing", type_=Integer))
)
DATABASE_TIME: Final = text("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)")

# ---- a clock that was set back -----------------------------------------------------------------------------

_horizon: Final = bindparam("horizon", type_=Float)
TOO_LATE: Final = Statement(
    select(*_columns)
    .where(destinations.c.standing == bindparam("standing", type_=Integer), destinations.c.due_at > _horizon)
    .limit(_most)
)
HASTEN: Final = Statement(update(deliveries).where(_there, deliveries.c.due_at > _horizon).values(due_at=_now))
REOPEN: Final = Statement(update(destinations).where(_here).values(due_at=_now, paused_until=0.0))

# ---- a process that died ---------------------------------------------------------------------------------------

LEASED: Final = Statement(
    select(deliveries.c.account, deliveries.c.destination)
    .where(deliveries.c.due_at.is_not(None), deliveries.c.leased_until > 0.0)
    .distinct()
)
RELEASE: Final = Statement(
    update(deliveries).where(_there, deliveries.c.leased_until > 0.0).values(due_at=_now, leased_until=0.0)
)

# ---- a turn ------------------------------------------------------------------------------------------------

_state: Final = select(
    destinations.c.due_at,
    destinations.c.standing,
    destinations.c.failures,
    destinations.c.failed_at,
    destinations.c.paused_until,
).where(_here)
LOCK: Final = Statement(_state.with_for_update())
LOCK_FREE: Final = Statement(_state.with_for_update(skip_locked=True))
NEXT_DUE: Final = Statement(select(func.min(deliveries.c.due_at)).where(_there))
_written: Final[dict[str, Any]] = {
    "due_at": bindparam("due", type_=Float),
    "standing": bindparam("standing", type_=Integer),
    "failures": bindparam("failures", type_=Integer),
    "failed_at": bindparam("failed_at", type_=Float),
    "paused_until": bindparam("paused_until", type_=Float),
}
KEEP: Final = Statement(update(destinations).where(_here).values(**_written))
MAKE: Final = Statement(
    insert(destinations).values(
        account=bindparam("account", type_=String), destination=bindparam("destination", type_=String), **_written
    )
)
FORGET: Final = Statement(delete(destinations).where(_here))

_free: Final = (
    select(deliveries.c.id)
    .where(_there, deliveries.c.due_at <= _now)
    .order_by(deliveries.c.due_at)
    .limit(_most)
    .with_for_update(skip_locked=True)
    .cte("free")
)
_until: Final = bindparam("until", type_=Float)
LEASE: Final = Statement(
    update(deliveries)
    .where(deliveries.c.id.in_(select(_free.c.id)))
    .values(due_at=_until, leased_until=_until, fencing_token=deliveries.c.fencing_token + 1)
    .returning(*(deliveries.c[name] for name in LeasedDelivery._fields if name != "is_probe"))
)
FINISH: Final = Statement(
    update(deliveries)
    .where(_held)
    .values(
        state=bindparam("state", type_=String), last_error=bindparam("last_error", type_=String), finished_at=_now, due_at=None,
        attempts=bindparam("attempts", type_=Integer), leased_until=0.0,
    )
)  # fmt: skip
_earlier: Final = deliveries.alias()
_behind: Final = exists().where(
    _earlier.c.subscription_id == bindparam("subscription_id", type_=BigInteger),
    _earlier.c.position < bindparam("position", type_=Integer),
    _earlier.c.state == DeliveryState.DUE,
)
PUT_OFF: Final = Statement(
    update(deliveries)
    .where(_held)
    .values(
        due_at=case((_behind, None), else_=bindparam("due", type_=Float)), last_error=bindparam("last_error", type_=String),
        attempts=bindparam("attempts", type_=Integer), leased_until=0.0,
    )
)  # fmt: skip
"""Puts an attempt off. An operator's retry may have made an earlier delivery of the message due again. Then this one waits for it."""

ADVANCE: Final = Statement(
    update(deliveries)
    .where(deliveries.c.id == _first.scalar_subquery(), deliveries.c.due_at.is_(None))
    .values(due_at=_now)
)
FIND_SID: Final = Statement(
    select(sends.c.sid)
    .join_from(subscriptions, sends, sends.c.id == subscriptions.c.send_id)
    .where(subscriptions.c.id == bindparam("subscription_id", type_=BigInteger))
)
