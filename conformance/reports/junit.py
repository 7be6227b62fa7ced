"""Writes JUnit XML with one test case for each requirement. A known failure is a skipped case, as CI systems expect."""

from collections import Counter
from xml.sax.saxutils import escape, quoteattr

from conformance.judge.run import Verdict
from conformance.reports.model import Report


def write(report: Report) -> str:
    """Return the file. It has times, properties, and the expected beside the seen values."""
    cases = [_case(report, one) for one in report.verdicts]
    known = [one.requirement.id for one in report.accepted()]
    counts = Counter("skipped" if one.requirement.id in known else one.outcome for one in report.verdicts)
    totals = (
        f'tests="{len(report.verdicts)}" failures="{counts["failed"]}" errors="{counts["broken"]}" '
        f'skipped="{counts["skipped"]}" time="{report.seconds:.3f}"'
    )
    properties = "\n".join(
        f"      <property name={quoteattr(name)} value={quoteattr(value)}/>" for name, value in report.heading
    )
    suite = f"name={quoteattr(report.title)} {totals} timestamp={quoteattr(report.stamp.removesuffix('Z'))}"
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites {totals}>\n  <testsuite {suite}>\n    <properties>\n{properties}\n'
        f"    </properties>\n" + "\n".join(cases) + "\n  </testsuite>\n</testsuites>\n"
    )


def _case(report: Report, verdict: Verdict) -> str:
    requirement = verdict.requirement
    names = f"classname={quoteattr(f'{report.dialect}.{requirement.section}')} name={quoteattr(f'{requirement.id} {requirement.title}')}"
    return f'    <testcase {names} time="{verdict.seconds:.3f}">{_inner(report, verdict)}</testcase>'


def _inner(report: Report, verdict: Verdict) -> str:
    requirement = verdict.requirement
    if verdict.outcome == "passed":
        return ""
    if requirement.id in report.known and verdict.outcome == "failed":
        accepted = report.known[requirement.id]
        return f"<skipped message={quoteattr(f'known failure until {accepted.expiry}: {accepted.reason}')}/>"
    if verdict.outcome == "skipped":
        return f"<skipped message={quoteattr(verdict.why)}/>"
    if verdict.outcome == "broken":
        return f'<error type="fault of the suite" message={quoteattr(verdict.why)}/>'
    said = [
        f"{requirement.level}: {requirement.sentence}",
        *([f"expected: {verdict.expected}", f"seen: {verdict.seen}"] if verdict.expected or verdict.seen else []),
        *map(str, verdict.asked),
        f"repeat: {report.command(requirement.id)}",
    ]
    return f"<failure type={quoteattr(requirement.level)} message={quoteattr(verdict.why)}>{escape(chr(10).join(said))}</failure>"
