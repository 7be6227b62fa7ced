"""What people ask of the store: which calls wait or were given up, which sends are unknown or lost, and what shall become of them.

A list has no number, text or address in it; showing one row has.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from translator.core.accounts import Accounts
from translator.core.effects import Outcome
from translator.core.errors import ConfigError, FaultRaised
from translator.core.model import Message
from translator.shell.config.settings import Settings
from translator.shell.delivery.journal import place_of
from translator.shell.store import Store, calls, open_store, pending, sends, unknown_sends

MOST: Final = 1000
"""How many rows a list has at most."""

_INSTANTS: Final = ("made", "due_at", "finished", "look_at", "doubted", "settled")
_HIDDEN: Final = ("leased", "attempt", "message", "fault", "same", "content")
_PRIVATE: Final = ("address", "form", "sender", "recipient", "text")


@asynccontextmanager
async def beside(settings: Settings) -> AsyncIterator[Store]:
    """The store that a running `serve` has, for short transactions beside it. Raises ConfigError where nobody else could see it."""
    where = f"{settings.file}, [store] url"
    if settings.store.url == "memory:":
        raise ConfigError(where, "memory: belongs to the process that runs, and cannot be looked at from here")
    store = await open_store(settings.store.url, where, settings.folder, alone=False)
    try:
        yield store
    finally:
        await store.close()


async def list_calls(store: Store, accounts: Accounts, states: tuple[str, ...], sid: str = "") -> list[dict[str, Any]]:
    """Calls in these states, the oldest first, with their messages' SIDs in front; only of one message if its SID is given."""
    sids = _sids(accounts, sid) if sid else None
    found = await store.read(partial(calls.listed, states=states, most=MOST, sids=sids))
    return [_row(_with_front_sid(row, accounts), private=False) for row in found]


async def list_waiting(store: Store, accounts: Accounts, sid: str = "") -> list[dict[str, Any]]:
    """Callbacks that wait for what becomes of their message, those of the oldest sends first; only of one message if its SID is given."""
    sids = _sids(accounts, sid) if sid else None
    found = await store.read(partial(pending.listed, most=MOST, sids=sids))
    return [_row(_with_front_sid(row, accounts), private=False) for row in found]


_STATES: Final = ("waiting", "due", "dead", "intent", "unknown", "lost")


async def list_pending(store: Store, accounts: Accounts, now: float) -> list[dict[str, Any]]:
    """What would be left behind, a row for each account and place: how many in each state, the age of the oldest in seconds, and whether
    the configuration still has it."""
    entries = {entry.name: place_of(entry) for entry in accounts.entries}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in await store.read(pending.pending):
        row = rows.setdefault((one.entry, one.place), {"account": one.entry, "place": one.place, "oldest_seconds": 0})
        row[one.state] = row.get(one.state, 0) + one.number
        row["oldest_seconds"] = max(row["oldest_seconds"], int(now - one.made) if one.made else 0)
    for (name, place), row in rows.items():
        known = name in entries and (not place or place in entries.values())
        row.update({state: row.get(state, 0) for state in _STATES}, configured=known)
    return [rows[key] for key in sorted(rows)]


def as_pending(row: dict[str, Any]) -> str:
    """One account and place on one line: only what there is any of."""
    counts = [f"{state}={row[state]}" for state in _STATES if row[state]]
    gone = [] if row["configured"] else ["no-longer-configured"]
    place = row["place"] or "?"
    return "  ".join(
        [
            f"account={visible(row['account'])}",
            f"place={visible(place)}",
            *counts,
            f"oldest={row['oldest_seconds']}s",
            *gone,
        ]
    )


