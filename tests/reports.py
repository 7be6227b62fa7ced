"""A report of the conformance suite, as written files."""

from datetime import UTC, date, datetime
from typing import Any

from conformance.judge.expected import Expected
from conformance.judge.requirements import Requirement
from conformance.judge.run import Verdict
from conformance.judge.target import Asked
from conformance.reports.files import REPORTS
from conformance.reports.model import Report

KNOWN = Expected(id="restcomm.list.sort.12", reason="the old server sorts so", expiry=date(2099, 1, 1))


def verdict(number: int, outcome: Any = "passed", level: Any = "must", **more: Any) -> Verdict:
    requirement = Requirement(
        id=f"restcomm.list.sort.{number:02}", level=level, title=f"Requirement <{number}>", law="ordered", seed="A sentence & more.",
        reading="one of two" if level == "ambiguous" else "",
    )  # fmt: skip
    return Verdict(requirement, outcome, **more)


ASKED = (Asked("GET", "/2012-04-24/Accounts/{account}/SMS/Messages.json", ("SortBy",), 200, "application/json", 12),)
FAILED = verdict(
    1,
    "failed",
    why="messages are in another order",
    expected="descending <created>",
    seen="ascending",
    asked=ASKED,
    seconds=0.5,
)
VERDICTS = (
    FAILED,
    verdict(2),
    verdict(3, "failed", "should", why="a lesser one"),
    verdict(4, "failed", "ambiguous", why="an ambiguous one"),
    verdict(5, "skipped", why="the account shows no messages"),
    verdict(6, "broken", why="KeyError in ordered, line 3"),
    verdict(12, "failed", why="known since long"),
)
REPORT = Report(
    conclusion="bad", dialect="restcomm", target="https://sms.example.test/restcomm", server="Tomcat/9", version="sms-translator 0.1.0",
    began=datetime(2026, 12, 1, 8, 30, tzinfo=UTC), seconds=12.25, level="must", options={"--seed": "7"},
    repeat=("https://sms.example.test/restcomm", "--dialect", "restcomm", "--token", "env:TOKEN", "--allow-send", "--to", '"$NUMBER"'),
    verdicts=VERDICTS, known={KNOWN.id: KNOWN}, requests=321,
)  # fmt: skip


def written(name: str, report: Report = REPORT) -> str:
    return REPORTS[name][1](report)
