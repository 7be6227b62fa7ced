"""Texts as PostgreSQL can hold them. It holds no U+0000, which an SMS may: that character is written as two others there, and read back.

U+0000 ─▶ U+FDD0 0      U+FDD0, which is no character of any text but would be taken for the first ─▶ U+FDD0 1
"""

from typing import Any, Final

from sqlalchemy import Text, TypeDecorator

_MARK: Final = "\ufdd0"


def escaped(text: str) -> str:
    """A text without U+0000, from which it can be read back."""
    return text.replace(_MARK, f"{_MARK}1").replace("\0", f"{_MARK}0")


def plain(text: str) -> str:
    """The text as it was."""
    return text.replace(f"{_MARK}0", "\0").replace(f"{_MARK}1", _MARK) if _MARK in text else text


class AnyText(TypeDecorator[str]):
    """A column of texts that may hold any character."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:  # noqa: ARG002 - SQLAlchemy's own names
        return escaped(value) if isinstance(value, str) else value

    def process_result_value(self, value: Any, dialect: Any) -> Any:  # noqa: ARG002
        return plain(value) if isinstance(value, str) else value
