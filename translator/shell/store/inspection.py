"""Checks of a store that change nothing: they find out if `serve` could open it."""

import os
import sqlite3
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from translator.core.errors import ConfigError
from translator.shell.store.migrations import VERSION

_PATIENCE: Final = 5.0


async def look(url: str, where: str, folder: Path) -> None:
    """Check the store at a URL. Raises ConfigError with the obstacle, and StoreUnavailable if the database does not answer."""
    if url.startswith("sqlite:///"):
        _look_at_file(folder / url.removeprefix("sqlite:///"), where)
    elif url.startswith("postgresql://"):
        try:
            from translator.shell.store.postgres import connected  # noqa: PLC0415 - loaded only if it is configured
        except ImportError:
            raise ConfigError(where, "needs the extra: pip install 'sms-translator[postgres]'") from None
        connection = await connected(url, where)
        try:
            await _look_at_tables(connection, where)
        finally:
            await connection.close(timeout=_PATIENCE)


async def _look_at_tables(connection: Any, where: str) -> None:
    if await connection.fetchval("SELECT to_regclass('store')") is None:
        if not await connection.fetchval("SELECT has_schema_privilege(current_schema(), 'CREATE')"):
            raise ConfigError(where, "holds no store yet, and its user may not make tables there")
        return
    for table in ("sends", "callback_subscriptions", "callback_deliveries"):
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            if not await connection.fetchval("SELECT has_table_privilege($1, $2)", table, right):
                raise ConfigError(where, f"its user may not {right} in the table {table}")
    _judge(await connection.fetchval("SELECT version FROM store"), where)


def _look_at_file(path: Path, where: str) -> None:
    if not path.exists():
        if not path.parent.is_dir():
            raise ConfigError(where, f"cannot be made: there is no folder {path.parent}")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise ConfigError(where, f"cannot be made: we may not write in the folder {path.parent}")
        return
    if not os.access(path, os.R_OK | os.W_OK):
        raise ConfigError(where, f"cannot be used: we may not read and write {path}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(
            where, f"cannot be used: we may not write in the folder {path.parent}, where the log of the file stands"
        )
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_PATIENCE)
        try:
            made = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'store'").fetchone()[0]
            version = connection.execute("SELECT version FROM store").fetchone()[0] if made else None
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise ConfigError(where, f"cannot be used: {type(error).__name__}: {error}") from None
    _judge(version, where)


def _judge(version: int | None, where: str) -> None:
    if version is not None and version > VERSION:
        raise ConfigError(where, f"was written by a newer release: its version is {version}, ours is {VERSION}")
