"""The command of the conformance suite, in this process."""

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from conformance.__main__ import command

ROOT = Path(__file__).parents[1]

TOKEN = "twin-token"


class Done(NamedTuple):
    """A command that has ended: its exit status, and its output."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str | Path, token: str = TOKEN) -> Done:
    """Run the command in this process, which is quicker than in one of its own."""
    said, told, status = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(told):
        patch.setenv("TOKEN", token)
        patch.setenv("NO_COLOR", "1")
        patch.chdir(ROOT)
        try:
            command(list(map(str, arguments)))
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1 if end.code else 0
    return Done(status, said.getvalue(), told.getvalue())


def judged(url: str, *more: str | Path, dialect: str = "restcomm", **given: str) -> Done:
    who = ["--account", "AC1"] if dialect == "restcomm" else ["--account", "A1", "--property", "P1"]
    return run(url, "--dialect", dialect, *who, "--token", "env:TOKEN", "--rate", "0", *more, **given)
