"""A PostgreSQL of our own for a run of the tests: the one that the environment names, or one started from an installed version.

It listens on loopback, at a free port, with its data in a temporary folder, and ends with the run. PostgreSQL does not run as root, so
it is started as another user if we are root.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "SMS_TRANSLATOR_TEST_POSTGRES"
"""Names a server that may be used: `postgresql://user@host:port/database`, whose tables we may drop."""

NOT_HERE = f"PostgreSQL: none is installed here and {VARIABLE} names none (Debian: apt-get install postgresql)"

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/usr/pgsql-*/bin")


def binaries() -> Path | None:
    """The folder of the server's programs, or None."""
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    for place in _PLACES:
        for folder in sorted(Path("/").glob(place.lstrip("/")), reverse=True):
            if (folder / "postgres").exists():
                return folder
    return None


def _somebody() -> str | None:
    """The user that runs it: None for ourselves, or the name of a user that is not root."""
    if os.getuid() != 0:
        return None
    for line in Path("/etc/passwd").read_text("utf-8").splitlines():
        if line.split(":")[0] in ("postgres", "nobody"):
            return line.split(":")[0]
    return None


class Server:
    """A server of ours, which can be stopped without warning and started again."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder, self._programs, self._user = folder, programs, _somebody()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", str(folder / "data"), "-U", "sms", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.url = f"postgresql://sms@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [
            str(self._programs / "postgres"), "-D", str(self._folder / "data"), "-p", str(self.port),
            "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self._folder}",
            # A process that is killed loses nothing by this, and a machine that loses its power is not what the tests are about.
            "-c", "fsync=off", "-c", "full_page_writes=off",
        ]  # fmt: skip
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            command, user=self._user, cwd=self._folder, stdout=log, stderr=log, start_new_session=True
        )
        log.close()
        for _ in range(200):
            with contextlib.suppress(subprocess.CalledProcessError):
                self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-q")
                return
            time.sleep(0.05)
        raise AssertionError((self._folder / "log").read_text("utf-8"))

    def kill(self) -> None:
        """Stop without warning, its children too."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Stop at once, but in order."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments], user=self._user, cwd=self._folder, check=True, capture_output=True
        )  # fmt: skip


@contextlib.contextmanager
def server() -> Iterator[Server | None]:
    """A server of our own, started; None if there can be none."""
    programs = binaries()
    if programs is None or (os.getuid() == 0 and _somebody() is None):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        if (user := _somebody()) is not None:
            shutil.chown(folder, user)
        made = Server(folder, programs)
        made.start()
        try:
            yield made
        finally:
            made.stop()
