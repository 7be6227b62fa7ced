"""Counts the segments of a text: the alphabets of 3GPP TS 23.038, and the length that TS 23.040 leaves to a segment of several.

GSM 7-bit    160 septets alone, 153 each in a chain; a character of the extension table is an escape and a septet, and is not split
UCS-2        70 units of UTF-16 alone, 67 each in a chain; a pair of surrogates is not split
"""

import re
from typing import Final

_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = "\f^{}\\[~]|€"
_IS_BASIC: Final = re.compile(f"[{re.escape(_BASIC)}]*")
_IS_GSM: Final = re.compile(f"[{re.escape(_BASIC + _EXTENDED)}]*")
_DOUBLE: Final = re.compile(f"[{re.escape(_EXTENDED)}]")
_SURE: Final = 35
"""The number of characters that fit into one segment, for any characters."""


def count_segments(text: str) -> int:
    """Return the number of segments of a text. The empty text has 1."""
    if len(text) <= _SURE:
        return 1
    if _IS_BASIC.fullmatch(text):
        return 1 if len(text) <= 160 else -(-len(text) // 153)
    if _IS_GSM.fullmatch(text):
        return _filled([2 if _DOUBLE.match(one) else 1 for one in text], 160, 153)
    return _filled([2 if one > "\uffff" else 1 for one in text], 70, 67)


def _filled(widths: list[int], alone: int, chained: int) -> int:
    """Return the number of segments of characters with these widths. No character is split."""
    if sum(widths) <= alone:
        return 1
    segments, used = 1, 0
    for width in widths:
        if used + width > chained:
            segments, used = segments + 1, 0
        used += width
    return segments


def segments_of(direction: str, text: str) -> int:
    """Return the segment count of a message whose provider does not say it. It is that of the text if the message was sent, and 0 if it
    was received."""
    return 0 if direction == "inbound" else count_segments(text)
