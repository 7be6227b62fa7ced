"""Answers that are remembered: several threads may ask, and what is asked twice is asked of the server once."""

from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class _Slot(Generic[T]):
    """The answer to one question; None until it is there. Another thread that asks meanwhile waits at the lock."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.found: T | None = None


class Memory(Generic[T]):
    """Answers by what was asked."""

    def __init__(self) -> None:
        self._slots: dict[Any, _Slot[T]] = {}

    def recall(self, question: Any, ask: Callable[[], T]) -> tuple[T, bool]:
        """The answer, and whether it was there already. If `ask` raises, nothing is remembered, and the next one asks."""
        slot = self._slots.setdefault(question, _Slot())
        with slot.lock:
            is_known = slot.found is not None
            if slot.found is None:
                slot.found = ask()
            return slot.found, is_known

    def forget(self) -> None:
        """No answer is remembered any more."""
        self._slots.clear()
