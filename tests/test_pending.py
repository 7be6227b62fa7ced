"""The rows that would be left behind in a store: `sms-translator pending`, and the callbacks of messages that have not ended yet."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.ledgers import CONFIG, config, dead, lost, nothing, prepared, run
from tests.stores import on
from tests.test_store import HOOK, NOW, intent, recorded, sent, settled
from translator.cli import main
from translator.core.accounts import Accounts
from translator.shell.operations.store_admin import list_pending
from translator.shell.store import Store, pending

__all__ = ["config"]


async def waits(store: Store) -> None:
    """Record an accepted callback whose message has not been seen to end."""
    await recorded(store, "w1", intent("waits", HOOK))
    await settled(store, sent("w1", "Mw"))


def asked(config: Path, *words: str) -> Any:
    return CliRunner().invoke(main, ["pending", "-c", str(config), *words])


def test_a_callback_whose_status_is_not_seen_is_listed_and_pending(config: Path) -> None:
    prepared(config, waits)
    listed = run(config, "callbacks", "list")
    assert "state=waiting" in listed.stdout and "sid=SMMw" in listed.stdout and HOOK.address not in listed.stdout
    assert run(config, "callbacks", "list", "--state", "waiting").stdout == listed.stdout
    assert run(config, "callbacks", "list", "--state", "due").stdout == ""
    said = asked(config)
    assert said.exit_code == 1
    assert said.stdout.startswith("account=restcomm/AC1/  provider_account=provider/A1/P1  waiting=1  oldest=")


def test_leftover_rows_are_counted_by_account_and_provider_account(config: Path) -> None:
    async def all_of_it(store: Store) -> None:
        await dead(store)
        await lost(store)
        await waits(store)

    prepared(config, all_of_it)
    said = asked(config, "-o", "json")
    [row] = [json.loads(line) for line in said.stdout.splitlines()]
    counts = {state: row[state] for state in ("waiting", "due", "dead", "intent", "unknown", "unresolved")}
    assert counts == {"waiting": 1, "due": 1, "dead": 1, "intent": 0, "unknown": 1, "unresolved": 1}
    assert (row["account"], row["provider_account"], row["configured"]) == ("restcomm/AC1/", "provider/A1/P1", True)
    assert row["oldest_seconds"] > 1_000_000, "since 2023"


@pytest.mark.parametrize(
    "changed",
    [
        CONFIG.replace('account = "AC1"', 'account = "AC2"'),
        CONFIG.replace('account = "A1"', 'account = "A2"'),
        CONFIG.replace("backs.provider", "backs.other").replace('name = "provider"', 'name = "other"'),
    ],
)
def test_what_is_no_longer_configured_is_named(config: Path, changed: str) -> None:
    prepared(config, waits)
    config.write_text(changed, "utf-8")
    said = asked(config)
    assert said.exit_code == 1 and "no-longer-configured" in said.stdout


def test_a_store_that_can_be_left_says_so(config: Path) -> None:
    missing = asked(config)
    assert missing.exit_code == 2 and "there is no store" in missing.stderr
    prepared(config, nothing)
    said = asked(config)
    assert (said.exit_code, said.stdout, said.stderr) == (0, "", "nothing is pending\n")


def test_no_number_text_or_address_is_in_it(config: Path) -> None:
    prepared(config, waits)
    said = asked(config, "-o", "json").stdout
    assert "1555" not in said and "waits" not in said and "a.example" not in said


def test_the_same_is_counted_wherever_the_store_is(store_url: str) -> None:
    async def work(store: Store) -> Any:
        await dead(store)
        await lost(store)
        await waits(store)
        rows = await list_pending(store, Accounts([]), NOW + 5)
        return rows, await store.read(pending.waits), await store.read(partial(pending.listed, most=9))

    [row], (count, made), listed = on(store_url, work)
    assert (row["waiting"], row["due"], row["dead"], row["unknown"], row["unresolved"], row["configured"]) == (
        1,
        1,
        1,
        1,
        1,
        False,
    )
    assert (count, made, row["oldest_seconds"]) == (1, NOW, 5)
    assert [one.sid for one in listed] == ["Mw"]


def test_what_a_terminal_would_act_on_is_written_as_its_number(config: Path) -> None:
    async def escape(store: Store) -> None:
        await recorded(store, "e1", intent("red \x1b[31m\x07\r\x9b and é"))

    prepared(config, escape)
    shown = run(config, "sends", "show", "e1").stdout
    assert "red \\u001b[31m\\u0007\\u000d\\u009b and é" in shown
    assert all(one.isprintable() or one == "\n" for one in shown)


def test_check_looks_at_the_store_and_makes_none(config: Path) -> None:
    good = CliRunner().invoke(main, ["check", "-c", str(config)])
    assert good.exit_code == 0 and not (config.parent / "kept.db").exists()
    (config.parent / "kept.db").write_bytes(b"this is no database, and long enough to be sure of that" * 20)
    bad = CliRunner().invoke(main, ["check", "-c", str(config)])
    assert bad.exit_code == 2 and "file is not a database" in bad.stderr
    config.write_text(CONFIG.replace("sqlite:///kept.db", "sqlite:///nowhere/kept.db"), "utf-8")
    nowhere = CliRunner().invoke(main, ["check", "-c", str(config)])
    assert nowhere.exit_code == 2 and "there is no folder" in nowhere.stderr
