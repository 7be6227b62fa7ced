"""XML: elements as text. A character that XML 1.0 forbids is replaced, because XML has no escape for it."""

import re
from typing import Final

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REPLACEMENT: Final = "\ufffd"
_SPECIAL: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})


def holds(value: str) -> bool:
    """True if a document can hold every character of a text."""
    return _FORBIDDEN.search(value) is None


def text(value: object) -> str:
    """Return a value as character data. A carriage return becomes a reference, because a parser would turn it into a line feed."""
    return _FORBIDDEN.sub(_REPLACEMENT, str(value)).translate(_SPECIAL)


def element(name: str, content: str) -> str:
    """Return an element around content that is markup already. Without content it is an empty element."""
    return f"<{name}>{content}</{name}>" if content else f"<{name}/>"


def document(root: str, content: str) -> bytes:
    """Return a whole document in UTF-8, without a declaration."""
    return element(root, content).encode("utf-8", "replace")
