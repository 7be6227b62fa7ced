"""The codecs of one table: the general ones, and those that use the table's own words."""

from typing import Any

from translator.core.errors import BadValue
from translator.core.http.formats.json import is_harmless
from translator.core.mapping import Table
from translator.core.values.codecs import KINDS, Codec
from translator.core.values.codecs.numbers import Numbering
from translator.core.values.codecs.plain import write_same
from translator.core.values.vocabulary import ErrorWords, Vocabulary

_MOST_ERROR = 64
"""The number of characters of an error code that are kept."""


class TableCodecs:
    """A table's vocabularies, and its codecs by name. The codecs of numbers apply the account's settings for numbers."""

    def __init__(self, table: Table, numbering: Numbering | None = None) -> None:
        self.status = Vocabulary(table.words.status)
        self.direction = Vocabulary(table.words.direction)
        texts = {row.code: row.text for row in table.words.error}
        unknown = next((row.code for row in table.words.error if row.unknown), "")
        self.errors = ErrorWords(texts, unknown)
        self._own = {
            "word:status": _word(self.status, "a status word"),
            "word:direction": _word(self.direction, "a direction word"),
            "error:text": Codec(_read_error, write_same, str, "an error code as text", mend=_mend_error),
            "error:number": Codec(
                _read_error,
                lambda code: int(self.errors.known(code)),
                int,
                "an error code as a number",
                mend=_mend_error,
            ),
            "error:message": Codec(
                _read_error,
                lambda code: texts[self.errors.known(code)],
                str,
                "the text of an error code",
                harmless=all(map(is_harmless, texts.values())),
            ),
        }

        if numbering is not None:
            self._own |= {name: numbering.of(kind) for name, kind in KINDS.items() if name.startswith("number:")}

    def kind(self, name: str) -> Codec:
        """Return the codec of that name. The check of the table has excluded all other names."""
        return self._own.get(name) or KINDS[name]


def _word(words: Vocabulary, means: str) -> Codec:
    harmless = all(map(is_harmless, words.write.values()))
    return Codec(
        _read_word(words),
        words.write.__getitem__,
        str,
        means,
        words=words.write,
        harmless=harmless,
        mend=words.in_any_case,
    )


def _read_word(words: Vocabulary) -> Any:
    def read(value: Any) -> str:
        word = words.plain.get(value)
        if word is None:
            raise BadValue("is not a word of this dialect")
        return word

    return read


def _mend_error(value: Any) -> str | None:
    """Return a code from a provider without its fraction, or None if it is no code."""
    try:
        return _read_error(int(value) if isinstance(value, float) and value.is_integer() else value)
    except BadValue:
        return None


def _read_error(value: Any) -> str:
    if value.__class__ is str and len(value) <= _MOST_ERROR and value.isprintable():
        return str(value)
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return "".join(character for character in str(value)[:_MOST_ERROR] if character.isprintable())
    raise BadValue("has to be an error code")
