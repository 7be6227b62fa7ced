"""How values stand in a generated text: insides of f-strings, between the quotes that JSON wants or as XML has them."""

from string import Template
from typing import Final, NamedTuple

from translator.core.codegen.source import Source
from translator.core.http.formats.json import Spelling
from translator.core.values.codecs import Codec
from translator.core.values.codecs.plain import write_same

_COUNTS: Final = 1024


class Value(NamedTuple):
    """What a row shows of message `m`: the inside of an f-string, in the form's own spelling, and the condition under which it is there
    (empty: always), and the lines that it takes then; `member` is all of it with its name, where that is one look-up."""

    text: str
    there: str = ""
    lines: tuple[str, ...] = ()
    member: str = ""


class Counts(dict[int | None, str]):
    """A whole member of JSON by the count that it shows, behind its comma; `absent` where there is none."""

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
    """For one source and form, `json` or `xml`; every `value` is an expression of the source."""

    def __init__(self, source: Source, form: str, spelling: Spelling) -> None:
        self._source, self._form, self._spelling = source, form, spelling

    def value(self, kind: Codec, value: str) -> str:
        """A value of a kind, which is there."""
        if self._form == "xml" or not (kind.is_text or kind.wire is bool):
            return self.inside(kind, value)
        if kind.harmless:
            return f'"{self.inside(kind, value)}"'
        written = value if kind.write is write_same else f"{self._source.name(kind.write)}({value})"
        return f"{{{self._source.name(_FLAGS)}[{written}]}}" if kind.wire is bool else self.text(written)

    def inside(self, kind: Codec, value: str) -> str:
        """The same without quotes."""
        if kind.words is not None:
            return f"{{{self._source.name(kind.words)}[{value}]}}"
        if kind.inline:
            return Template(kind.inline).substitute(x=value)
        return f"{{{value}}}" if kind.write is write_same else f"{{{self._source.name(kind.write)}({value})}}"

    def text(self, value: str) -> str:
        """Any text."""
        return f"{{{value}}}" if self._form == "xml" else f"{{{self._source.name(self._spelling.one)}({value})}}"

    def quoted(self, inside: str) -> str:
        """What is the inside of an f-string already, and harmless."""
        return f'"{inside}"' if self._form == "json" else inside

    def member(self, name: str, kind: Codec, value: str) -> str:
        """A whole member of JSON by one look-up, behind its comma; empty where the kind's values are not a few harmless words."""
        if kind.words is None or not kind.harmless or self._form == "xml":
            return ""
        members = {neutral: f',{self._spelling.one(name)}:"{word}"' for neutral, word in kind.words.items()}
        return f"{{{self._source.name(members)}[{value}]}}"
