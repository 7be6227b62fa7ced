"""Take the prose out of a file: paragraphs of a Markdown page, docstrings of a Python module, and the sentences in them."""

import ast
import inspect
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple


class Block(NamedTuple):
    """A paragraph, a list item or a table cell: its first line (counted from 1) and its text on one line."""

    line: int
    text: str


_FENCE: Final = re.compile(r"\s*(```|~~~)")
_ITEM: Final = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")
_ARGUMENT: Final = re.compile(r"\s*`?[A-Za-z_*][\w, *`]{0,40}`?:\s+(?=\S)")
_TABLE: Final = re.compile(r"\s*\|")
_RULE_ROW: Final = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*$")
_DRAWN: Final = re.compile(r"[─-╿▶◀▲▼→←↓↑]|\S {3,}\S")
"""Signs of a drawing or of columns: the line is no prose."""

_CODE: Final = re.compile(r"``[^`]*``|`[^`]*`")
_LINK: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_URL: Final = re.compile(r"\bhttps?://\S+")
_END: Final = re.compile(r"(?<=[.!?])[\"')\]*_]*\s+(?=[\"'(\[*_`“]*[A-ZÄÖÜ0-9`\x00])")
_ABBREVIATIONS: Final = ("e.g.", "i.e.", "etc.", "vs.", "cf.", "Nr.")

CODE_WORD: Final = "\x00"
"""Stands for a piece of code in a sentence, and counts as one word."""


def files(root: Path) -> list[str]:
    """The Markdown pages and Python modules that Git tracks or would track, as paths from the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md", "*.py"]  # fmt: skip
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted({path for path in listed if path and (root / path).is_file()})


def markdown_blocks(source: str) -> Iterator[Block]:
    """The paragraphs, list items and table cells of a page. Code, headings and header rows of tables are left out."""
    lines = source.splitlines()
    in_fence = False
    gathered: list[str] = []
    began = 0

    def block() -> Iterator[Block]:
        if gathered:
            yield Block(began, " ".join(gathered))
            gathered.clear()

    for number, line in enumerate(lines, 1):
        if _FENCE.match(line):
            yield from block()
            in_fence = not in_fence
        elif in_fence:
            continue
        elif not line.strip() or line.startswith("#") or (line.startswith("    ") and not gathered):
            yield from block()
        elif _TABLE.match(line):
            yield from block()
            below = lines[number] if number < len(lines) else ""
            if not _RULE_ROW.match(line) and not (_TABLE.match(below) and _RULE_ROW.match(below)):
                yield from (Block(number, cell.strip()) for cell in _cells(line))
        else:
            item = _ITEM.match(line)
            if item or not gathered:
                yield from block()
                began = number
            gathered.append(line[item.end() :] if item else line.strip().lstrip("> "))
    yield from block()


def _cells(line: str) -> list[str]:
    """The cells of a row. A bar in code or behind a backslash is no border."""
    plain = _CODE.sub(lambda code: code[0].replace("|", " "), line.replace("\\|", " "))
    return [cell for cell in plain.strip().strip("|").split("|") if cell.strip()]


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """The line and the text of each docstring, those of attributes and constants included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, inspect.cleandoc(node.value.value)


def docstring_blocks(source: str) -> Iterator[Block]:
    """The paragraphs and list items of the docstrings of a module. Drawings, columns and indented code are left out."""
    for first, text in docstrings(source):
        gathered: list[str] = []
        began = first
        for number, line in enumerate([*text.splitlines(), ""], first):
            is_prose = bool(line.strip()) and not _DRAWN.search(line) and not (line.startswith("    ") and not gathered)
            starts = _ITEM.match(line) or _ARGUMENT.match(line)
            if gathered and (not is_prose or starts):
                yield Block(began, " ".join(gathered))
                gathered = []
            if is_prose:
                if not gathered:
                    began = number
                gathered.append(line[starts.end() :].strip() if starts else line.strip())


def test_names(source: str) -> Iterator[tuple[int, str]]:
    """The line and the name of each test function of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph. Each piece of code, link target and address becomes one word or none."""
    plain = _URL.sub(CODE_WORD, _CODE.sub(CODE_WORD, _LINK.sub(r"\1", _CODE.sub(CODE_WORD, text))))
    for short in _ABBREVIATIONS:
        plain = plain.replace(short, short.replace(".", ""))
    return [sentence.strip() for sentence in _END.split(plain) if sentence.strip()]
