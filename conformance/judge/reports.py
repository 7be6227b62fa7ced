"""What a run is told as: fixed file names, and no number, text or credential in any of them.

junit  junit.xml · json  results.json · html  index.html · markdown  summary.md · sarif  results.sarif
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from html import escape
from typing import Any, Final
from xml.sax.saxutils import escape as xml_escape
from xml.sax.saxutils import quoteattr

from conformance.judge.run import Verdict

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
 body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }}
 h1 {{ font-size: 1.6rem }} h2 {{ font-size: 1.1rem; margin-top: 2rem }}
 table {{ border-collapse: collapse; width: 100% }} td, th {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd }}
 .failed {{ color: #a40000 }} .passed {{ color: #1a6b1a }} .skipped, .broken {{ color: #666 }}
 blockquote {{ margin: .3rem 0 .3rem 1rem; color: #444; font-style: italic }} code {{ font-size: .9em; word-break: break-all }}
 li code {{ white-space: pre-wrap }}
 .bar {{ background: #f3d0d0; height: .6rem }} .bar div {{ background: #58a758; height: .6rem }}
 @media (prefers-color-scheme: dark) {{
  body {{ background: #161616; color: #ddd }} blockquote {{ color: #aaa }} td, th {{ border-color: #444 }}
 }}
</style>
<h1>{title}</h1>
<p>{summary}</p>
<table><tr><th>section<th>passed<th>of those judged<th></tr>
{sections}
</table>
{failures}
<h2>Everything</h2>
<table><tr><th>id<th>level<th>what<th>outcome</tr>
{rows}
</table>
</html>
"""


def counted(verdicts: Iterable[Verdict]) -> str:
    """How many passed, failed, were skipped and broke, in one line."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped", "broken"))


def junit(title: str, verdicts: list[Verdict]) -> str:
    """One test case a requirement."""
    cases = []
    for requirement, outcome, why, asked in verdicts:
        names = f"classname={quoteattr(requirement.section)} name={quoteattr(requirement.id + ' ' + requirement.title)}"
        said = "\n".join([requirement.sentence, *map(str, asked)])
        inner = {
            "passed": "",
            "failed": f"<failure message={quoteattr(why)}>{xml_escape(said)}</failure>",
            "broken": f"<error message={quoteattr(why)}/>",
            "skipped": f"<skipped message={quoteattr(why)}/>",
        }[outcome]
        cases.append(f"  <testcase {names}>{inner}</testcase>")
    counts = Counter(verdict.outcome for verdict in verdicts)
    head = f'tests="{len(verdicts)}" failures="{counts["failed"]}" errors="{counts["broken"]}" skipped="{counts["skipped"]}"'
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<testsuite name={quoteattr(title)} {head}>\n'
        + "\n".join(cases)
        + "\n</testsuite>\n"
    )


def results(title: str, verdicts: list[Verdict]) -> str:
    """Everything, for a program."""
    rows = [
        {
            "id": requirement.id, "level": requirement.level, "title": requirement.title, "sentence": requirement.sentence,
            "from": "document" if requirement.seed else "elsewhere", "outcome": outcome, "why": why, "asked": [str(one) for one in asked],
        }
        for requirement, outcome, why, asked in verdicts
    ]  # fmt: skip
    counts = dict(Counter(verdict.outcome for verdict in verdicts))
    return json.dumps({"title": title, "counts": counts, "requirements": rows}, indent=1, ensure_ascii=False) + "\n"


def markdown(title: str, verdicts: list[Verdict]) -> str:
    """For a pull request: what failed, and how many there are."""
    lines = [f"# {title}", "", counted(verdicts), ""]
    failed = [verdict for verdict in verdicts if verdict.outcome in ("failed", "broken")]
    if failed:
        lines += ["| id | level | what | why |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {one.requirement.id} | {one.requirement.level} | {one.requirement.title} | {one.why} |"
            for one in failed
        ]
    return "\n".join(lines) + "\n"


def html(title: str, verdicts: list[Verdict]) -> str:
    """One page that needs nothing else: the score of each section, each failure with its sentence and what was asked."""
    sections = []
    for section in dict.fromkeys(verdict.requirement.section for verdict in verdicts):
        mine = [one for one in verdicts if one.requirement.section == section and one.outcome in ("passed", "failed")]
        good = sum(one.outcome == "passed" for one in mine)
        share = round(100 * good / len(mine)) if mine else 0
        bar = f'<div class="bar"><div style="width:{share}%"></div></div>'
        sections.append(f"<tr><td>{escape(section)}<td>{good}<td>{len(mine)}<td style='width:40%'>{bar}</tr>")
    failures = []
    for requirement, outcome, why, asked in verdicts:
        if outcome in ("failed", "broken"):
            exchanges = "".join(f"<li><code>{escape(str(one))}</code>" for one in asked)
            reading = f"<p>Taken to mean: {escape(requirement.reading)}</p>" if requirement.reading else ""
            failures.append(
                f"<h2 class='failed' id='{escape(requirement.id)}'>{escape(requirement.id)}: {escape(requirement.title)}</h2>"
                f"<p>{escape(requirement.level)}, {outcome}: {escape(why)}</p>"
                f"<blockquote>{escape(requirement.sentence)}</blockquote>{reading}<ul>{exchanges}</ul>"
            )
    rows = [
        f"<tr><td><code>{escape(one.requirement.id)}</code><td>{one.requirement.level}<td>{escape(one.requirement.title)}"
        f"<td class='{one.outcome}'>{one.outcome}{': ' + escape(one.why) if one.outcome == 'skipped' else ''}</tr>"
        for one in verdicts
    ]
    return _PAGE.format(
        title=escape(title), summary=escape(counted(verdicts)), sections="\n".join(sections), failures="\n".join(failures),
        rows="\n".join(rows),
    )  # fmt: skip


def sarif(title: str, verdicts: list[Verdict]) -> str:
    """For code scanning: each failure as a result of its rule."""
    levels = {"must": "error", "should": "warning", "may": "note", "ambiguous": "note"}
    rules = [
        {
            "id": one.requirement.id,
            "shortDescription": {"text": one.requirement.title},
            "fullDescription": {"text": one.requirement.sentence},
        }
        for one in verdicts
    ]
    found: list[dict[str, Any]] = [
        {
            "ruleId": one.requirement.id, "level": levels[one.requirement.level], "message": {"text": one.why},
            "locations": [{"logicalLocations": [{"fullyQualifiedName": one.requirement.section}]}],
        }
        for one in verdicts if one.outcome == "failed"
    ]  # fmt: skip
    driver = {"name": "sms-conformance", "rules": rules}
    whole = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "automationDetails": {"id": title}, "results": found}],
    }  # fmt: skip
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


REPORTS: Final[dict[str, tuple[str, Callable[[str, list[Verdict]], str]]]] = {
    "junit": ("junit.xml", junit),
    "json": ("results.json", results),
    "html": ("index.html", html),
    "markdown": ("summary.md", markdown),
    "sarif": ("results.sarif", sarif),
}
"""File name and writer of each report, by the name that `--report` uses."""
