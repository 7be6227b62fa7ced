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
from translator.shell.store.calls import DEAD, DELIVERED
from translator.shell.store.schema import events, sends, watches
from translator.shell.store.sends import KEYS, LOST, REFUSED, SENT

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

    events: Sequence[int] = ()
    watches: Sequence[int] = ()
    sends: Sequence[str] = ()
    forsaken: Sequence[int] = ()
    is_last: bool = True
    is_full: bool = False

    def __bool__(self) -> bool:
        return bool(self.events or self.watches or self.sends or self.forsaken)

    def first(self, most: int) -> tuple["Over", "Over"]:
        """Split off rows of one table, so many that about `most` rows are deleted with all dependent rows. Return them and the rest."""
        for name, rows in (("events", 3), ("watches", 2), ("sends", 1), ("forsaken", 1)):
            ids, many = getattr(self, name), max(1, most // rows)
            if ids:
                return Over()._replace(**{name: ids[:many]}), self._replace(**{name: ids[many:]})
        return self, Over()


class Retirement:
    """Finds and deletes finished rows, page by page. `keep` may be replaced at any time.
    `is_known`: tells if a provider account is still polled. Only subscriptions of other accounts are ended here."""

    def __init__(self, keep: Keep, is_known: Callable[[str], bool] = lambda _: True) -> None:
        self.keep, self._is_known = keep, is_known
        self._watch_mark, self._send_mark = _ALL
        self._begun = -math.inf

    def start_again(self) -> None:
        """Start the search again, because the rows that were found were not deleted."""
        self._begun = -math.inf

    def find(self, connection: Connection, most: int, now: float) -> Over:
        """Return up to `most` rows of each table that may be deleted at `now`, in seconds. Changes nothing in the store."""
        by_index(connection)
        if not self._begun <= now < self._begun + AGAIN:
            self._begun, (self._watch_mark, self._send_mark) = now, _ALL
        done, dead = now - self.keep.done, now - self.keep.dead
        calls = [*_calls_over(connection, DELIVERED, done, most), *_calls_over(connection, DEAD, dead, most)]
        told, more_watches = self._told(connection, done, most)
        settled, more_sends = self._settled(connection, done, dead, most)
        forsaken = self._forsaken(connection, now, most)
        return Over(calls, told, settled, forsaken, not more_watches and not more_sends, len(calls) >= most)

    def _told(self, connection: Connection, done: float, most: int) -> tuple[list[int], bool]:
        """Return the next finished subscriptions without deliveries, and True if more rows are to be checked."""
        over = watches.c.over.is_not(None) & (watches.c.over < done)
        rows = _page(connection, (watches.c.over, watches.c.id), (), over, self._watch_mark, most)
        if rows:
            self._watch_mark = rows[-1].over, rows[-1].id
        owing = _first(_OWING.rows(connection, [row.id for row in rows]))
        return [row.id for row in rows if row.id not in owing], len(rows) == most

    def _settled(self, connection: Connection, done: float, dead: float, most: int) -> tuple[list[str], bool]:
        """Return the next settled sends without subscriptions and the unresolved ones, and True if more rows are to be checked."""
        rows = _page(
            connection,
            (sends.c.made, sends.c.id),
            (sends.c.state, sends.c.settled),
            sends.c.made < done,
            self._send_mark,
            most,
        )
        if rows:
            self._send_mark = rows[-1].made, rows[-1].id
        over = [row for row in rows if _is_over(row.state, row.made, row.settled, done, dead)]
        watched = _first(_WATCHED.rows(connection, [row.id for row in over if row.state != LOST]))
        return [row.id for row in over if row.id not in watched], len(rows) == most

    def _forsaken(self, connection: Connection, now: float, most: int) -> list[int]:
        """Return subscriptions of provider accounts that are no longer configured.
        Their due times are so old that no replica will poll them."""
        long_ago = now - max(self.keep.dead, self.keep.poll_end)
        unseen = watches.c.look_at.is_not(None) & (watches.c.look_at < long_ago)
        waiting = select(watches.c.id, watches.c.place).where(unseen).order_by(watches.c.look_at).limit(most)
        return [row.id for row in connection.execute(waiting) if not self._is_known(row.place)]

    def delete(self, connection: Connection, over: Over, now: float) -> int:
        """Delete those of the found rows that may still be deleted, and end the `forsaken` subscriptions. Returns the number of rows."""
        done, dead = now - self.keep.done, now - self.keep.dead
        by_index(connection)
        found = _SEEN_CALLS.rows(connection, over.events)
        kept = {DELIVERED: done, DEAD: dead}
        calls = [
            (id_, watch) for id_, watch, state, finished in found
            if finished is not None and finished < kept.get(state, -math.inf)
        ]  # fmt: skip
        gone = _DELETE_CALLS.change(connection, [id_ for id_, _ in calls])
        of_these = {watch for _, watch in calls}
        told = of_these - _first(_OWING.rows(connection, of_these)) | set(over.watches)
        mine = [
            (id_, send)
            for id_, send, ended in _SEEN_WATCHES.rows(connection, told)
            if ended is not None and ended < done
        ]
        gone += _DELETE_WATCHES.change(connection, [id_ for id_, _ in mine])
        whose = {send for _, send in mine}
        settled = whose - _first(_WATCHED.rows(connection, whose)) | set(over.sends)
        ended = [
            id_
            for id_, state, made, since in _SEEN_SENDS.rows(connection, settled)
            if _is_over(state, made, since, done, dead)
        ]
        gone += _DELETE_SENDS.change(connection, ended) + _DELETE_WATCHES_OF.change(connection, ended)
        return gone + _GIVE_UP.change(connection, over.forsaken, now=now)


def _page(
    connection: Connection, key: tuple[Column[Any], Column[Any]], more: Iterable[Column[Any]], which: ColumnElement[bool],
    mark: tuple[float, Any], most: int,
) -> Sequence[Any]:  # fmt: skip
    """Return the rows after a mark, in the order of their time and then their id."""
    time, id_ = key
    behind = [] if mark[0] == -math.inf else [time >= mark[0], (time > mark[0]) | (id_ > mark[1])]
    return connection.execute(select(*key, *more).where(which, *behind).order_by(*key).limit(most)).all()


def _calls_over(connection: Connection, state: str, before: float, most: int) -> list[int]:
    finished = events.c.finished.is_not(None) & (events.c.finished < before)
    which = (events.c.state == state) & finished
    rows = connection.execute(select(events.c.id).where(which).order_by(events.c.finished).limit(most))
    return [id_ for (id_,) in rows]


def _first(rows: Iterable[tuple[Any, ...]]) -> set[Any]:
    return {row[0] for row in rows}


def _is_over(state: str, made: float, settled: float | None, done: float, dead: float) -> bool:
    """Return True if a send is finished and has been for as long as it is kept."""
    if settled is None:
        return False
    return settled < dead if state == LOST else state in (SENT, REFUSED) and made < done and settled < done


# Ages are compared in Python and not in a statement, because a planner might read all rows of a state for a few of them.
# Rows that another replica has locked are left to it.
_FREE: Final = "FOR UPDATE SKIP LOCKED"
_SEEN_CALLS: Final = Among("SELECT id, watch, state, finished FROM events WHERE id {}", _FREE)
_SEEN_WATCHES: Final = Among("SELECT id, send, over FROM watches WHERE id {}", _FREE)
_SEEN_SENDS: Final = Among("SELECT id, state, made, settled FROM sends WHERE id {}", _FREE)
_OWING: Final = Among("SELECT DISTINCT watch FROM events WHERE watch {}")
_WATCHED: Final = Among("SELECT DISTINCT send FROM watches WHERE send {}")
_PLACES: Final = Among("SELECT id, place FROM sends WHERE id {}")
_DELETE_CALLS: Final = Among("DELETE FROM events WHERE id {}")
_DELETE_WATCHES: Final = Among("DELETE FROM watches WHERE id {}")
_DELETE_WATCHES_OF: Final = Among("DELETE FROM watches WHERE send {}")
_DELETE_SENDS: Final = Among("DELETE FROM sends WHERE id {}")
_GIVE_UP: Final = Among(
    "UPDATE watches SET look_at = NULL, over = :now, leased = 0 WHERE look_at IS NOT NULL AND id {}"
)
