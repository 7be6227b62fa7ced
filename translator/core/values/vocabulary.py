"""Words: a dialect's closed vocabularies, and what a constraint in one of its words means.

A word on the wire stands for one neutral word or for several (a partition). Reading a *value* gives one of them: the first row
whose test holds, else the row without a test. Reading a *constraint* gives all of them.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from translator.core.errors import BadValue


class WordRow(Protocol):
    """What is needed of a row of `[[words.*]]`."""

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
    """One vocabulary. `plain` reads the words that need no test, `tested` holds the rows of those that do, in order."""

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
        """The word that a value is, whatever the case of its letters and the blanks around it; None where it is none."""
        plain = value.strip().lower() if isinstance(value, str) else ""
        return next((wire for wire in self._wires() if wire.lower() == plain), None)

    def _wires(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.wire for row in self.rows))

    def _of(self, wire: str) -> tuple[WordRow, ...]:
        return tuple(row for row in self.rows if row.wire == wire)

    def read_constraint(self, value: str, *, any_case: bool) -> frozenset[str]:
        """The neutral words that a filter with this word lets through."""
        for wire, words in self.stands_for.items():
            if wire == value or (any_case and wire.lower() == value.lower()):
                return words
        raise BadValue("has to be one of " + ", ".join(self.stands_for))

    def write_constraint(self, allowed: frozenset[str]) -> str | None:
        """The word to ask a back for so that nothing allowed is missed; it may let through more than is allowed.

        None where no single word covers all that is allowed.
        """
        return next((wire for wire, words in self.stands_for.items() if allowed and allowed <= words), None)


class ErrorWords:
    """The error codes that a dialect knows, their texts, and the code that stands for every other."""

    def __init__(self, texts: dict[str, str], unknown: str) -> None:
        self.texts = texts
        self.unknown = unknown

    def known(self, code: str) -> str:
        """The code itself, or the one for errors that the table does not know."""
        return code if code in self.texts else self.unknown
