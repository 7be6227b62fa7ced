"""Sends that were not begun: their record failed, and it is not known whether it was committed nevertheless."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, text

from translator.shell.store.any_of import Among

_FENCE: Final = text(
    "INSERT INTO sends (id, entry, place, state, made, sender, recipient, text, same, looks, leased, attempt)"
    " SELECT unnest(CAST(:values AS VARCHAR[])), '', '', 'refused', 0, '', '', '', '', 0, 0, 0 ON CONFLICT (id) DO NOTHING"
)
_MINE: Final = Among("SELECT id FROM sends WHERE resent IS NULL AND id {}")
_WATCHES: Final = Among("DELETE FROM watches WHERE send {}")
_SENDS: Final = Among("DELETE FROM sends WHERE id {}")


def withdraw(connection: Connection, ids: Sequence[str]) -> int:
    """Forget sends that nobody was asked for, whatever they were taken for since; how many there were. One that was made again by the
    operator's word has been asked for, and stays.

    On PostgreSQL the commit whose answer was lost may still be under way. A row of the same id waits for it to end: after that it is
    there to be deleted, or never will be.
    """
    fences = 0
    if connection.dialect.name == "postgresql":
        fences = connection.execute(_FENCE, {"values": list(ids)}).rowcount
    mine = [id_ for (id_,) in _MINE.rows(connection, ids)]
    _WATCHES.change(connection, mine)
    return _SENDS.change(connection, mine) - fences
