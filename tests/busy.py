"""A proxy before a simulated provider that is busy: messages arrive there between the provider requests of one list.

Plain readings of the provider's history say which lists are right. `histories` are the histories of all the instants between the first
provider request and the last, each as a server would show it.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from math import floor
from typing import Any

from conformance.twins.arrivals import Arrival, Direction
from conformance.twins.properties_v2 import MessageRow
from conformance.twins.restcomm.life import Sms as OldSms
from tests.listing import BACKS, FRONTS, NOW, PROPERTY, V2, Provider, old_provider
from tests.naive import Sms
from tests.twins import World, call
from translator.core.dialect import Dialect, dialect
from translator.core.effects import run_without_shell
from translator.core.exchange import Limits
from translator.core.listing import messages_between
from translator.core.mapping import overlay
from translator.core.mapping.load import raw_tables
from translator.core.model import Message, Notes, Query

KINDS = ("ascending", "descending", "pages")
"""How a back lists: by index in either order, or oldest first in numbered pages."""


def _old_back(size: int) -> Dialect:
    """A back of the old dialect with this page size."""
    raw = overlay(raw_tables()["restcomm.toml"], "back", {}, "test")
    return dialect("restcomm.toml", {**raw, "paging": {**raw["paging"], "slice": size}})


OLD_BACKS = {size: _old_back(size) for size in (1, 2, 3, 7, 200)}
BEGAN = int(NOW) - 60
"""The second of the oldest message. The messages are young, so that others of the same seconds may still come."""
LATER = 10
"""Seconds after that at which the first message arrives that came meanwhile. All that were there before are as old or older."""


class Busy:
    """One account before one provider of that kind, with a history. `came` is the number of messages that arrived since."""

    def __init__(
        self, kind: str, stock: Sequence[Sms], *, size: int = 200, most: int = 200, in_flight: int = 3, late: bool = False,
        new_front: bool = False, limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self.kind, self.stock = kind, len(stock)
        if kind == "pages":
            self.twin: Any = old_provider(list(stock), page_size_max=most)
        else:
            self.twin = Provider(list(stock), kind, most).twin
        back = OLD_BACKS[size] if kind == "pages" else BACKS[size, kind]
        account, behind = (
            ("A1", PROPERTY) if new_front else ("AC1", ""),
            ("AC9", "") if kind == "pages" else ("A1", PROPERTY),
        )
        self.world = World(
            V2 if new_front else FRONTS["seed"], back, lambda request: call(self.twin.app, request), limits=limits,
            in_flight=in_flight, accounts=(account[0], behind[0]), properties=(account[1], behind[1]), reversed_batches=late,
        )  # fmt: skip

    def arrive(self, numbers: Sequence[int], *, apart: bool, at: int = BEGAN + LATER) -> None:
        """After each of the next provider requests so many messages arrive: one a second after that instant, or all in it."""
        numbered = itertools.count(1)

        def arriving() -> Iterator[Sequence[Arrival]]:
            for some in numbers:
                came = [next(numbered) for _ in range(some)]
                yield [self._arrival(at + (number if apart else 0), number) for number in came]

        self.twin.arrivals = arriving()

    @staticmethod
    def _arrival(created: int, number: int) -> Arrival:
        direction: Direction = "inbound" if number % 3 else "outbound"
        return Arrival(direction, NOW - created - 0.25, "b")

    def calm(self) -> None:
        """Nothing more arrives."""
        self.twin.arrivals = iter(())

    @property
    def came(self) -> int:
        """The number of messages that have arrived."""
        return len(self.twin.messages) - self.stock

    def history(self, came: int) -> list[Sms]:
        """All messages up to so many arrivals, in the order of the back, oldest first.

        A restcomm server lists the messages of one second newest first in either direction.
        """
        return self._ordered([plain(row) for row in self.twin.messages[: self.stock + came]])

    def _ordered(self, rows: list[Sms]) -> list[Sms]:
        if self.kind == "pages":
            rows.reverse()
        return sorted(rows, key=lambda row: row.created)

    def during(self, work: Callable[[], Any]) -> tuple[Any, list[list[Sms]]]:
        """Return the result of some work, and the history at each instant from its first provider request to its last."""
        before = self.came
        self.world.asked.clear()
        result = work()
        rows = [plain(row) for row in self.twin.messages]
        return result, [self._ordered(rows[: self.stock + came]) for came in range(before, self.came + 1)]

    def between(self, since: int, until: int, most: int = 1000) -> list[Message]:
        """The messages of a time window, as the reconciler and the status poller read them."""
        self.notes = Notes()
        window = Query(since=since, until=until)
        running = run_without_shell(
            messages_between(self.world.entry, window, Limits(max_asks=most), NOW, self.notes), self.world.memory
        )
        try:
            asked = next(running)
            while True:
                self.world.asked.append(asked.requests)
                asked = running.send(self.world.answers(asked.requests))
        except StopIteration as done:
            rows: list[Message] = done.value
            return rows


def plain(row: MessageRow | OldSms) -> Sms:
    """A message as the old document would show it, whichever simulated provider has it."""
    if isinstance(row, OldSms):
        step = row.at(NOW)
        return Sms(row.sid, floor(row.created), row.sender, row.recipient, row.body, step.status, row.direction)
    came_in = row.direction == "Receive"
    words = {
        "Processing": "sending",
        "Submitted": "sent",
        "Delivered": "delivered",
        "Failed": "failed",
        "Received": "received",
    }
    status = "undelivered" if row.status == "Failed" and row.submitted is not None else words[row.status]
    return Sms(
        f"SM{row.sid}", row.created, row.sender.removeprefix("+"), row.recipient.removeprefix("+"), row.text, status,
        "incoming" if came_in else "outbound-api",
    )  # fmt: skip


def neutral(sms: Sms) -> str:
    """The SID by which the core knows the message."""
    return sms.sid.removeprefix("SM")
