"""The files of expected failures: each line names a row of COMPATIBILITY.md, of the road that the file is about."""

import re
from datetime import date
from pathlib import Path

import pytest

from conformance.judge import expected
from conformance.judge.requirements import load

ROOT = Path(__file__).parents[1]
FILES = {
    "properties_v2_before_restcomm.toml": "properties-v2 in front, restcomm behind",
    "restcomm_open_source.toml": "restcomm in front, properties-v2 behind",
}
"""Each file, and the road that its rows belong to."""


def rows(road: str) -> set[str]:
    """The rows of a road, each after the heading of its table: `filter: EndTime`."""
    page = (ROOT / "mappings" / "COMPATIBILITY.md").read_text("utf-8")
    part = page.partition(f"\n## {road}\n")[2].partition("\n## ")[0]
    found, kind = set[str](), ""
    for first in re.findall(r"^\| ([^|]+) \|", part, re.MULTILINE):
        after = part.partition(f"| {first} | verdict |")[1]
        if after:
            kind = first
        elif first != "---":
            found.add(f"{kind}: {first}")
    return found


def test_every_file_is_known() -> None:
    assert {path.name for path in (ROOT / "conformance" / "expected").glob("*.toml")} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_each_expected_failure_names_rows_of_its_road(name: str) -> None:
    dialect = FILES[name].partition(" ")[0]
    lines = expected.load(
        ROOT / "conformance" / "expected" / name, [one.id for one in load(dialect)], date(2026, 12, 1)
    )
    there = rows(FILES[name])
    assert len(there) > 50 and lines
    for line in lines:
        kind, _, names = line.reason.partition(". ")[0].partition(": ")
        named = {f"{kind}: {one}" for one in names.split("; ")}
        assert named <= there, (line.id, named - there)


@pytest.mark.parametrize("line", ["send parameter: To, a short code", "direction word: incoming"])
def test_a_row_of_the_other_road_is_none_of_this_one(line: str) -> None:
    assert line not in rows(FILES["properties_v2_before_restcomm.toml"])
    assert line in rows(FILES["restcomm_open_source.toml"])
