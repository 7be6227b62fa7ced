"""The settings that all tests share: the effort of the generated tests, and the stores that tests run on."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests import effort, postgres, stores
from translator.shell.observability import log

effort.load()

# fmt: off
SLOW = frozenset({
    "arrivals", "battery", "cli", "conformance_cli", "conformance_reports", "connection", "crowd", "deliveries",
    "dialect", "drill", "drill_of_migration", "drills", "ending", "engine", "faults", "first_steps", "isolation", "judge",
    "keeping", "keeping_machine", "known_first", "leftovers", "ledger", "lists", "losses", "machine", "migrate_cli",
    "migrate_command", "migrate_page", "sandbox_migration",
    "migration_machine", "migration_model", "migration_served", "nginx",
    "nightly", "overload", "pairs", "poller", "readiness", "reload", "roads", "seeker", "seeking", "sealed",
    "tls", "tracking", "traffic", "wheel", "workers",
})
# fmt: on
"""The subjects whose tests start processes, fill sockets or try thousands of examples. `make check` leaves them to `make test`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow subjects."""
    for item in items:
        if item.path.stem.removeprefix("test_") in SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """A command that is run in this process configures the log; the next test has it as it was."""
    yield
    structlog.reset_defaults()
    log._Log.now, log._Log.sink = structlog.get_logger(), None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server | None]:
    """A PostgreSQL server of this run, or None."""
    with postgres.server() as made:
        yield made


@pytest.fixture
def postgres_url(postgres_server: postgres.Server | None) -> str:
    """An empty PostgreSQL database. If there is none, the test skips and says what is missing."""
    pytest.importorskip("asyncpg", reason="PostgreSQL: the extra `postgres` is not installed")
    url = os.environ.get(postgres.VARIABLE) or (postgres_server.url if postgres_server is not None else "")
    if not url:
        pytest.skip(postgres.NOT_HERE)
    asyncio.run(stores.emptied(url))
    return url


@pytest.fixture(params=stores.KINDS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Every kind of store in turn, empty."""
    if request.param == "memory":
        return "memory:"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'translator.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found
