"""The commands `sms-translator migrate` as a person meets them for the first time: each mistake gets a sentence that says what to do."""

import asyncio
import json
import shlex
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.commands import run
from tests.test_migration_settings import CONFIG
from translator.shell.store import open_store

SECOND: Final = """
[[accounts]]
front = { dialect = "restcomm", account = "AC2", token = "t" }
back = { name = "new", account = "A1", property = "P2", token = "t" }
old = { name = "old", account = "AC8", token = "t" }
"""
REASON: Final = ("--reason", "a trial", "--by", "Ada")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with one account that migrates, and a store that `serve` has left."""
    file = tmp_path / "proxy.toml"
    file.write_text(CONFIG, "utf-8")
    assert run("pending", "-c", file).returncode == 2, "no command makes a store"
    _made_store(file)
    return file


def _made_store(file: Path) -> None:
    async def main() -> None:
        store = await open_store("sqlite:///kept.db", "here", file.parent)
        await store.close()

    asyncio.run(main())


def migrate(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run("migrate", words[0], "-c", config, *words[1:])


def with_lines(config: Path, text: str) -> Path:
    config.write_text(text, "utf-8")
    return config


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            CONFIG.replace("[[accounts]]", '[accounts.migration]\nstage = "render"\n[[accounts]]'),
            "has [accounts.migration] in line 10, above the account that it belongs to: move it below the keys of that [[accounts]]",
        ),
        (
            CONFIG.replace("old = {", '[accounts.migration]\nstage = "render"\nold = {'),
            "[[accounts]] row 1: has old below [accounts.migration]: keys of the account stand above that line",
        ),
        (CONFIG + '[accounts.migration]\nstage = "middle"', "has to be one of old, render, canary, new, done"),
        (CONFIG + '[accounts.migration]\nstgae = "render"', "migration.stgae: unknown key; there are stage, share, allow"),
        (
            CONFIG.replace("old = {", "short_codes = []\n#") + '[accounts.migration]\nstage = "render"',
            "needs old, the account at the provider that is left",
        ),
    ],
    ids=["section above its account", "key below the section", "unknown stage", "unknown key", "no old provider"],
)  # fmt: skip
def test_a_wrong_section_is_named_with_what_to_do(config: Path, text: str, sentence: str) -> None:
    done = migrate(with_lines(config, text), "status")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert str(config) in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("advance",), "Missing option '--reason'"),
        (("advance", "--reason", " "), "has to be printable, and of 1 to 500 characters"),
        (("set", "--percent", "101", *REASON), "is not in the range 0<=x<=100"),
        (("status", "--account", "AC7"), "has no account AC7 with an old provider; there are restcomm/AC1/"),
        (("where",), "Missing argument 'SID'"),
    ],
)
def test_a_wrong_command_says_what_is_missing(config: Path, words: tuple[str, ...], sentence: str) -> None:
    done = migrate(config, *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert run("migrate", "history", "-c", config).stdout == "", "nothing was changed"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("set", "--percent", "5", *REASON), "the share counts in the stage canary only, and the stage is old"),
        (("release-guard", *REASON), "the guard has stopped nothing"),
        (("where", "nothing-of-the-kind"), "no provider has a message of this SID"),
    ],
)
def test_a_change_that_the_stage_forbids_is_explained(config: Path, words: tuple[str, ...], sentence: str) -> None:
    done = migrate(config, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"sms-translator: {sentence}\n"


def test_several_migrating_accounts_have_to_be_named(config: Path) -> None:
    with_lines(config, CONFIG + SECOND)
    done = migrate(config, "rollback", *REASON)
    assert done.returncode == 2
    assert "name one with --account; there are restcomm/AC1/, restcomm/AC2/" in done.stderr
    assert migrate(config, "rollback", *REASON, "--account", "AC2").stdout.startswith("restcomm/AC2/: old")


def test_without_an_old_provider_there_is_nothing_to_migrate(config: Path) -> None:
    done = migrate(with_lines(config, CONFIG.replace("old = {", "#")), "status")
    assert done.returncode == 2
    assert "has no account with an old provider: give the account that moves the key old" in done.stderr


def test_a_store_that_is_not_there_or_does_not_answer_is_said(config: Path) -> None:
    url = 'url = "sqlite:///kept.db"'
    done = migrate(with_lines(config, CONFIG.replace("kept.db", "none.db")), "rollback", *REASON)
    assert done.returncode == 2
    assert "there is no store" in done.stderr
    assert "none.db; serve makes it" in done.stderr
    done = migrate(with_lines(config, CONFIG.replace(url, 'url = "memory:"')), "status")
    assert done.returncode == 2
    assert "memory: belongs to the process that runs" in done.stderr
    stopped = 'url = "postgresql://nobody@127.0.0.1:1/none"'
    done = migrate(with_lines(config, CONFIG.replace(url, stopped)), "rollback", *REASON)
    assert done.returncode == 10
    assert done.stderr.startswith("sms-translator: the store does not answer: ")
    assert "Traceback" not in done.stderr


def test_a_next_step_can_be_pasted_as_it_stands(config: Path) -> None:
    """From the first stage to the last, by the commands that `status` prints."""
    stages = []
    for _ in range(20):
        found = json.loads(migrate(config, "status", "-o", "json").stdout)
        stages.append((found["stage"], found["percent"]))
        if not found["next"]:
            break
        program, *words = shlex.split(found["next"])
        assert program == "sms-translator"
        done = run(*words)
        assert done.returncode == 0, done.stderr
    assert stages == [
        ("old", 0), ("render", 0), ("canary", 0), ("canary", 1), ("canary", 5), ("canary", 25), ("canary", 50), ("canary", 100),
        ("new", 100), ("done", 100),
    ]  # fmt: skip
    assert len(migrate(config, "history").stdout.splitlines()) == len(stages) - 1


def test_waiting_ends_at_once_without_a_replica(config: Path) -> None:
    done = migrate(config, "advance", "--wait", *REASON)
    assert (done.returncode, done.stdout) == (0, "restcomm/AC1/: render (generation 1)\n")


def test_waiting_names_a_replica_that_does_not_follow(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The change is made all the same."""
    monkeypatch.setattr("translator.cli.migrate._PATIENCE", 0.0)
    migrate(config, "advance", *REASON)
    with closing(sqlite3.connect(config.parent / "kept.db")) as store, store:
        row = ("restcomm/AC1/", "old/AC9/", "new/A1/P1", "host:7", 1, 4e9)
        store.execute(
            "INSERT INTO stage_readers (account, old, new, replica, generation, seen) VALUES (?, ?, ?, ?, ?, ?)", row
        )
    done = migrate(config, "rollback", "--wait", *REASON)
    assert done.returncode == 1
    assert done.stdout == "restcomm/AC1/: old (generation 2)\n"
    assert done.stderr == "sms-translator: the change is made, but 1 replicas have not followed yet: host:7\n"
