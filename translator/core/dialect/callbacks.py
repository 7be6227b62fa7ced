"""The callbacks of a dialect: the target of a send, the events that a status causes, and the form of a callback.

draft ─▶ take ─▶ CallbackTarget   the target is the client's, and no provider is told it
receipt URL ─▶ ask ─▶ draft       the provider shall send receipts to the proxy, by the same parameter
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
    """The callback rules of one dialect."""

    def __init__(self, table: Table, bindings: TableCodecs) -> None:
        self._rules = table.calls or NO_CALLS
        self._bindings = bindings
        self._events = {row.status: row for row in self._rules.events}
        self.parameter = self._rules.address
        """The attribute of a draft that has the address of the callback target. It is empty in a dialect without callbacks."""
        self._method = f"{self.parameter}_method"

    def take(self, draft: Draft) -> CallbackTarget | None:
        """Remove the callback target from a draft, and return it. Return None if there is none, or if the dialect makes no callback for
        it."""
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
        """Ask a provider of this dialect to send receipts to an address of the proxy."""
        setattr(draft, self.parameter, address)
        setattr(draft, self._method, _POST)

    def owed(self, told: tuple[str, ...], status: str) -> tuple[str, ...]:
        """Return the events that are due now that a message has this status, in their order. `told` are the events of earlier callbacks.

        An event that was never seen is added before the event that needs it. No event is due twice, after a step back, or after a final
        event.
        """
        row = self._events.get(status)
        if row is None or status in told or self.over(told):
            return ()
        before = self._events[row.needs] if row.needs else None
        synthetic_account = () if before is None or before.status in told else (before.status,)
        return (*synthetic_account, status)

    def over(self, told: tuple[str, ...]) -> bool:
        """True if no further callback is due."""
        return any(self._events[status].ends for status in told)

    def write(self, message: Message, event: str, account: str, prop: str) -> list[tuple[str, str]]:
        """Return the parameters of one callback, with the account and the property of the front."""
        seen = msgspec.structs.replace(message, status=event, account=account, property=prop or None)
        pairs = []
        for row in self._rules.parameters:
            value = row.text if not row.of else getattr(seen, row.of)
            if value is None or (row.statuses and event not in row.statuses):
                continue
            pairs.append((row.name, str(self._bindings.kind(row.kind).write(value) if row.kind else value)))
        return pairs
