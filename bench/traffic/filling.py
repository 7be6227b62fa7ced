"""An SQLite store as the product wrote it in version 2 of its schema, with very many rows in it.

The product brings an older store up to date when it starts. So one file serves every build from then on, whatever tables it keeps today.
"""

import os
import sqlite3
from base64 import b32encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Final

from bench.traffic.lives import SUBMITTED_AFTER
from bench.traffic.load import ACCOUNT
from bench.traffic.messages import sid_of

VERSION: Final = 2
ENTRY: Final = f"restcomm/{ACCOUNT}/"
PLACE: Final = "back0/A1/P1"
FIRST: Final = 10**7
"""The number of the first message: far from those that a load sends."""

_CHUNK: Final = 20_000
_DELIVERED_AFTER: Final = 5.0

_TABLES: Final = """
CREATE TABLE sends (
    id VARCHAR(32) NOT NULL, entry TEXT NOT NULL, place TEXT NOT NULL, state VARCHAR(12) NOT NULL, made FLOAT NOT NULL,
    sender TEXT NOT NULL, recipient TEXT NOT NULL, text TEXT NOT NULL, same VARCHAR(64) NOT NULL, "key" TEXT, content TEXT, sid TEXT,
    message BLOB, fault BLOB, look_at FLOAT, looks INTEGER NOT NULL, doubted FLOAT, settled FLOAT, resent FLOAT, leased FLOAT NOT NULL,
    attempt INTEGER NOT NULL, PRIMARY KEY (id)
);
CREATE TABLE watches (
    id INTEGER NOT NULL, send VARCHAR(32) NOT NULL, entry TEXT NOT NULL, address TEXT NOT NULL, method VARCHAR(4) NOT NULL,
    told TEXT NOT NULL, look_at FLOAT, looks INTEGER NOT NULL, over FLOAT, leased FLOAT NOT NULL, attempt INTEGER NOT NULL,
    PRIMARY KEY (id), CONSTRAINT watches_once UNIQUE (send, address, method)
);
CREATE TABLE events (
    id INTEGER NOT NULL, watch BIGINT NOT NULL, entry TEXT NOT NULL, position INTEGER NOT NULL, name VARCHAR(16) NOT NULL,
    method VARCHAR(4) NOT NULL, address TEXT NOT NULL, form TEXT NOT NULL, destination TEXT NOT NULL, state VARCHAR(9) NOT NULL,
    made FLOAT NOT NULL, due_at FLOAT NOT NULL, tries INTEGER NOT NULL, why TEXT NOT NULL, finished FLOAT, leased FLOAT NOT NULL,
    attempt INTEGER NOT NULL, PRIMARY KEY (id), CONSTRAINT events_once UNIQUE (watch, name)
);
CREATE TABLE store (version INTEGER NOT NULL);
"""
_INDEXES: Final = """
CREATE INDEX sends_unfinished ON sends (state, same, look_at) WHERE (state NOT IN ('sent', 'refused'));
CREATE UNIQUE INDEX sends_sid ON sends (place, sid) WHERE sid IS NOT NULL;
CREATE UNIQUE INDEX sends_key ON sends (entry, "key") WHERE "key" IS NOT NULL;
CREATE INDEX sends_made ON sends (made);
CREATE INDEX sends_unknown ON sends (look_at) WHERE state = 'unknown';
CREATE INDEX watches_over ON watches (over) WHERE over IS NOT NULL;
CREATE INDEX watches_look ON watches (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX events_due ON events (state, destination, due_at);
CREATE INDEX events_finished ON events (finished);
"""

Values = tuple[Any, ...]


