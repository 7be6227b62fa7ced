"""The figures of a scenario, the bounds on them, and the table that shows both."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

NEVER: Final = float("inf")


class Figure(NamedTuple):
    """One measured value.

    `must` and `aim` are bounds, None if there is none. `more` says that larger is better.
    With `times` both are multiples of the same figure of the build of before, or of `known` if that is larger.
    `noise` is the part by which the machine alone may have made the value larger.
    `unit` is empty for a ratio, a share or a count.
    """

    what: str
    value: float
    unit: str = ""
    must: float | None = None
    aim: float | None = None
    more: bool = False
    times: bool = False
    known: float = 0.0
    noise: float = 0.0
    exact: bool = False
    """A busy machine does not change the value, so the bound is judged in any case."""

    def bounds(self, before: float | None) -> tuple[float | None, float | None]:
        """`must` and `aim` as values."""
        if not self.times:
            return self.must, self.aim
        base = max(before or 0.0, self.known)
        return (self.must or 0) * base, (self.aim or 0) * base


class Found(NamedTuple):
    """The result of a scenario. `details` are for machines. `busy` says why the figures cannot be trusted, if the machine was too busy."""

    figures: Sequence[Figure]
    details: dict[str, Any]
    busy: str = ""


class Options(NamedTuple):
    """The options of the scenarios; each uses those that concern it. None means the scenario's own length. `provider` is the dialect of
    the simulated provider."""

    seconds: float | None = None
    minutes: float | None = None
    rate: float = 100.0
    fast: tuple[float, float] = (1.0, 10.0)
    slow_after: float = 900.0
    scale: float = 1.0
    pycache: Path | None = None
    provider: str = "properties-v2"


def meets(value: float, bound: float | None, *, more: bool) -> bool:
    """True if a value keeps its bound. A value that never came keeps none."""
    return bound is None or (value >= bound if more else value <= bound and value < NEVER)


def verdict(figure: Figure, before: float | None, busy: str) -> str:
    """The sentence about a figure. A bound that is missed while the machine was too busy is not judged."""
    must, aim = figure.bounds(before)
    if must is None and aim is None:
        return ""
    if not meets(figure.value, must, more=figure.more):
        if figure.noise and meets(figure.value - figure.noise, must, more=figure.more):
            return f"not judged: up to {shown(figure.noise, figure.unit)} of it are the machine's"
        return f"not judged: {busy}" if busy and not figure.exact else "DOES NOT HOLD"
    if meets(figure.value, aim, more=figure.more):
        return "reaches the aim"
    return "holds" if must is not None else "below the aim"


def shown(value: float | None, unit: str = "") -> str:
    """A value for people."""
    if value is None:
        return "-"
    if value == NEVER:
        return "never"
    digits = (
        0 if abs(value) >= 1000 or value == int(value) else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 4
    )
    return f"{value:,.{digits}f}{unit and ' '}{unit}"


def rows(scenario: str, now: Found, before: Found | None) -> list[dict[str, Any]]:
    """The rows of a scenario, for machines."""
    found = []
    earlier = {figure.what: figure for figure in before.figures} if before else {}
    for figure in now.figures:
        old = earlier.get(figure.what)
        was = None if old is None else old.value
        must, aim = figure.bounds(was)
        found.append({
            "scenario": scenario, "what": figure.what, "unit": figure.unit, "before": was, "now": figure.value, "must": must, "aim": aim,
            "more": figure.more, "verdict": verdict(figure, was, now.busy),
            "before_verdict": "" if old is None else verdict(old, was, before.busy if before else ""),
        })  # fmt: skip
    return found


def table(lines: Iterable[dict[str, Any]]) -> list[str]:
    """The table for people, in Markdown."""
    made = ["| scenario | what | before | now | must | aim | |", "| --- | --- | --: | --: | --: | --: | --- |"]
    for row in lines:
        sign = "≥ " if row["more"] else "≤ "
        bounds = [sign + shown(row[name]) if row[name] is not None else "" for name in ("must", "aim")]
        values = [shown(row[name], row["unit"]) for name in ("before", "now")]
        made.append(f"| {row['scenario']} | {row['what']} | {' | '.join((*values, *bounds))} | {row['verdict']} |")
    return made


def finite(value: Any) -> Any:
    """The same with None in place of infinity, which JSON has no word for."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if value == NEVER else value
