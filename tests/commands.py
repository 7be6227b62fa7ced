"""The command line of the proxy for tests: in this process, or as a process of its own."""

import contextlib
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterable, Iterator
from email.message import Message
from pathlib import Path

from click.testing import CliRunner

from translator import cli

SECONDS = 30
PROPERTY = "S1234567890ABCDE1234567890ABCDEF"
ACCOUNT = "AC00000000000000000000000000000001"
COMMAND = [sys.executable, "-m", "translator"]

CONFIG = f"""
[server]
listen = "127.0.0.1:0"
admin = ""

[backs.provider]
dialect = "properties-v2"
url = "http://127.0.0.1:1"

[[accounts]]
front = {{ dialect = "restcomm", account = "{ACCOUNT}", token = "${{env:FRONT_TOKEN}}" }}
back = {{ name = "provider", account = "A1", property = "{PROPERTY}", token = "${{file:back-token}}" }}
"""


def environment(**changes: str) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SMS_TRANSLATOR_")}
    return {**bare, "FRONT_TOKEN": "front-token", "SMS_TRANSLATOR_SERVER__LINGER": "0", **changes}


def run(*words: str | Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. Only a command that serves needs a process of its own; a start takes a second."""
    command = [*map(str, words)]
    if words[0] in ("serve", "sandbox"):
        return subprocess.run(
            [*COMMAND, *command], env=environment(**changes), check=False, text=True, timeout=SECONDS,
            capture_output=True,
        )  # fmt: skip
    return run_here(*words, **changes)


def run_here(*words: str | Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this process."""
    command, given = [*map(str, words)], environment(**changes)
    unset = dict.fromkeys(os.environ.keys() - given.keys())
    done = CliRunner().invoke(cli.main, command, env={**given, **unset}, prog_name="sms-translator")
    return subprocess.CompletedProcess(command, done.exit_code, done.stdout, done.stderr)


@contextlib.contextmanager
def running(*words: str | Path, **changes: str) -> Iterator[subprocess.Popen[str]]:
    """The command while it runs. It is killed if the test did not end it."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, words)],
        env=environment(**changes),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _by_name(headers: Message) -> dict[str, str]:
    """Headers by their names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def fetch(
    url: str,
    data: bytes | None = None,
    login: str = "",
    method: str | None = None,
    headers: Iterable[str] = (),
    trust: ssl.SSLContext | None = None,
) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, data, method=method)  # noqa: S310 - it is on loopback
    for header in headers:
        request.add_header(*header.split(": ", 1))
    if login:
        request.add_header("Authorization", "Basic " + b64encode(login.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=SECONDS, context=trust) as answer:  # noqa: S310
            return answer.status, _by_name(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _by_name(error.headers), error.read()


LISTS = f"/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages.json"
