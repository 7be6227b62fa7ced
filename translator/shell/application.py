"""The application of one configuration, which a reload replaces while it serves.

file ─▶ read, checked, compiled: Loaded ─▶ Runtime.change ─┬▶ a proxy, for the requests that begin from now on
        └ a ConfigError: nothing changes                   ├▶ the front's certificate, for connections from now on
                                                           ├▶ the background workers, from the next round on
                                                           └▶ provider clients: kept, new, and closing

A proxy is never changed. The protocol factory reads its handler when a request begins, so a swap is one assignment.
Requests in progress end with the configuration that they began with.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from translator.core.errors import ConfigError, TableError
from translator.shell.client.provider_client import ProviderClient
from translator.shell.config.settings import Settings
from translator.shell.delivery.service import DeliveryService, DeliverySettings
from translator.shell.descriptors import places
from translator.shell.observability.admin import Meter
from translator.shell.observability.log import logger, redacted_traceback
from translator.shell.runtime.single_flight_cache import SingleFlightCache
from translator.shell.server.handler import Proxy
from translator.shell.server.tls import front_tls
from translator.shell.store import Store, StoreUnavailable
from translator.shell.wiring import Dialects, Reach, Wiring, assemble

SHUTDOWN_GRACE_SECONDS: Final = 2
"""Seconds after the timeout of a request in which its response may still be sent."""

_FIXED: Final = (("server", "listen"), ("server", "admin"), ("server", "workers"), ("store", "url"))
"""Settings that a process reads only at its start."""


class Loaded(NamedTuple):
    """A configuration that was read and found valid."""

    settings: Settings
    assembly: Wiring
    tls: ssl.SSLContext | None


class Reader:
    """Reads the configuration any number of times. `load` reads the file. Dialects with the same settings are not compiled again."""

    def __init__(self, load: Callable[[], Settings]) -> None:
        self._load = load
        self._dialects: Dialects | None = None

    def __call__(self) -> Loaded:
        """Read, check and compile the configuration. Raises ConfigError and TableError."""
        settings, dialects = self._load(), Dialects(self._dialects)
        loaded = Loaded(settings, assemble(settings, dialects), front_tls(settings))
        self._dialects = dialects
        return loaded


def grace(settings: Settings) -> int:
    """Return the seconds that open requests get at the end, so that the last is answered and its send has an outcome."""
    if settings.server.drain is not None:
        return int(settings.server.drain)
    slowest = max(back.timeout for back in settings.backs.values())
    return int(max(settings.server.deadline, slowest + settings.sends.wait)) + SHUTDOWN_GRACE_SECONDS


class Runtime:
    """Everything of one process except its sockets. `door` is the protocol factory of the front."""

    def __init__(self, loaded: Loaded, store: Store, meter: Meter) -> None:
        self.settings = self._first = loaded.settings
        self.meter, self.accounts = meter, loaded.assembly.accounts
        self._reaches = loaded.assembly.reaches
        self._backs = {name: reach.upstream() for name, reach in self._reaches.items()}
        self._left: list[ProviderClient] = []
        self._memory = SingleFlightCache(loaded.settings.lists.snapshot_bytes, loaded.assembly.budget)
        accounts, limits = loaded.assembly[:2]
        self.keeper = DeliveryService(store, accounts, limits, DeliverySettings.of(loaded.settings), meter)
        self.proxy = self._proxy(loaded, None)
        self.door = self.proxy.door(loaded.tls)
        self.doors = [self.door]
        """The front's, and the admin port's if there is one: they take memory from one budget."""
        self.door.most, self.door.keep_alive = places(loaded.settings), loaded.settings.server.keep_alive
        meter.show_loaded(time.time())

    def _proxy(self, loaded: Loaded, before: Proxy | None) -> Proxy:
        server = loaded.settings.server
        return Proxy(
            loaded.assembly.accounts,
            loaded.assembly.limits,
            self._backs,
            deadline=server.deadline,
            max_body=server.max_body,
            queue_max=server.queue_max,
            memory=self._memory,
            scribe=self.keeper.migrations.stages.counted(self.keeper.journal),
            stage=self.keeper.migrations.stages.stage,
            render=self.keeper.migrations.renderer.offer,
            receipts=self.keeper.take_receipt,
            explain_headers=server.explain_headers,
            meter=self.meter,
            before=before,
        )

    async def change(self, loaded: Loaded) -> list[str]:
        """Use this configuration from now on. Returns the changed keys that need a restart, as `[section] key`."""
        settings, reaches = loaded.settings, loaded.assembly.reaches
        backs = {name: self._back(name, reach) for name, reach in reaches.items()}
        leave = [back for back in self._backs.values() if back not in backs.values()]
        (accounts, limits), keeping, most = loaded.assembly[:2], DeliverySettings.of(settings), places(settings)
        if _seen(settings) != _seen(self.settings):
            self._memory = SingleFlightCache(settings.lists.snapshot_bytes, loaded.assembly.budget)
        with contextlib.suppress(
            StoreUnavailable
        ):  # sends of an account that begins to migrate are refused until the stage is known
            await self.keeper.migrations.stages.prepare(accounts)
        # From here on no step can fail, and none awaits.
        self._backs, self._reaches, self.settings, self.accounts = backs, reaches, settings, accounts
        self.keeper.change(accounts, limits, keeping)
        self.proxy = self._proxy(loaded, self.proxy)
        self.keeper.use(self.proxy.driver)
        self.door.handle, self.door.tls, self.door.most = self.proxy.handle, loaded.tls, most
        self.door.keep_alive = settings.server.keep_alive
        for door in self.doors:
            door.budget = self._memory.budget
        self.meter.show_loaded(time.time())
        self._left = [back for back in (*self._left, *leave) if not back.is_idle or back in leave]
        for back in leave:
            await back.leave()
        return [
            f"[{section}] {key}" for section, key in _FIXED
            if getattr(getattr(settings, section), key) != getattr(getattr(self._first, section), key)
        ]  # fmt: skip

    def _back(self, name: str, reach: Reach) -> ProviderClient:
        """Return the provider client for this access: the present one if nothing has changed."""
        return self._backs[name] if self._reaches.get(name) == reach else reach.upstream()

    async def aclose(self) -> None:
        """Close all connections to providers."""
        for back in (*self._left, *self._backs.values()):
            await back.aclose()


class Reloading:
    """Reloads the configuration for each request to do so, one at a time, beside the requests of clients."""

    def __init__(self, read: Reader, runtime: Runtime, meter: Meter) -> None:
        self._read, self._runtime, self._meter = read, runtime, meter
        self._wanted = asyncio.Event()

    def want(self) -> None:
        """Handle SIGHUP: request a reload."""
        self._wanted.set()

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._reload()

    async def _reload(self) -> None:
        """Reload in a thread, because compiling tables takes time. After any error the present configuration stays."""
        thread = ThreadPoolExecutor(1, "reload")
        try:
            loaded = await asyncio.get_running_loop().run_in_executor(thread, self._read)
            fixed = await self._runtime.change(loaded)
        except (ConfigError, TableError) as error:
            self._meter.count_reload("refused")
            logger().error("reload-refused", why=str(error))
            return
        except Exception as error:  # noqa: BLE001 - the last line of defence, and it is logged
            self._meter.count_reload("refused")
            logger().error("defect", reloading=True, traceback=redacted_traceback(error))
            return
        finally:
            thread.shutdown(wait=False)
        self._meter.count_reload("done")
        for sentence in loaded.settings.unpromised():
            logger().warning(sentence)
        logger().info("reloaded", accounts=len(loaded.assembly.accounts.entries), backs=len(loaded.settings.backs))
        if fixed:
            logger().warning("needs-restart", keys=", ".join(fixed))


def _seen(settings: Settings) -> Any:
    """Return the settings that cached lists depend on: accounts, providers, list settings and memory. Tokens are not among them."""
    places_ = {(row.front.dialect, row.front.account, row.front.property, side, one.name, one.account, one.property)
               for row in settings.accounts for side, one in row.sides}  # fmt: skip
    return places_, settings.backs, settings.lists, settings.server.memory
