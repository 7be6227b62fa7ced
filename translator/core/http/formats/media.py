"""Media types, as Content-Type writes them."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

_PARAMETER: Final = re.compile(r";\s*([\w-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;\"]*))")


class Media(NamedTuple):
    """A type such as `application/json`, in lower case, and its declared charset, or empty."""

    type: str
    charset: str


@lru_cache(maxsize=64)
def media_of(content_type: str) -> Media:
    """Parse a Content-Type. Quotes around a charset are not part of its name. The cache is small because clients send few different
    values."""
    media, _, _ = content_type.partition(";")
    charset = next(
        (quoted or plain for name, quoted, plain in _PARAMETER.findall(content_type) if name.lower() == "charset"), ""
    )
    return Media(media.strip().lower(), charset.strip("' ").lower())
