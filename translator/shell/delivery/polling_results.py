"""Records the results of a poll: new deliveries, the next polls, and the leases that had no result.

rows ─▶ steps of at most `STEP` rows ─▶ one transaction each ─▶ what was written is known to the round

A window may hold 20,000 messages of one second. One transaction for all of them would make a send wait for a fifth of a second.
If the process ends between two steps, the leases of the other rows expire, and their messages are polled again.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import Connection

from translator.core.accounts import Accounts
from translator.core.http.formats import form
from translator.core.model import Message
from translator.core.status_polling import PolledAccount, Seen, pause
from translator.shell.delivery.callback_url_policy import destination_of, parsed
from translator.shell.delivery.poll_settings import Kit
from translator.shell.observability.log import logger
from translator.shell.store import subscriptions
from translator.shell.store.deliveries import CallbackDelivery
from translator.shell.store.subscriptions import LeasedSubscription, PollResult

STEP: Final = 500
"""Subscriptions that one transaction leases or writes at most, some 5 ms of the writer."""

_YIELD: Final = 200
"""The number of rows after which other tasks get a turn."""

One = TypeVar("One")


class Step(NamedTuple):
    """The results of some rows, written together.
    results: The results of the polled subscriptions.
    idle: The fencing tokens of the subscriptions without a result, by id.
    statuses: The status in which each message was seen, by id.
    ended: The messages without further polls, by id.
    timed_out: The ages of the messages that are too old for further polls, by id."""

    results: list[PollResult]
    idle: dict[int, int]
    statuses: dict[int, str]
    ended: dict[int, Message]
    timed_out: dict[int, float]


class ResultWriter:
    """Records the results of one provider account's polls, for `PollingRound`."""

    def __init__(self, place: PolledAccount, accounts: Accounts, kit: Kit, back: str) -> None:
        self._place, self._accounts, self._kit, self._back = place, accounts, kit, back

    async def write(self, rows: Sequence[LeasedSubscription], seen: Seen, ahead: float) -> None:
        """Record the results in steps. `ahead` is the number of seconds by which the provider's clock is ahead of ours.
        Raises StoreUnavailable. Then the steps before it stay written, and the messages of the others are still due."""
        now = self._kit.clock()
        polled = {held.id for held in seen.retrieved}
        for window, reading in seen.read:
            polled.update(held.id for held in window.waits() if held.created < reading.until)
        ended: dict[int, Message] = {}
        for some in steps(rows):
            step = await self._results(some, seen, polled, now)
            written = await self._kit.store.write(partial(write_down, results=step.results, idle=step.idle, now=now))
            ended.update((id_, message) for id_, message in step.ended.items() if id_ in written)
            self._note(step, written)
        self._place.took(seen, ended, now + ahead)

    async def _results(self, rows: Sequence[LeasedSubscription], seen: Seen, polled: set[int], now: float) -> Step:
        step = Step([], {}, {}, {}, {})
        for number, row in enumerate(rows):
            if number % _YIELD == _YIELD - 1:
                await asyncio.sleep(0)
            message = seen.rows.get(row.sid)
            if message is None and row.id not in polled:
                step.idle[row.id] = row.fencing_token
                continue
            result = self._result(row, message or row.message, now)
            step.results.append(result)
            if message is not None:
                step.statuses[row.id] = message.status
            if result.next_check_at is None and self._is_complete(row, result.notified):
                step.ended[row.id] = message or row.message
            elif result.next_check_at is None:
                step.timed_out[row.id] = now - row.created_at
        return step

    def _result(self, row: LeasedSubscription, message: Message, now: float) -> PollResult:
        rules = self._accounts.by_name[row.account].front.dialect.calls
        notified = tuple(filter(None, row.notified.split(",")))
        due = rules.owed(notified, message.status)
        age, poll = now - row.created_at, self._kit.polling.poll
        is_complete = rules.over((*notified, *due)) or age >= self._kit.polling.end
        next_check_at = None if is_complete else now + -(-pause(max(0.0, age), poll) // poll) * poll
        made = [self._delivery(row, message, event) for event in due]
        return PollResult(row.id, row.fencing_token, row.account, ",".join((*notified, *due)), made, next_check_at)

    def _is_complete(self, row: LeasedSubscription, notified: str) -> bool:
        rules = self._accounts.by_name[row.account].front.dialect.calls
        return rules.over(tuple(filter(None, notified.split(","))))

    def _delivery(self, row: LeasedSubscription, message: Message, event: str) -> CallbackDelivery:
        front = self._accounts.by_name[row.account].front
        pairs = front.dialect.calls.write(message, event, front.account, front.property)
        return CallbackDelivery(event, row.method, row.url, form.write(pairs), destination_of(parsed(row.url)))

    def _note(self, step: Step, written: set[int]) -> None:
        """Tell the round, the metrics and the log about a step that was written."""
        for id_, status in step.statuses.items():
            self._place.shows(id_, status)
        self._place.drop(step.timed_out)
        self._kit.meter.count_polls(self._back, "seen", len(step.statuses))
        self._kit.meter.count_polls(self._back, "unseen", len(step.results) - len(step.statuses))
        if any(one.deliveries and one.id in written for one in step.results):
            self._kit.wake()
        for id_, age in step.timed_out.items():
            if id_ in written:
                self._kit.meter.count_callback("unheard")
                logger().warning("callback-timeout", subscription=id_, age=round(age))


def steps(rows: Sequence[One]) -> Iterator[Sequence[One]]:
    """Yield the rows in order, at most `STEP` at a time."""
    return (rows[at : at + STEP] for at in range(0, len(rows), STEP))


def write_down(connection: Connection, results: Sequence[PollResult], idle: Mapping[int, int], now: float) -> set[int]:
    """Record the results of one step in one transaction, see `subscriptions.record_results`."""
    subscriptions.release(connection, idle)
    return subscriptions.record_results(connection, results, now)
