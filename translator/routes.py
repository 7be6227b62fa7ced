"""Routes: one path template both matches a request's path and fills the path of an ask.

A template is literal segments and placeholders, such as `/v2/Messages/{sid}`. What callers are known to add around it (a prefix, an
extension at the end of any segment, a trailing slash) is cut off before matching and remembered as the spelling.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

_PLACEHOLDER: Final = re.compile(r"\{([a-z]+)\}")
_LONGEST: Final = 1024


class Spelling(NamedTuple):
    """How a caller wrote a path: with which prefix, and with which extension somewhere in it (`""` for none)."""

    prefix: str
    extension: str


class Path(NamedTuple):
    """A path taken apart: its decoded segments below the prefix, and its spelling."""

    segments: tuple[str, ...]
    spelling: Spelling


class Template:
    """One path template, compiled."""

    def __init__(self, template: str) -> None:
        self.template = template
        self._segments = tuple(template.strip("/").split("/"))
        self._names = tuple(
            found[1] if (found := _PLACEHOLDER.fullmatch(segment)) else None for segment in self._segments
        )

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The values of the placeholders, or None where the path is another one."""
        if len(segments) != len(self._segments):
            return None
        values: dict[str, str] = {}
        for segment, expected, name in zip(segments, self._segments, self._names, strict=True):
            if name is not None:
                values[name] = segment
            elif segment != expected:
                return None
        return values

    def fill(self, **values: str) -> str:
        """The path with its placeholders filled, each percent-encoded whole: a value never adds a segment."""
        return _PLACEHOLDER.sub(lambda found: quote(values[found[1]], safe=""), self.template)


def split(path: str, *, root: str, prefixes: tuple[str, ...], extensions: tuple[str, ...]) -> Path | None:
    """A request's path taken apart, or None where it is not below any prefix and the root, or cannot be a path.

    An empty segment at the end (a trailing slash) is dropped; anywhere else it is nobody's path.
    """
    if len(path) > _LONGEST:
        return None
    for prefix in sorted(prefixes, key=len, reverse=True):
        if path.startswith((prefix + root + "/", prefix + root)) and path[len(prefix + root) :][:1] in (
            "/",
            "",
        ):
            break
    else:
        return None
    raw = path[len(prefix) + 1 :].removesuffix("/")
    segments, extension = [], ""
    for piece in raw.split("/"):
        ending = next((candidate for candidate in extensions if piece.endswith(candidate)), "")
        extension = ending or extension
        try:
            segment = unquote_to_bytes(piece.removesuffix(ending)).decode("utf-8")
        except UnicodeError:
            return None
        if not segment or "/" in segment or not segment.isprintable():
            return None
        segments.append(segment)
    return Path(tuple(segments), Spelling(prefix, extension))
