"""Sends without a provider request, because their record failed. That record may have been committed nevertheless."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, text

from translator.shell.store.any_of import Among

_FENCE: Final = text(
    "INSERT INTO sends (id, account, provider_account, state, created_at, sender, recipient, text, content_hash, checks, leased_until,"
    " fencing_token)"
    " SELECT unnest(CAST(:values AS VARCHAR[])), '', '', 'refused', 0, '', '', '', '', 0, 0, 0 ON CONFLICT (id) DO NOTHING"
)
_MINE: Final = Among("SELECT id FROM sends WHERE resent_at IS NULL AND id {}")
_SUBSCRIPTIONS: Final = Among("DELETE FROM callback_subscriptions WHERE send_id {}")
_SENDS: Final = Among("DELETE FROM sends WHERE id {}")


def withdraw(connection: Connection, ids: Sequence[str]) -> int:
    """Delete sends for which no provider request was made, whatever their state is now, and return their number.
    A send that was resent by the operator's setting has been requested, and stays.

    On PostgreSQL the commit without a response may still be in progress. An insert of the same id waits for its end.
    After that the row is there to be deleted, or never will be.
    """
    fences = 0
    if connection.dialect.name == "postgresql":
        fences = connection.execute(_FENCE, {"values": list(ids)}).rowcount
    mine = [id_ for (id_,) in _MINE.rows(connection, ids)]
    _SUBSCRIPTIONS.change(connection, mine)
    return _SENDS.change(connection, mine) - fences
