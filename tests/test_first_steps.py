"""The first steps of README.md, played as they stand: the block that a newcomer pastes, `sms-twin`, and the sandbox's introduction."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.twins.__main__ import main as twin

ROOT = Path(__file__).parents[1]
SECONDS = 60

BLOCK = re.search(
    r"## From an empty folder to a callback.*?```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
)

MODULES = {"sms-twin": "conformance.twins", "sms-translator": "translator", "sms-conformance": "conformance"}


def commands(folder: Path) -> str:
    """A folder with the project's commands, run from this checkout whatever is installed."""
    for name, module in MODULES.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m {module} "$@"\n', "utf-8")
        script.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def free_ports(count: int) -> list[str]:
    """Ports that no process listens on at the moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [str(listener.getsockname()[1]) for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()


def test_the_block_of_the_readme_leads_from_an_empty_folder_to_a_callback(tmp_path: Path) -> None:
    assert BLOCK is not None
    block = BLOCK[1]
    for port, free in zip(("8080", "8081", "9100", "9200"), free_ports(4), strict=True):
        assert port in block
        block = block.replace(port, free)
    (tmp_path / "bin").mkdir()
    (tmp_path / "empty").mkdir()
    stop = "kill -INT $twin $receiver $proxy; wait"
    waits = f"for i in $(seq {SECONDS}); do grep -q delivered told && break; sleep 1; done"
    script = f"set -m; {{ {block} }} > told 2> said; {waits}; {stop}"
    process = subprocess.Popen(
        ["bash", "-c", script], cwd=tmp_path / "empty", env={**os.environ, "PATH": commands(tmp_path / "bin")}, start_new_session=True
    )  # fmt: skip
    try:
        process.wait(2 * SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    told = (tmp_path / "empty" / "told").read_text("utf-8")
    sid = re.search(r'"sid":"(SM\w+)"', told)
    assert sid is not None, told
    assert re.findall(r"# called back: (\w+) (\w+)", told) == [("sent", sid[1]), ("delivered", sid[1])]
    assert "good" in told
    assert '"request"' in (tmp_path / "empty" / "translator.log").read_text("utf-8")


@pytest.mark.parametrize("option", [("--account", "A1"), ("--messages", "3"), ("--control",)])
def test_the_receiver_refuses_what_it_would_ignore(option: tuple[str, ...]) -> None:
    done = CliRunner().invoke(twin, ["receiver", *option])
    assert done.exit_code == 2
    assert "no other option than --port" in done.stderr


def started(*words: str) -> tuple[list[str], str]:
    """All lines on stdout of a command that is stopped after the first one, and all of stderr."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], stdout=subprocess.PIPE, stderr=said, text=True, cwd=ROOT
        )
        with process:
            assert process.stdout is not None
            watchdog = threading.Timer(SECONDS, process.kill)
            watchdog.start()
            lines = [process.stdout.readline()]
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            lines += process.stdout.readlines()
            watchdog.cancel()
        said.seek(0)
        return lines, said.read()


def test_a_simulated_provider_says_who_may_ask_and_how_it_ends() -> None:
    [first], said = started("conformance.twins", "properties-v2", "--port", "0")
    assert first.startswith("properties-v2 twin on http://127.0.0.1:")
    assert (
        said
        == "It answers account A1 with token loopback-only, property S1234567890ABCDE1234567890ABCDEF. Ctrl-C stops it.\n"
    )


def test_a_simulated_provider_does_not_repeat_a_token_that_was_given(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-secret", "utf-8")
    _, said = started("conformance.twins", "restcomm", "--port", "0", "--token", f"file:{tmp_path / 'token'}")
    assert "a-secret" not in said
    assert "with the token from file:" in said


def test_the_sandbox_says_where_it_listens_who_may_ask_and_what_comes_next(tmp_path: Path) -> None:
    log = tmp_path / "sandbox.log"
    lines, said = started("translator", "sandbox", "--port", "0", "--messages", "5", "--log", str(log))
    introduction = "".join(lines[:5])
    assert "listens on http://127.0.0.1:" in introduction
    assert "account AC00000000000000000000000000000001, token sandbox-token" in introduction
    assert "Ctrl-C stops it" in introduction
    assert "README.md" in introduction
    assert said == ""
    assert log.exists()


def test_the_sandbox_takes_the_port_from_make() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--assume-old=.venv/installed-by-python3", "run", "PORT=9080"],
        cwd=ROOT, check=True, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert "sandbox --port 9080" in done.stdout


@pytest.mark.parametrize("account", ["A:B", "", "A\n"])
def test_a_twin_refuses_an_account_that_no_client_could_use(account: str) -> None:
    """RFC 7617, 2: a user name of Basic credentials holds no colon."""
    done = CliRunner().invoke(twin, ["restcomm", "--account", account])
    assert done.exit_code == 2
    assert "--account" in done.output
    assert "without a colon" in done.output
