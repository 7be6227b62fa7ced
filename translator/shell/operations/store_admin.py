"""Lists and changes rows of the store for operators: pending and dead callbacks, and unknown and unresolved sends.

A list shows no phone number, text or address. The view of one row shows them.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection

from translator.core.accounts import Accounts
from translator.core.effects import Outcome
from translator.core.errors import ConfigError, FaultRaised
from translator.core.model import Message
from translator.shell.config.settings import Settings
from translator.shell.store import Store, delivery_admin, open_store, pending, sends, unknown_sends
from translator.shell.store.rows import DeliveryRow, SendRow, WaitingRow
from translator.shell.store.states import DeliveryState, SendState

_WithSid = TypeVar("_WithSid", DeliveryRow, WaitingRow)

MOST: Final = 1000
"""The largest number of rows of a list."""

_INSTANTS: Final = (
    "created_at", "due_at", "finished_at", "next_check_at", "unknown_since", "settled_at", "resent_at",
)  # fmt: skip
_HIDDEN: Final = ("leased_until", "fencing_token", "message", "fault", "content_hash", "request_hash")
_PRIVATE: Final = ("url", "payload", "sender", "recipient", "text")


@asynccontextmanager
async def beside(settings: Settings) -> AsyncIterator[Store]:
    """Open the store of a running `serve` for short transactions. Raises ConfigError if the store is in the memory of that process."""
    where = f"{settings.file}, [store] url"
    if settings.store.url == "memory:":
        raise ConfigError(where, "memory: belongs to the process that runs, and cannot be looked at from here")
    store = await open_store(settings.store.url, where, settings.folder, alone=False)
    try:
        yield store
    finally:
        await store.close()


async def list_calls(store: Store, accounts: Accounts, states: tuple[str, ...], sid: str = "") -> list[dict[str, Any]]:
    """Return the deliveries in these states, the oldest first, with SIDs in front form. With `sid`, return those of one message."""
    sids = _sids(accounts, sid) if sid else None
    found = await store.read(partial(delivery_admin.listed, states=states, most=MOST, sids=sids))
    return [_row(_with_front_sid(row, accounts), private=False) for row in found]


async def list_waiting(store: Store, accounts: Accounts, sid: str = "") -> list[dict[str, Any]]:
    """Return the subscriptions that wait for a status, those of the oldest sends first. With `sid`, return those of one message."""
    sids = _sids(accounts, sid) if sid else None
    found = await store.read(partial(pending.listed, most=MOST, sids=sids))
    return [_row(_with_front_sid(row, accounts), private=False) for row in found]


_STATES: Final = ("waiting", "due", "dead", "intent", "unknown", "unresolved")


async def list_pending(store: Store, accounts: Accounts, now: float) -> list[dict[str, Any]]:
    """Return the pending work, one row for each account and provider account. A row has the counts by state and the age of the oldest
    in seconds. `configured` is false if the configuration no longer has the account."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in await store.read(pending.pending):
        names = {"account": one.account, "provider_account": one.provider_account}
        row = rows.setdefault((one.account, one.provider_account), {**names, "oldest_seconds": 0})
        row[one.state] = row.get(one.state, 0) + one.number
        row["oldest_seconds"] = max(row["oldest_seconds"], int(now - one.oldest) if one.oldest else 0)
    for (name, place), row in rows.items():
        known = name in accounts.by_name and (not place or place in accounts.by_place)
        row.update({state: row.get(state, 0) for state in _STATES}, configured=known)
    return [rows[key] for key in sorted(rows)]


def as_pending(row: dict[str, Any]) -> str:
    """Return the line of an account and a provider account, with the counts that are not zero."""
    counts = [f"{state}={row[state]}" for state in _STATES if row[state]]
    gone = [] if row["configured"] else ["no-longer-configured"]
    place = row["provider_account"] or "?"
    return "  ".join(
        [
            f"account={visible(row['account'])}",
            f"provider_account={visible(place)}",
            *counts,
            f"oldest={row['oldest_seconds']}s",
            *gone,
        ]
    )


