"""A run: each requirement judged in turn, and what became of it.

passed   the law held            skipped   it could not be judged, and why
failed   it did not, and why     broken    the judge itself failed: our fault, never the server's
"""

import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, NamedTuple

from conformance.judge import laws_properties_v2, laws_restcomm
from conformance.judge.laws import Law
from conformance.judge.lives import life
from conformance.judge.requirements import Level, Requirement
from conformance.judge.survey import Skipped, Survey, survey
from conformance.judge.target import Asked, StoppedBySafety, Target, Unreachable

Outcome = Literal["passed", "failed", "skipped", "broken"]

RANKS: Final[dict[Level, int]] = {"must": 0, "should": 1, "may": 2, "ambiguous": 3}

LAWS: Final[dict[str, dict[str, Law]]] = {
    "restcomm": {**laws_restcomm.LAWS, "life": life},
    "properties-v2": {**laws_properties_v2.LAWS, "life": life},
}
"""The laws of each dialect by the names that requirements use."""


class Refused(Exception):
    """The server does not accept the credentials."""


class Verdict(NamedTuple):
    """What became of one requirement. `why` holds no number, text or credential; `asked` are the exchanges that it made."""

    requirement: Requirement
    outcome: Outcome
    why: str = ""
    asked: tuple[Asked, ...] = ()


def run(
    target: Target,
    requirements: Iterable[Requirement],
    progress: Callable[[Verdict], None] | None = None,
    *,
    seed: int = 0,
) -> list[Verdict]:
    """Judge them all; `seed` chooses the messages that are looked at more closely. Raises Unreachable and Refused where nothing can be
    judged, StoppedBySafety as soon as a rule forbids more."""
    seen = survey(target, seed)
    if seen.status == 401:
        raise Refused
    verdicts = []
    for requirement in requirements:
        verdict = judge(target, seen, requirement)
        if progress is not None:
            progress(verdict)
        verdicts.append(verdict)
    return verdicts


def judge(target: Target, seen: Survey, requirement: Requirement) -> Verdict:
    """One requirement."""
    before = len(target.asked)
    outcome: Outcome = "passed"
    why = ""
    try:
        if requirement.needs == "twin" and target.turn is None:
            raise Skipped("it takes a twin whose clock can be turned")
        if requirement.needs in ("send", "twin") and not target.send_to:
            raise Skipped("it takes a send, and there is no leave to send")
        if requirement.needs == "message" and not seen.rows:
            raise Skipped("the account shows no messages")
        problems = list(LAWS[target.dialect][requirement.law](target, seen, requirement.given))
        if problems:
            outcome, why = "failed", problems[0]
    except Skipped as skipped:
        outcome, why = "skipped", skipped.reason
    except (Unreachable, StoppedBySafety):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is ours, and it is told apart from a failing server
        frame = traceback.extract_tb(error.__traceback__)[-1]
        outcome, why = "broken", f"{type(error).__name__} in {frame.name}, line {frame.lineno}"
    return Verdict(requirement, outcome, why, tuple(target.asked[before:]))


def failures(verdicts: Iterable[Verdict], level: Level) -> Iterator[Verdict]:
    """Those that make the verdict on the server bad: failed, and at least of that level. An ambiguous one never is."""
    for verdict in verdicts:
        ranked = RANKS[verdict.requirement.level] <= RANKS[level]
        if verdict.outcome == "failed" and verdict.requirement.level != "ambiguous" and ranked:
            yield verdict
