"""The content of every report: the verdict, the options and the time of the run, and the result of each requirement."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from conformance.judge.expected import Expected
from conformance.judge.requirements import Level
from conformance.judge.run import RANKS, Verdict

Conclusion = Literal["good", "bad", "not enough judged", "fault of the suite"]

SENTENCES: Final[dict[Conclusion, str]] = {
    "good": "The server meets every requirement that was judged at this level.",
    "bad": "The server breaks requirements of this level.",
    "not enough judged": "Too little could be judged for a verdict.",
    "fault of the suite": "The suite itself failed, so there is no verdict on the server.",
}


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run.

    `target`: the URL without credentials.
    `server`: the Server header of its responses.
    `began`: an aware time in UTC.
    `seconds`: the duration of the run.
    `options`: the options of the run.
    `known`: the accepted failures, by requirement id.
    `repeat`: the words of the command, without secrets and without the options that choose requirements.
    """

    conclusion: Conclusion
    dialect: str
    target: str
    server: str
    version: str
    began: datetime
    seconds: float
    level: Level
    options: Mapping[str, str]
    repeat: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    known: Mapping[str, Expected] = field(default_factory=dict)
    requests: int = 0

    @property
    def title(self) -> str:
        """The name of the run. It is the same for each run of a dialect."""
        return f"{self.dialect} conformance"

    @property
    def sentence(self) -> str:
        """The conclusion as a sentence."""
        return SENTENCES[self.conclusion]

    @property
    def stamp(self) -> str:
        """The start of the run, in ISO 8601."""
        return self.began.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def summary(self) -> str:
        """The numbers of requirements by outcome: passed, failed, skipped, and broken by a fault of the suite."""
        return counted(self.verdicts)

    @property
    def heading(self) -> list[tuple[str, str]]:
        """The name and the value of each line at the top of a report."""
        return [
            ("Verdict", f"{self.conclusion}. {self.sentence}"),
            ("Counts", self.summary),
            ("Target", self.target),
            ("Dialect", self.dialect),
            ("Server", self.server or "the server does not say"),
            ("Suite", self.version),
            ("Began", self.stamp),
            ("Took", f"{self.seconds:.1f} s, {self.requests} requests"),
            ("Level", self.level),
            ("Options", ", ".join(f"{name} {value}".strip() for name, value in self.options.items()) or "defaults"),
        ]

    def failed(self) -> Iterator[Verdict]:
        """Yield the failures that make the verdict bad: not known, and at least of the run's level."""
        for verdict in self.verdicts:
            if (
                verdict.outcome == "failed"
                and counts_at(verdict, self.level)
                and verdict.requirement.id not in self.known
            ):
                yield verdict

    def lesser(self) -> Iterator[Verdict]:
        """Yield the failures below the run's level, and those of ambiguous sentences."""
        for verdict in self.verdicts:
            if (
                verdict.outcome == "failed"
                and not counts_at(verdict, self.level)
                and verdict.requirement.id not in self.known
            ):
                yield verdict

    def accepted(self) -> Iterator[Verdict]:
        """Return the failures that are known."""
        return (one for one in self.verdicts if one.outcome == "failed" and one.requirement.id in self.known)

    def faults(self) -> Iterator[Verdict]:
        """Return the requirements at which the suite itself failed."""
        return (one for one in self.verdicts if one.outcome == "broken")

    @property
    def sections(self) -> list[str]:
        """The sections, in the order of the requirements."""
        return list(dict.fromkeys(one.requirement.section for one in self.verdicts))

    @property
    def untried(self) -> list[str]:
        """The sections in which no requirement was tested."""
        return untried(self.verdicts)

    def command(self, requirement: str) -> str:
        """Return one command that tests one requirement again. A phone number is left as a variable for the operator."""
        return f"sms-conformance {' '.join(_quoted(word) for word in self.repeat)} --id {requirement}"


def counts_at(verdict: Verdict, level: Level) -> bool:
    """True if a failure of this requirement makes a run of that level bad. An ambiguous requirement never does."""
    return verdict.requirement.level != "ambiguous" and RANKS[verdict.requirement.level] <= RANKS[level]


def counted(verdicts: tuple[Verdict, ...]) -> str:
    """Return the numbers of requirements by outcome, in one line."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped", "broken"))


def untried(verdicts: tuple[Verdict, ...]) -> list[str]:
    """Return the sections in which each requirement was skipped."""
    tried = {one.requirement.section for one in verdicts if one.outcome != "skipped"}
    return [name for name in dict.fromkeys(one.requirement.section for one in verdicts) if name not in tried]


def _quoted(word: str) -> str:
    return word if word.startswith('"$') else shlex.quote(word)
