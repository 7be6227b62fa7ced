"""Retention: deletes finished rows that are old enough.

The text of a message is kept as long as callbacks for it may follow, and then for the time in `Keep`.
A read finds the rows that may be deleted, a page at a time and by an index. A write deletes them by primary key after a second check.

    finished deliveries ─▶ their finished subscriptions ─▶ the sends of these       deleted together
    finished subscriptions ─┬▶ read in order from a mark on: each is checked once
    finished sends         ─┘  and all of them again every `AGAIN` seconds
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, select

from translator.shell.store.any_of import Among, by_index
from translator.shell.store.schema import deliveries, sends, subscriptions
from translator.shell.store.sends import KEYS
from translator.shell.store.states import DeliveryState, SendState

AGAIN: Final = 3600.0
"""Seconds after which the marks are set back, because rows that had to stay at the first check may be deleted now."""

_ALL: Final = (-math.inf, 0), (-math.inf, "")
"""The first marks, of subscriptions and of sends: every row comes after them."""


class Keep(NamedTuple):
    """Seconds that rows are kept.
    `dead`: for dead deliveries and unresolved sends.
    `done`: for all other finished rows.
    `poll_end`: a subscription ends if its due time has passed by more than this and by more than `dead`."""

    dead: float
    done: float = KEYS
    poll_end: float = 259200.0


class Over(NamedTuple):
    """Rows that may be deleted, by their ids.
    `forsaken`: subscriptions to be ended.
    `is_last`: True if no page is left after the marks.
    `is_full`: True if more deliveries may be left once these are deleted."""

    deliveries: Sequence[int] = ()
    subscriptions: Sequence[int] = ()
    sends: Sequence[str] = ()
    forsaken: Sequence[int] = ()
    is_last: bool = True
    is_full: bool = False

    def __bool__(self) -> bool:
        return bool(self.deliveries or self.subscriptions or self.sends or self.forsaken)

    def first(self, most: int) -> tuple["Over", "Over"]:
        """Split off rows of one table, so many that about `most` rows are deleted with all dependent rows. Return them and the rest."""
        for name, rows in (("deliveries", 3), ("subscriptions", 2), ("sends", 1), ("forsaken", 1)):
            ids, many = getattr(self, name), max(1, most // rows)
            if ids:
                return Over()._replace(**{name: ids[:many]}), self._replace(**{name: ids[many:]})
        return self, Over()


class Retirement:
    """Finds and deletes finished rows, page by page. `keep` may be replaced at any time.
    `is_known`: tells if a provider account is still polled. Only subscriptions of other accounts are ended here."""

    def __init__(self, keep: Keep, is_known: Callable[[str], bool] = lambda _: True) -> None:
        self.keep, self._is_known = keep, is_known
        self._subscription_mark, self._send_mark = _ALL
        self._begun = -math.inf

    def start_again(self) -> None:
        """Start the search again, because the rows that were found were not deleted."""
        self._begun = -math.inf

    def find(self, connection: Connection, most: int, now: float) -> Over:
        """Return up to `most` rows of each table that may be deleted at `now`, in seconds. Changes nothing in the store."""
        by_index(connection)
        if not self._begun <= now < self._begun + AGAIN:
            self._begun, (self._subscription_mark, self._send_mark) = now, _ALL
        done, dead = now - self.keep.done, now - self.keep.dead
        finished = [
            *_finished(connection, DeliveryState.DELIVERED, done, most),
            *_finished(connection, DeliveryState.DEAD, dead, most),
        ]
        completed, more_subscriptions = self._completed(connection, done, most)
        settled, more_sends = self._settled(connection, done, dead, most)
        forsaken = self._forsaken(connection, now, most)
        is_last = not more_subscriptions and not more_sends
        return Over(finished, completed, settled, forsaken, is_last, len(finished) >= most)

    def _completed(self, connection: Connection, done: float, most: int) -> tuple[list[int], bool]:
        """Return the next finished subscriptions without deliveries, and True if more rows are to be checked."""
        over = subscriptions.c.completed_at.is_not(None) & (subscriptions.c.completed_at < done)
        rows = _page(
            connection, (subscriptions.c.completed_at, subscriptions.c.id), (), over, self._subscription_mark, most
        )
        if rows:
            self._subscription_mark = rows[-1].completed_at, rows[-1].id
        open_ones = _first(_WITH_DELIVERIES.rows(connection, [row.id for row in rows]))
        return [row.id for row in rows if row.id not in open_ones], len(rows) == most

    def _settled(self, connection: Connection, done: float, dead: float, most: int) -> tuple[list[str], bool]:
        """Return the next settled sends without subscriptions and the unresolved ones, and True if more rows are to be checked."""
        rows = _page(
            connection,
            (sends.c.created_at, sends.c.id),
            (sends.c.state, sends.c.settled_at),
            sends.c.created_at < done,
            self._send_mark,
            most,
        )
        if rows:
            self._send_mark = rows[-1].created_at, rows[-1].id
        over = [row for row in rows if _is_over(row.state, row.created_at, row.settled_at, done, dead)]
        watched = _first(_SUBSCRIBED.rows(connection, [row.id for row in over if row.state != SendState.UNRESOLVED]))
        return [row.id for row in over if row.id not in watched], len(rows) == most

    def _forsaken(self, connection: Connection, now: float, most: int) -> list[int]:
        """Return subscriptions of provider accounts that are no longer configured.
        Their due times are so old that no replica will poll them."""
        long_ago = now - max(self.keep.dead, self.keep.poll_end)
        unseen = subscriptions.c.next_check_at.is_not(None) & (subscriptions.c.next_check_at < long_ago)
        waiting = (
            select(subscriptions.c.id, subscriptions.c.provider_account)
            .where(unseen)
            .order_by(subscriptions.c.next_check_at)
            .limit(most)
        )
        return [row.id for row in connection.execute(waiting) if not self._is_known(row.provider_account)]

    def delete(self, connection: Connection, over: Over, now: float) -> int:
        """Delete those of the found rows that may still be deleted, and end the `forsaken` subscriptions. Returns the number of rows."""
        done, dead = now - self.keep.done, now - self.keep.dead
        by_index(connection)
        gone, of_these = _delete_deliveries(connection, over.deliveries, done, dead)
        completed = of_these - _first(_WITH_DELIVERIES.rows(connection, of_these)) | set(over.subscriptions)
        mine = [
            (id_, send)
            for id_, send, since in _FREE_SUBSCRIPTIONS.rows(connection, completed)
            if since is not None and since < done
        ]
        gone += _DELETE_SUBSCRIPTIONS.change(connection, [id_ for id_, _ in mine])
        whose = {send for _, send in mine}
        settled = whose - _first(_SUBSCRIBED.rows(connection, whose)) | set(over.sends)
        ended = [
            id_
            for id_, state, created_at, since in _FREE_SENDS.rows(connection, settled)
            if _is_over(state, created_at, since, done, dead)
        ]
        gone += _DELETE_SENDS.change(connection, ended) + _DELETE_SUBSCRIPTIONS_OF.change(connection, ended)
        return gone + _GIVE_UP.change(connection, over.forsaken, now=now)


def _delete_deliveries(connection: Connection, ids: Sequence[int], done: float, dead: float) -> tuple[int, set[int]]:
    """Delete those of these deliveries that may still be deleted. Return their number, and their subscriptions."""
    kept: dict[str, float] = {DeliveryState.DELIVERED: done, DeliveryState.DEAD: dead}
    mine = [
        (id_, subscription)
        for id_, subscription, state, finished_at in _FREE_DELIVERIES.rows(connection, ids)
        if finished_at is not None and finished_at < kept.get(state, -math.inf)
    ]
    return _DELETE_DELIVERIES.change(connection, [id_ for id_, _ in mine]), {of for _, of in mine}


def _page(
    connection: Connection, key: tuple[Column[Any], Column[Any]], more: Iterable[Column[Any]], which: ColumnElement[bool],
    mark: tuple[float, Any], most: int,
) -> Sequence[Any]:  # fmt: skip
    """Return the rows after a mark, in the order of their time and then their id."""
    time, id_ = key
    behind = [] if mark[0] == -math.inf else [time >= mark[0], (time > mark[0]) | (id_ > mark[1])]
    return connection.execute(select(*key, *more).where(which, *behind).order_by(*key).limit(most)).all()


def _finished(connection: Connection, state: DeliveryState, before: float, most: int) -> list[int]:
    finished = deliveries.c.finished_at.is_not(None) & (deliveries.c.finished_at < before)
    which = (deliveries.c.state == state) & finished
    rows = connection.execute(select(deliveries.c.id).where(which).order_by(deliveries.c.finished_at).limit(most))
    return [id_ for (id_,) in rows]


def _first(rows: Iterable[tuple[Any, ...]]) -> set[Any]:
    return {row[0] for row in rows}


def _is_over(state: str, created_at: float, settled_at: float | None, done: float, dead: float) -> bool:
    """Return True if a send is finished and has been for as long as it is kept."""
    if settled_at is None:
        return False
    if state == SendState.UNRESOLVED:
        return settled_at < dead
    return state in (SendState.SENT, SendState.REFUSED) and created_at < done and settled_at < done


# Ages are compared in Python and not in a statement, because a planner might read all rows of a state for a few of them.
# Rows that another replica has locked are left to it.
_FREE: Final = "FOR UPDATE SKIP LOCKED"
_FREE_DELIVERIES: Final = Among(
    "SELECT id, subscription_id, state, finished_at FROM callback_deliveries WHERE id {}", _FREE
)
_FREE_SUBSCRIPTIONS: Final = Among("SELECT id, send_id, completed_at FROM callback_subscriptions WHERE id {}", _FREE)
_FREE_SENDS: Final = Among("SELECT id, state, created_at, settled_at FROM sends WHERE id {}", _FREE)
_WITH_DELIVERIES: Final = Among("SELECT DISTINCT subscription_id FROM callback_deliveries WHERE subscription_id {}")
_SUBSCRIBED: Final = Among("SELECT DISTINCT send_id FROM callback_subscriptions WHERE send_id {}")
_DELETE_DELIVERIES: Final = Among("DELETE FROM callback_deliveries WHERE id {}")
_DELETE_SUBSCRIPTIONS: Final = Among("DELETE FROM callback_subscriptions WHERE id {}")
_DELETE_SUBSCRIPTIONS_OF: Final = Among("DELETE FROM callback_subscriptions WHERE send_id {}")
_DELETE_SENDS: Final = Among("DELETE FROM sends WHERE id {}")
_GIVE_UP: Final = Among(
    "UPDATE callback_subscriptions SET next_check_at = NULL, completed_at = :now, leased_until = 0"
    " WHERE next_check_at IS NOT NULL AND id {}"
)
