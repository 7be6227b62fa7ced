"""A whole configuration, as closed types."""

from pathlib import Path
from typing import Final, NamedTuple

from translator.core.migration import MigrationRules
from translator.shell.config.schema import (
    BackAccount,
    BackSection,
    Callbacks,
    Front,
    Lists,
    Numbers,
    Sends,
    Server,
    Store,
)

_UNSIGNED: Final = (
    "without a secret nothing can be signed: backs are not asked to call us, and polling finds what happens"
)
_FORGOTTEN: Final = "memory: is for trials: sends and callbacks are forgotten when this process ends"


class AccountSection(NamedTuple):
    """One `[[accounts]]` row. `where` names it in errors. `old` is the account at the provider that it leaves, if there is one.
    `migration` are the rules of that."""

    where: str
    front: Front
    behind: BackAccount
    numbers: Numbers = Numbers()
    old: BackAccount | None = None
    migration: MigrationRules = MigrationRules()

    @property
    def sides(self) -> tuple[tuple[str, BackAccount], ...]:
        """The provider accounts by the name of their key."""
        return (("back", self.behind),) if self.old is None else (("back", self.behind), ("old", self.old))


class Settings(NamedTuple):
    """A whole configuration file. `file` is its name in errors. `folder` is the base of its relative paths."""

    file: str
    folder: Path
    server: Server
    store: Store
    sends: Sends
    callbacks: Callbacks
    lists: Lists
    backs: dict[str, BackSection]
    accounts: tuple[AccountSection, ...]

    def unpromised(self) -> list[str]:
        """Return a warning for each promise that an operator may expect and that these settings do not keep."""
        found = {
            "[server] public_url": _UNSIGNED if self.server.public_url and not self.server.secrets else "",
            "[store] url": _FORGOTTEN if self.store.url == "memory:" else "",
        }
        return [f"{self.file}, {name}: {sentence}" for name, sentence in found.items() if sentence]
