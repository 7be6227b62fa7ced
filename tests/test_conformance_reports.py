"""The reports of a run: the head of each, the text of each failure, and that nothing private is in any."""

import json
import re
from base64 import b64encode
from dataclasses import replace
from xml.etree import ElementTree

import msgspec
import pytest

from conformance.judge.requirements import load
from conformance.judge.run import Verdict, run
from conformance.reports import compare, results
from conformance.reports.files import REPORTS
from tests import browser
from tests.reports import FAILED, REPORT, verdict, written


@pytest.mark.parametrize("name", REPORTS)
def test_each_report_says_what_was_judged_when_how_and_with_which_verdict(name: str) -> None:
    said = written(name)
    for fact in (
        "bad",
        "https://sms.example.test/restcomm",
        "Tomcat/9",
        "sms-translator 0.1.0",
        "2026-12-01T08:30:00",
        "must",
    ):
        assert fact in said, fact
    assert "--seed" in said


@pytest.mark.parametrize("name", ["junit", "json", "html", "sarif"])
def test_a_failure_says_what_was_expected_and_seen_and_how_to_repeat_it(name: str) -> None:
    said = written(name)
    plain = said.replace("&lt;", "<").replace("&gt;", ">").replace('\\"', '"').replace("&quot;", '"')
    assert "descending <created>" in plain and "ascending" in plain
    assert "sms-conformance https://sms.example.test/restcomm --dialect restcomm" in plain
    assert '--to "$NUMBER" --id restcomm.list.sort.01' in plain


@pytest.mark.parametrize("name", REPORTS)
def test_a_run_of_wrong_servers_leaves_nothing_private_in_a_report(name: str) -> None:
    from tests.good_servers import TO, backwards, old_twin, target

    found = tuple(run(target("restcomm", backwards(old_twin()), sends=20), load("restcomm")))
    said = written(name, replace(REPORT, verdicts=found, known={}))
    assert "restcomm.list.sort.12" in said
    secret = b64encode(b"AC1:token").decode()
    for private in (secret, TO, TO[1:], "15550100009", "Conformance test", "13216549878"):
        assert private not in said


def test_junit_has_times_and_properties_and_separates_known_failures() -> None:
    root = ElementTree.fromstring(written("junit"))
    suite = root.find("testsuite")
    assert suite is not None
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped"), suite.get("tests")) == (
        "3",
        "1",
        "2",
        "7",
    )
    assert (suite.get("time"), suite.get("timestamp")) == ("12.250", "2026-12-01T08:30:00")
    cases = suite.findall("testcase")
    assert cases[0].get("time") == "0.500"
    properties = {one.get("name"): one.get("value") for one in suite.findall("properties/property")}
    assert properties["Target"] == "https://sms.example.test/restcomm"
    [known] = [one for one in suite.iter("skipped") if "known failure until 2099-01-01" in str(one.get("message"))]
    assert "the old server sorts so" in str(known.get("message"))


def test_json_has_everything() -> None:
    found = json.loads(written("json"))
    assert (found["verdict"], found["counts"]["failed"], found["requests"]) == ("bad", 4, 321)
    first = found["requirements"][0]
    assert (first["expected"], first["seen"], first["seconds"]) == ("descending <created>", "ascending", 0.5)
    assert found["requirements"][-1]["known"] == {"reason": "the old server sorts so", "expiry": "2099-01-01"}


def test_markdown_puts_the_verdict_first_and_keeps_known_failures_apart() -> None:
    said = written("markdown")
    assert said.startswith("# restcomm conformance: bad\n")
    new, _, known = said.partition("## Known failures")
    assert "`restcomm.list.sort.01`" in new and "restcomm.list.sort.12" not in new
    assert "`restcomm.list.sort.12` | the old server sorts so | 2099-01-01" in known
    assert "## Faults of the suite" in said


