"""Processes of the proxy: their log lines, their children, and their ports."""

import contextlib
import json
import socket
import time
from pathlib import Path
from typing import Any

from tests.commands import SECONDS, fetch


def free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            first: int = listener.getsockname()[1]
        with contextlib.ExitStack() as taken, contextlib.suppress(OSError, OverflowError):
            for number in range(count):
                taken.enter_context(socket.create_server(("127.0.0.1", first + number)))
            return first


def lines_of(process: Any, event: str, count: int) -> list[dict[str, Any]]:
    """The next so many lines of the log that tell of an event."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        line = json.loads(process.stderr.readline())
        if line["event"] == event:
            found.append(line)
    return found


def until_ready(port: int) -> None:
    """Wait until a worker's admin port answers."""
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        try:
            if fetch(f"http://127.0.0.1:{port}/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the worker does not answer")


def children(pid: int) -> list[int]:
    """The processes that a process has started and that go on."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text("ascii").rpartition(")")[2].split()
            except OSError:
                continue
            if int(stat[1]) == pid and stat[0] != "Z":
                found.append(int(entry.name))
    return sorted(found)
