"""The names in docs/architecture.md exist, and its tree is the tree."""

import importlib
import re
from pathlib import Path
from typing import Final

import pytest

from translator.core import effects

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "architecture.md"

DRAWINGS: Final = ("A request", "A send", "A list", "A callback")
_NAME: Final = re.compile(r"(?<![\w./])[a-z_]+(?:\.[a-z_]+)*\.[A-Za-z_]\w*(?:\.[a-z_]\w*)?(?![\w/])")
_SUFFIXES: Final = ("md", "py", "toml")


def sections(page: str) -> dict[str, str]:
    """The text of each section by its heading."""
    _, *parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def names(text: str) -> list[str]:
    """The dotted names in a text. Names of files are left out."""
    return [name for name in _NAME.findall(text) if name.rpartition(".")[2] not in _SUFFIXES]


def resolves(name: str) -> bool:
    """True if a dotted name, with or without `translator.` before it, is a module or a name in one."""
    pieces = name.removeprefix("translator.").split(".")
    for length in range(len(pieces), 0, -1):
        try:
            found: object = importlib.import_module(".".join(["translator", *pieces[:length]]))
        except ModuleNotFoundError:
            continue
        for piece in pieces[length:]:
            if not hasattr(found, piece):
                return False
            found = getattr(found, piece)
        return True
    return False


def drawn(title: str) -> list[str]:
    """The names in the section of a drawing. The test fails if there are none."""
    found = names(sections(PAGE.read_text("utf-8"))[title])
    assert len(found) >= 5
    return found


def test_a_name_that_does_not_exist_is_found() -> None:
    assert resolves("core.exchange.exchange")
    assert resolves("translator.core.listing.list_page")
    assert not resolves("core.exchange.nothing_of_the_kind")
    assert not resolves("nothing_of_the_kind.exchange")
    assert not resolves("core.exchange.exchange.nothing_of_the_kind")


def test_names_are_told_from_files_and_sentences() -> None:
    text = "`core.effects.ProviderRequests` and exchange.py ─▶ sending.Sending.one. RFC 9112, docs/adr/README.md and nothing."
    assert names(text) == ["core.effects.ProviderRequests", "sending.Sending.one"]


@pytest.mark.parametrize("title", DRAWINGS)
def test_every_name_in_a_drawing_exists(title: str) -> None:
    assert [name for name in drawn(title) if not resolves(name)] == []


def test_every_effect_is_on_the_page() -> None:
    table = sections(PAGE.read_text("utf-8"))["How core and shell meet"]
    listed = {name.rpartition(".")[2] for name in names(table)}
    assert listed == {effect.__name__ for effect in effects.Effect.__args__}


def folders(tree: str) -> list[str]:
    """The folders under `translator/` that a drawn tree shows, as paths."""
    found, above = [], ["translator"]
    for line in tree.splitlines():
        match = re.match(r"^([│ ]*)[├└]── ([a-z_]+)/", line)
        if match is not None:
            depth = len(match[1]) // 4
            above = [*above[: depth + 1], match[2]]
            found.append("/".join(above))
    return found


def test_the_drawn_tree_is_the_tree() -> None:
    drawn_folders = folders(sections(PAGE.read_text("utf-8"))["The tree"])
    assert len(drawn_folders) > 12
    assert [path for path in drawn_folders if not (ROOT / path).is_dir()] == []
