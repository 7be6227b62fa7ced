"""Rendering: checks a request of a client as if it had gone to another provider. It writes nothing to a socket.

    a send    the draft as that provider can carry it    refused · sender · lossy · too-long
    a list    the plan of its query there                scan · too-long

A finding names the mapping row that causes it. It holds no number, text or SID, so that findings can be kept and counted.
"""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from translator.core.accounts import Account
from translator.core.listing import Limits, plan
from translator.core.losses import Losses
from translator.core.mapping.cell_paths import row_id
from translator.core.model import Draft, Fault, Message, Query, SentMessage
from translator.core.prepared_send import prepared

Kind: TypeAlias = Literal["refused", "sender", "lossy", "scan", "too-long"]

KINDS: Final[dict[str, str]] = {
    "refused": "the provider cannot carry it, so the send is refused",
    "sender": "the provider does not carry this kind of sender, or the send has none",
    "lossy": "the send is made, and something of it is lost",
    "scan": "the list is answered, and every row of its range is read for it",
    "too-long": "the list needs more provider requests than one may use, or the text is longer than a list can show",
}
"""The kinds of findings, each with its meaning for the client."""

LONGEST_TEXT: Final = 65_536
"""The characters of a text that a list can show."""

_OF_A_SEND: Final = row_id("send", "")
"""The beginning of the ids of send parameters. The other losses depend on what the provider answers, and nothing was answered."""

_WINDOW: Final = {"since": "lower-bound", "until": "upper-bound"}
_CONSTRAINTS: Final = {
    "sender": "sender", "sender_like": "sender", "recipient": "recipient", "recipient_like": "recipient",
    "within": "text", "statuses": "status", "directions": "direction",
}  # fmt: skip
"""The attribute that each constraint of a query is about."""


class Finding(NamedTuple):
    """One thing that would be different at another provider. `row` is the id of its mapping row."""

    kind: Kind
    row: str


def render_send(home: Account, draft: Draft, losses: Losses, now: float) -> tuple[Finding, ...]:
    """Return the findings about a draft at the provider of this home. The draft is not changed. Without findings the provider can
    carry all of it."""
    front, copy = home.front.dialect, msgspec.structs.replace(draft)
    if len(draft.text or "") > LONGEST_TEXT:
        return (Finding("too-long", row_id("send", front.front.parameter_of("text"))),)
    ready = prepared(home._replace(old=None), copy, None, now)
    if isinstance(ready, Fault):
        about_sender = ready.parameter == front.front.parameter_of("sender")
        return (Finding("sender" if about_sender else "refused", row_id("send", ready.parameter or ready.name)),)
    shown = SentMessage(ready.draft, _made_up(ready.draft, now))
    lost = losses.of(front, home.back.dialect, "send", (shown,), now)
    return tuple([Finding("lossy", id_) for id_ in lost if id_.startswith(_OF_A_SEND)])


def _made_up(draft: Draft, now: float) -> Message:
    """Return a message as a provider would answer it to this draft."""
    return Message(
        sid="M" + "A" * 31, sender=draft.sender or "", recipient=draft.recipient or "", text=draft.text or "",
        status="queued", direction="outbound-api", created=int(now),
    )  # fmt: skip


def render_list(home: Account, query: Query, rows: int, limits: Limits) -> tuple[Finding, ...]:
    """Return the findings about a list at the provider of this home. `rows` is the least number of rows that the list is known to
    have."""
    verbs = home.back.dialect.back
    planned = plan(query, verbs)
    if not planned.scan:
        return ()
    kind: Kind = "too-long" if -(-rows // verbs.slice) > limits.max_asks else "scan"
    return tuple([Finding(kind, id_) for id_ in dict.fromkeys(_causes(home, query, planned.sifted))])


def _causes(home: Account, query: Query, sifted: tuple[str, ...]) -> Iterator[str]:
    """Yield the ids of the front's rows because of which every row is read."""
    table = home.front.dialect.table
    for name in sifted:
        found = [
            row.name for row in table.filters
            if (name in _WINDOW and row.test == _WINDOW[name])
            or (name in _CONSTRAINTS and row.attribute == _CONSTRAINTS[name] and row.test != "refused")
        ]  # fmt: skip
        yield row_id("filters", found[0] if found else name)
    if sifted:
        return
    key = next((key.name for key in table.sort.keys if key.attribute == query.order.attribute), "")
    yield row_id("sort", f"keys.{key}" if key and query.order.attribute != "created" else "default")
