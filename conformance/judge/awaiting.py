"""Waits for several messages at once. Time passes once for all of them."""

from collections.abc import Callable, Sequence

from conformance.judge.target import Target


def rest(target: Target, looks: Sequence[Callable[[], int]], enough: int) -> list[int]:
    """Let seconds pass until each message has been seen at rest `enough` times, or `target.patience` seconds are over.

    Each look returns the number that it counts, and 0 for a message that is not at rest. Returns the sum of the looks of each message.
    """
    waited, found = 0.0, [0] * len(looks)
    while waited < target.patience and any(one < enough for one in found):
        target.let_pass(1.0)
        if target.turn is not None:
            target.sleep(0.3)  # the clock of the simulated provider was advanced, but its callbacks travel in real time
        waited += 1.0
        found = [so_far if so_far >= enough else so_far + look() for so_far, look in zip(found, looks, strict=True)]
    return found