def visible(text: str) -> str:
    """Return a text that is safe for a terminal. Each unprintable character is written as its code point."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)


async def show_call(store: Store, accounts: Accounts, id_: int) -> dict[str, Any] | None:
    """Return all of one delivery, or None."""
    row = await store.read(partial(delivery_admin.shown, id_=id_))
    return None if row is None else _row(_with_front_sid(row, accounts), private=True)


async def retry(store: Store, id_: int | None) -> int:
    """Make a delivery due now, in any state, or all dead ones if `id_` is None. Returns the number of deliveries."""
    return await _each(store, id_, lambda connection, one: delivery_admin.replay(connection, one, time.time()))


async def drop(store: Store, id_: int | None) -> int:
    """Drop a delivery, or all dead ones if `id_` is None. Returns the number of deliveries."""
    return await _each(store, id_, lambda connection, one: delivery_admin.drop(connection, one, time.time()))


def _sids(accounts: Accounts, shown: str) -> list[str]:
    """Return the provider SIDs that an operator's SID may stand for: as each front reads it, and as it is."""
    found = {shown}
    for entry in accounts.by_name.values():
        with contextlib.suppress(FaultRaised):
            found.add(entry.front.dialect.front.read_sid(shown))
    return sorted(found)


def _with_front_sid(row: _WithSid, accounts: Accounts) -> _WithSid:
    """Return the row with its SID as its account's front writes it, unchanged if the account is no longer configured."""
    account = accounts.by_name.get(row.account)
    if row.sid is None or account is None:
        return row
    return row._replace(sid=account.front.dialect.front.write_sid(row.sid))


async def _each(store: Store, id_: int | None, work: Callable[[Connection, int], bool]) -> int:
    if id_ is not None:
        return int(await store.write(lambda connection: work(connection, id_)))
    done = 0
    while dead := await store.read(partial(delivery_admin.listed, states=(DeliveryState.DEAD,), most=100)):
        for row in dead:
            done += await store.write(lambda connection, one=row.id: work(connection, one))  # type: ignore[misc]
    return done


async def list_sends(store: Store, states: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the sends in these states, the oldest first."""
    found = await store.read(partial(sends.listed, states=states, most=MOST))
    return [_row(row, private=False) for row in found]


async def show_send(store: Store, id_: str) -> dict[str, Any] | None:
    """Return all of one send, or None."""
    row = await store.read(partial(sends.shown, id_=id_))
    return None if row is None else _row(row, private=True)


async def settle_not_sent(store: Store, id_: str) -> bool:
    """Record the operator's decision that an unknown or unresolved send was not made. True if there was such a send."""
    return await store.write(partial(sends.forget, id_=id_))


async def settle_sent(store: Store, accounts: Accounts, id_: str, shown: str) -> str:
    """Record the operator's decision which message an unknown or unresolved send is, by its SID in front form. Returns "" or an error."""
    row = await store.read(partial(sends.shown, id_=id_))
    if row is None or row.state not in (SendState.UNKNOWN, SendState.UNRESOLVED):
        return "there is no send of this id that is unknown or unresolved"
    entry = accounts.by_name.get(row.account)
    if entry is None:
        return "the account that made the send is no longer configured"
    try:
        sid = entry.front.dialect.front.read_sid(shown)
    except FaultRaised:
        return "that is no message SID"
    message = Message(
        sid=sid, sender=row.sender, recipient=row.recipient, text=row.text, status="sending",
        direction="outbound-api", created=int(row.created_at),
    )  # fmt: skip

    def settle(connection: Connection) -> bool:
        if unknown_sends.claimed(connection, row.provider_account, [sid]):
            return False
        sends.settle(connection, [Outcome(id_, "sent", message)], time.time())
        return True

    return "" if await store.write(settle) else "that message is known to be another send"


def _row(row: SendRow | DeliveryRow | WaitingRow, *, private: bool) -> dict[str, Any]:
    """Return a row for an operator, with readable times and without internal columns. `private` includes numbers, texts and addresses."""
    shown: dict[str, Any] = {}
    for name, value in row._asdict().items():
        if name in _HIDDEN or (name in _PRIVATE and not private) or value is None:
            continue
        if name in _INSTANTS:
            value = datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")  # noqa: PLW2901 - the same value, readable
        shown[name] = value
    return shown


def as_line(row: dict[str, Any]) -> str:
    """Return a row on one line."""
    return "  ".join(f"{name}={_plain(value)}" for name, value in row.items() if value != "")


def as_page(row: dict[str, Any]) -> str:
    """Return a row with one line for each column."""
    wide = max(len(name) for name in row)
    return "\n".join(f"{name:<{wide}}  {visible(str(value))}" for name, value in row.items())


def _plain(value: Any) -> str:
    text = str(value)
    return msgspec.json.encode(text).decode() if " " in text else visible(text)
