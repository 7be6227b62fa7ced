"""What every report says: the verdict, what was judged, how, when, and what became of each requirement."""

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
    """One run. `target` is the URL without credentials, `server` the Server header that it answered with, `began` an aware time in UTC,
    `seconds` how long the run took, `options` what it was told, `known` the failures that are accepted, by requirement id.

    `repeat` are the words of the command that was run, without what chooses requirements and without secrets.
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
        """The name of the run, the same for each run of a dialect."""
        return f"{self.dialect} conformance"

    @property
    def sentence(self) -> str:
        """The conclusion as a sentence."""
        return SENTENCES[self.conclusion]

    @property
    def stamp(self) -> str:
        """When the run began, in ISO 8601."""
        return self.began.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def summary(self) -> str:
        """How many requirements passed, failed, were not judged, and met a fault of the suite."""
        return counted(self.verdicts)

    @property
    def heading(self) -> list[tuple[str, str]]:
        """Name and value of each line on top of a report."""
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
        """The failures that make the verdict bad: not known, and at least of the run's level."""
        for verdict in self.verdicts:
            if (
                verdict.outcome == "failed"
                and counts_at(verdict, self.level)
                and verdict.requirement.id not in self.known
            ):
                yield verdict

    def lesser(self) -> Iterator[Verdict]:
        """Failures below the run's level, and those of ambiguous sentences."""
        for verdict in self.verdicts:
            if (
                verdict.outcome == "failed"
                and not counts_at(verdict, self.level)
                and verdict.requirement.id not in self.known
            ):
                yield verdict

    def accepted(self) -> Iterator[Verdict]:
        """Failures that are known."""
        return (one for one in self.verdicts if one.outcome == "failed" and one.requirement.id in self.known)

    def faults(self) -> Iterator[Verdict]:
        """Requirements at which the suite itself failed."""
        return (one for one in self.verdicts if one.outcome == "broken")

    @property
    def sections(self) -> list[str]:
        """The sections in the order of the requirements."""
        return list(dict.fromkeys(one.requirement.section for one in self.verdicts))

    @property
    def untried(self) -> list[str]:
        """The sections of which nothing was judged."""
        return untried(self.verdicts)

    def command(self, requirement: str) -> str:
        """One command that repeats the judgement of one requirement. A number is left for whoever runs it."""
        return f"sms-conformance {' '.join(_quoted(word) for word in self.repeat)} --id {requirement}"


def counts_at(verdict: Verdict, level: Level) -> bool:
    """Whether a failure of this requirement makes a run of that level bad; one of an ambiguous sentence never does."""
    return verdict.requirement.level != "ambiguous" and RANKS[verdict.requirement.level] <= RANKS[level]


def counted(verdicts: tuple[Verdict, ...]) -> str:
    """How many passed, failed, were not judged, and met a fault of the suite, in one line."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped", "broken"))


def untried(verdicts: tuple[Verdict, ...]) -> list[str]:
    """The sections in which each requirement was skipped."""
    tried = {one.requirement.section for one in verdicts if one.outcome != "skipped"}
    return [name for name in dict.fromkeys(one.requirement.section for one in verdicts) if name not in tried]


def _quoted(word: str) -> str:
    return word if word.startswith('"$') else shlex.quote(word)
