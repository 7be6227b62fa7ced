"""Vocabularies: a dialect's closed lists of words, and the meaning of a constraint in one of its words.

A word on the wire stands for one neutral word or for several (a partition). Reading a *value* gives one of them: the first row whose test
holds, else the row without a test. Reading a *constraint* gives all of them.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from translator.core.errors import BadValue


class WordRow(Protocol):
    """The attributes that a row of `[[words.*]]` must have."""

    @property
    def wire(self) -> str: ...
    @property
    def word(self) -> str: ...
    @property
    def way(self) -> str: ...
    @property
    def field(self) -> str: ...
    @property
    def test(self) -> str: ...


class Vocabulary:
    """One vocabulary. `plain` reads the words that need no test. `tested` holds the rows of the other words, in order."""

    def __init__(self, rows: Iterable[WordRow]) -> None:
        self.rows = tuple(rows)
        self.tested: dict[str, tuple[WordRow, ...]] = {
            wire: self._of(wire) for wire in self._wires() if any(row.test for row in self._of(wire))
        }
        self.plain: dict[str, str] = {wire: self._of(wire)[0].word for wire in self._wires() if wire not in self.tested}
        self.write: dict[str, str] = {row.word: row.wire for row in self.rows if row.way == "both"}
        self.stands_for: dict[str, frozenset[str]] = {
            wire: frozenset(row.word for row in self._of(wire)) for wire in self._wires()
        }

    def in_any_case(self, value: Any) -> str | None:
        """Return the word that a value is, ignoring the case of its letters and the blanks around it, or None."""
        plain = value.strip().lower() if isinstance(value, str) else ""
        return next((wire for wire in self._wires() if wire.lower() == plain), None)

    def _wires(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.wire for row in self.rows))

    def _of(self, wire: str) -> tuple[WordRow, ...]:
        return tuple(row for row in self.rows if row.wire == wire)

    def read_constraint(self, value: str, *, any_case: bool) -> frozenset[str]:
        """Return the neutral words that a filter with this word lets through."""
        for wire, words in self.stands_for.items():
            if wire == value or (any_case and wire.lower() == value.lower()):
                return words
        raise BadValue("has to be one of " + ", ".join(self.stands_for))

    def write_constraint(self, allowed: frozenset[str]) -> str | None:
        """Return the word for a provider's filter that misses nothing allowed, although it may let more through.

        It is None if no single word covers everything that is allowed.
        """
        return next((wire for wire, words in self.stands_for.items() if allowed and allowed <= words), None)


class ErrorWords:
    """The error codes that a dialect knows, their texts, and the code that stands for every other."""

    def __init__(self, texts: dict[str, str], unknown: str) -> None:
        self.texts = texts
        self.unknown = unknown

    def known(self, code: str) -> str:
        """Return the code itself, or the code for errors that the table does not know."""
        return code if code in self.texts else self.unknown
