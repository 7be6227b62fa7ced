"""Writes SARIF 2.1.0 for code scanning: each failure is a result of its rule, at the line of the requirement that it breaks.

Code scanning accepts no result without a physical location. The server has no source file here, so the requirement's file is named.
"""

import json
from typing import Any, Final

from conformance.judge.requirements import CASES
from conformance.judge.run import Verdict
from conformance.reports.model import Report

_LEVELS: Final = {"must": "error", "should": "warning", "may": "note", "ambiguous": "note"}
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def write(report: Report) -> str:
    """Return the file."""
    lines = _lines(report.dialect)
    file = _file(report.dialect)
    rules = [
        {
            "id": one.requirement.id,
            "shortDescription": {"text": one.requirement.title},
            "fullDescription": {"text": one.requirement.sentence},
            "defaultConfiguration": {"level": _LEVELS[one.requirement.level]},
        }
        for one in report.verdicts
    ]
    driver = {"name": "sms-conformance", "version": report.version.rpartition(" ")[2], "rules": rules}
    results = [
        _result(report, one, number, file, lines.get(one.requirement.id, 1))
        for number, one in enumerate(report.verdicts) if one.outcome == "failed"
    ]  # fmt: skip
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{report.title}/"},
        "invocations": [{"executionSuccessful": not any(report.faults()), "startTimeUtc": report.stamp}],
        "properties": dict(report.heading),
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=False) + "\n"


def _result(report: Report, verdict: Verdict, rule: int, file: str, line: int) -> dict[str, Any]:
    requirement = verdict.requirement
    compared = f" Expected: {verdict.expected}. Seen: {verdict.seen}." if verdict.expected or verdict.seen else ""
    found: dict[str, Any] = {
        "ruleId": requirement.id, "ruleIndex": rule, "level": _LEVELS[requirement.level],
        "message": {"text": f"{verdict.why}.{compared} Repeat: {report.command(requirement.id)}"},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": file}, "region": {"startLine": line}},
                "logicalLocations": [{"fullyQualifiedName": requirement.section}],
            }
        ],
        "partialFingerprints": {"requirement/v1": requirement.id},
    }  # fmt: skip
    if (known := report.known.get(requirement.id)) is not None:
        found["suppressions"] = [{"kind": "external", "justification": f"{known.reason} (until {known.expiry})"}]
    return found


def _file(dialect: str) -> str:
    return f"conformance/cases/{dialect.replace('-', '_')}.toml"


def _lines(dialect: str) -> dict[str, int]:
    """Return the line of each requirement's id in its file."""
    text = (CASES / f"{dialect.replace('-', '_')}.toml").read_text("utf-8")
    return {
        line.partition('"')[2].partition('"')[0]: number
        for number, line in enumerate(text.splitlines(), 1) if line.startswith("id ")
    }  # fmt: skip
