"""The form of values in a generated text: insides of f-strings, with the quotes of JSON or as XML has them."""

from string import Template
from typing import Final, NamedTuple

from translator.core.codegen.source import Source
from translator.core.http.formats.json import Spelling
from translator.core.values.codecs import Codec
from translator.core.values.codecs.plain import write_same

_COUNTS: Final = 1024


class Value(NamedTuple):
    """The value that a row shows of message `m`. `text` is the inside of an f-string, in the form's own spelling. `there` is the
    condition under which it exists; empty is always. `lines` are the lines before it. `member` is the whole member with its name, if
    that is one look-up."""

    text: str
    there: str = ""
    lines: tuple[str, ...] = ()
    member: str = ""


class Counts(dict[int | None, str]):
    """A whole member of JSON by the count that it shows, with a comma before it. `absent` is the text for no count."""

    def __init__(self, name: str, absent: str) -> None:
        super().__init__({None: absent})
        self._name = name

    def __missing__(self, count: int) -> str:
        member = f",{self._name}:{count}"
        if len(self) < _COUNTS:
            self[count] = member
        return member


_FLAGS: Final = {True: "true", False: "false"}


class JsonQuoting:
    """The quoting for one source and form, `json` or `xml`. Every `value` is an expression of the source."""

    def __init__(self, source: Source, form: str, spelling: Spelling) -> None:
        self._source, self.form, self.spelling = source, form, spelling

    def value(self, kind: Codec, value: str) -> str:
        """Return the written form of an existing value of a codec."""
        if self.form == "xml" or not (kind.is_text or kind.wire is bool):
            return self.inside(kind, value)
        if kind.harmless:
            return f'"{self.inside(kind, value)}"'
        written = value if kind.write is write_same else f"{self._source.name(kind.write)}({value})"
        return f"{{{self._source.name(_FLAGS)}[{written}]}}" if kind.wire is bool else self.text(written)

    def inside(self, kind: Codec, value: str) -> str:
        """Return the same without quotes."""
        if kind.words is not None:
            return f"{{{self._source.name(kind.words)}[{value}]}}"
        if kind.inline:
            return Template(kind.inline).substitute(x=value)
        return f"{{{value}}}" if kind.write is write_same else f"{{{self._source.name(kind.write)}({value})}}"

    def text(self, value: str) -> str:
        """Return the written form of any text."""
        return f"{{{value}}}" if self.form == "xml" else f"{{{self._source.name(self.spelling.one)}({value})}}"

    def quoted(self, inside: str) -> str:
        """Return the inside of an f-string that needs no escapes, in quotes if the form is JSON."""
        return f'"{inside}"' if self.form == "json" else inside

    def member(self, name: str, kind: Codec, value: str) -> str:
        """Return a whole member of JSON as one look-up, with a comma before it. It is empty unless the codec's values are a few
        harmless words."""
        if kind.words is None or not kind.harmless or self.form == "xml":
            return ""
        members = {neutral: f',{self.spelling.one(name)}:"{word}"' for neutral, word in kind.words.items()}
        return f"{{{self._source.name(members)}[{value}]}}"
