"""Counts requests in flight, in total and per account, and failed authentications per address.

Both counts outlive a configuration: a reload keeps them.
"""

from typing import Final

_A_SECOND: Final = 10.0
"""Failed authentications a second that one address may have for any length of time."""

_AT_ONCE: Final = 20.0
"""Failed authentications that an address without earlier ones may have at once."""

_ADDRESSES: Final = 4096
"""The number of addresses that are remembered. The one whose last failure is the oldest is dropped first."""


class Crowd:
    """The number of requests in flight."""

    def __init__(self) -> None:
        self.size = 0
        self._by_login: dict[str, int] = {}

    def of(self, login: str) -> int:
        """The number of requests in flight with this login."""
        return self._by_login.get(login, 0)

    def enters(self, login: str | None) -> None:
        """Count the start of a request. Without a login only the total counts."""
        self.size += 1
        if login is not None:
            self._by_login[login] = self._by_login.get(login, 0) + 1

    def leaves(self, login: str | None) -> None:
        """Count the end of a request. `login` is the same as at its start."""
        self.size -= 1
        if login is not None:
            self._by_login[login] -= 1
            if not self._by_login[login]:
                del self._by_login[login]


class Guesses:
    """A token bucket for each address that has failed to authenticate, by default for at most 4,096 addresses."""

    def __init__(self, a_second: float = _A_SECOND, at_once: float = _AT_ONCE, addresses: int = _ADDRESSES) -> None:
        self._a_second, self._at_once, self._most = a_second, at_once, addresses
        self._levels: dict[str, tuple[float, float]] = {}

    def too_many(self, address: str, now: float) -> bool:
        """Count a failure of an address at `now`, a time in seconds. True if it had too many before."""
        level, last = self._levels.pop(address, (0.0, now))
        level = max(level - (now - last) * self._a_second, 0.0)
        over = level + 1 > self._at_once
        self._levels[address] = (level if over else level + 1, now)
        if len(self._levels) > self._most:
            del self._levels[next(iter(self._levels))]
        return over
