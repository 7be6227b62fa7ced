"""The fuzz targets: the inputs that each begins with, the pieces that mean something to it, and a function over bytes."""

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from tests.nightly import addresses, core, parser, sockets
from tests.nightly.mutating import mutated


class Target(NamedTuple):
    """`run` raises if an input is a find, and does the same for the same input each time."""

    name: str
    run: Callable[[bytes], None]
    corpus: tuple[bytes, ...]
    tokens: tuple[bytes, ...]

    def input(self, seed: int, number: int) -> bytes:
        """The input of that number."""
        return mutated(Random(f"{self.name} {seed} {number}"), self.corpus, self.tokens)


TARGETS: Final = {
    made.name: made
    for made in (
        Target("parser", parser.parser, parser.CORPUS, parser.TOKENS),
        Target("core", core.core, core.CORPUS, core.TOKENS),
        Target("providers", core.providers, core.ANSWERS, core.TOKENS),
        Target("sockets", sockets.sockets, parser.CORPUS, parser.TOKENS),
        Target("addresses", addresses.addresses, addresses.CORPUS, addresses.TOKENS),
    )
}
