"""The rules of prose that a program can hold. CONTRIBUTING.md explains them."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tools.prose_text import CODE_WORD, Block, docstring_blocks, markdown_blocks, sentences, test_names

RULES: Final = ("opener", "long", "word", "name")
MAX_WORDS: Final = 25
MAX_NAME: Final = 70

_HEADLESS: Final = re.compile(
    r"""(?:
        who(?:ever|m|se)? | what(?:ever)? | which | whether | where | how\ (?:many|much|often|long|far|near|large|wide) | of
        | to\ (?:the|an?|it|its|this|that|these|those|each|every|which|whom|all|others?|one)
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""Starts of a sentence whose subject is a clause, or comes late. An infinitive ("To reload, send SIGHUP") is allowed."""

_MARKS: Final = "*_\"'“”([{ "
_WORD: Final = re.compile(r"[\w\x00][\w\x00'./:-]*")
_CODE_FONT: Final = re.compile(r"`([^`]+)`")


class Finding(NamedTuple):
    """One offence."""

    path: str
    line: int
    rule: str
    text: str


def check(path: str, source: str, banned: Sequence[re.Pattern[str]]) -> Iterator[Finding]:
    """The offences in a Markdown page or a Python module."""
    if path.endswith(".py"):
        blocks = docstring_blocks(source)
        for line, name in test_names(source):
            if len(name) > MAX_NAME:
                yield Finding(path, line, "name", f"{name} has {len(name)} characters")
    else:
        blocks = markdown_blocks(source)
    for block in blocks:
        yield from _in_block(path, block, banned)


def _in_block(path: str, block: Block, banned: Sequence[re.Pattern[str]]) -> Iterator[Finding]:
    for sentence in sentences(block.text):
        shown = sentence.replace(CODE_WORD, "`…`")
        if is_headless(sentence):
            yield Finding(path, block.line, "opener", shown)
        if (words := len(_WORD.findall(sentence))) > MAX_WORDS:
            yield Finding(path, block.line, "long", f"{words} words: {shown}")
        for pattern in banned:
            if (match := pattern.search(sentence)) is not None:
                yield Finding(path, block.line, "word", f"{match[0]!r} in: {shown}")


def is_headless(sentence: str) -> bool:
    """True if a sentence starts with a clause in place of its subject. Questions and single words may."""
    bare = sentence.lstrip(_MARKS)
    return not sentence.rstrip(_MARKS).endswith("?") and " " in bare and _HEADLESS.match(bare) is not None


def never_words(glossary: str) -> tuple[re.Pattern[str], ...]:
    """The banned words of the glossary: those in code font in the last cell of each row, with their plurals."""
    found: dict[str, re.Pattern[str]] = {}
    for line in glossary.splitlines():
        if line.startswith("|"):
            last = line.rstrip().rstrip("|").rpartition("|")[2]
            for word in _CODE_FONT.findall(last):
                found[word] = re.compile(rf"(?<![\w./-]){re.escape(word)}(?:s|es)?(?![\w/-])", re.IGNORECASE)
    return tuple(found.values())
