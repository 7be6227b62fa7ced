"""Routes: one path template both matches a request's path and fills the path of a provider request.

A template is literal segments and placeholders, such as `/v2/Messages/{sid}`. Clients may add a prefix, an extension at the end of a
segment, or a trailing slash. The parser removes these before matching and remembers prefix and extension as the style.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

_PLACEHOLDER: Final = re.compile(r"\{([a-z]+)\}")
_LONGEST: Final = 1024


class PathStyle(NamedTuple):
    """The form in which a client wrote a path: its prefix, and its extension anywhere in the path. Empty means none."""

    prefix: str
    extension: str


class Path(NamedTuple):
    """A parsed path: its decoded segments after the prefix, and its style."""

    segments: tuple[str, ...]
    spelling: PathStyle


class Template:
    """One path template, compiled. `size` is its number of segments."""

    def __init__(self, template: str) -> None:
        self.template = template
        self._segments = tuple(template.strip("/").split("/"))
        self._names = tuple(
            found[1] if (found := _PLACEHOLDER.fullmatch(segment)) else None for segment in self._segments
        )
        self.size = len(self._segments)

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Return the values of the placeholders, or None if the path does not match."""
        if len(segments) != self.size:
            return None
        values: dict[str, str] = {}
        for segment, expected, name in zip(segments, self._segments, self._names, strict=True):
            if name is not None:
                values[name] = segment
            elif segment != expected:
                return None
        return values

    def fill(self, **values: str) -> str:
        """Return the path with its placeholders filled. Each value is percent-encoded whole, so that it never adds a segment. A
        placeholder without a value stays."""
        return _PLACEHOLDER.sub(
            lambda found: quote(values[found[1]], safe="") if found[1] in values else found[0], self.template
        )


class PathParser:
    """Parses the paths of one dialect: those below its root, after one of its prefixes."""

    def __init__(self, *, root: str, prefixes: tuple[str, ...], extensions: tuple[str, ...]) -> None:
        self._bases = tuple((prefix + root, prefix) for prefix in sorted(prefixes, key=len, reverse=True))
        self._owned = tuple(f"{prefix}{root}/" for prefix in prefixes)
        self._extensions = extensions

    def owns(self, path: str) -> bool:
        """True if a path is below the root, after one of the prefixes."""
        return f"{path}/".startswith(self._owned)

    def split(self, path: str) -> Path | None:
        """Return a request's path parsed, or None if it is not below a prefix and the root, or cannot be a path.

        An empty last segment (a trailing slash) is dropped. Anywhere else, an empty segment makes the path invalid.
        """
        prefix = self._prefix(path) if len(path) <= _LONGEST else None
        if prefix is None:
            return None
        extension = ""
        segments = []
        for piece in path[len(prefix) + 1 :].removesuffix("/").split("/"):
            segment = piece
            if piece.endswith(self._extensions):
                extension = next(candidate for candidate in self._extensions if piece.endswith(candidate))
                segment = piece.removesuffix(extension)
            if "%" in segment:
                try:
                    segment = unquote_to_bytes(segment).decode("utf-8")
                except UnicodeError:
                    return None
            if not segment or "/" in segment or not segment.isprintable():
                return None
            segments.append(segment)
        return Path(tuple(segments), PathStyle(prefix, extension))

    def _prefix(self, path: str) -> str | None:
        for base, prefix in self._bases:
            if path.startswith(base) and path[len(base) : len(base) + 1] in ("/", ""):
                return prefix
        return None
