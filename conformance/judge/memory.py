"""A cache of responses that threads share. Two equal requests lead to one request to the server."""

from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class _Slot(Generic[T]):
    """The response to one request, or None until it is there. Another thread that asks for it waits at the lock."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.found: T | None = None


class Memory(Generic[T]):
    """The cached responses, by request."""

    def __init__(self) -> None:
        self._slots: dict[Any, _Slot[T]] = {}

    def recall(self, question: Any, ask: Callable[[], T]) -> tuple[T, bool]:
        """Return the response, and True if it was in the cache.

        If `ask` raises an exception, nothing is cached, and the next thread sends the request.
        """
        slot = self._slots.setdefault(question, _Slot())
        with slot.lock:
            is_known = slot.found is not None
            if slot.found is None:
                slot.found = ask()
            return slot.found, is_known

    def forget(self) -> None:
        """Empty the cache."""
        self._slots.clear()