def test_sarif_has_what_code_scanning_asks_for() -> None:
    """The schema's required members, and those without which GitHub's code scanning drops a result."""
    whole = json.loads(written("sarif"))
    [run] = whole["runs"]
    assert whole["version"] == "2.1.0" and whole["$schema"].endswith("sarif-2.1.0.json")
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("sms-conformance", "0.1.0")
    assert run["invocations"][0]["executionSuccessful"] is False, "the suite failed at one requirement"
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        [location] = result["locations"]
        physical = location["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == "conformance/cases/restcomm.toml"
        assert physical["region"]["startLine"] > 1
    assert [one["ruleId"] for one in run["results"] if "suppressions" in one] == ["restcomm.list.sort.12"]


def test_sarif_points_to_the_line_of_the_requirement() -> None:
    from conformance.reports.sarif import _lines

    lines = _lines("restcomm")
    text = (results.__file__.rpartition("/reports/")[0]) + "/cases/restcomm.toml"
    with open(text, encoding="utf-8") as file:
        rows = file.read().splitlines()
    assert set(lines) == {one.id for one in load("restcomm")}
    assert all(f'"{id_}"' in rows[number - 1] for id_, number in lines.items())


def test_html_needs_nothing_else() -> None:
    said = written("html")
    assert "<script" not in said and "<link" not in said and "src=" not in said
    assert not re.search(r"href=\"(?!#)", said)


def test_a_section_that_was_not_judged_is_said() -> None:
    skipped = replace(REPORT, verdicts=(verdict(5, "skipped", why="no messages"),), conclusion="not enough judged")
    assert skipped.untried == ["list.sort"]
    for name in ("html", "markdown"):
        assert "Not judged at all: list.sort." in written(name, skipped)


# ---- two runs ----------------------------------------------------------------------------------------------


def saved(*verdicts: Verdict, dialect: str = "restcomm") -> compare.Run:
    text = results.write(replace(REPORT, verdicts=verdicts, known={}, dialect=dialect))
    return msgspec.json.decode(text, type=compare.Run)


def test_comparison_of_runs_lists_new_failures_new_passes_gone_and_untried() -> None:
    before = saved(
        verdict(1), verdict(2, "failed", why="w"), verdict(3), verdict(4, "skipped"), verdict(5), verdict(6, "failed")
    )
    after = saved(
        verdict(1, "failed", why="now"), verdict(2), verdict(4), verdict(5, "skipped"), verdict(6, "failed"), verdict(7, "failed")
    )  # fmt: skip
    found = compare.compare(before, after)
    ids = {name: [one.id[-2:] for one in some] for name, some in found.groups}
    assert ids == {
        "newly failing": ["01", "07"],
        "newly passing": ["02"],
        "gone": ["03"],
        "tried in one run only": ["04", "05"],
    }
    assert not found.is_good
    for write in (compare.as_text, compare.as_markdown, compare.as_html, compare.as_json):
        assert "restcomm.list.sort.07" in write(found)
    assert "--id restcomm.list.sort.01" in compare.as_text(found)


def test_equal_runs_are_good_and_runs_of_two_dialects_are_not_compared() -> None:
    assert compare.compare(saved(verdict(1)), saved(verdict(1))).is_good
    with pytest.raises(compare.BadRun, match="two dialects"):
        compare.compare(saved(verdict(1)), saved(verdict(1), dialect="properties-v2"))


# ---- in a real browser -------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("what", ["report", "comparison"])
def test_a_page_can_be_read_in_a_browser(what: str, width: int, is_dark: bool) -> None:
    """No text has less contrast than 4.5, nothing is wider than the window, and no request leaves the page."""
    if browser.FOUND is None:
        pytest.skip(browser.NOT_HERE)
    compared = compare.compare(saved(verdict(1)), saved(FAILED))
    look = browser.look(
        written("html") if what == "report" else compare.as_html(compared), width=width, is_dark=is_dark
    )
    assert look.ground == ("rgb(22, 22, 22)" if is_dark else "rgb(255, 255, 255)")
    assert look.faint == [], "texts whose contrast is below 4.5"
    assert look.overflow == 0, "pixels beyond the window"
    assert look.requests == []
    assert look.texts > 10
