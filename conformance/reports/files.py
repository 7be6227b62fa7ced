"""The files of a run, by the name that `--report` uses. The file names are fixed."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from conformance.reports import html, junit, markdown, results, sarif
from conformance.reports.model import Report

REPORTS: Final[dict[str, tuple[str, Callable[[Report], str]]]] = {
    "junit": ("junit.xml", junit.write),
    "json": ("results.json", results.write),
    "html": ("index.html", html.write),
    "markdown": ("summary.md", markdown.write),
    "sarif": ("results.sarif", sarif.write),
}


def write_all(names: Iterable[str], folder: Path, report: Report) -> None:
    """Write the named reports into a folder, which is made if it is not there. Raises OSError."""
    for name in names:
        file, write = REPORTS[name]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(write(report), "utf-8")
