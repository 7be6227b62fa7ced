"""Helpers that the rules of a table share: the place of a finding, and the names that are allowed."""

from collections import Counter
from collections.abc import Iterable, Iterator

from translator.core.model import Message
from translator.core.values.codecs import KINDS

TABLE_KINDS = ("word:status", "word:direction", "error:number", "error:text", "error:message")

ATTRIBUTES = set(Message.__struct_fields__)

Findings = Iterator[tuple[str, str]]
"""Places, each with the problem there."""


def twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def row_of(section: str, number: int, name: str) -> str:
    return f"[[{section}]] row {number} ({name})"


def known_kind(where: str, kind: str) -> Findings:
    if kind not in KINDS and kind not in TABLE_KINDS:
        yield where, f"no such kind: {kind}"
