"""Filling the product's SQLite file with very many rows like those that the product itself has written.

    the product makes one send ─▶ its rows in each table ─▶ the same rows again and again, with other ids, SIDs, texts and moments

The columns are read from the file. So this works with every schema in which a row of `watches` names a row of `sends`, and one of
`events` names a row of `watches`. A column that this module does not know has the value that the product gave it.
"""

import sqlite3
from collections.abc import Callable
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
Change = Callable[[str, int], Row]


class UnknownSchemaError(Exception):
    """The file has not the tables or columns that are needed; the text says which."""


def _nothing(_table: str, _number: int) -> Row:
    return {}


def _none(_number: int) -> float:
    return 0.0


def _is_moment(value: Any) -> bool:
    return isinstance(value, float) and value > EPOCH


class _Plan:
    """How one row is copied: which of its cells hold an id, a SID, a text or a moment."""

    def __init__(self, table: str, columns: list[str], row: Row, sent: Row, place: int, rows: int) -> None:
        self._columns, self._values = columns, [row[name] for name in columns]
        self._place, self._rows = place, rows
        self._olds = (str(sent["id"]), str(sent["sid"]), *(f"{sent['text'].partition(' ')[0]}{end}" for end in " +"))
        cells = list(enumerate(self._values))
        self._moments = [at for at, value in cells if _is_moment(value)]
        self._texts = [(at, old) for at, value in cells if isinstance(value, str | bytes) for old in self._in(value)]
        whole = {name: at for at, name in enumerate(columns) if isinstance(row[name], int)}
        self._of_watch = [whole[name] for name in ("watch", "id" if table == "watches" else "watch") if name in whole]
        self._of_row = [whole["id"]] if "id" in whole and table != "watches" else []

    def _in(self, value: str | bytes) -> list[int]:
        text = value if isinstance(value, str) else value.decode("latin-1")
        return [number for number, old in enumerate(self._olds) if old in text]

    def copy(self, number: int, changed: Row, shift: float) -> list[Any]:
        """The values of the copy of that number."""
        values, name = self._values.copy(), _FIRST + number
        for at, old in self._texts:
            new = f"{name:032x}" if old == 0 else sid_of(name) if old == 1 else f"m{name} " if old == 2 else f"m{name}+"
            value = values[at]
            if isinstance(value, bytes):
                values[at] = value.replace(self._olds[old].encode(), new.encode())
            else:
                values[at] = value.replace(self._olds[old], new)
        for at in self._moments:
            values[at] += shift
        for at in self._of_watch:
            values[at] = name
        for at in self._of_row:
            values[at] = _FIRST + number * self._rows + self._place
        for column, value in changed.items():
            values[self._columns.index(column)] = value
        return values


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

    def copy(
        self, send: str, count: int, change: Change = _nothing, *, first: int = 1, shift: Callable[[int], float] = _none
    ) -> None:
        """`count` copies of a send and of all that hangs on it; their numbers go on from `first`.

        `change(table, number)` says what is otherwise in a copy. `shift(number)` is by how many seconds its moments are later.
        Raises UnknownSchemaError where a column that is to be changed is not there.
        """
        template = self._hanging_on(send)
        for table in template:
            if missing := set(change(table, first)) - set(self._columns[table]):
                raise UnknownSchemaError(f"the store has no {table}.{', '.join(sorted(missing))}")
        sent, numbers = template["sends"][0], range(first, first + count)
        self._db.execute("BEGIN IMMEDIATE")
        for table, rows in template.items():
            columns = self._columns[table]
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
            plans = [_Plan(table, columns, row, sent, place, len(rows)) for place, row in enumerate(rows)]
            copies = (plan.copy(n, change(table, n), shift(n)) for n in numbers for plan in plans)
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
