"""The limits of the work on a list, and the times for which its results are cached."""

from typing import NamedTuple


class Limits(NamedTuple):
    """`[lists]` of the configuration. All durations are in seconds. `max_bytes` bounds the memory for the rows of one list; it is half of
    `[server] memory`.

    `max_asks` is the request budget of one list. `cap` answers with the rows that could be read when it runs out, instead of an error.
    `snapshot_ttl` is the life of a snapshot, `total_ttl` that of a total. A range that ended more than `settle` ago no longer grows. Rows
    that cannot be read are left out, or with `fail_unread` make the list fail.
    """

    max_asks: int = 1000
    cap: bool = False
    snapshot_ttl: float = 60.0
    total_ttl: float = 600.0
    settle: float = 300.0
    fail_unread: bool = False
    max_bytes: int = 128 * 1024 * 1024
