"""A destination: the receiver of one account's deliveries, the time of the next work there, and its circuit breaker.

closed ─ failures in a row ─▶ open ─ its pause is over ─▶ half open: one delivery is tried ─┬▶ it arrived: closed
                              ▲                                                               │
                              └────────────────────────────── it failed: twice the pause ◀────┘
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import Connection

from translator.shell.store import delivery_statements
from translator.shell.store.rows import LeasedDelivery
from translator.shell.store.states import DeliveryState

PROVEN, NEW, FAILING, PAUSED = 0, 1, 2, 3
"""The standing of a receiver by its last deliveries: it answered, nothing is known, it failed, or its circuit breaker is open."""

STANDINGS: Final = (PROVEN, NEW, FAILING, PAUSED)

IDLE: Final = 3600.0
"""Seconds for which a destination without deliveries keeps its row, and so its standing."""

_FAILING_FROM: Final = 2
"""Failures in a row after which a receiver that had answered counts as failing."""


Destination: TypeAlias = tuple[str, str]
"""An account's name, and host and port."""


class Breaker(NamedTuple):
    """The limits of a circuit breaker.
    `failures`: failures in a row that open it.
    `pause`: seconds of the first pause. Each further failure doubles it.
    `longest`: seconds of the longest pause."""

    failures: int = 5
    pause: float = 15.0
    longest: float = 300.0


class Settled(NamedTuple):
    """The result of a leased delivery.
    `due_at`: the time of its next attempt if `state` is due.
    `counts`: True if an attempt was made, so that the result says something about the receiver.
    `error`: the reason of a failure.
    `begun`, `ended`: times of the dispatcher's clock."""

    delivery: LeasedDelivery
    state: DeliveryState
    error: str
    due_at: float | None
    counts: bool
    begun: float
    ended: float

    @property
    def destination(self) -> Destination:
        """The account and its destination."""
        return self.delivery.account, self.delivery.destination


_NONE: Final = (0.0, NEW, 0, 0.0, 0.0)


class DestinationState:
    """The locked row of a destination, with the values to be written."""

    def __init__(self, destination: Destination, row: Sequence[Any] | None) -> None:
        self._destination = destination
        self._is_there = row is not None
        self._due_at: float
        self._standing: int
        self.failures: int
        self._failed_at: float
        self.paused_until: float
        self._due_at, self._standing, self.failures, self._failed_at, self.paused_until = row or _NONE

    @classmethod
    def locked(cls, connection: Connection, destination: Destination, *, waits: bool) -> "DestinationState | None":
        """Lock the row and return its state.
        `waits`: wait for the lock of another process, and start a new state if the row is gone. Without it, return None in both cases."""
        values = {"account": destination[0], "destination": destination[1]}
        row = (delivery_statements.LOCK if waits else delivery_statements.LOCK_FREE).run(connection, values).fetchone()
        return None if row is None and not waits else cls(destination, row)

    def count(self, one: Settled, breaker: Breaker) -> None:
        """Count the end of a delivery for the circuit breaker.
        A failure counts only if its attempt began after the previous failure had ended. Attempts that fail together count once."""
        if not one.counts:
            if one.delivery.is_probe:
                self.paused_until = 0.0
        elif one.state == DeliveryState.DELIVERED:
            self._standing, self.failures, self.paused_until = PROVEN, 0, 0.0
        elif self.failures == 0 or one.begun > self._failed_at:
            self.failures, self._failed_at = self.failures + 1, one.ended
            if self.failures >= breaker.failures:
                doubled = breaker.pause * 2.0 ** min(self.failures - breaker.failures, 30)
                self.paused_until = one.ended + min(doubled, breaker.longest)
            if self._standing == NEW or self.failures >= _FAILING_FROM:
                self._standing = FAILING

    def free(self, room: int, now: float, breaker: Breaker) -> int:
        """Return the number of deliveries that may be leased."""
        if self.failures < breaker.failures:
            return room
        return min(room, 1) if now >= self.paused_until else 0

    def write(self, connection: Connection, now: float, breaker: Breaker, *, was_used: bool) -> None:
        """Write the time of the next work here. A destination that was served is due now at the earliest, after those that wait.
        Delete a row that was due although no delivery waits."""
        values: dict[str, Any] = {"account": self._destination[0], "destination": self._destination[1]}
        next_due = delivery_statements.NEXT_DUE.run(connection, values).fetchone()[0]
        if next_due is None and not was_used:
            if self._due_at <= now:
                delivery_statements.FORGET.run(connection, values)
            return
        is_open = self.failures >= breaker.failures
        behind = now if was_used else self._due_at
        values |= {
            "due": now + IDLE if next_due is None else max(next_due, behind, self.paused_until if is_open else 0.0),
            "standing": PAUSED if is_open else min(self._standing, FAILING), "failures": self.failures,
            "failed_at": self._failed_at, "paused_until": self.paused_until,
        }  # fmt: skip
        (delivery_statements.KEEP if self._is_there else delivery_statements.MAKE).run(connection, values)
