"""Runs the suite: it tests each requirement in turn and returns a verdict on each.

passed   the law held            skipped   it could not be tested, and why
failed   it did not, and why     broken    the suite itself failed: our fault, never the server's
"""

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Final, Literal, NamedTuple

from conformance.judge.laws import Law, Problem
from conformance.judge.requirements import Level, Requirement
from conformance.judge.survey import Skipped, Survey, Unanswered, survey
from conformance.judge.target import Asked, StoppedBySafety, Target, Unreachable

Outcome = Literal["passed", "failed", "skipped", "broken"]

RANKS: Final[dict[Level, int]] = {"must": 0, "should": 1, "may": 2, "ambiguous": 3}


@cache
def laws_of(dialect: str) -> dict[str, Law]:
    """Return the laws of a dialect by the names that requirements use. The laws of the other dialect are not imported."""
    laws: dict[str, Law] = import_module(f"conformance.judge.laws_{dialect.replace('-', '_')}").LAWS
    return laws


class Refused(Exception):
    """The server does not accept the credentials."""


class Verdict(NamedTuple):
    """The result of one requirement. `why`, `expected` and `seen` hold no phone number, text or credential.

    `asked`: the exchanges that the test made.
    `seconds`: the duration of the test.
    `withheld`: the test was skipped because a permission was not given, and not because of the server.
    """

    requirement: Requirement
    outcome: Outcome
    why: str = ""
    asked: tuple[Asked, ...] = ()
    expected: str = ""
    seen: str = ""
    seconds: float = 0.0
    withheld: bool = False


def run(
    target: Target,
    requirements: Sequence[Requirement],
    progress: Callable[[Verdict], None] | None = None,
    *,
    seed: int = 0,
) -> list[Verdict]:
    """Test all requirements and return their verdicts. `seed` chooses the messages that are looked at more closely.

    Raises Unreachable and Refused if nothing can be tested, and StoppedBySafety as soon as a rule forbids more.
    """
    target.remembers = True
    seen = survey(target, seed)
    if seen.status == 401:
        raise Refused
    target.awaited = tuple(one.given for one in requirements if one.needs == "callback")
    inquiry = _Inquiry(target, seed, seen)
    verdicts = dict[str, Verdict]()
    for verdict in inquiry.verdicts(requirements):
        if progress is not None:
            progress(verdict)
        verdicts[verdict.requirement.id] = verdict
    return [verdicts[requirement.id] for requirement in requirements]


_CHANGING: Final = ("send", "callback", "twin")
"""The needs of requirements that change what the server shows. They come last, so that earlier reads stay true."""


