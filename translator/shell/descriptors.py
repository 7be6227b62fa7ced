"""The limit of file descriptors of the process, and the number of client connections that it allows."""

import contextlib
import resource
from typing import Final

from translator.shell.config.settings import Settings

ADMIN: Final = 64
"""The limit of connections to the admin port."""

_CALLS: Final = 256
"""The limit of connections to receivers of callbacks."""

_OTHERS: Final = 64
"""A reserve for the store's files and connections, the log, and the interpreter."""

_ENOUGH: Final = 1_048_576
"""More descriptors than this are not needed, because no machine has the memory for so many connections."""


def raise_limit() -> None:
    """Raise the limit of descriptors as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # a system may have a limit below the one that it names
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def places(settings: Settings) -> int:
    """Return the number of client connections that the front may have at once.
    It leaves descriptors for provider requests, callbacks, the admin port and the store. If there are few, clients get half of them."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        limit = _ENOUGH
    kept = sum(back.concurrency for back in settings.backs.values()) + _CALLS + ADMIN + _OTHERS
    return limit - min(kept, limit // 2)
