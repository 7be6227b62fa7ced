"""Runs lines that a page or a command prints, as a person pastes them into a shell.

The shell is one real bash with `sms-translator` on its PATH. `serve` and `sandbox` are processes of their own. The other commands run in
the process of the test, because a start takes a second.
"""

import asyncio
import contextlib
import json
import os
import signal
import socketserver
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from translator import cli

ROOT: Final = Path(__file__).parents[1]
SECONDS: Final = 60
_END: Final = "-- end of a pasted line --"

_CLIENT: Final = """#!{python} -SE
import json, os, socket, sys
given = sys.argv[1:]
if given[:1] in (["serve"], ["sandbox"]):
    os.execve({python!r}, [{python!r}, {program!r}, *given], {{**os.environ, "PYTHONPATH": {root!r}}})
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({socket!r})
    asked.sendall(json.dumps([given, os.getcwd(), dict(os.environ)]).encode())
    asked.shutdown(socket.SHUT_WR)
    out, err, status = json.loads(b"".join(iter(lambda: asked.recv(65536), b"")))
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""

_PROGRAM: Final = """from translator.cli import main
from translator.shell.delivery import service
service.EVERY = service.RENDER_EVERY = 0.2
main(prog_name="sms-translator")
"""
"""The command, with a fifth of a second in place of the seconds between two reads of the stages."""


class _Command(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        words, folder, environment = json.loads(self.rfile.read())
        unset = dict.fromkeys(os.environ.keys() - environment.keys())
        with contextlib.chdir(folder):
            done = CliRunner().invoke(cli.main, words, env={**environment, **unset}, prog_name="sms-translator")
        self.wfile.write(json.dumps([done.stdout, done.stderr, done.exit_code]).encode())


@contextlib.contextmanager
def commands(folder: Path) -> Iterator[str]:
    """A PATH with `sms-translator` in front. The folder is made. Only one command runs at a time."""
    folder.mkdir()
    program, script, socket = folder / "program.py", folder / "sms-translator", folder / "socket"
    program.write_text(_PROGRAM, "utf-8")
    names = {"python": sys.executable, "program": str(program), "root": str(ROOT), "socket": str(socket)}
    script.write_text(_CLIENT.format(**names), "utf-8")
    script.chmod(0o755)
    with socketserver.UnixStreamServer(str(socket), _Command) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"{folder}:{os.environ['PATH']}"
        finally:
            server.shutdown()
            thread.join()


class Shell:
    """A bash that runs one line after another."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, line: str) -> str:
        """Run a line, and return all that it prints to stdout and to stderr. Raises TimeoutError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\necho; echo {_END}\n".encode())
        found = b""
        async with asyncio.timeout(SECONDS):
            found = await self._process.stdout.readuntil(f"\n{_END}\n".encode())
        return found.decode().removesuffix(f"\n{_END}\n")


@contextlib.asynccontextmanager
async def shell(folder: Path, path: str) -> AsyncIterator[Shell]:
    """A bash in this folder. At the end it and all processes that it has started are stopped."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SMS_TRANSLATOR_")}
    process = await asyncio.create_subprocess_exec(
        "bash", "--norc", cwd=folder, env={**environment, "PATH": path, "SMS_TRANSLATOR_SERVER__LINGER": "0"},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield Shell(process)
        await Shell(process).run("kill -INT $(jobs -p) 2>/dev/null; wait")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
