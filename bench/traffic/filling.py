"""Filling the product's SQLite file with very many rows like those that the product itself has written.

    the product makes one send ─▶ its rows in each table ─▶ the same rows again and again, with other ids, SIDs, texts and moments

The columns are read from the file. So this works with every schema in which a row of `watches` names a row of `sends`, and one of
`events` names a row of `watches`. A column that this module does not know has the value that the product gave it.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from bench.traffic.messages import sid_of

EPOCH: Final = 1e9
"""A float that is larger than this is a moment, in epoch seconds."""

_CHUNK: Final = 20_000
_FIRST: Final = 10**7
"""The number of the first copy: far from those of rows that the product writes."""

Row = dict[str, Any]
Change = Callable[[int], Mapping[str, Row]]


class UnknownSchemaError(Exception):
    """The file has not the tables or columns that are needed; the text says which."""


class Filling:
    """An SQLite file of a product that does not run."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA synchronous=OFF")
        names = [row[0] for row in self._db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        self._columns = {
            name: [row["name"] for row in self._db.execute(f"PRAGMA table_info({name})")]
            for name in names
            if not name.startswith("sqlite_")
        }
        for table, column in (("sends", "id"), ("watches", "send"), ("events", "watch")):
            if column not in self._columns.get(table, ()):
                raise UnknownSchemaError(f"the store has no {table}.{column}")

    def close(self) -> None:
        """Write everything into the file itself."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()

    def rows(self, table: str) -> list[Row]:
        """All rows of a table."""
        return [dict(row) for row in self._db.execute(f"SELECT * FROM {table}")]  # noqa: S608 - a table's own name

    def send_of(self, number: int) -> str:
        """The id of the send whose text begins with `m` and this number."""
        row = self._db.execute("SELECT id FROM sends WHERE text LIKE ?", (f"m{number} %",)).fetchone()
        if row is None:
            raise UnknownSchemaError(f"the store has no send whose text begins with m{number}")
        return str(row["id"])

    def copy(self, send: str, count: int, change: Change, *, first: int = 1) -> None:
        """`count` copies of a send and of all that hangs on it. `change(n)` says, by table, what is otherwise in the copy of number n.

        Numbers go on from `first`. Raises UnknownSchemaError where a column that is to be changed is not there.
        """
        template = self._hanging_on(send)
        for table, values in change(first).items():
            if missing := set(values) - set(self._columns[table]):
                raise UnknownSchemaError(f"the store has no {table}.{', '.join(sorted(missing))}")
        self._db.execute("BEGIN IMMEDIATE")
        for table, rows in template.items():
            columns = self._columns[table]
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
            copies = self._copies(table, rows, template["sends"][0], range(first, first + count), change)
            while some := list(islice(copies, _CHUNK)):
                self._db.executemany(statement, some)
        self._db.execute("COMMIT")

    def forget(self, send: str) -> None:
        """Delete a send and all that hangs on it."""
        for table, rows in self._hanging_on(send).items():
            for row in rows:
                self._db.execute(f"DELETE FROM {table} WHERE id = ?", (row["id"],))  # noqa: S608 - a table's own name

    def age(self, seconds: float) -> None:
        """Put every moment in the file back by so many seconds."""
        self._db.execute("BEGIN IMMEDIATE")
        for table in self._columns:
            moments = {name for row in self._sample(table) for name, value in row.items() if _is_moment(value)}
            if moments:
                changes = ", ".join(
                    f"{name} = CASE WHEN {name} > {EPOCH} THEN {name} - {seconds} ELSE {name} END"
                    for name in sorted(moments)
                )
                self._db.execute(f"UPDATE {table} SET {changes}")  # noqa: S608 - names of the file's own
        self._db.execute("COMMIT")

    def _sample(self, table: str) -> list[Row]:
        return [dict(row) for row in self._db.execute(f"SELECT * FROM {table} LIMIT 20")]  # noqa: S608

    def _hanging_on(self, send: str) -> dict[str, list[Row]]:
        """The rows of a send, by table: those of tables that are unknown here hang on it by a column `send` or `watch`."""
        found: dict[str, list[Row]] = {
            "sends": self._where("sends", "id", send),
            "watches": self._where("watches", "send", send),
        }
        watches = [row["id"] for row in found["watches"]]
        found["events"] = [row for watch in watches for row in self._where("events", "watch", watch)]
        for table in sorted(set(self._columns) - set(found)):
            if "send" in self._columns[table]:
                found[table] = self._where(table, "send", send)
            elif "watch" in self._columns[table]:
                found[table] = [row for watch in watches for row in self._where(table, "watch", watch)]
        return found

    def _where(self, table: str, column: str, value: Any) -> list[Row]:
        return [dict(row) for row in self._db.execute(f"SELECT * FROM {table} WHERE {column} = ?", (value,))]  # noqa: S608

    def _copies(self, table: str, rows: list[Row], sent: Row, numbers: range, change: Change) -> Iterator[list[Any]]:
        columns = self._columns[table]
        old_text = f"{sent['text'].partition(' ')[0]}"
        swapped = (
            (str(sent["id"]), _id_of),
            (str(sent["sid"]), _sid_of),
            (f"{old_text} ", _words_of),
            (f"{old_text}+", _form_of),
        )
        plans = [(place, row, _cells_with(row, [old for old, _ in swapped])) for place, row in enumerate(rows)]
        for number in numbers:
            overlaid = change(number).get(table, {})
            for place, row, cells in plans:
                copy = dict(row)
                for name in cells:
                    copy[name] = _swapped(copy[name], [(old, new(number)) for old, new in swapped])
                for name in ("id", "watch"):
                    if isinstance(row.get(name), int):
                        copy[name] = _FIRST + (
                            number if name == "watch" or table == "watches" else number * len(rows) + place
                        )
                copy.update(overlaid)
                yield [copy[name] for name in columns]


def _cells_with(row: Row, words: list[str]) -> list[str]:
    """The columns in which one of these words stands."""
    texts = {
        name: value if isinstance(value, str) else value.decode("latin-1")
        for name, value in row.items()
        if isinstance(value, str | bytes)
    }
    return [name for name, text in texts.items() if any(word in text for word in words)]


def _swapped(value: str | bytes, pairs: list[tuple[str, str]]) -> str | bytes:
    if isinstance(value, bytes):
        for old, new in pairs:
            value = value.replace(old.encode(), new.encode())
        return value
    for old, new in pairs:
        value = value.replace(old, new)
    return value


def _id_of(number: int) -> str:
    return f"{_FIRST + number:032x}"


def _words_of(number: int) -> str:
    return f"m{_FIRST + number} "


def _form_of(number: int) -> str:
    return f"m{_FIRST + number}+"


def _is_moment(value: Any) -> bool:
    return isinstance(value, float) and value > EPOCH


def moved(row: Row, seconds: float) -> Row:
    """The moments of a row, all of them so many seconds later."""
    return {name: value + seconds for name, value in row.items() if _is_moment(value)}


def _sid_of(number: int) -> str:
    return sid_of(_FIRST + number)