class _Inquiry:
    """Tests one requirement after another, each by what the server shows at that time."""

    def __init__(self, target: Target, seed: int, seen: Survey) -> None:
        self._target, self._seed, self._seen = target, seed, seen
        self._looks = _LOOKS

    def verdicts(self, requirements: Sequence[Requirement]) -> Iterator[Verdict]:
        """Yield the verdicts: first on the reads, in as many threads as the target allows, then on the changes, one at a time."""
        reading = [one for one in requirements if one.needs not in _CHANGING]
        judged = self._together(reading) if self._target.at_once > 1 else self._in_turn(reading)
        for verdict, seen in judged:
            yield self._settled(verdict, seen)
        for one in requirements:
            if one.needs in _CHANGING:
                yield judge(self._target, self._seen, one)

    def _in_turn(self, requirements: Sequence[Requirement]) -> Iterator[tuple[Verdict, Survey]]:
        for one in requirements:
            yield judge(self._target, self._seen, one), self._seen

    def _together(self, requirements: Sequence[Requirement]) -> Iterator[tuple[Verdict, Survey]]:
        """Yield the verdicts in the order of the requirements, although threads run in parallel."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - not every run has threads

        def judged(requirement: Requirement) -> tuple[Verdict, Target]:
            reader = self._target.reader()
            return judge(reader, seen, requirement), reader

        seen = self._seen
        with ThreadPoolExecutor(self._target.at_once) as threads:
            for verdict, reader in threads.map(judged, requirements):
                self._target.server = reader.server or self._target.server
                yield verdict._replace(asked=tuple(self._target.take_over(verdict.asked))), seen

    def _settled(self, verdict: Verdict, seen: Survey) -> Verdict:
        """Return the verdict on the present survey.

        A failure may be caused by messages that arrived meanwhile. In that case the requirement is tested again with a new survey.
        """
        if verdict.outcome == "failed" and seen is not self._seen:
            verdict = judge(self._target, self._seen, verdict.requirement)
        if verdict.outcome != "failed" or not self._looks:
            return verdict
        self._looks -= 1
        self._target.remembers = False
        again = survey(self._target, self._seed)
        self._target.remembers = True
        if _held(again) == _held(self._seen):
            return verdict
        self._target.forget()
        self._seen = again
        return judge(self._target, again, verdict.requirement)


_LOOKS: Final = 3
"""The number of times that a run reads the list again after a failure, to find a change."""


def _held(seen: Survey) -> tuple[str, ...]:
    return tuple(
        str(row.get("sid", row.get("MessageSid"))) + str(row.get("status", row.get("Status"))) for row in seen.rows
    )


def judge(target: Target, seen: Survey, requirement: Requirement) -> Verdict:
    """Test one requirement and return its verdict. Raises Unreachable and StoppedBySafety."""
    before, began = len(target.asked), time.monotonic()
    outcome: Outcome = "passed"
    problem, withheld = Problem(""), False
    try:
        _check_leave(target, seen, requirement)
        found = next(iter(laws_of(target.dialect)[requirement.law](target, seen, requirement.given)), None)
        if found is not None:
            outcome, problem = "failed", Problem(found) if isinstance(found, str) else found
    except Unanswered as unanswered:
        outcome, problem = "failed" if seen.status == 200 else "skipped", Problem(unanswered.reason)
    except Skipped as skipped:
        outcome, problem, withheld = "skipped", Problem(skipped.reason), skipped.withheld
    except (Unreachable, StoppedBySafety):
        raise
    except Exception as error:  # noqa: BLE001 - any other exception is a fault of the suite, and must not look like a failing server
        frame = traceback.extract_tb(error.__traceback__)[-1]
        outcome, problem = "broken", Problem(f"{type(error).__name__} in {frame.name}, line {frame.lineno}")
    asked = tuple(target.asked[before:])
    return Verdict(
        requirement, outcome, problem.why, asked, problem.expected, problem.seen, time.monotonic() - began, withheld
    )  # fmt: skip


def _check_leave(target: Target, seen: Survey, requirement: Requirement) -> None:
    """Raise Skipped if a requirement needs a permission that was not given, or a message that is not there."""
    if requirement.needs == "twin" and target.turn is None:
        raise Skipped("it takes a twin whose clock can be turned", withheld=True)
    if requirement.needs == "other" and target.other is None:
        raise Skipped("it takes another account with its token", withheld=True)
    if requirement.needs in _CHANGING and not target.send_to:
        raise Skipped("it takes a send, and there is no leave to send", withheld=True)
    if requirement.needs == "callback" and target.inbox is None:
        raise Skipped("it takes a receiver that the server can call", withheld=True)
    if requirement.needs == "message" and not seen.rows:
        raise Skipped("the account shows no messages")


def failures(verdicts: Iterable[Verdict], level: Level) -> Iterator[Verdict]:
    """Yield the failures that make the verdict on the server bad: those of `level` or higher. An ambiguous requirement never counts."""
    for verdict in verdicts:
        ranked = RANKS[verdict.requirement.level] <= RANKS[level]
        if verdict.outcome == "failed" and verdict.requirement.level != "ambiguous" and ranked:
            yield verdict
