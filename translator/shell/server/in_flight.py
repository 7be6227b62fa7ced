"""Limits the requests in flight, in total and per account, and the failed authentications per address.

request ─▶ is a slot free, and enough for the other accounts? ─▶ in flight ─▶ responded
              └ no: 503
The counts outlive a configuration: a reload keeps them.
"""

import ipaddress
from typing import Final

_A_SECOND: Final = 10.0
"""Failed authentications a second that one address may have for any length of time."""

_AT_ONCE: Final = 20.0
"""Failed authentications that an address without earlier ones may have at once."""

_ADDRESSES: Final = 4096
"""The number of addresses that are remembered. The one whose last failure is the oldest is dropped first."""

_RECEIPTS: Final = 16
"""One in `_RECEIPTS` of the `queue_max` slots is for delivery receipts, which come without credentials, and at least `_RECEIPTS` slots."""


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


class LoadLimits:
    """The limits of a front.

    max_body: Bytes of a request body.
    crowd: The requests in flight. A login that no account has counts the delivery receipts.
    guesses: The failed authentications.
    is_shared: True if several accounts share the slots.
    """

    def __init__(
        self, queue_max: int, max_body: int, *, is_shared: bool, guesses: Guesses | None, before: "LoadLimits | None"
    ) -> None:
        self._queue_max, self.max_body = queue_max, max_body
        self.is_shared = is_shared
        self._receipts_max = max(_RECEIPTS, queue_max // _RECEIPTS)
        self.crowd: Crowd = Crowd() if before is None else before.crowd
        self.guesses: Guesses = (guesses or Guesses()) if before is None else before.guesses

    def has_room(self, account: str) -> bool:
        """True if a request of the account may be handled. Otherwise `queue_max` requests are in flight.

        In an unbounded queue every request would miss its deadline. With several accounts, each may have as many requests in flight as
        there are free slots. So one account that fills the queue leaves room for the others: alone it gets half of the slots, two get a
        third each.
        """
        left = self._queue_max - self.crowd.size
        return left > 0 and not (self.is_shared and self.crowd.of(account) >= left)

    def has_room_for_receipt(self, login: str) -> bool:
        """True if a delivery receipt may be handled. `login` is the one that receipts count for."""
        return self.crowd.of(login) < self._receipts_max

    def is_guessing(self, address: str, now: float) -> bool:
        """Count a failed authentication from an address. True if it had too many before. `now` is a time in seconds."""
        return self.guesses.too_many(network_of(address), now)


def network_of(address: str) -> str:
    """Return the part of an address that belongs to one client: a whole IPv4 address, or the first 64 bits of an IPv6 address."""
    if ":" not in address:
        return address
    try:
        ip = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ip.ipv4_mapped or int(ip) >> 64)
