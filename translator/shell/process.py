"""The sockets of one process, the front and the admin port, from the first `listen` to the last response.

listening ──▶ serving ── SIGTERM ──▶ lingering: /readyz says 503, connections close ──▶ draining: no new connection ──▶ the end
                 └── SIGHUP ──▶ the configuration is reloaded: `application`
"""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette

from translator.core.errors import ConfigError, TableError
from translator.shell.application import Loaded, Reader, Reloading, Runtime, grace
from translator.shell.config.addresses import Address, read_address
from translator.shell.config.settings import Settings
from translator.shell.delivery.worker import going_on
from translator.shell.descriptors import ADMIN, raise_limit
from translator.shell.malloc import Returning, tune_glibc_malloc
from translator.shell.observability.admin import Meter, admin_application
from translator.shell.observability.log import batched_writes, logger
from translator.shell.server.asgi_host import hosted
from translator.shell.server.protocol_factory import ProtocolFactory
from translator.shell.server.request import new_ids
from translator.shell.signals import Ending, hold_reloads
from translator.shell.store import open_store
from translator.shell.store.deferred_open import open_late
from translator.shell.supervisor import Supervisor

try:
    import uvloop
except ImportError:  # not available for this platform
    uvloop = None  # type: ignore[assignment]

_CANNOT_START: Final = 2
_WAITING: Final = 65535
"""The listen backlog. The kernel lowers it to its own limit (`net.core.somaxconn`).
When the queue is full, the kernel may complete a handshake and reset that connection later."""
SHUTDOWN_GRACE_SECONDS: Final = 2
"""Seconds after the timeout of a request in which its response may still be sent."""


def listen(where: str, at: Address) -> socket.socket:
    """Return a listening socket. Raises ConfigError, with `where` as its place, if the address is in use or not local."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            at.host, at.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError(where, f"cannot listen on {at.host}: {error.strerror}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_WAITING)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ConfigError(where, f"cannot listen on {at.host}:{at.port}: {error.strerror}") from None
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the address of a listening socket as `host:port`. Port 0 has become a real port."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Server(uvicorn.Server):
    """A server without signal handlers, because the process has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def give(self, grace: int) -> None:
        """Set the seconds that open requests get at the end."""
        self.config.timeout_graceful_shutdown = grace


@contextlib.asynccontextmanager
async def serving(
    app: Starlette, listener: socket.socket, grace: int, door: ProtocolFactory | None = None
) -> AsyncIterator[_Server]:
    """Serve while the block runs. At its end open requests get `grace` seconds, and the application closes its resources.
    Connections go to the protocol factory `door`, or to uvicorn's own HTTP protocol if there is none."""
    config = uvicorn.Config(
        app,
        http=door or "auto",  # type: ignore[arg-type]  # it takes the arguments of a protocol class
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_WAITING,
        proxy_headers=False,
        timeout_graceful_shutdown=grace,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield server
    finally:
        server.should_exit = True
        await running


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end, in uvloop if it is installed."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if uvloop else None) as runner:
        runner.run(work)


def _freeze_startup_objects() -> None:
    """Exempt the objects of the start from garbage collection, and collect less often, because a request leaves no cycles.
    Without this, collections took a tenth of the time of a send."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def serve(load: Callable[[], Settings]) -> int:
    """Run the proxy until SIGINT or SIGTERM, in the configured number of processes, and return the exit status.
    `load` reads the configuration, at the start and for each SIGHUP.
    Raises ConfigError if an address cannot be listened on or the TLS files cannot be used."""
    hold_reloads()
    read = Reader(load)
    loaded = read()
    settings = loaded.settings
    where = f"{settings.file}, [server] listen"
    tune_glibc_malloc()
    raise_limit()
    for sentence in settings.unpromised():
        logger().warning(sentence)
    with contextlib.closing(listen(where, read_address(where, settings.server.listen))) as front:
        if settings.server.workers == 1:
            run(_served(loaded, read, front))
            return 0
        last = loaded

        def work(number: int, lifeline: int) -> int:
            try:
                run(_served(last, read, front, number, lifeline))
            except ConfigError as error:
                logger().error("cannot-start", worker=number, why=str(error))
                return _CANNOT_START
            return 0

        def refresh() -> None:
            nonlocal last
            with contextlib.suppress(ConfigError, TableError):  # the running workers log the error
                last = read()

        return Supervisor(settings.server.workers, work, refresh).run()


async def _served(
    loaded: Loaded, read: Reader, front: socket.socket, number: int = 0, lifeline: int | None = None
) -> None:
    """Run one process. The admin port of worker `number` is that of the first worker plus `number`."""
    settings = loaded.settings
    where = f"{settings.file}, [server] admin"
    with contextlib.ExitStack() as sockets:
        admin = None
        if settings.server.admin:
            at = read_address(where, settings.server.admin)
            admin = listen(where, at._replace(port=at.port + number))
            sockets.callback(admin.close)
        opening = partial(open_store, settings.store.url, f"{settings.file}, [store] url", settings.folder)
        store = await open_late(opening, shared=settings.store.url.startswith("postgresql:"))
        try:
            meter = Meter()
            runtime = Runtime(loaded, store, meter)
            reloading = Reloading(read, runtime, meter)
            ending = Ending(is_worker=lifeline is not None, reload=reloading.want)
            if lifeline is not None:
                asyncio.get_running_loop().add_reader(lifeline, _orphaned, lifeline, ending)
            await _serve(runtime, reloading, ending, front, admin, None if lifeline is None else number)
        finally:
            await store.close()


def _orphaned(lifeline: int, ending: Ending) -> None:
    """Drain, because the parent has ended. It is also the process that would have restarted this worker."""
    asyncio.get_running_loop().remove_reader(lifeline)
    ending.drain()


async def _serve(
    runtime: Runtime, reloading: Reloading, ending: Ending, front: socket.socket, admin: socket.socket | None,
    worker: int | None,
) -> None:  # fmt: skip
    proxy, keeper, door = runtime.proxy, runtime.keeper, runtime.door
    async with contextlib.AsyncExitStack() as servers:
        if admin is not None:
            app = admin_application(runtime.meter, ending.is_told, keeper.readiness.why_not)
            shown = ProtocolFactory(
                hosted(app), new_ids(), lambda _: None, name="admin", refused=runtime.meter.count_refused,
                budget=door.budget,
            )  # fmt: skip
            shown.most = ADMIN
            runtime.doors.append(shown)
            await servers.enter_async_context(serving(app, admin, SHUTDOWN_GRACE_SECONDS, shown))
            logger().info("admin", listen=address_of(admin))
        # The provider clients are closed last, because the background workers use them until then.
        servers.push_async_callback(runtime.aclose)
        await servers.enter_async_context(keeper.going_on(proxy.driver))
        server = await servers.enter_async_context(serving(proxy.application(), front, grace(runtime.settings), door))
        keeper.readiness.is_serving = True
        _freeze_startup_objects()
        servers.enter_context(batched_writes(asyncio.get_running_loop()))
        await servers.enter_async_context(going_on([reloading, Returning()]))
        accounts = len(runtime.accounts.entries)
        logger().info("serving", listen=address_of(front), accounts=accounts, worker=worker)
        await ending.told()
        linger = runtime.settings.server.linger
        if linger and not ending.is_draining():
            door.is_leaving = True
            logger().info("lingering", seconds=linger)
            await ending.lingered(linger)
        logger().info("draining")
        server.give(grace(runtime.settings))
    logger().info("stopped")
