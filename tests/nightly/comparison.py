"""`make compare`: lists of the proxy beside those of a plain reading of the documents, in both directions.

The examples are those of two laws of `tests.test_lists`, in blocks. A block is known again by its seed. The expected answers
come from `tests.naive` and from the law itself, which know nothing of the proxy.
"""

import argparse
import os
import secrets
import sys
import traceback
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import hypothesis

BLOCK: Final = 1000
"""Examples of a block."""


class Compared(NamedTuple):
    """The numbers of examples and of requests, and the seed of the block that holds a difference."""

    examples: int
    requests: int
    differs: int | None


def compared(law: Callable[[], None], world: Any, examples: int, seed: int) -> Compared:
    """Try a law with blocks of examples, up to the first difference. `world` is the class whose `play` makes a request."""
    counts = {"examples": 0, "requests": 0}
    handle: Any = law.hypothesis  # type: ignore[attr-defined]
    inner, play = handle.inner_test, world.play

    def counted(*args: Any, **values: Any) -> None:
        counts["examples"] += 1
        inner(*args, **values)

    def played(*args: Any, **values: Any) -> Any:
        counts["requests"] += 1
        return play(*args, **values)

    handle.inner_test, world.play = counted, played
    differs = None
    try:
        while counts["examples"] < examples and differs is None:
            try:
                hypothesis.seed(seed)(law)()
            except Exception:  # noqa: BLE001 - any exception of a law is a difference
                traceback.print_exc(limit=-2)
                differs = seed
            seed += 1
    finally:
        handle.inner_test, world.play = inner, play
    return Compared(counts["examples"], counts["requests"], differs)


def main() -> int:
    """Compare each direction, or the named one. Returns 0 if there is no difference."""
    os.environ.setdefault("HYPOTHESIS_EXAMPLES", str(BLOCK))
    os.environ.setdefault("HYPOTHESIS_PROFILE", "nightly")
    from tests import effort  # it reads the variables when it is imported

    effort.load()
    from tests import test_lists, twins  # its laws are those of the profile that is loaded then

    laws = {
        "restcomm": test_lists.test_the_proxy_answers_what_a_plain_reading_of_the_document_does,
        "properties-v2": test_lists.test_a_search_over_the_old_provider_is_what_the_new_document_says,
    }
    options = argparse.ArgumentParser(prog="python -m tests.nightly.comparison", description=__doc__)
    options.add_argument("fronts", nargs="*", help=f"of {', '.join(laws)}; without one, both")
    options.add_argument("--examples", type=int, default=13_000, help="of each direction, at least so many")
    options.add_argument("--seed", type=int, help="of the first block; a new one without it")
    given = options.parse_args()
    if unknown := set(given.fronts) - set(laws):
        options.error(f"there is no {', '.join(sorted(unknown))}")
    failed = 0
    for front in given.fronts or laws:
        seed = secrets.randbelow(2**31) if given.seed is None else given.seed
        found = compared(laws[front], twins.World, given.examples, seed)
        verdict = "no difference" if found.differs is None else "a difference"
        print(
            f"{front} in front: {found.examples} examples, {found.requests} requests, seed {seed}: {verdict}",
            flush=True,
        )
        if found.differs is not None:
            failed += 1
            print(f"again: python -m tests.nightly.comparison {front} --examples 1 --seed {found.differs}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
