"""`make nightly`: bounded fuzzing. A find is printed with the command that shows it again."""

import argparse
import logging
import secrets
import sys
import time
import traceback

import structlog

from tests.nightly import sockets
from tests.nightly.targets import TARGETS, Target


def sought(target: Target, seed: int, seconds: float, most: int = sys.maxsize) -> tuple[int, bytes | None]:
    """Try inputs for so many seconds, at most so many of them. Returns the number of tries, and the input that is a find."""
    end = time.monotonic() + seconds
    number = 0
    while number < most and time.monotonic() < end:
        data = target.input(seed, number)
        number += 1
        if broken(target, data):
            return number, shorter(target, data)
    return number, None


def broken(target: Target, data: bytes) -> bool:
    """True if an input is a find."""
    try:
        target.run(data)
    except Exception:  # noqa: BLE001 - any exception of a target is a find
        return True
    return False


def shorter(target: Target, data: bytes, tries: int = 400) -> bytes:
    """A shorter input that is a find as well."""
    size = max(len(data) // 2, 1)
    while size and tries:
        at = 0
        while at < len(data) and tries:
            tries -= 1
            less = data[:at] + data[at + size :]
            if broken(target, less):
                data = less
            else:
                at += size
        size //= 2
    return data


def main() -> int:
    """Fuzz the named targets, or all in turn. Returns 0 if nothing was found."""
    options = argparse.ArgumentParser(prog="python -m tests.nightly", description=__doc__)
    options.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; without one, each in turn")
    options.add_argument("--seconds", type=float, default=120.0, help="for each target")
    options.add_argument(
        "--seed", type=int, default=secrets.randbelow(2**32), help="of all inputs; a new one without it"
    )
    options.add_argument("--input", help="one input, in hexadecimal digits, and nothing else")
    given = options.parse_args()
    if unknown := set(given.targets) - set(TARGETS):
        options.error(f"there is no {', '.join(sorted(unknown))}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    finds = 0
    for name in given.targets or TARGETS:
        target = TARGETS[name]
        if given.input is not None:
            target.run(bytes.fromhex(given.input))
            print(f"{name}: this input is no find")
            continue
        count, find = sought(target, given.seed, given.seconds)
        print(
            f"{name}: {count} inputs, seed {given.seed}: {'a find' if find is not None else 'nothing found'}",
            flush=True,
        )
        if find is not None:
            finds += 1
            tell(target, find)
    sockets.close()
    return 1 if finds else 0


def tell(target: Target, find: bytes) -> None:
    """Print the error of a find, and the command that shows it again."""
    try:
        target.run(find)
    except Exception:  # noqa: BLE001 - the exception is printed
        traceback.print_exc(limit=-4)
    print(f"{find!r}\nagain: python -m tests.nightly {target.name} --input {find.hex()}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
