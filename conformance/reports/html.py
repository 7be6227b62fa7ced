"""Writes the HTML report: the verdict and the run first, then each failure.

A failure has its sentence, the expected and the seen value, and the command that repeats it.
"""

from collections.abc import Iterable
from html import escape

from conformance.judge.run import Verdict
from conformance.reports.model import Report
from conformance.reports.page import heading, page, table


def write(report: Report) -> str:
    """Return the page."""
    return page(
        f"{report.title}: {report.conclusion}",
        [
            heading(report.title, report.heading[0][1], report.conclusion == "good", report.heading[1:]),
            _untried(report),
            _failures("Failures", report.failed(), report),
            _failures("Failures below the level of this run", report.lesser(), report),
            _known(report),
            _faults(report),
            "<h2>Sections</h2>" + table(("section", "passed", "judged", "share"), _sections(report)),
            "<h2>Everything</h2>" + table(("id", "level", "what", "outcome"), map(_row, report.verdicts)),
        ],
    )


def _untried(report: Report) -> str:
    if not report.untried:
        return ""
    return f'<p class="skipped">Not judged at all: {escape(", ".join(report.untried))}.</p>'


def _failures(title: str, verdicts: Iterable[Verdict], report: Report) -> str:
    found = [_failure(one, report) for one in verdicts]
    return "\n".join([f"<h2>{escape(title)} ({len(found)})</h2>", *found]) if found else ""


def _failure(verdict: Verdict, report: Report) -> str:
    requirement = verdict.requirement
    parts = [
        f'<h3 class="failed" id="{escape(requirement.id)}">{escape(requirement.id)}: {escape(requirement.title)}</h3>',
        f"<p>{escape(requirement.level)}: {escape(verdict.why)}</p>",
        f"<blockquote>{escape(requirement.sentence)}</blockquote>",
    ]
    if requirement.reading:
        parts.append(f"<p>Taken to mean: {escape(requirement.reading)}</p>")
    if verdict.expected or verdict.seen:
        parts.append(
            table(("expected", "seen"), [[f"<code>{escape(one)}</code>" for one in (verdict.expected, verdict.seen)]])
        )
    if verdict.asked:
        parts.append("<ul>" + "".join(f"<li><code>{escape(str(one))}</code></li>" for one in verdict.asked) + "</ul>")
    return "\n".join([*parts, f"<p>Repeat it:</p><pre>{escape(report.command(requirement.id))}</pre>"])


def _known(report: Report) -> str:
    rows = [
        [f"<code>{escape(one.requirement.id)}</code>", escape(known.reason), str(known.expiry)]
        for one in report.accepted()
        for known in [report.known[one.requirement.id]]
    ]
    return (
        f'<h2 class="known">Known failures ({len(rows)})</h2>' + table(("id", "reason", "until"), rows) if rows else ""
    )


def _faults(report: Report) -> str:
    rows = [[f"<code>{escape(one.requirement.id)}</code>", escape(one.why)] for one in report.faults()]
    return f'<h2 class="broken">Faults of the suite ({len(rows)})</h2>' + table(("id", "what"), rows) if rows else ""


def _sections(report: Report) -> Iterable[list[str]]:
    for section in report.sections:
        judged = [
            one for one in report.verdicts if one.requirement.section == section and one.outcome in ("passed", "failed")
        ]
        good = sum(one.outcome == "passed" for one in judged)
        share = (
            f'<meter min="0" max="{len(judged)}" value="{good}">{good} of {len(judged)}</meter>'
            if judged
            else "not judged"
        )
        yield [escape(section), str(good), str(len(judged)), share]


def _row(verdict: Verdict) -> list[str]:
    requirement = verdict.requirement
    why = f": {escape(verdict.why)}" if verdict.outcome in ("skipped", "broken") else ""
    outcome = f'<span class="{verdict.outcome}">{verdict.outcome}{why}</span>'
    if verdict.outcome == "failed":
        outcome = f'<a class="failed" href="#{escape(requirement.id)}">failed</a>'
    return [f"<code>{escape(requirement.id)}</code>", requirement.level, escape(requirement.title), outcome]
