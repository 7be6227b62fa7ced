"""The command `check`: validates a configuration without a provider request, and reports all errors at once."""

from collections.abc import Mapping
from pathlib import Path

from translator.shell.config.load import read
from translator.shell.config.problems import Problems
from translator.shell.config.settings import Settings
from translator.shell.server.tls import front_tls
from translator.shell.store import StoreUnavailable
from translator.shell.store.inspection import look
from translator.shell.wiring import Wiring, assemble


async def look_through(path: Path, environment: Mapping[str, str]) -> tuple[Settings, Wiring]:
    """Return the configuration and its wiring, after checks of the file, the certificate, the dialects and the store.

    The store is opened but not changed. Raises ConfigError and TableError, and StoreUnavailable if the database is the only problem.
    """
    problems = Problems()
    settings = read(path, environment, problems)
    made: list[Wiring] = []
    with problems.collected():
        made.append(assemble(settings))
    with problems.collected():
        front_tls(settings)
    where = f"{settings.file}, [store] url"
    if not problems.concerns("[store]"):
        try:
            with problems.collected():
                await look(settings.store.url, where, settings.folder)
        except StoreUnavailable as error:
            if not problems:
                raise
            problems.add(where, f"the store does not answer: {error}")
    problems.check()
    return settings, made[0]
