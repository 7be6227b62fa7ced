"""Figures from times: percentiles, shares, standstills, and the delay of the bench's own processes."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

_KEPT: Final = 200_000


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all, from 0 to 1, do not exceed; 0 if there is none."""
    found = sorted(values)
    return found[min(len(found) - 1, int(len(found) * share))] if found else 0.0


class Lag:
    """The delay of a process's own timers, in seconds."""

    def __init__(self) -> None:
        self._seen: list[float] = []

    def add(self, late: float) -> None:
        """Add one delay. The oldest are forgotten after 200,000."""
        self._seen.append(max(0.0, late))
        if len(self._seen) > _KEPT:
            del self._seen[: _KEPT // 2]

    def said(self) -> dict[str, float]:
        """p50, p99 and the longest, in milliseconds."""
        seen = self._seen
        return {
            "p50": percentile(seen, 0.5) * 1e3,
            "p99": percentile(seen, 0.99) * 1e3,
            "max": max(seen, default=0.0) * 1e3,
        }


class Span(NamedTuple):
    """A request: when it was due and when it was answered, on one clock, in seconds. It counts from when it was due."""

    due: float
    answered: float

    @property
    def seconds(self) -> float:
        return self.answered - self.due


def standstill(spans: Iterable[Span]) -> float:
    """The longest time in which no answer came although a request waited for one, in seconds."""
    longest, before = 0.0, float("-inf")
    waiting_since = _earliest_due_of_the_rest(sorted(spans, key=lambda span: span.answered))
    for span, since in waiting_since:
        longest = max(longest, span.answered - max(before, since))
        before = span.answered
    return longest


def _earliest_due_of_the_rest(spans: Sequence[Span]) -> list[tuple[Span, float]]:
    """Each span with the earliest due time of it and of all that were answered later."""
    found, earliest = [], float("inf")
    for span in reversed(spans):
        earliest = min(earliest, span.due)
        found.append((span, earliest))
    return found[::-1]


def share_within(lateness: Sequence[float], seconds: float) -> float:
    """The share of these times that are at most so many seconds, from 0 to 1. The share of an empty list is 0."""
    return sum(late <= seconds for late in lateness) / len(lateness) if lateness else 0.0


def spread(values: Sequence[float]) -> dict[str, Any]:
    """The distribution of values: their number, three percentiles and the largest. None stands for infinity, which JSON has no word
    for."""
    shown = {"p50": percentile(values, 0.5), "p90": percentile(values, 0.9), "p99": percentile(values, 0.99),
             "max": max(values, default=0.0)}  # fmt: skip
    return {
        "n": len(values),
        **{name: None if value == float("inf") else round(value, 4) for name, value in shown.items()},
    }
