"""The step from version 6 to 7: tables, columns, indexes and one state get the names of the glossary. No row is copied."""

from typing import Final

from sqlalchemy import Connection, inspect, text

from translator.shell.store.schema import METADATA

_TABLES: Final = {"watches": "callback_subscriptions", "events": "callback_deliveries"}

_LEASED: Final = {"leased": "leased_until", "attempt": "fencing_token"}

_COLUMNS: Final = {
    "sends": {
        "entry": "account", "place": "provider_account", "made": "created_at", "same": "content_hash", "key": "idempotency_key",
        "content": "request_hash", "look_at": "next_check_at", "looks": "checks", "doubted": "unknown_since",
        "settled": "settled_at", "resent": "resent_at", **_LEASED,
    },
    "callback_subscriptions": {
        "send": "send_id", "entry": "account", "address": "url", "told": "notified", "look_at": "next_check_at",
        "looks": "checks", "over": "completed_at", "place": "provider_account", **_LEASED,
    },
    "callback_deliveries": {
        "watch": "subscription_id", "entry": "account", "name": "event", "address": "url", "form": "payload",
        "made": "created_at", "tries": "attempts", "why": "last_error", "finished": "finished_at", **_LEASED,
    },
    "destinations": {"entry": "account"},
}  # fmt: skip
"""The new name of each column that is renamed, by the new name of its table."""

_INDEXES: Final = {
    "sends_key": "sends_idempotency_key",
    "sends_made": "sends_created_at",
    "watches_look": "callback_subscriptions_next_check_at",
    "watches_place": "callback_subscriptions_provider_account",
    "watches_over": "callback_subscriptions_completed_at",
    "watches_waiting": "callback_subscriptions_waiting",
    "events_over": "callback_deliveries_finished_at",
    "events_due": "callback_deliveries_due",
    "events_open": "callback_deliveries_open",
}
_OF_CONSTRAINTS: Final = {
    "watches_pkey": "callback_subscriptions_pkey",
    "watches_once": "callback_subscriptions_once",
    "events_pkey": "callback_deliveries_pkey",
    "events_once": "callback_deliveries_once",
}
"""The indexes of constraints on PostgreSQL. SQLite cannot rename a constraint, and no statement names one."""

_SEQUENCES: Final = {
    "watches_id_seq": "callback_subscriptions_id_seq",
    "events_id_seq": "callback_deliveries_id_seq",
}


def rename(connection: Connection) -> None:
    """Give everything its new name. On SQLite each renamed index is built anew, because SQLite cannot rename one."""
    for old, new in _TABLES.items():
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
    for table, columns in _COLUMNS.items():
        for old, new in columns.items():
            connection.execute(text(f'ALTER TABLE {table} RENAME COLUMN "{old}" TO {new}'))
    connection.execute(
        text(
            "UPDATE sends SET state = 'unresolved' WHERE state NOT IN ('sent', 'refused') AND state = 'lost'"  # by an index
        )
    )
    if connection.dialect.name == "sqlite":
        for old in _INDEXES:
            connection.execute(text(f"DROP INDEX {old}"))
    else:
        for old, new in {**_INDEXES, **_OF_CONSTRAINTS}.items():
            connection.execute(text(f"ALTER INDEX {old} RENAME TO {new}"))
        for old, new in _SEQUENCES.items():
            connection.execute(text(f"ALTER SEQUENCE IF EXISTS {old} RENAME TO {new}"))
    _create_missing_indexes(connection)


def _create_missing_indexes(connection: Connection) -> None:
    look = inspect(connection)
    for name in _COLUMNS:
        there = {index["name"] for index in look.get_indexes(name)}
        for index in sorted(METADATA.tables[name].indexes, key=lambda index: str(index.name)):
            if index.name not in there:
                index.create(connection)
