"""How many rows a back serves at once, as far as it was seen.

a slice stays short though a row is behind it    remembered, for all lists of that back
a longer slice comes                             forgotten at once
ten minutes later                                forgotten: the full size is asked for again
"""

from typing import Final, NamedTuple

from translator.core.effects import CacheEntry, CacheGet, EffectGenerator, SingleFlight

LIFE: Final = 600.0
"""Seconds for which a size that was seen is believed.

To find out again costs three asks. A back that serves less for good is asked those every ten minutes, which is nothing; one that served
less for a while is asked for the full size again before anybody would restart the proxy for it.
"""


class SliceSizes(NamedTuple):
    """What was learnt of a back: it serves no more than `rows` at once, as of the instant `at`; None rows: as many as it is asked for."""

    rows: int | None
    at: float


def key(back: str) -> tuple[str, str]:
    """Under what it is remembered of the back of that name."""
    return ("served", back)


def at_once(most: int, known: SliceSizes | None, now: float) -> int:
    """How many rows to ask for at once where the table says that the back serves so many at most. A clock that was set back ends the
    life of what was learnt too."""
    if known is None or known.rows is None or not 0 <= now - known.at < LIFE:
        return most
    return min(most, known.rows)


def known_of(back: str, most: int, now: float) -> EffectGenerator:
    """How many rows to ask that back for at once now."""
    return at_once(most, (yield CacheGet(key(back))), now)


def learn(back: str, rows: int, now: float) -> EffectGenerator:
    """The back serves no more than that at once. What was learnt before stands if it is less."""

    def learnt(previous: SliceSizes | None) -> EffectGenerator:
        known = SliceSizes(at_once(rows, previous, now), now)
        return known, CacheEntry(known, 0, LIFE)
        yield

    yield SingleFlight(key(back), learnt)


def unlearn(back: str, rows: int, now: float) -> EffectGenerator:
    """The back served so many rows at once: if less was thought of it, that is forgotten."""
    if at_once(rows, (yield CacheGet(key(back))), now) == rows:
        return

    def unlearnt(_: SliceSizes | None) -> EffectGenerator:
        known = SliceSizes(None, now)
        return known, CacheEntry(known, 0, LIFE)
        yield

    yield SingleFlight(key(back), unlearnt)
