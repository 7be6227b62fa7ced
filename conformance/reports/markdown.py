"""Writes Markdown, for the summary of a job or for a comment on a pull request."""

from collections.abc import Iterable

from conformance.judge.run import Verdict
from conformance.reports.model import Report


def write(report: Report) -> str:
    """Return the text: the verdict and the run first, then failures, known failures, faults of the suite, and sections without a test."""
    lines = [f"# {report.title}: {report.conclusion}", "", "| | |", "| --- | --- |"]
    lines += [f"| {name} | {_cell(value)} |" for name, value in report.heading]
    lines += _failures("Failures", report.failed(), report)
    lines += _failures("Below the level of this run", report.lesser(), report)
    known = list(report.accepted())
    if known:
        lines += ["", "## Known failures", "", "| id | reason | until |", "| --- | --- | --- |"]
        accepted = [(one.requirement.id, report.known[one.requirement.id]) for one in known]
        lines += [f"| `{id_}` | {_cell(one.reason)} | {one.expiry} |" for id_, one in accepted]
    faults = list(report.faults())
    if faults:
        lines += ["", "## Faults of the suite", "", *(f"- `{one.requirement.id}`: {_cell(one.why)}" for one in faults)]
    if report.untried:
        lines += ["", f"Not judged at all: {', '.join(report.untried)}."]
    return "\n".join(lines) + "\n"


def _failures(title: str, verdicts: Iterable[Verdict], report: Report) -> list[str]:
    failed = list(verdicts)
    if not failed:
        return []
    lines = [
        "",
        f"## {title}",
        "",
        "| id | level | what | why | expected | seen |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in failed:
        cells = (
            f"`{one.requirement.id}`",
            one.requirement.level,
            one.requirement.title,
            one.why,
            one.expected,
            one.seen,
        )
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    return [*lines, "", f"Repeat the first one: `{report.command(failed[0].requirement.id)}`"]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
