"""Compares two runs: newly failing requirements, newly passing ones, those that are gone, and those that only one run tried."""

import json
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from conformance.reports.page import heading, page, table
from conformance.reports.results import FORMAT


class BadRun(Exception):
    """The file is not the JSON report of a run."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement of one run, in the form of the JSON report."""

    id: str
    level: str
    title: str
    outcome: str
    why: str = ""
    repeat: str = ""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run, in the form of the JSON report."""

    format: int
    verdict: str
    target: str
    dialect: str
    suite: str
    began: str
    level: str
    requirements: list[Judged]


class Difference(NamedTuple):
    """One requirement whose results differ between two runs. A result is None if its run has no such requirement."""

    id: str
    before: Judged | None
    after: Judged | None

    @property
    def shown(self) -> Judged:
        """The newer of the two results."""
        return self.after or self.before  # type: ignore[return-value]  # one of the two is there


class Comparison(NamedTuple):
    """The differences between two runs, in the order of the newer run's requirements."""

    before: Run
    after: Run
    newly_failing: list[Difference]
    newly_passing: list[Difference]
    gone: list[Difference]
    untried: list[Difference]

    @property
    def is_good(self) -> bool:
        """True if no requirement fails that did not fail before."""
        return not self.newly_failing

    @property
    def groups(self) -> list[tuple[str, list[Difference]]]:
        """The differences by kind, each with its heading."""
        return [
            ("newly failing", self.newly_failing), ("newly passing", self.newly_passing),
            ("gone", self.gone), ("tried in one run only", self.untried),
        ]  # fmt: skip


def load(path: Path) -> Run:
    """Return the run of a JSON report. Raises BadRun if the file is not a report, or has another version of the form."""
    try:
        run = msgspec.json.decode(path.read_bytes(), type=Run)
    except OSError as error:
        raise BadRun(f"{path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise BadRun(f"{path}: is no results.json of this release: {error}") from None
    if run.format != FORMAT:
        raise BadRun(f"{path}: has the form {run.format}, and this release reads {FORMAT}")
    return run


def compare(before: Run, after: Run) -> Comparison:
    """Return the differences between two runs. Raises BadRun if the runs are of two dialects."""
    if before.dialect != after.dialect:
        raise BadRun(f"the runs are of two dialects: {before.dialect} and {after.dialect}")
    olds = {one.id: one for one in before.requirements}
    news = {one.id: one for one in after.requirements}
    pairs = [
        Difference(id_, olds.get(id_), news.get(id_)) for id_ in [*news, *(id_ for id_ in olds if id_ not in news)]
    ]
    return Comparison(
        before,
        after,
        [one for one in pairs if _fails(one.after) and not _fails(one.before)],
        [one for one in pairs if _passes(one.after) and _fails(one.before)],
        [one for one in pairs if one.after is None],
        [
            one
            for one in pairs
            if one.after is not None and not _fails(one.after) and _tried(one.before) != _tried(one.after)
        ],
    )


def _fails(one: Judged | None) -> bool:
    return one is not None and one.outcome == "failed"


def _passes(one: Judged | None) -> bool:
    return one is not None and one.outcome == "passed"


def _tried(one: Judged | None) -> bool:
    return one is not None and one.outcome in ("passed", "failed")


def _was(one: Judged | None) -> str:
    return "not there" if one is None else one.outcome


def _facts(found: Comparison) -> Iterator[tuple[str, str]]:
    for name, run in (("Before", found.before), ("After", found.after)):
        yield name, f"{run.verdict} · {run.target} · {run.began} · {run.suite} · level {run.level}"


def _verdict(found: Comparison) -> str:
    counts = ", ".join(f"{len(some)} {name}" for name, some in found.groups)
    told = "No requirement fails" if found.is_good else "Requirements fail"
    return f"{told} that did not fail before: {counts}."


def as_text(found: Comparison) -> str:
    """Return lines for a terminal: the newly failing first, each with the command that repeats it."""
    lines = [f"{name}: {value}" for name, value in _facts(found)]
    for name, some in found.groups:
        for one in some:
            why = f": {one.after.why}" if one.after and one.after.why else ""
            lines.append(f"{name:14} {one.shown.level:9} {one.id} ({_was(one.before)} → {_was(one.after)}){why}")
            if name == "newly failing" and one.after and one.after.repeat:
                lines.append(f"    {one.after.repeat}")
    return "\n".join([*lines, _verdict(found)]) + "\n"


def as_markdown(found: Comparison) -> str:
    """Return the comparison as Markdown, for a job summary."""
    lines = ["# Two runs compared", "", _verdict(found), "", *(f"- {name}: {value}" for name, value in _facts(found))]
    for name, some in found.groups:
        if some:
            lines += [
                "",
                f"## {name.capitalize()}",
                "",
                "| id | level | what | before | after | why |",
                "| --- | --- | --- | --- | --- | --- |",
            ]
            for one in some:
                why = (one.after.why if one.after else "").replace("|", "\\|")
                lines.append(
                    f"| `{one.id}` | {one.shown.level} | {one.shown.title} | {_was(one.before)} | {_was(one.after)} | {why} |"
                )
    return "\n".join(lines) + "\n"


def as_html(found: Comparison) -> str:
    """Return the comparison as one HTML page, in the look of the reports."""
    parts = [heading("Two runs compared", _verdict(found), found.is_good, _facts(found))]
    for name, some in found.groups:
        rows = [
            [
                f"<code>{escape(one.id)}</code>", escape(one.shown.level), escape(one.shown.title), _marked(one.before), _marked(one.after),
                escape(one.after.why if one.after else ""),
            ]
            for one in some
        ]  # fmt: skip
        if rows:
            parts.append(
                f"<h2>{escape(name.capitalize())} ({len(rows)})</h2>"
                + table(("id", "level", "what", "before", "after", "why"), rows)
            )
    return page("Two runs compared", parts)


def _marked(one: Judged | None) -> str:
    return f'<span class="{escape(_was(one)) if one else "skipped"}">{escape(_was(one))}</span>'


def as_json(found: Comparison) -> str:
    """Return the comparison as JSON, for a program."""
    whole: dict[str, Any] = {"good": found.is_good, "sentence": _verdict(found)}
    for name, some in found.groups:
        whole[name.replace(" ", "_")] = [
            {"id": one.id, "level": one.shown.level, "before": _was(one.before), "after": _was(one.after)}
            for one in some
        ]
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


FORMS: Final[dict[str, tuple[str, Callable[[Comparison], str]]]] = {
    "html": ("compare.html", as_html),
    "markdown": ("compare.md", as_markdown),
    "json": ("compare.json", as_json),
}
"""The file name and the writer of each form, by the name that `--report` uses."""
