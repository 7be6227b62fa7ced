"""Texts for PostgreSQL, which cannot store U+0000. An SMS may contain it, so it is escaped as two other characters.

U+0000 ─▶ U+FDD0 0      U+FDD0 (a noncharacter, escaped so that it is not taken for the mark) ─▶ U+FDD0 1
"""

from typing import Any, Final

from sqlalchemy import Text, TypeDecorator

_MARK: Final = "\ufdd0"


def escaped(text: str) -> str:
    """Return a text without U+0000. `plain` reads it back."""
    return text.replace(_MARK, f"{_MARK}1").replace("\0", f"{_MARK}0")


def plain(text: str) -> str:
    """Return the text as it was before `escaped`."""
    return text.replace(f"{_MARK}0", "\0").replace(f"{_MARK}1", _MARK) if _MARK in text else text


class AnyText(TypeDecorator[str]):
    """A column of texts with any character."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:  # noqa: ARG002 - SQLAlchemy's own names
        return escaped(value) if isinstance(value, str) else value

    def process_result_value(self, value: Any, dialect: Any) -> Any:  # noqa: ARG002
        return plain(value) if isinstance(value, str) else value
