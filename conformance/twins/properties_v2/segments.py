"""How many segments a text takes: 3GPP TS 23.038 (alphabets) and 23.040 (concatenation).

The page says only "NumSegments: The number of message segments"; this is the arithmetic of the networks behind it.
"""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The GSM 7 bit default alphabet, one septet each (TS 23.038, 6.2.1; the escape itself is not a character)."""

EXTENDED = frozenset("\f^{}\\[~]|€")
"""The extension table, an escape and a septet each (TS 23.038, 6.2.1.1)."""


def _count(widths: list[int], alone: int, joined: int) -> int:
    """Segments for characters of these widths; a character is never cut in two by the end of a segment."""
    if sum(widths) <= alone:
        return 1
    segments, used = 1, 0
    for width in widths:
        if used + width > joined:
            segments, used = segments + 1, 0
        used += width
    return segments


def count_segments(text: str) -> int:
    """160 septets alone or 153 joined in the default alphabet, else 70 or 67 UTF-16 units. At least 1."""
    if all(character in BASIC or character in EXTENDED for character in text):
        return _count([2 if character in EXTENDED else 1 for character in text], 160, 153)
    return _count([2 if ord(character) > 0xFFFF else 1 for character in text], 70, 67)
