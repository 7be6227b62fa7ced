"""Remembers the number of rows that a provider serves at once.

a slice stays short though a row is behind it    remembered, for all lists of that provider
a longer slice comes                             forgotten at once
ten minutes later                                forgotten: the full size is requested again
"""

from typing import Final, NamedTuple

from translator.core.effects import CacheEntry, CacheGet, EffectGenerator, SingleFlight

LIFE: Final = 600.0
"""Seconds for which an observed size is used.

To observe it again costs three requests. A provider that always serves less costs them every ten minutes, which is negligible. A provider
that served less for a while is asked for the full size again without a restart of the proxy.
"""


class SliceSizes(NamedTuple):
    """The observation of a provider: it serves no more than `rows` at once, as of the instant `at`. None: it serves as many as
    requested."""

    rows: int | None
    at: float


def key(back: str) -> tuple[str, str]:
    """Return the cache key for the provider of that name."""
    return ("served", back)


def at_once(most: int, known: SliceSizes | None, now: float) -> int:
    """Return the number of rows to request at once. `most` is the maximum in the table. A clock that was set back ends the life of
    `known` too."""
    if known is None or known.rows is None or not 0 <= now - known.at < LIFE:
        return most
    return min(most, known.rows)


def known_of(back: str, most: int, now: float) -> EffectGenerator:
    """Return the number of rows to request from that provider at once now."""
    return at_once(most, (yield CacheGet(key(back))), now)


def learn(back: str, rows: int, now: float) -> EffectGenerator:
    """Record that the provider serves no more than `rows` at once. A lower number from before stays."""

    def learnt(previous: SliceSizes | None) -> EffectGenerator:
        known = SliceSizes(at_once(rows, previous, now), now)
        return known, CacheEntry(known, 0, LIFE)
        yield

    yield SingleFlight(key(back), learnt)


def unlearn(back: str, rows: int, now: float) -> EffectGenerator:
    """Forget a lower number, because the provider has served `rows` at once."""
    if at_once(rows, (yield CacheGet(key(back))), now) == rows:
        return

    def unlearnt(_: SliceSizes | None) -> EffectGenerator:
        known = SliceSizes(None, now)
        return known, CacheEntry(known, 0, LIFE)
        yield

    yield SingleFlight(key(back), unlearnt)
