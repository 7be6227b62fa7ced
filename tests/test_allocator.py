"""What was freed is used again, and not taken from the system anew."""

import platform
import subprocess
import sys

import pytest

COUNTED = """
import resource
from translator.shell.allocator import keep_what_was_freed

def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        bytearray(1_000_000).replace(b"\\0", b"1")
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_what_was_freed()
faults(3)
print(faults(20))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc, of which alone it is asked")
def test_memory_of_the_size_of_a_list_is_used_again() -> None:
    """A megabyte is 244 pages, and two of them are touched twenty times."""
    said = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, check=True, text=True, timeout=60)
    assert int(said.stdout) < 244
