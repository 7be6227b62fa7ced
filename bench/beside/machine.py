"""Read the load of the machine and of its processes from /proc, and start processes on chosen processors."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, Final

HERE: Final = Path(__file__).resolve().parent
TICKS: Final = os.sysconf("SC_CLK_TCK")
FILES_WANTED: Final = 65536
BLOCK: Final = 4096


class MissingError(Exception):
    """The bench lacks something that it needs itself. The text names it."""


def processors() -> tuple[int, int]:
    """The processor of load and stub, and that of the proxy. Raises MissingError if there are not two."""
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        raise MissingError("two processors are needed: one for load and stub, one for the proxy")
    return mine[0], mine[1]


def compile_c(name: str, folder: Path) -> Path:
    """Compile `NAME.c` into the folder. Raises MissingError if there is no `cc`."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise MissingError("cc is needed: install a C compiler")
    made = folder / name
    subprocess.run(
        [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(made), str(HERE / f"{name}.c")], check=True
    )
    return made


def allow_files() -> int:
    """Let this process, and those that it starts, open as many files as may be; how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (max(hard, FILES_WANTED), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (ValueError, OSError):
            continue
        return wanted
    return soft


def start(processor: int, words: list[str], **given: Any) -> subprocess.Popen[bytes]:
    """Start a program on a processor; it ends when this process does. `given` are arguments of Popen."""
    return subprocess.Popen([sys.executable, str(HERE / "leash.py"), str(os.getpid()), str(processor), *words], **given)


def end(running: subprocess.Popen[bytes], patience: float = 5.0) -> None:
    """End a process: close its standard input and send SIGINT, at which the product drains at once. If it still runs after `patience`
    seconds, send SIGKILL."""
    if running.stdin is not None:
        running.stdin.close()
    running.send_signal(signal.SIGINT)
    try:
        running.wait(patience)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def free_port() -> int:
    """Return a free port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, running: subprocess.Popen[bytes], seconds: float = 30.0) -> None:
    """Wait until the port accepts connections. Raises RuntimeError if the process ends, or is not ready in time."""
    until = time.monotonic() + seconds
    while running.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"it does not listen (status {running.poll()})")


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    below: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            below.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [pid]
    for each in found:
        found += below.get(each, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name; none if the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
    except OSError:
        return []


def cpu_seconds(pids: list[int]) -> float:
    """Seconds of a processor that these have used."""
    return sum(int(fields[11]) + int(fields[12]) for fields in map(_stat, pids) if fields) / TICKS


def peak_bytes(pids: list[int]) -> int:
    """The peak memory of these processes, summed. Shared memory counts for each."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/status").read_text("latin-1").splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    return total


def busy_seconds() -> float:
    """Seconds that all processors together have been busy, for any process."""
    fields = [int(word) for word in Path("/proc/stat").read_text("ascii").splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def own_seconds() -> float:
    """Seconds of a processor that this process and its children that have ended used."""
    return sum(os.times()[:4])


def fsyncs_per_second(seconds: float = 1.0) -> float:
    """Return the number of times a second that the disk of the temporary folder can append 4 KiB and make it durable (fsync)."""
    with tempfile.TemporaryFile() as file:
        return _fsyncs(file, seconds)


def _fsyncs(file: IO[bytes], seconds: float) -> float:
    count, began = 0, time.monotonic()
    while (spent := time.monotonic() - began) < seconds:
        file.write(b"x" * BLOCK)
        file.flush()
        os.fsync(file.fileno())
        count += 1
    return count / spent