class Filling:
    """A new file at a path without a file. `close` makes the indexes, and the file is empty before."""

    def __init__(self, path: Path) -> None:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(_TABLES)
        self._db.execute("INSERT INTO store VALUES (?)", (VERSION,))
        self._db.execute("BEGIN")

    def finished(self, numbers: range, made: Callable[[int], float], hook: str = "") -> None:
        """Add answered sends, made when `made(number)` says. With a hook, each has a subscription there, and its callbacks are
        delivered."""
        self._add("sends", (_send(number, made(number)) for number in numbers))
        if hook:
            self._add("watches", (_watch(number, hook, made(number)) for number in numbers))
            self._add("events", (row for number in numbers for row in _told(number, hook, made(number))))

    def owed(
        self, numbers: range, address: Callable[[int], str], now: float, later: float | None = None
    ) -> None:  # fmt: skip
        """Sends with a callback that is due now.

        With `later` it is the first callback, and their statuses are polled from then on. Without it, it is the last one, and no status
        is polled.
        """
        self._add("sends", (_send(number, now) for number in numbers))
        self._add("watches", (_watch(number, address(number), now, look_at=later) for number in numbers))
        calls = _owed if later is not None else _last_owed
        self._add("events", (row for number in numbers for row in calls(number, address(number), now)))

    def close(self) -> None:
        """Write everything into the file itself."""
        self._db.execute("COMMIT")
        self._db.executescript(_INDEXES)
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()

    def _add(self, table: str, rows: Iterable[Values]) -> None:
        left = iter(rows)
        while some := list(islice(left, _CHUNK)):
            marks = ", ".join("?" * len(some[0]))
            self._db.executemany(f"INSERT INTO {table} VALUES ({marks})", some)  # noqa: S608 - a table of the text above


# ---- rows, in the order of the columns -------------------------------------------------------------------------------


def _name(number: int, made: float) -> str:
    """The id of a send as the product makes it: its milliseconds, then a part that cannot be guessed."""
    return f"{int(made * 1000):012x}{number:020x}"


def _text(number: int) -> str:
    return f"m{number} your parcel will arrive today"


def _send(number: int, made: float) -> Values:
    sid, second = sid_of(FIRST + number), int(made)
    recipient = f"+6142{number % 10**7:07}"
    message = (
        f'{{"sid":"{sid}","account":null,"property":null,"sender":"+19876543212","recipient":"{recipient}","text":"{_text(number)}",'
        f'"receipt":true,"segments":1,"status":"sending","direction":"outbound-api","scheduled":{second},"created":{second},'
        '"submitted":null,"delivered":null,"received":null,"error":null,"external_id":null,"updated":null}'
    )
    same = sha256(b"%d" % number).hexdigest()
    return (
        _name(number, made), ENTRY, PLACE, "sent", made, "+19876543212", recipient, _text(number), same, None, None, sid,
        message.encode(), None, None, 0, None, made + 0.01, None, 0.0, 0,
    )  # fmt: skip


def _watch(number: int, address: str, made: float, *, look_at: float | None = None) -> Values:
    over = made + _DELIVERED_AFTER if look_at is None else None
    told, looks = ("sent,delivered", 2) if look_at is None else ("sent", 1)
    return (number, _name(number, made), ENTRY, address, "POST", told, look_at, looks, over, 0.0, looks)


def _form(number: int, status: str) -> str:
    """The body of a callback, as restcomm's page has it. The front's SID is made from the provider's."""
    sid = "SM" + b32encode(sid_of(FIRST + number).encode())[:32].decode()
    text = _text(number).replace(" ", "+")
    return f"MessageSid={sid}&MessageStatus={status}&AccountSid={ACCOUNT}&From=19876543212&To=6142{number % 10**7:07}&Body={text}"


def _event(number: int, position: int, address: str, *state: Any) -> Values:
    status = ("sent", "delivered")[position]
    return (
        2 * number + position, number, ENTRY, position, status, "POST", address, _form(number, status), address.split("/")[2], *state,
    )  # fmt: skip


def _told(number: int, address: str, made: float) -> list[Values]:
    moments = made + SUBMITTED_AFTER, made + _DELIVERED_AFTER
    return [
        _event(number, position, address, "delivered", at, at, 1, "", at + 0.01, 0.0, 1) for position, at in enumerate(moments)
    ]  # fmt: skip


def _owed(number: int, address: str, now: float) -> list[Values]:
    return [_event(number, 0, address, "due", now, now, 0, "", None, 0.0, 0)]


def _last_owed(number: int, address: str, now: float) -> list[Values]:
    return [
        _event(number, 0, address, "delivered", now, now, 1, "", now, 0.0, 1),
        _event(number, 1, address, "due", now, now, 0, "", None, 0.0, 0),
    ]
