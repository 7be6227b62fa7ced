"""Waits for several messages at once: time passes once for all of them."""

from collections.abc import Callable, Sequence

from conformance.judge.target import Target


def rest(target: Target, looks: Sequence[Callable[[], int]], enough: int) -> list[int]:
    """Let seconds pass until each message has been looked at at rest often enough, at most `target.patience` of them. A look says how much
    it counts: 0 for a message that is not at rest. The answer is the sum of each message's looks."""
    waited, found = 0.0, [0] * len(looks)
    while waited < target.patience and any(one < enough for one in found):
        target.let_pass(1.0)
        if target.turn is not None:
            target.sleep(0.3)  # the twin's clock was turned, and its calls travel in real time
        waited += 1.0
        found = [so_far if so_far >= enough else so_far + look() for so_far, look in zip(found, looks, strict=True)]
    return found
