"""The migrations of one process: their stages, and what is checked for new providers."""

import time
from collections.abc import Callable

from translator.core.accounts import Accounts
from translator.core.listing import Limits
from translator.shell.migration.migrations import Migrations
from translator.shell.migration.renderer import Renderer
from translator.shell.observability.admin import Meter
from translator.shell.store import Store


class MigrationService:
    """Both parts for one configuration after another."""

    def __init__(
        self, store: Store, accounts: Accounts, limits: Limits, meter: Meter, clock: Callable[[], float] = time.time
    ) -> None:
        self.stages = Migrations(store, accounts, meter, clock)
        self.renderer = Renderer(store, accounts, limits, meter, clock)

    def change(self, accounts: Accounts, limits: Limits) -> None:
        """Use another configuration."""
        self.stages.change(accounts)
        self.renderer.change(accounts, limits)

    async def aclose(self) -> None:
        """Write the last counts, and take this replica off the list. Raises StoreUnavailable."""
        await self.stages.aclose()
        await self.renderer.aclose()
