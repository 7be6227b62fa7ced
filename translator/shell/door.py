"""How a server of our own makes its connections, and looks after those that nobody uses."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from uvicorn import Config
from uvicorn.server import ServerState

from translator.shell.connection import Attend, Connection
from translator.shell.heads import Heads
from translator.shell.sealed import Sealed

_LOOK: Final = 1.0
"""Seconds between two looks for connections that nobody uses."""


class Door:
    """Stands where uvicorn wants a protocol's class, for one server. `attend` answers a call, `ids` are for requests without one, and
    with `tls` nothing else is spoken: `failed` is told then why hands were not shaken."""

    def __init__(
        self, attend: Attend, ids: Iterator[str], failed: Callable[[str], None], tls: ssl.SSLContext | None = None
    ) -> None:  # fmt: skip
        self._attend, self._ids, self._failed, self._tls = attend, ids, failed, tls
        self._heads: Heads | None = None
        self._is_looking = False

    def __call__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],  # noqa: ARG002 - uvicorn's own names
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> Connection | Sealed:  # fmt: skip
        """A new connection."""
        loop = _loop or asyncio.get_running_loop()
        heads = self._heads = self._heads or Heads(server_state)
        if not self._is_looking:
            self._is_looking = True
            loop.call_later(_LOOK, self._look, loop, server_state, int(config.timeout_keep_alive / _LOOK))
        if self._tls is None:
            return Connection(self._attend, self._ids, heads, server_state, loop)
        make = partial(Connection, self._attend, self._ids, heads, server_state, loop)
        return Sealed(make, self._tls, server_state, self._failed)

    def _look(self, loop: asyncio.AbstractEventLoop, state: ServerState, most: int) -> None:
        """Close the connections on which no request has come for a while: one look at all costs less than a timer for each."""
        connections: set[Any] = state.connections
        for connection in list(connections):
            connection.grow_old(most)
        self._is_looking = bool(connections)
        if connections:
            loop.call_later(_LOOK, self._look, loop, state, most)
