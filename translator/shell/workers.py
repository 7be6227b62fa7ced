"""Several processes behind one listening socket: each is the whole proxy, and they share a store.

parent ─┬▶ worker 0      the parent waits, starts anew what died, and passes SIGINT and SIGTERM on
        ├▶ worker 1      a worker whose parent is gone drains and ends
        └▶ …
"""

import os
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

from translator.shell.log import logger, where_it_broke

_SETTLED: Final = 5.0
"""Seconds after which a worker has come to serve; one that ends before of its own will would end again."""

_BREATH: Final = 1.0
"""Seconds until a worker that died is started anew."""

_BROKEN: Final = 13

Work = Callable[[int, int], int]
"""What a worker does, by its number, from 0, and a descriptor that comes to its end when the parent does. Returns its exit status."""


class Supervisor:
    """Keeps `count` workers until a signal ends them, or until one cannot even start."""

    def __init__(self, count: int, work: Work) -> None:
        self._work = work
        self._lifeline, self._held = os.pipe()
        self._numbers: dict[int, int] = {}
        self._begun: dict[int, float] = {}
        self._wanted = range(count)
        self._ending = False
        self._status = 0

    def run(self) -> int:
        """Until all workers have ended. The exit status: 0, or that of a worker that could not start."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._pass_on)
        for worker in self._wanted:
            self._start(worker)
        while self._numbers:
            pid, status = os.waitpid(-1, 0)
            if pid in self._numbers:
                self._ended(pid, os.waitstatus_to_exitcode(status))
        return self._status

    def _start(self, worker: int) -> None:
        pid = os.fork()
        if pid == 0:
            status = _BROKEN
            try:
                status = self._be(worker)
            except Exception as error:  # noqa: BLE001 - the last line of defence, and it is logged
                logger().error("defect", worker=worker, traceback=where_it_broke(error))
            finally:
                os._exit(status)
        self._numbers[pid], self._begun[pid] = worker, time.monotonic()

    def _be(self, worker: int) -> int:
        """A worker, from its fork to its end. A terminal's Ctrl-C is for the parent, which passes it on, so that it comes once."""
        os.setpgid(0, 0)
        os.close(self._held)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        return self._work(worker, self._lifeline)

    def _ended(self, pid: int, status: int) -> None:
        worker, lived = self._numbers.pop(pid), time.monotonic() - self._begun.pop(pid)
        if self._ending:
            return
        if status > 0 and lived < _SETTLED:
            self._status = status
            self._end()
            return
        logger().error("worker-died", worker=worker, status=status)
        time.sleep(_BREATH)
        if not self._ending:
            self._start(worker)

    def _pass_on(self, _: int, __: FrameType | None) -> None:
        self._end()

    def _end(self) -> None:
        self._ending = True
        for pid in self._numbers:
            os.kill(pid, signal.SIGTERM)
