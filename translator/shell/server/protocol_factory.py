"""Makes the connections of our own server, and sweeps the idle ones."""

import asyncio
import math
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from uvicorn import Config
from uvicorn.server import ServerState

from translator.shell.aio.memory_budget import MemoryBudget
from translator.shell.observability.log import logger
from translator.shell.server.connection_shares import ConnectionShares
from translator.shell.server.host import Handler
from translator.shell.server.http1 import Http1Protocol
from translator.shell.server.response_head import FULL_SERVER, ResponseHeadCache
from translator.shell.server.tls_transport import TlsServerTransport

_LOOK: Final = 1.0
"""Seconds between two idle sweeps."""


class ProtocolFactory:
    """The protocol factory that uvicorn gets in place of a protocol class. `handle`, `tls`, `budget`, `most` and `keep_alive` may be
    replaced while the server runs: each request reads `handle`, and each connection `tls`.

    handle: Answers a request.
    ids: Makes ids for requests that carry none.
    tls: The TLS context. With it the server accepts only TLS.
    failed: Called with the reason of each failed handshake.
    refused: Called with `name` for each connection that is closed because `most` connections are open. It is the new one, or that of
        an unknown client.
    budget: The memory budget.
    most: The limit of open connections.
    keep_alive: Seconds for which a connection is kept open after a response.
    name: The server's name in the log.
    """

    def __init__(
        self, handle: Handler, ids: Iterator[str], failed: Callable[[str], None], tls: ssl.SSLContext | None = None, *,
        name: str = "front", refused: Callable[[str], None] = lambda _: None, budget: MemoryBudget | None = None,
    ) -> None:  # fmt: skip
        self.handle, self.ids, self.tls = handle, ids, tls
        self.budget = budget or MemoryBudget()
        self.is_leaving = False
        self.shares = ConnectionShares()
        self.keep_alive = 0.0
        self._failed = failed
        self._refusals = _Refusals(name, refused)
        self._heads: ResponseHeadCache | None = None
        self._is_looking = False

    def __call__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],  # noqa: ARG002 - uvicorn's own names
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:  # fmt: skip
        """Make the protocol of a new connection."""
        loop = _loop or asyncio.get_running_loop()
        heads = self._heads = self._heads or ResponseHeadCache(server_state)
        if not self._is_looking:
            self._is_looking = True
            loop.call_later(_LOOK, self._look, loop, server_state, int(config.timeout_keep_alive / _LOOK))
        if len(server_state.connections) >= self.most:
            self._refusals.count()
            if not self.shares.make_room():
                return _Refused(is_plain=self.tls is None)
        if self.tls is None:
            return Http1Protocol(self, heads, server_state, loop)
        make = partial(Http1Protocol, self, heads, server_state, loop)
        return TlsServerTransport(make, self.tls, server_state, self._failed, self.shares)

    @property
    def most(self) -> int:
        """The limit of open connections."""
        return self.shares.most

    @most.setter
    def most(self, most: int) -> None:
        self.shares.most = most

    @property
    def hint(self) -> str:
        """The `Keep-Alive` header with the timeout in whole seconds. Published clients close their connections before it."""
        return f"Keep-Alive: timeout={int(self.keep_alive)}\r\n" if self.keep_alive >= 1 else ""

    def _look(self, loop: asyncio.AbstractEventLoop, state: ServerState, most: int) -> None:
        """Close idle connections. One sweep over all of them costs less than a timer for each.

        The sweep also logs the number of connections refused since the last one, on one line. If more than half of the limit is in
        use, `keep_alive` is ignored: waiting for the next request is limited like waiting for the first.
        """
        connections: set[Any] = state.connections
        kept = most if len(connections) > self.most / 2 else max(most, math.ceil(self.keep_alive / _LOOK))
        for connection in list(connections):
            connection.on_idle_tick(most, kept)
        self._refusals.log(len(connections))
        self._is_looking = bool(connections)
        if connections:
            loop.call_later(_LOOK, self._look, loop, state, most)


class _Refusals:
    """The connections refused since the last sweep. `name` is the server's name in the log. `refused` is called for each of them."""

    def __init__(self, name: str, refused: Callable[[str], None]) -> None:
        self._name, self._refused = name, refused
        self._count = 0

    def count(self) -> None:
        """Count a connection."""
        self._count += 1
        self._refused(self._name)

    def log(self, connections: int) -> None:
        """Log the number, if there is any, and start again. `connections` is the number of open connections."""
        count, self._count = self._count, 0
        if count:
            logger().warning("connections-refused", port=self._name, refused=count, open=connections)


class _Refused(asyncio.Protocol):
    """A connection above the limit. It is closed at once, after a 503 response if the server has no TLS."""

    def __init__(self, *, is_plain: bool) -> None:
        self._is_plain = is_plain

    def connection_made(self, transport: Any) -> None:
        if self._is_plain:
            transport.write(FULL_SERVER)
        transport.close()
