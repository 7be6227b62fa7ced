"""New inputs from known ones: pieces are repeated, left out, exchanged, and put together with pieces of others."""

from collections.abc import Sequence
from random import Random
from typing import Final

LARGEST: Final = 8192
"""Bytes of one input."""

_BYTES: Final = (b"\0", b"\t", b"\n", b"\r", b" ", b'"', b"%", b"/", b":", b"\x7f", b"\x80", b"\xff")


def mutated(random: Random, corpus: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """One input: a known one, changed in up to eight places. `tokens` are pieces that mean something to its reader."""
    data = bytearray(random.choice(corpus))
    for _ in range(min(random.randrange(9), random.randrange(9))):
        at = random.randrange(len(data) + 1)
        end = min(len(data), at + random.choice((1, 1, 2, 4, 16, 64)))
        match random.randrange(8):
            case 0:
                del data[at:end]
            case 1:
                data[at:end] = data[at:end] * random.randrange(2, 5)
            case 2:
                data[at:at] = random.choice(_BYTES)
            case 3:
                data[at:end] = random.randbytes(random.randrange(1, 5))
            case 4:
                data[at:] = _part(random, random.choice(corpus))
            case 5:
                data[at:at] = _part(random, random.choice(corpus))
            case _:
                data[at : at if random.random() < 0.7 else end] = random.choice(tokens)
    return bytes(data[:LARGEST])


def _part(random: Random, other: bytes) -> bytes:
    return other[random.randrange(len(other) + 1) :]


def split(random: Random, data: bytes) -> list[bytes]:
    """The same bytes in pieces, as a network may deliver them."""
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(6)))
    return [piece for piece in (data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)) if piece]
