"""A program on one processor that ends when its parent does: `python leash.py PARENT PROCESSOR PROGRAM WORD...`.

This process becomes that program, so nothing of this module is measured. PARENT is the process id of the starting process.
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    parent, processor, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != parent:
        sys.exit("the bench has ended")
    os.sched_setaffinity(0, {processor})
    os.execvp(program, sys.argv[3:])  # noqa: S606 - the words are the bench's own


if __name__ == "__main__":
    main()
