"""The work on a request: the task that runs its handler, and the cancellation of that task.

RUNNING ── the body is read, the operation only reads, and the client disconnects ──▶ cancelled as `GONE`
   │   └── the deadline passes before a send has started ──▶ cancelled with the fault of the response
   └────── the handler lets go of the task ──▶ a later cancellation has no effect

A send is never cancelled, because a half-done send could be neither reported nor repeated.
"""

import asyncio
from typing import Final

GONE: Final = "gone"
"""The reason of a cancellation because of a disconnect."""


class Work:
    """The work on one request.

    task: The task in which the handler runs, until the handler lets go of it.
    reason: The reason of the cancellation: a fault, `GONE`, or empty.
    is_read: True if no more of the body will be read.
    """

    __slots__ = ("_may_drop", "is_read", "reason", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self._may_drop = False
        self.is_read = False
        self.reason = ""

    def start(self, task: "asyncio.Task[None] | None") -> None:
        """Note the task in which the handler runs."""
        self.task = task

    def end(self) -> None:
        """Let go of the task. A later cancellation has no effect."""
        self.task = None

    def stop_reading(self, *, may_drop: bool = False) -> None:
        """Note that no more of the body will be read. `may_drop` is True if a disconnect may cancel the work from now on."""
        self.is_read = True
        self._may_drop = may_drop

    def cancel(self, reason: str) -> None:
        """Cancel the work."""
        self.reason = reason
        if self.task is not None:
            self.task.cancel()

    def lose(self) -> None:
        """Handle a disconnect. It cancels the work only if that may be dropped."""
        if self._may_drop:
            self.cancel(GONE)

    def cancelled(self) -> str:
        """Return the reason of a cancellation that the task has just received, and let the task go on. Returns an empty text if the
        cancellation came from elsewhere. Then the task has to end."""
        if not self.reason or self.task is None:
            return ""
        self.task.uncancel()
        return self.reason
