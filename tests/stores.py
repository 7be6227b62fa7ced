"""Every kind of store, empty, for a test to be run on each."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from translator.shell.store import Store, open_store

KINDS = ("memory", "sqlite", "postgres")

Result = TypeVar("Result")


@asynccontextmanager
async def opened(url: str, *, alone: bool = True) -> AsyncIterator[Store]:
    """A store, closed at the end."""
    store = await open_store(url, "[store] url", Path("/"), alone=alone)
    try:
        yield store
    finally:
        await store.close()


async def emptied(url: str) -> None:
    """Drop all our tables of a PostgreSQL database. A plain connection does it, because a store would create them first."""
    import asyncpg  # type: ignore[import-untyped]

    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "DROP TABLE IF EXISTS sends, callback_subscriptions, callback_deliveries, destinations, store, trials, stages,"
            " outcome_counts, stage_readers, render_findings"
        )
    finally:
        await connection.close()


def on(url: str, work: Callable[[Store], Coroutine[Any, Any, Result]]) -> Result:
    """Return the result of a test's work on a store."""

    async def main() -> Result:
        async with opened(url) as store:
            return await work(store)

    return asyncio.run(main())


def plans_of(connection: Connection, work: Callable[[Connection], object]) -> dict[str, list[str]]:
    """The steps by which SQLite does each statement of a work, by the statement. The work is done."""
    said: set[str] = set()
    raw: Any = connection.connection.driver_connection
    raw.set_trace_callback(said.add)
    work(connection)
    raw.set_trace_callback(None)
    statements = sorted(one for one in said if one.startswith(("SELECT", "UPDATE", "DELETE", "WITH")))
    return {one: [step[3] for step in raw.execute(f"EXPLAIN QUERY PLAN {one}")] for one in statements}
