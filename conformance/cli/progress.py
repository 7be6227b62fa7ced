"""Shows the progress of a run: a bar on a terminal, plain lines in a log, and each failure when it is found."""

import sys
from collections import Counter
from types import TracebackType
from typing import Any, Self

import click

from conformance.judge.run import Verdict


class Progress:
    """Call it with each verdict. `verbose` shows the requirements that passed as well. All output goes to stderr."""

    def __init__(self, length: int, *, verbose: bool) -> None:
        self._length, self._verbose, self._done = length, verbose, 0
        self._counts: Counter[str] = Counter()
        self._bar: Any = None
        if sys.stderr.isatty():
            self._bar = click.progressbar(
                length=length, label="judging", file=sys.stderr, item_show_func=lambda _: self._counted()
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def __call__(self, verdict: Verdict) -> None:
        self._done += 1
        self._counts[verdict.outcome] += 1
        line = line_of(verdict)
        if verdict.outcome != "passed" or self._verbose:
            if self._bar is not None:
                click.echo("\r\x1b[K", err=True, nl=False)
            click.echo(line, err=True)
        if self._bar is not None:
            self._bar.update(1, verdict.requirement.id)
        elif self._done % 25 == 0 and self._done < self._length:
            click.echo(f"{self._done} of {self._length} judged: {self._counted()}", err=True)

    def _counted(self) -> str:
        return ", ".join(f"{number} {outcome}" for outcome, number in sorted(self._counts.items()))


def line_of(verdict: Verdict) -> str:
    """Return a verdict as one line."""
    why = f": {verdict.why}" if verdict.why else ""
    return f"{verdict.outcome:8} {verdict.requirement.level:9} {verdict.requirement.id}{why}"
