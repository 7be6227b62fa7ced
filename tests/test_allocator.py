"""Freed memory is used again, so that the process asks the system for no more."""

import platform
import subprocess
import sys

import pytest

COUNTED = """
import resource
from translator.shell.malloc import tune_glibc_malloc

def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        bytearray(1_000_000).replace(b"\\0", b"1")
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

tune_glibc_malloc()
faults(3)
print(faults(20))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc, of which alone it is asked")
def test_memory_of_the_size_of_a_list_is_used_again() -> None:
    """A megabyte is 244 pages, and two of them are touched twenty times."""
    said = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, check=True, text=True, timeout=60)
    assert int(said.stdout) < 244


RETURNED = """
from translator.shell.malloc import Returning, tune_glibc_malloc, resident

def overload():
    pieces = [bytes(1000 + number % 7 * 500) for number in range(60000)]
    kept.extend(pieces[::100])  # so that what is free is not all at the end
    return resident()

tune_glibc_malloc()
kept, returning = [], Returning()
before = resident()
print(returning.look(), returning.look())
full = overload()
print(full > before + 100e6, resident() > before + 100e6)
print([returning.look(is_busy=True) for _ in range(20)].count(True), resident() > before + 100e6)
print(returning.look(), resident() < before + 16e6)
print(returning.look(), returning.look())
overload()
print([returning.look(is_busy=True) for _ in range(120)].index(True), resident() < before + 16e6)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc, of which alone it is asked")
def test_memory_of_an_overload_is_returned_when_idle_and_at_intervals() -> None:
    said = subprocess.run([sys.executable, "-c", RETURNED], capture_output=True, check=True, text=True, timeout=60)
    assert said.stdout.splitlines() == ["False False", "True True", "0 True", "True True", "False False", "99 True"]
