"""Checks of the files of a store."""

import sqlite3


def is_whole(store: str) -> bool:
    """True if an SQLite file passes its integrity check."""
    connection = sqlite3.connect(store.removeprefix("sqlite:///"))
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    finally:
        connection.close()
