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
from translator.shell.store.schema import destinations, events, sends, watches


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
    destinations.c.entry == bindparam("entry", type_=String),
    destinations.c.destination == bindparam("destination", type_=String),
)
_there: Final[Any] = and_(
    events.c.entry == bindparam("entry", type_=String),
    events.c.destination == bindparam("destination", type_=String),
    events.c.due_at.is_not(None),
)
_held: Final[Any] = and_(
    events.c.id == bindparam("id", type_=BigInteger),
    events.c.attempt == bindparam("attempt", type_=Integer),
    events.c.state == "due",
)
_first: Final = (
    select(events.c.id)
    .where(events.c.watch == bindparam("watch", type_=BigInteger), events.c.state == "due")
    .order_by(events.c.position)
    .limit(1)
)

# ---- queueing ----------------------------------------------------------------------------------------------

TOUCH: Final = Statement(
    text(
        "INSERT INTO destinations (entry, destination, due_at, standing, failures, failed_at, paused_until) "
        "VALUES (:entry, :destination, :now, :new, 0, 0, 0) ON CONFLICT (entry, destination) DO UPDATE SET due_at = "
        "CASE WHEN destinations.paused_until > excluded.due_at THEN destinations.paused_until "
        "WHEN destinations.due_at > excluded.due_at THEN excluded.due_at ELSE destinations.due_at END"
    ).bindparams(
        bindparam("entry", type_=String),
        bindparam("destination", type_=String),
        bindparam("now", type_=Float),
        bindparam("new", type_=Integer),
    )
)
"""Marks a destination that has work: due now, or at the end of its pause."""

_QUEUED: Final = ("watch", "entry", "position", "name", "method", "address", "form", "destination", "made")
QUEUE: Final = Statement(
    insert(events).values(
        state="due", tries=0, why="", leased=0.0, attempt=0, due_at=bindparam("due", type_=Float),
        **{name: bindparam(name) for name in _QUEUED},
    )
)  # fmt: skip
FIND_FIRST: Final = Statement(_first)

# ---- what is due -------------------------------------------------------------------------------------------

_due: Final[Any] = and_(
    destinations.c.standing == bindparam("standing", type_=Integer), destinations.c.due_at <= _now
)  # fmt: skip
_columns: Final = (destinations.c.entry, destinations.c.destination)
OLDEST_DUE: Final = Statement(select(*_columns).where(_due).order_by(destinations.c.due_at).limit(_most))
NEWEST_DUE: Final = Statement(select(*_columns).where(_due).order_by(destinations.c.due_at.desc()).limit(_most))
NEXT_ACCOUNT: Final = Statement(
    select(destinations.c.entry)
    .where(destinations.c.entry > bindparam("after", type_=String))
    .order_by(destinations.c.entry)
    .limit(1)
)
DUE_OF_ACCOUNT: Final = Statement(
    select(destinations.c.destination)
    .where(destinations.c.entry == bindparam("entry", type_=String), _due)
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
HASTEN: Final = Statement(update(events).where(_there, events.c.due_at > _horizon).values(due_at=_now))
REOPEN: Final = Statement(update(destinations).where(_here).values(due_at=_now, paused_until=0.0))

# ---- a process that died ---------------------------------------------------------------------------------------

LEASED: Final = Statement(
    select(events.c.entry, events.c.destination).where(events.c.due_at.is_not(None), events.c.leased > 0.0).distinct()
)
RELEASE: Final = Statement(update(events).where(_there, events.c.leased > 0.0).values(due_at=_now, leased=0.0))

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
NEXT_DUE: Final = Statement(select(func.min(events.c.due_at)).where(_there))
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
        entry=bindparam("entry", type_=String), destination=bindparam("destination", type_=String), **_written
    )
)
FORGET: Final = Statement(delete(destinations).where(_here))

CLAIMED: Final = (
    "id", "watch", "entry", "position", "name", "method", "address", "form", "destination", "made", "tries", "attempt",
)  # fmt: skip
_free: Final = (
    select(events.c.id)
    .where(_there, events.c.due_at <= _now)
    .order_by(events.c.due_at)
    .limit(_most)
    .with_for_update(skip_locked=True)
    .cte("free")
)
_until: Final = bindparam("until", type_=Float)
CLAIM: Final = Statement(
    update(events)
    .where(events.c.id.in_(select(_free.c.id)))
    .values(due_at=_until, leased=_until, attempt=events.c.attempt + 1)
    .returning(*(events.c[name] for name in CLAIMED))
)
FINISH: Final = Statement(
    update(events)
    .where(_held)
    .values(
        state=bindparam("state", type_=String), why=bindparam("why", type_=String), finished=_now, due_at=None,
        tries=bindparam("tries", type_=Integer), leased=0.0,
    )
)  # fmt: skip
_earlier: Final = events.alias()
_behind: Final = exists().where(
    _earlier.c.watch == bindparam("watch", type_=BigInteger),
    _earlier.c.position < bindparam("position", type_=Integer),
    _earlier.c.state == "due",
)
PUT_OFF: Final = Statement(
    update(events)
    .where(_held)
    .values(
        due_at=case((_behind, None), else_=bindparam("due", type_=Float)), why=bindparam("why", type_=String),
        tries=bindparam("tries", type_=Integer), leased=0.0,
    )
)  # fmt: skip
"""Puts an attempt off. An operator's retry may have made an earlier delivery of the message due again. Then this one waits for it."""

ADVANCE: Final = Statement(
    update(events).where(events.c.id == _first.scalar_subquery(), events.c.due_at.is_(None)).values(due_at=_now)
)
FIND_SID: Final = Statement(
    select(sends.c.sid)
    .join_from(watches, sends, sends.c.id == watches.c.send)
    .where(watches.c.id == bindparam("watch", type_=BigInteger))
)
