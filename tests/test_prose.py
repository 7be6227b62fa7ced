"""The prose of the project keeps the rules of CONTRIBUTING.md, but for the offences counted in tests/prose-debt.toml."""

from pathlib import Path
from typing import Final

import pytest

from tools import prose, prose_rules, prose_text
from tools.prose_rules import Finding

GLOSSARY: Final = """
| Term | Meaning | Never |
| --- | --- | --- |
| provider | what `requests` go to | back, `upstream` |
| lease | a time | claim, `in doubt` |
"""


def rules_of(source: str, path: str = "page.md") -> list[str]:
    """The rules that a text breaks, in the order of the findings."""
    return [finding.rule for finding in prose_rules.check(path, source, prose_rules.never_words(GLOSSARY))]


@pytest.mark.parametrize(
    "sentence",
    [
        "Who asks before it sends a body, and was not told to, sends none.",
        "Whether the row was written.",
        "What is in the files is never said.",
        "Where nothing matches, the list is empty.",
        "Of those, the first is taken.",
        "To the network it is the protocol.",
        "How many rows a range has, without reading it.",
        "The row is written. Whoever comes next reads it.",
        "- **What changes**: the accounts.",
        "Which of them is first is not said.",
    ],
)
def test_headless_sentence_is_an_opener(sentence: str) -> None:
    assert rules_of(sentence) == ["opener"]


@pytest.mark.parametrize(
    "sentence",
    [
        "Close the connection if the client has left.",
        "To reload the configuration, send SIGHUP.",
        "What does a send cost?",
        "# What happens to a send",
        "| What | Where |\n| --- | --- |\n| a row | here |",
        "    Who asks is code here.",
        "```\nWho asks is code here.\n```",
        "`where`",
    ],
)
def test_sentence_with_a_subject_is_no_opener(sentence: str) -> None:
    assert rules_of(sentence) == []


def test_sentence_of_26_words_is_long_and_25_are_not() -> None:
    assert rules_of(" ".join(["word"] * 25) + ".") == []
    assert rules_of(" ".join(["word"] * 26) + ".") == ["long"]
    assert rules_of(" ".join(["word"] * 20) + ". " + " ".join(["Word"] * 20) + ".") == []


def test_code_links_and_addresses_count_as_one_word() -> None:
    tail = " ".join(["word"] * 22)
    assert rules_of(f"`a b c d e f` [word](https://example.test/a/b) https://example.test/ {tail}.") == []


def test_never_words_are_those_in_code_font_in_the_last_column() -> None:
    assert rules_of("The upstream fails.") == ["word"]
    assert rules_of("Two Upstreams fail.") == ["word"]
    assert rules_of("A send in doubt is read.") == ["word"]
    assert rules_of("The back may claim that requests are upstreamed, and `upstream` is code.") == []


def test_docstrings_of_all_kinds_are_read_and_comments_are_not() -> None:
    source = '"""Who asks is served."""\n\n# Who asks is served.\nX = 1\n"""What X is for."""\n\n\ndef f():\n    """Of a row."""\n'
    assert rules_of(source, "module.py") == ["opener"] * 3


def test_drawings_and_columns_in_docstrings_are_skipped() -> None:
    source = '"""Return the row.\n\n    what ─▶ where it goes\n\nwhat is shown   where it is\n\nArgs:\n    row: The row, or None.\n"""\n'
    assert rules_of(source, "module.py") == []


def test_line_of_a_finding_is_that_of_its_paragraph() -> None:
    found = list(prose_rules.check("page.md", "# Title\n\nA row is read.\nWho asks is served.\n", ()))
    assert [(finding.line, finding.text) for finding in found] == [(3, "Who asks is served.")]


def test_name_of_more_than_70_characters_is_found() -> None:
    assert rules_of(f"def test_{'x' * 65}():\n    pass\n", "test_x.py") == []
    assert rules_of(f"async def test_{'x' * 66}():\n    pass\n", "test_x.py") == ["name"]


def test_abbreviations_end_no_sentence() -> None:
    assert prose_text.sentences("A row, e.g. This one. Then another.") == ["A row, eg This one.", "Then another."]


# ---- the counts ----------------------------------------------------------------------------------------------


def finding(path: str, rule: str) -> Finding:
    return Finding(path, 1, rule, "")


def test_count_may_neither_rise_nor_stay_behind() -> None:
    now = prose.counted({"a.md": [finding("a.md", "long")] * 2, "b.md": [], "c.md": [finding("c.md", "word")]})
    assert now == {"a.md": {"long": 2}, "c.md": {"word": 1}}
    assert list(prose.differences(now, now)) == []
    assert len(list(prose.differences(now, {"a.md": {"long": 1}, "c.md": {"word": 1}}))) == 1
    assert len(list(prose.differences(now, {"a.md": {"long": 3}, "c.md": {"word": 1}}))) == 1
    assert len(list(prose.differences(now, {"a.md": {"long": 2}}))) == 1
    assert len(list(prose.differences(now, {**now, "gone.md": {"long": 1}}))) == 1


def test_update_follows_a_moved_file_and_never_raises_a_total() -> None:
    assert prose.update({"new.md": {"long": 2}}, {"old.md": {"long": 2}}) == ""
    assert "long from 1 to 2" in prose.update({"a.md": {"long": 2}}, {"a.md": {"long": 1, "word": 9}})


def test_counts_are_written_and_read_back(tmp_path: Path) -> None:
    debt = {"a b.md": {"opener": 1, "long": 2}, "c.py": {"name": 3}}
    prose.write_debt(debt, tmp_path / "debt.toml")
    assert prose.read_debt(tmp_path / "debt.toml") == debt


# ---- the tree ------------------------------------------------------------------------------------------------


def test_prose_of_the_tree_has_the_committed_offences() -> None:
    found = prose.findings()
    assert len(found) > 250
    assert {"README.md", "docs/glossary.md", "translator/core/exchange.py", "tests/test_prose.py"} <= set(found)
    assert list(prose.differences(prose.counted(found), prose.read_debt())) == []


def test_glossary_has_never_words() -> None:
    glossary = (prose.ROOT / "docs" / "glossary.md").read_text("utf-8")
    assert len(prose_rules.never_words(glossary)) > 20
