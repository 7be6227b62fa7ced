"""The part of a server that its connections share."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from translator.shell.aio.memory_budget import MemoryBudget
from translator.shell.server.connection_shares import ConnectionShares
from translator.shell.server.request import ServerRequest

Handler = Callable[[ServerRequest], Awaitable[None]]
"""Answers a request. It never raises for an error of a client or a provider."""


class Host(Protocol):
    """The part of a server that its connections share. They read it each time, because it may change while they are open.

    handle: Answers a request.
    budget: The memory budget.
    ids: Makes ids for requests that carry none.
    is_leaving: True if every response is the last of its connection.
    hint: The `Keep-Alive` header of the other responses.
    shares: The open connections by account.
    """

    handle: Handler
    budget: MemoryBudget
    ids: Iterator[str]
    is_leaving: bool
    shares: ConnectionShares

    @property
    def hint(self) -> str: ...
