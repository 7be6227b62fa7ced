"""A dialect as the one that calls: who asked to be told, what a status owes them, and how it is written.

draft ─▶ take ─▶ Wish          the address is the caller's, and no back is told it
Wish  ─▶ ask  ─▶ draft         where a back shall tell us instead, by the same parameter
status ─▶ owed ─▶ write ─▶ the pairs of a form
"""

import msgspec

from translator.core.codegen import TableCodecs
from translator.core.mapping import Table
from translator.core.mapping.schema import NO_CALLS
from translator.core.model import CallbackTarget, Draft, Message
from translator.core.values.codecs import numbers

_POST = "POST"


class CallbackRules:
    """The calls of one dialect."""

    def __init__(self, table: Table, bindings: TableCodecs) -> None:
        self._rules = table.calls or NO_CALLS
        self._bindings = bindings
        self._events = {row.status: row for row in self._rules.events}
        self.parameter = self._rules.address
        """The attribute of a draft that the address stands in; empty in a dialect that calls nobody."""
        self._method = f"{self.parameter}_method"

    def take(self, draft: Draft) -> CallbackTarget | None:
        """The wish of a draft, which is taken off it. None where there is none, or where the dialect makes no call for it."""
        if not self.parameter:
            return None
        address, method = getattr(draft, self.parameter), getattr(draft, self._method)
        if method is not None:
            setattr(draft, self._method, None)
        if address is None:
            return None
        setattr(draft, self.parameter, None)
        if self._rules.unless and getattr(draft, self._rules.unless) is False:
            return None
        if draft.recipient is not None and numbers.party(draft.recipient) in self._rules.never_to:
            return None
        return CallbackTarget(address, method or _POST)

    def ask(self, draft: Draft, address: str) -> None:
        """Have a back of this dialect call an address of ours."""
        setattr(draft, self.parameter, address)
        setattr(draft, self._method, _POST)

    def owed(self, told: tuple[str, ...], status: str) -> tuple[str, ...]:
        """The events that are owed now that a message is seen in a status, after those already told, in their order.

        One that was never seen is made up before the one that needs it. Nothing is owed twice, nothing by a step back, and
        nothing after an event that ends.
        """
        row = self._events.get(status)
        if row is None or status in told or self.over(told):
            return ()
        before = self._events[row.needs] if row.needs else None
        synthetic_account = () if before is None or before.status in told else (before.status,)
        return (*synthetic_account, status)

    def over(self, told: tuple[str, ...]) -> bool:
        """Whether nothing more will be told."""
        return any(self._events[status].ends for status in told)

    def write(self, message: Message, event: str, account: str, prop: str) -> list[tuple[str, str]]:
        """The parameters of one call, by the account and the property of the application."""
        seen = msgspec.structs.replace(message, status=event, account=account, property=prop or None)
        pairs = []
        for row in self._rules.parameters:
            value = row.text if not row.of else getattr(seen, row.of)
            if value is None or (row.statuses and event not in row.statuses):
                continue
            pairs.append((row.name, str(self._bindings.kind(row.kind).write(value) if row.kind else value)))
        return pairs
