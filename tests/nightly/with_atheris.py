"""One target, driven by atheris, which follows the paths of the code.

It is in no lock: `pip install atheris`, if it is available, and then `python -m tests.nightly.with_atheris parser -max_total_time=600`.
"""

import importlib
import sys
from typing import Any

from tests.nightly.targets import TARGETS


def main() -> None:
    """Fuzz the target that the first argument names. The other arguments are for libFuzzer."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"name one of {', '.join(TARGETS)}")
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        sys.exit("atheris is not installed: pip install atheris")
    target = TARGETS[sys.argv.pop(1)]
    atheris.instrument_all()
    atheris.Setup(sys.argv, target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
