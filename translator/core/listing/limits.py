"""What bounds the work of a list, and how long what was learnt of it is kept."""

from typing import NamedTuple


class Limits(NamedTuple):
    """`[lists]` of the configuration; all durations in seconds. `max_bytes` bounds the memory that the rows of one list take; it is half of
    `[server] memory`.

    `max_asks` bounds one list; `cap` answers with what could be read where that is not enough, instead of an error. A list that
    was read whole is kept for `snapshot_ttl`, a total for `total_ttl`. A range that ended more than `settle` ago grows no more. Rows that
    cannot be read are left out, or with `fail_unread` make the list fail that would show them.
    """

    max_asks: int = 1000
    cap: bool = False
    snapshot_ttl: float = 60.0
    total_ttl: float = 600.0
    settle: float = 300.0
    fail_unread: bool = False
    max_bytes: int = 128 * 1024 * 1024
