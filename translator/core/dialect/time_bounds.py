"""The two bounds of a dialect's range of creation times."""

from functools import lru_cache

from translator.core.codegen import TableCodecs
from translator.core.dialect import bounds
from translator.core.mapping import Table
from translator.core.values.codecs.instants import LAST

_RANGES_KNOWN = 256
"""The number of ranges that are cached with what they let through."""


class TimeBounds:
    """The rows of the lower and the upper bound, and what they let through."""

    def __init__(self, table: Table, bindings: TableCodecs) -> None:
        self.lower = next(row for row in table.filters if row.test == "lower-bound")
        self.upper = next(row for row in table.filters if row.test == "upper-bound")
        self._steps = (bindings.kind(self.lower.kind).step, bindings.kind(self.upper.kind).step)
        self.lets_through = lru_cache(_RANGES_KNOWN)(self._let_through)

    def bounds(self, since: int | None, until: int | None, now: float) -> tuple[int | None, int | None]:
        """Return the half-open range as this dialect's own two bounds, inclusive or not. Open ends become what the dialect requires.

        A bound outside the instants that can be written is left out if the dialect allows that. The first or last instant in its place
        could be read as one inside the range.
        """
        lower, upper = self.lower, self.upper
        first, last = lower.open, upper.open if upper.open_ahead is None else int(now) + upper.open_ahead
        if since is not None:
            begins = bounds.lower(since, lower.grain, inclusive=bool(lower.inclusive))
            begins = bounds.before(begins - lower.slack, self._steps[0])
            first = begins if begins >= 0 or lower.required else None
        if until is not None:
            ends = bounds.upper(until, upper.grain, inclusive=bool(upper.inclusive))
            ends = bounds.behind(ends + upper.slack, self._steps[1])
            last = ends if ends <= LAST or upper.required else None
        return first if first is None else max(first, 0), last if last is None else min(last, LAST)

    def _let_through(self, since: int | None, until: int | None) -> tuple[int | None, int | None]:
        """Return the half-open range that this dialect's bounds let through when they let through at least [since, until)."""
        lower, upper = self.lower, self.upper
        first, last = self.bounds(since, until, 0)
        if since is not None:
            since = (
                0 if first is None else bounds.since(first - lower.slack, lower.grain, inclusive=bool(lower.inclusive))
            )
        if until is not None and until <= LAST:
            inclusive = bool(upper.inclusive)
            until = LAST + 1 if last is None else bounds.until(last + upper.slack, upper.grain, inclusive=inclusive)
        return since, until

    def within(self, since: int | None, until: int | None) -> tuple[int | None, int | None]:
        """Return a range for which this dialect's bounds let nothing through that is outside [since, until)."""
        begins, ends = self.lets_through(since, until)
        if since is not None and begins != since:
            since += self.lower.grain + self._steps[0] + 2 * self.lower.slack
        if until is not None and ends != until:
            until -= self.upper.grain + self._steps[1] + 2 * self.upper.slack
        return since, until
