"""A process that serves with few descriptors."""

import contextlib
import json
import resource
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.commands import COMMAND, SECONDS, environment, fetch
from tests.reloading import written


class Crowded:
    """A process that serves with few descriptors, and its ports."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self.pid = process.pid
        self.admin, self.front = (json.loads(process.stderr.readline())["listen"] for _ in range(2))
        self.lines: list[str] = []
        threading.Thread(target=self._read, args=(process.stderr,), daemon=True).start()

    def _read(self, log: Iterator[str]) -> None:
        self.lines.extend(log)

    def connect(self) -> socket.socket:
        host, _, port = self.front.partition(":")
        return socket.create_connection((host, int(port)), timeout=SECONDS)

    def said(self, event: str) -> bool:
        """True if the log has a line of the event before the time is up."""
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            if any(json.loads(line)["event"] == event for line in self.lines):
                return True
            time.sleep(0.05)
        return False

    def metric(self, name: str) -> float:
        page = fetch(f"http://{self.admin}/metrics")[2].decode()
        return sum(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(name))

    @property
    def resident(self) -> int:
        """Bytes of memory that the process has."""
        return int(Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1]) * resource.getpagesize()


@contextlib.contextmanager
def crowded(tmp_path: Path, url: str, limits: tuple[int, int] | None = None) -> Iterator[Crowded]:
    config = tmp_path / "translator.toml"
    config.write_text(written(url=url, server="max_body = 1048576"), "utf-8")
    process = subprocess.Popen(
        [*COMMAND, "serve", "-c", str(config), "-o", "json"], env=environment(), text=True, stderr=subprocess.PIPE,
        preexec_fn=None if limits is None else lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits),  # noqa: PLW1509
    )  # fmt: skip
    with process:
        try:
            yield Crowded(process)
        finally:
            process.kill()
