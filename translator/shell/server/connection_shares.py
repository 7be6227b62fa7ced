"""Shares the connections of a server among its accounts.

    a connection ─▶ of an unknown client ─▶ of the account of its last authenticated request

- An account has at most as many connections as are left for the others. So one account alone gets half of them.
- If all are taken, the unknown client that has waited longest makes room for a new connection.
"""

from itertools import islice
from typing import Final, Protocol

_TRIED: Final = 64
"""The number of connections that are tried. On the others a request is in progress, such as a delivery receipt."""

_CLOSING: Final = 32
"""The number of connections that may be closing at the same time. Each has its descriptor until it is closed."""


class Connection(Protocol):
    """A connection that may have to make room for another one."""

    def makes_room(self) -> bool:
        """Close this connection if no request is in progress on it. True if it was closed."""


class ConnectionShares:
    """The open connections of a server, by account. `most` is their limit."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.most = most
        self._unknown: dict[Connection, None] = {}
        self._known: dict[Connection, str] = {}
        self._sizes: dict[str, int] = {}
        self._closing: set[Connection] = set()

    def enter(self, connection: Connection) -> None:
        """Count a new connection, of an unknown client."""
        self._unknown[connection] = None

    def leave(self, connection: Connection) -> None:
        """Count the end of a connection."""
        self._unknown.pop(connection, None)
        self._closing.discard(connection)
        account = self._known.pop(connection, None)
        if account is not None:
            self._sizes[account] -= 1
            if not self._sizes[account]:
                del self._sizes[account]

    def belongs(self, connection: Connection, account: str, *, is_shared: bool) -> bool:
        """Count a connection as one of this account, which has just authenticated on it. False if the account has too many already.
        The connection is one of an unknown client then. `is_shared`: True if there are several accounts, so that one may not have all."""
        if self._known.get(connection) == account:
            return True
        self.leave(connection)
        if is_shared and self._sizes.get(account, 0) >= self.most - len(self._known):
            self._unknown[connection] = None
            return False
        self._known[connection] = account
        self._sizes[account] = self._sizes.get(account, 0) + 1
        return True

    def make_room(self) -> bool:
        """Close the connection of the unknown client that has waited longest. False if there is none to be closed."""
        if len(self._closing) >= _CLOSING:
            return False
        for connection in list(islice(self._unknown, _TRIED)):
            del self._unknown[connection]
            if connection.makes_room():
                self._closing.add(connection)
                return True
            self._unknown[connection] = None
        return False
