"""Measure the translation of a list of 1,000 beside a typed decode and encode alone. The product's output is ASCII."""

import statistics
from typing import Any, Final

import msgspec

from bench.beside import data
from bench.by_hand import BackList, FrontMessage
from bench.translate import best, product
from translator.shell.malloc import tune_glibc_malloc

RUNS: Final = 30
_decode: Final = msgspec.json.Decoder(BackList).decode
_encode: Final = msgspec.json.Encoder().encode


class _Page(msgspec.Struct):
    messages: list[FrontMessage]


def measure(rounds: int) -> dict[str, Any]:
    """Microseconds a message of the product and of decode plus encode alone, and their ratio: medians of rounds of the best of 30. Both
    have the memory that the product has."""
    tune_glibc_malloc()
    body = msgspec.json.encode({"Messages": data.rows()})
    translate = product(body, data.ROWS)
    answer = translate()
    assert answer.isascii()
    page = msgspec.json.decode(answer, type=_Page)
    assert len(page.messages) == data.ROWS

    def alone() -> bytes:
        _decode(body)
        return _encode(page)

    pairs = [best(RUNS, translate, alone) for _ in range(rounds)]
    return {
        "product_us_a_message": statistics.median(one for one, _ in pairs) / data.ROWS * 1e6,
        "alone_us_a_message": statistics.median(other for _, other in pairs) / data.ROWS * 1e6,
        "ratio": statistics.median(one / other for one, other in pairs),
    }
