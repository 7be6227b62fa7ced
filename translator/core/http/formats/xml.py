"""XML: elements as text. What XML 1.0 forbids in a document is replaced, since no escape for it exists."""

import re
from typing import Final

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REPLACEMENT: Final = "\ufffd"
_SPECIAL: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})


def holds(value: str) -> bool:
    """Whether a document can hold every character of a text."""
    return _FORBIDDEN.search(value) is None


def text(value: object) -> str:
    """A value as character data. A carriage return is a reference, or a parser would turn it into a line feed."""
    return _FORBIDDEN.sub(_REPLACEMENT, str(value)).translate(_SPECIAL)


def element(name: str, content: str) -> str:
    """An element around content that is markup already; without content it is an empty one."""
    return f"<{name}>{content}</{name}>" if content else f"<{name}/>"


def document(root: str, content: str) -> bytes:
    """A whole document in UTF-8, without a declaration."""
    return element(root, content).encode("utf-8", "replace")
