"""The supervisor: several worker processes behind one listening socket. Each is a whole proxy, and they share a store.

parent ─┬▶ worker 0      the parent waits, restarts workers that died, and forwards SIGINT, SIGTERM and SIGHUP
        ├▶ worker 1      a worker whose parent has ended drains and ends
        └▶ …

The first signal that ends the process is forwarded as it is, and each further one as SIGINT. `signals` says how a worker handles them.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

from translator.shell.observability.log import logger, redacted_traceback

_SETTLED: Final = 5.0
"""Seconds after which a worker counts as started. A worker that exits with an error before that would do so again."""

_BREATH: Final = 1.0
"""Seconds until a worker that died is restarted."""

_BROKEN: Final = 13

_PASSED: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
"""The signals that are forwarded to workers."""

Work = Callable[[int, int], int]
"""Runs a worker and returns its exit status. The arguments are its number, from 0, and a pipe that ends when the parent does."""


class Supervisor:
    """Runs `count` workers until a signal ends them, or until one of them cannot start.
    `refresh`: called before a worker is restarted and after SIGHUP, because the configuration may have changed."""

    def __init__(self, count: int, work: Work, refresh: Callable[[], None] = lambda: None) -> None:
        self._work, self._refresh = work, refresh
        self._lifeline, self._held = os.pipe()
        self._numbers: dict[int, int] = {}
        self._begun: dict[int, float] = {}
        self._wanted = range(count)
        self._ending = False
        self._status = 0

    def run(self) -> int:
        """Run until all workers have ended. Returns the exit status: 0, or that of a worker that could not start."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._pass_on)
        signal.signal(signal.SIGHUP, self._reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        for worker in self._wanted:
            self._start(worker)
        while self._numbers:
            pid, status = os.waitpid(-1, 0)
            if pid in self._numbers:
                self._ended(pid, os.waitstatus_to_exitcode(status))
        return self._status

    def _start(self, worker: int) -> None:
        """Fork a worker. Signals are blocked meanwhile. Otherwise one that reaches the worker before its handlers exist would be lost,
        or would be taken for one to the parent."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED)
        pid = os.fork()
        if pid == 0:
            status = _BROKEN
            try:
                status = self._be(worker)
            except Exception as error:  # noqa: BLE001 - the last line of defence, and it is logged
                logger().error("defect", worker=worker, traceback=redacted_traceback(error))
            finally:
                os._exit(status)
        self._numbers[pid], self._begun[pid] = worker, time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED)

    def _be(self, worker: int) -> int:
        """Run a worker from its fork to its end.
        Its own process group leaves Ctrl-C to the parent, which forwards it, so that it comes once."""
        os.setpgid(0, 0)
        os.close(self._held)
        for number in _PASSED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(
            signal.SIG_UNBLOCK, _PASSED - {signal.SIGHUP}
        )  # SIGHUP stays blocked until the worker can reload
        return self._work(worker, self._lifeline)

    def _ended(self, pid: int, status: int) -> None:
        worker, lived = self._numbers.pop(pid), time.monotonic() - self._begun.pop(pid)
        if self._ending:
            return
        if status > 0 and lived < _SETTLED:
            self._status = status
            self._end(signal.SIGINT)
            return
        logger().error("worker-died", worker=worker, status=status)
        time.sleep(_BREATH)
        if not self._ending:
            self._refresh()
            self._start(worker)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        self._end(signal.SIGINT if self._ending else number)

    def _reload(self, number: int, _: FrameType | None) -> None:
        """Have all workers reload their configuration, and use it for workers that start later."""
        self._tell(number)
        self._refresh()

    def _end(self, number: int) -> None:
        self._ending = True
        self._tell(number)

    def _tell(self, number: int) -> None:
        for pid in self._numbers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
