"""Writes JSON with all results of a run, for programs and for `sms-conformance compare`."""

import json
from collections import Counter
from typing import Any, Final

from conformance.judge.run import Verdict
from conformance.reports.model import Report

FORMAT: Final = 2
"""The version of the file's form."""


def write(report: Report) -> str:
    """Return the file."""
    whole = {
        "format": FORMAT, "title": report.title, "verdict": report.conclusion, "sentence": report.sentence,
        "target": report.target, "dialect": report.dialect, "server": report.server, "suite": report.version,
        "began": report.stamp, "seconds": round(report.seconds, 3), "level": report.level, "options": dict(report.options),
        "requests": report.requests, "counts": dict(Counter(one.outcome for one in report.verdicts)), "untried": report.untried,
        "requirements": [_row(report, one) for one in report.verdicts],
    }  # fmt: skip
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _row(report: Report, verdict: Verdict) -> dict[str, Any]:
    requirement = verdict.requirement
    row: dict[str, Any] = {
        "id": requirement.id, "level": requirement.level, "title": requirement.title, "sentence": requirement.sentence,
        "from": "document" if requirement.seed else "elsewhere", "outcome": verdict.outcome, "why": verdict.why,
        "expected": verdict.expected, "seen": verdict.seen, "seconds": round(verdict.seconds, 3), "asked": list(map(str, verdict.asked)),
    }  # fmt: skip
    if verdict.outcome == "failed":
        row["repeat"] = report.command(requirement.id)
        known = report.known.get(requirement.id)
        row["known"] = None if known is None else {"reason": known.reason, "expiry": str(known.expiry)}
    return row
