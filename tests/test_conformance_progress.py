"""The display of a run in progress: a bar on a terminal, plain lines in a log, and each failure as it is found."""

import io
import sys

import pytest

from conformance.cli.progress import Progress
from conformance.judge.requirements import Requirement
from conformance.judge.run import Outcome, Verdict


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def verdict(number: int, outcome: Outcome = "passed", why: str = "") -> Verdict:
    return Verdict(
        Requirement(id=f"restcomm.list.{number:02}", level="must", title="t", law="field", known="k"), outcome, why
    )


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, *, verbose: bool = False) -> str:
    """The output of a run of thirty verdicts, of which the third is a failure."""
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(30, verbose=verbose) as progress:
        for number in range(1, 31):
            progress(verdict(number, "failed", "it is wrong") if number == 3 else verdict(number))
    return stream.getvalue()


FAILURE = "failed   must      restcomm.list.03: it is wrong"


def test_a_terminal_shows_a_bar_with_the_count_and_each_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = shown(monkeypatch, Terminal())
    assert "judging" in said and "100%" in said
    assert f"\r\x1b[K{FAILURE}\n" in said, "the bar is wiped away before a line"
    assert "1 failed, " in said.rpartition("\r")[2]
    assert "restcomm.list.04" not in said


def test_a_log_has_plain_lines_with_the_count_and_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    said = shown(monkeypatch, io.StringIO())
    assert said.splitlines() == [FAILURE, "25 of 30 judged: 1 failed, 24 passed"]


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_what_passed_is_shown_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO]
) -> None:
    said = shown(monkeypatch, stream(), verbose=True)
    assert said.count("passed   must ") == 29