def visible(text: str) -> str:
    """A text without what a terminal would act on: every character that is not printed is written as its number."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)


async def show_call(store: Store, accounts: Accounts, id_: int) -> dict[str, Any] | None:
    """All of one call."""
    row = await store.read(partial(calls.shown, id_=id_))
    return None if row is None else _row(_with_front_sid(row, accounts), private=True)


async def retry(store: Store, id_: int | None) -> int:
    """Make a call now, whether it is due later, was given up or was made; or all that were given up. How many."""
    return await _each(store, id_, lambda connection, one: calls.replay(connection, one, time.time()))


async def drop(store: Store, id_: int | None) -> int:
    """Make a call no more, or all that were given up. How many."""
    return await _each(store, id_, lambda connection, one: calls.drop(connection, one, time.time()))


def _sids(accounts: Accounts, shown: str) -> list[str]:
    """What a SID as somebody gives it may be at the provider: by any front's way of writing it, and as it stands."""
    found = {shown}
    for entry in accounts.by_name.values():
        with contextlib.suppress(FaultRaised):
            found.add(entry.front.dialect.front.read_sid(shown))
    return sorted(found)


def _with_front_sid(row: dict[str, Any], accounts: Accounts) -> dict[str, Any]:
    """A call with its message's SID as its account's front writes it; as it stands where the account is no longer configured."""
    entry = accounts.by_name.get(row["entry"])
    if row["sid"] is not None and entry is not None:
        row["sid"] = entry.front.dialect.front.write_sid(row["sid"])
    return row


async def _each(store: Store, id_: int | None, work: Callable[[Connection, int], bool]) -> int:
    if id_ is not None:
        return int(await store.write(lambda connection: work(connection, id_)))
    done = 0
    while given_up := await store.read(partial(calls.listed, states=(calls.DEAD,), most=100)):
        for row in given_up:
            done += await store.write(lambda connection, one=row["id"]: work(connection, one))  # type: ignore[misc]
    return done


async def list_sends(store: Store, states: tuple[str, ...]) -> list[dict[str, Any]]:
    """Sends in these states, the oldest first."""
    found = await store.read(partial(sends.listed, states=states, most=MOST))
    return [_row(row, private=False) for row in found]


async def show_send(store: Store, id_: str) -> dict[str, Any] | None:
    """All of one send."""
    row = await store.read(partial(sends.shown, id_=id_))
    return None if row is None else _row(row, private=True)


async def settle_not_sent(store: Store, id_: str) -> bool:
    """A person says that an unknown or lost send was not made: nobody waits for it any more. Whether there was one."""
    return await store.write(partial(sends.forget, id_=id_))


async def settle_sent(store: Store, accounts: Accounts, id_: str, shown: str) -> str:
    """A person says which message an unknown or lost send is, by its SID in front. Empty, or why that cannot be."""
    row = await store.read(partial(sends.shown, id_=id_))
    if row is None or row["state"] not in (sends.UNKNOWN, sends.LOST):
        return "there is no send of this id that is unknown or lost"
    entry = accounts.by_name.get(row["entry"])
    if entry is None:
        return "the account that made the send is no longer configured"
    try:
        sid = entry.front.dialect.front.read_sid(shown)
    except FaultRaised:
        return "that is no message SID"
    message = Message(
        sid=sid, sender=row["sender"], recipient=row["recipient"], text=row["text"], status="sending",
        direction="outbound-api", created=int(row["made"]),
    )  # fmt: skip

    def settle(connection: Connection) -> bool:
        if unknown_sends.claimed(connection, row["place"], [sid]):
            return False
        sends.settle(connection, [Outcome(id_, "sent", message)], time.time())
        return True

    return "" if await store.write(settle) else "that message is known to be another send"


def _row(row: dict[str, Any], *, private: bool) -> dict[str, Any]:
    """A row as a person reads it: instants as times, and nothing that is nobody's business."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if name in _HIDDEN or (name in _PRIVATE and not private) or value is None:
            continue
        if name in _INSTANTS:
            value = datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")  # noqa: PLW2901 - the same value, readable
        shown[name] = value
    return shown


def as_line(row: dict[str, Any]) -> str:
    """A row on one line."""
    return "  ".join(f"{name}={_plain(value)}" for name, value in row.items() if value != "")


def as_page(row: dict[str, Any]) -> str:
    """A row, a line for each of its members."""
    wide = max(len(name) for name in row)
    return "\n".join(f"{name:<{wide}}  {visible(str(value))}" for name, value in row.items())


def _plain(value: Any) -> str:
    text = str(value)
    return msgspec.json.encode(text).decode() if " " in text else visible(text)
