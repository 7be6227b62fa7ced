"""How many descriptors the process may have, and how many connections of callers that leaves room for."""

import contextlib
import resource
from typing import Final

from translator.shell.config.settings import Settings

ADMIN: Final = 64
"""Connections to the admin port at most."""

_CALLS: Final = 256
"""Calls to applications at most."""

_OTHERS: Final = 64
"""Files of the store, its connections, the log, and what the interpreter has open."""

_ENOUGH: Final = 1_048_576
"""More than this are of no use: nobody has so much memory for connections."""


def raise_limit() -> None:
    """Take as many descriptors as the system lets this process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # a system may have a limit below the one that it names
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def places(settings: Settings) -> int:
    """How many connections of callers there may be at once, so that calls to all backs and to applications, the admin port and the store
    have their descriptors. Where there are few, callers get half of them."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        limit = _ENOUGH
    kept = sum(back.concurrency for back in settings.backs.values()) + _CALLS + ADMIN + _OTHERS
    return limit - min(kept, limit // 2)
