"""Counts the segments of a text. One segment holds 160 GSM septets or 70 UCS-2 units; each of several holds 153 or 67."""

from collections.abc import Iterable
from typing import Final

GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The basic character set of 3GPP TS 23.038: one septet each."""

GSM_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""The extension table of 3GPP TS 23.038: an escape and a septet, never split between two segments."""


def segments(text: str) -> int:
    """Return the number of segments of a text. An empty text has 1."""
    if all(character in GSM_BASIC or character in GSM_EXTENSION for character in text):
        return _fill((2 if character in GSM_EXTENSION else 1 for character in text), alone=160, chained=153)
    return _fill((2 if ord(character) > 0xFFFF else 1 for character in text), alone=70, chained=67)


def _fill(widths: Iterable[int], *, alone: int, chained: int) -> int:
    """Return the number of segments. No character is split, and a text of one segment has more room."""
    total = used = 0
    count = 1
    for width in widths:
        total += width
        if used + width > chained:
            count, used = count + 1, 0
        used += width
    return 1 if total <= alone else count
