"""Counts the segments of a text, after 3GPP TS 23.038 (alphabets) and 23.040 (concatenation).

The page says only "NumSegments: The number of message segments". The arithmetic is that of mobile networks.
"""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The GSM 7 bit default alphabet, one septet each (TS 23.038, 6.2.1). The escape itself is not a character."""

EXTENDED = frozenset("\f^{}\\[~]|€")
"""The extension table, an escape and a septet each (TS 23.038, 6.2.1.1)."""


def _count(widths: list[int], alone: int, joined: int) -> int:
    """Return the segments for characters of these widths. The end of a segment never splits a character."""
    if sum(widths) <= alone:
        return 1
    segments, used = 1, 0
    for width in widths:
        if used + width > joined:
            segments, used = segments + 1, 0
        used += width
    return segments


def count_segments(text: str) -> int:
    """Return the number of segments, at least 1.

    A text in the default alphabet has 160 septets in one segment, or 153 in each of several. Any other text has 70 or 67 UTF-16 units.
    """
    if all(character in BASIC or character in EXTENDED for character in text):
        return _count([2 if character in EXTENDED else 1 for character in text], 160, 153)
    return _count([2 if ord(character) > 0xFFFF else 1 for character in text], 70, 67)
