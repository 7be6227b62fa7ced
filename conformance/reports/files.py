"""The files of a run, by the name that `--report` uses. The file names are fixed."""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Final

from conformance.reports.model import Report


def _writer(name: str) -> Callable[[Report], str]:
    """Return the writer of a report. Its module is imported when the writer is called."""

    def write(report: Report) -> str:
        text: str = import_module(f"conformance.reports.{name}").write(report)
        return text

    return write


REPORTS: Final[dict[str, tuple[str, Callable[[Report], str]]]] = {
    "junit": ("junit.xml", _writer("junit")),
    "json": ("results.json", _writer("results")),
    "html": ("index.html", _writer("html")),
    "markdown": ("summary.md", _writer("markdown")),
    "sarif": ("results.sarif", _writer("sarif")),
}


def write_all(names: Iterable[str], folder: Path, report: Report) -> None:
    """Write the named reports into a folder, which is created if it does not exist. Raises OSError."""
    for name in names:
        file, write = REPORTS[name]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(write(report), "utf-8")
