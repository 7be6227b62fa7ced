"""Sockets and signals: the front and the admin port in one process, from the first listen to the last answer.

listening ──▶ serving ── SIGINT, SIGTERM ──▶ draining: no new connection, /readyz says 503 ──▶ the end
"""

import asyncio
import contextlib
import gc
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette

from translator.errors import ConfigError
from translator.shell.addresses import Address, read_address
from translator.shell.admin import Meter, admin_application
from translator.shell.allocator import keep_what_was_freed
from translator.shell.app import Proxy
from translator.shell.assembly import Assembly
from translator.shell.door import Door
from translator.shell.keeping import Keeper, Keeping
from translator.shell.log import in_one_write, logger
from translator.shell.memory import Memory
from translator.shell.settings import Settings
from translator.shell.store import Store, open_store
from translator.shell.tls import front_tls
from translator.shell.workers import Supervisor

try:
    import uvloop
except ImportError:  # where there is none for the platform
    uvloop = None  # type: ignore[assignment]

_CANNOT_START: Final = 2
_WAITING: Final = 65535
"""How many callers may wait to be accepted: as many as the system lets, which takes less where it allows less. Whom it has no place for it
may let believe that he is connected, and then reset."""
_GRACE: Final = 2
"""Seconds beyond the deadline of a request that an answer may take to leave."""


def listen(where: str, at: Address) -> socket.socket:
    """A socket that listens. Raises ConfigError, with `where` as its place, when the address is taken or is not ours."""
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
    """Where a socket listens, as `host:port`: what port 0 became."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: Starlette, listener: socket.socket, grace: int, door: Door | None = None) -> AsyncIterator[None]:
    """Serve while the block runs; on the way out open requests get `grace` seconds and the application closes what it holds. Requests
    come in through the door where there is one, and as ASGI otherwise."""
    config = uvicorn.Config(
        app,
        http=door or "auto",  # type: ignore[arg-type]  # what a protocol's class is called with, it takes
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
        yield
    finally:
        server.should_exit = True
        await running


def stopped() -> asyncio.Event:
    """An event that SIGINT or SIGTERM sets; a second one ends the process as it would without us."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        event.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, stop)
    return event


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end, in the fastest event loop there is."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if uvloop else None) as runner:
        runner.run(work)


def _grace(settings: Settings) -> int:
    """Seconds that open requests get at the end: until the last of them has been answered, and its send has an outcome."""
    if settings.server.drain is not None:
        return int(settings.server.drain)
    slowest = max(back.timeout for back in settings.backs.values())
    return int(max(settings.server.deadline, slowest + settings.sends.wait)) + _GRACE


def _leave_in_peace() -> None:
    """What was made at the start is not looked through again whenever the collector of garbage goes about; it goes less often, since
    a request leaves no cycles behind. It took a tenth of the time of a send."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def serve(settings: Settings, assembly: Assembly) -> int:
    """The proxy, until SIGINT or SIGTERM, in as many processes as are wanted. The exit status. Raises ConfigError when an address cannot
    be listened on, or when what TLS is spoken with is not usable."""
    where, tls = f"{settings.file}, [server] listen", front_tls(settings)
    keep_what_was_freed()
    for sentence in settings.unpromised():
        logger().warning(sentence)
    with contextlib.closing(listen(where, read_address(where, settings.server.listen))) as front:
        if settings.server.workers == 1:
            run(_served(settings, assembly, front, tls))
            return 0

        def work(number: int, lifeline: int) -> int:
            try:
                run(_served(settings, assembly, front, tls, number, lifeline))
            except ConfigError as error:
                logger().error("cannot-start", worker=number, why=str(error))
                return _CANNOT_START
            return 0

        return Supervisor(settings.server.workers, work).run()


async def _served(
    settings: Settings,
    assembly: Assembly,
    front: socket.socket,
    tls: ssl.SSLContext | None,
    number: int = 0,
    lifeline: int | None = None,
) -> None:
    """One process of it. The admin port of worker `number` is so many further than that of the first."""
    where = f"{settings.file}, [server] admin"
    with contextlib.ExitStack() as sockets:
        admin = None
        if settings.server.admin:
            at = read_address(where, settings.server.admin)
            admin = listen(where, at._replace(port=at.port + number))
            sockets.callback(admin.close)
        store = await open_store(settings.store.url, f"{settings.file}, [store] url", settings.folder)
        stop = stopped()
        if lifeline is not None:
            asyncio.get_running_loop().add_reader(lifeline, stop.set)
        try:
            await _serve(
                settings, assembly, store, front, tls, admin, stop, worker=None if lifeline is None else number
            )
        finally:
            await store.close()


async def _serve(
    settings: Settings,
    assembly: Assembly,
    store: Store,
    front: socket.socket,
    tls: ssl.SSLContext | None,
    admin: socket.socket | None,
    stop: asyncio.Event,
    worker: int | None,
) -> None:
    meter, grace = Meter(), _grace(settings)
    backs = {name: reach.upstream() for name, reach in assembly.reaches.items()}
    keeper = Keeper(store, assembly.accounts, assembly.limits, Keeping.of(settings), meter)
    proxy = Proxy(
        assembly.accounts,
        assembly.limits,
        backs,
        deadline=settings.server.deadline,
        max_body=settings.server.max_body,
        queue_max=settings.server.queue_max,
        memory=Memory(settings.lists.snapshot_bytes, assembly.budget),
        scribe=keeper.journal,
        receipts=keeper.take_receipt,
        explain_headers=settings.server.explain_headers,
        meter=meter,
    )
    async with contextlib.AsyncExitStack() as servers:
        if admin is not None:
            await servers.enter_async_context(
                serving(admin_application(meter, stop.is_set, keeper.is_well), admin, _GRACE)
            )
            logger().info("admin", listen=address_of(admin))
        # The backs are closed last: what is owed is worked off until then.
        servers.push_async_callback(proxy.driver.aclose)
        await servers.enter_async_context(keeper.going_on(proxy.driver))
        await servers.enter_async_context(serving(proxy.application(), front, grace, proxy.door(tls)))
        _leave_in_peace()
        servers.enter_context(in_one_write(asyncio.get_running_loop()))
        logger().info("serving", listen=address_of(front), accounts=len(assembly.accounts.entries), worker=worker)
        await stop.wait()
        logger().info("draining")
    logger().info("stopped")
