"""How many requests are under way, in all and of each caller; and which addresses have failed to say who they are too often.

Both outlive a configuration: a reload does not forget who is there.
"""

from typing import Final

_A_SECOND: Final = 10.0
"""Failures of authentication a second that one address may have without an end,"""

_AT_ONCE: Final = 20.0
"""and so many at once, where it had none before."""

_ADDRESSES: Final = 4096
"""How many addresses are known at a time; the one that has not failed for the longest time is forgotten first."""


class Crowd:
    """The requests under way."""

    def __init__(self) -> None:
        self.size = 0
        self._by_login: dict[str, int] = {}

    def of(self, login: str) -> int:
        """How many of these requests came with this login."""
        return self._by_login.get(login, 0)

    def enters(self, login: str | None) -> None:
        """A request is begun. Without a login it is only counted."""
        self.size += 1
        if login is not None:
            self._by_login[login] = self._by_login.get(login, 0) + 1

    def leaves(self, login: str | None) -> None:
        """A request is over. `login` is what it was begun with."""
        self.size -= 1
        if login is not None:
            self._by_login[login] -= 1
            if not self._by_login[login]:
                del self._by_login[login]


class Guesses:
    """A token bucket for each address that has failed to authenticate: memory for 4,096 of them at most."""

    def __init__(self, a_second: float = _A_SECOND, at_once: float = _AT_ONCE, addresses: int = _ADDRESSES) -> None:
        self._a_second, self._at_once, self._most = a_second, at_once, addresses
        self._levels: dict[str, tuple[float, float]] = {}

    def too_many(self, address: str, now: float) -> bool:
        """Count one more failure of an address, at a time in seconds. Whether it had too many before."""
        level, last = self._levels.pop(address, (0.0, now))
        level = max(level - (now - last) * self._a_second, 0.0)
        over = level + 1 > self._at_once
        self._levels[address] = (level if over else level + 1, now)
        if len(self._levels) > self._most:
            del self._levels[next(iter(self._levels))]
        return over
