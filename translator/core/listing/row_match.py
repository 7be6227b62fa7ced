"""Compares the rows of a provider with the request for them."""

from collections.abc import Sequence

from translator.core.accounts import Account
from translator.core.dialect.back import Pushed
from translator.core.listing.slice_merger import SETTING
from translator.core.model import Message
from translator.core.values.codecs.instants import LAST


class RowMatch:
    """The condition that the rows of a range have to meet. `ordered` says that the provider's order counts too."""

    def __init__(self, entry: Account, pushed: Pushed, *, ordered: bool) -> None:
        verbs = entry.back.dialect.back
        self.pushed, self._behind, self.ordered = pushed, entry.behind, ordered
        self._range = verbs.lets_through(pushed.since, pushed.until)
        self._descending = verbs.order == "descending"

    def why_not(self, rows: Sequence[Message]) -> str:
        """Return why these rows do not match the request, or an empty text. By columns it takes a third of the time that it takes by
        rows."""
        since, until = self._range
        lower = -1 if since is None else since
        upper = LAST + 1 if until is None else until
        created = [message.created for message in rows]
        in_order = sorted(created, reverse=self._descending)
        ends = in_order[:1] + in_order[-1:]
        if ends and not lower <= min(ends) <= max(ends) < upper:
            return f"a row is outside the range asked for: {SETTING}"
        statuses, directions = self.pushed.statuses, self.pushed.directions
        if (statuses is not None and not statuses.issuperset([message.status for message in rows])) or (
            directions is not None and not directions.issuperset([message.direction for message in rows])
        ):
            return f"a row has another status or direction than the one asked for: {SETTING}"
        behind = self._behind
        ours = {message.account for message in rows} <= {None, behind.account} and (
            not behind.property or {message.property for message in rows} <= {None, behind.property}
        )
        if not ours:
            return "a row belongs to another account or property than the one asked for"
        if self.ordered and created != in_order:
            return "rows are not in the order that the back is said to have: is search_order right?"
        return ""
