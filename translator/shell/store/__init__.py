"""What must outlive the process: the journal of sends, who waits to be told of them, and the calls that are owed.

    sends ◀── watches ◀── events         one send, each address that is told of it, each call that this makes
    work(connection) ─▶ Store.write ─▶ committed, or StoreDown

Everything here but the stores themselves is a plain function of a connection, and runs on SQLite and on PostgreSQL alike.
"""

from translator.shell.store.interface import Store, StoreUnavailable, open_store

__all__ = ["Store", "StoreUnavailable", "open_store"]
