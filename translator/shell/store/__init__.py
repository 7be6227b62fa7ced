"""The data that must outlive the process: the journal of sends, callback subscriptions and callback deliveries.

    sends ◀── callback_subscriptions ◀── callback_deliveries     one send, its subscriptions, the deliveries of each
    work(connection) ─▶ Store.write ─▶ committed, or StoreUnavailable

Except for the stores, every function of this package takes a connection. It runs on SQLite and on PostgreSQL alike.
"""

from translator.shell.store.interface import Store, StoreUnavailable, open_store

__all__ = ["Store", "StoreUnavailable", "open_store"]
