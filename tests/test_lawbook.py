"""docs/conformance.md: every law and option is in it, and the suite needs no more than the page says."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from conformance.cli.judging import judge
from conformance.judge.lawbook import table
from conformance.judge.requirements import DIALECTS
from conformance.judge.run import laws_of

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = (ROOT / "docs" / "conformance.md").read_text("utf-8")


def test_the_table_of_laws_is_not_stale() -> None:
    assert PAGE.endswith(f"<!-- laws -->\n\n{table()}"), "run: python -m conformance.judge.lawbook"


def test_every_law_says_what_it_holds() -> None:
    assert [name for dialect in DIALECTS for name, law in laws_of(dialect).items() if not law.__doc__] == []


def test_every_option_of_a_judgement_that_gives_leave_is_in_the_how_to() -> None:
    options = {one.opts[0] for one in judge.params if one.opts[0].startswith("--")}
    assert sorted(name for name in options - {"--wait", "--show-content"} if f"{name}" not in PAGE) == []


def test_a_judgement_needs_click_and_msgspec_alone() -> None:
    modules = "conformance.__main__, conformance.cli.judging, conformance.cli.others"
    reports = ", ".join(f"conformance.reports.{name}" for name in ("html", "junit", "markdown", "results", "sarif"))
    laws = "conformance.judge.laws_restcomm, conformance.judge.laws_properties_v2"
    code = (
        f"import sys, {modules}, {reports}, {laws}\n" + "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    names = {Requirement(one).name.replace("-", "_") for one in needed}
    assert names & set(done.stdout.split()) == {"click", "msgspec"}
    assert "translator" not in done.stdout.split()
