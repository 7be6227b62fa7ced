"""The rate limit of the status poller: `asks` requests in each `poll` seconds, and never more than `asks` at once."""


class RateLimit:
    """A token bucket that is full at first. A clock that steps back adds nothing and removes nothing."""

    def __init__(self, asks: int, poll: float) -> None:
        self._most, self._each = asks, asks / poll
        self._left = float(asks)
        self._at: float | None = None

    def left(self, now: float) -> int:
        """Return the number of requests that are allowed now."""
        if self._at is not None:
            self._left = min(float(self._most), self._left + max(0.0, now - self._at) * self._each)
        self._at = now
        return int(self._left + 1e-6)

    def spend(self, asks: int) -> None:
        """Take `asks` requests from the bucket."""
        self._left -= asks
