"""`sms-translator callbacks` and `sms-translator sends`, on a store that another process may have open."""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.ledgers import (
    CONFIG,
    config,
    dead,
    lost,
    nothing,
    prepared,
    run,
)
from tests.test_store import HOOK, NOW, PLACE, intent, like, owing, settle_one, take
from translator.core.effects import Intent, Outcome
from translator.shell.store import Store, sends, subscriptions
from translator.shell.store.sends import Begun, Times
from translator.shell.store.states import DeliveryState

__all__ = ["config"]


def test_nothing_is_said_to_be_nothing(config: Path) -> None:
    prepared(config, nothing)
    for words in (("callbacks", "list"), ("sends", "list")):
        done = run(config, *words)
        assert (done.exit_code, done.stdout) == (0, "")
        assert done.stderr != ""
        assert run(config, *words, "-o", "json").output == ""


def test_callbacks_are_listed_without_what_is_private_and_shown_with_it(config: Path) -> None:
    id_ = prepared(config, dead)
    listed = run(config, "callbacks", "list")
    assert [line.split("  ")[0] for line in listed.stdout.splitlines()] == [f"id={id_}", f"id={id_ + 1}"]
    assert "state=dead" in listed.stdout and 'last_error="answered 500"' in listed.stdout
    assert "MessageStatus" not in listed.stdout and "/x" not in listed.stdout
    rows = [json.loads(line) for line in run(config, "callbacks", "list", "-o", "json").stdout.splitlines()]
    assert [(row["event"], row["state"]) for row in rows] == [("sent", "dead"), ("delivered", "due")]
    assert [json.loads(line)["event"] for line in run(config, "callbacks", "list", "--state", "due", "-o", "json").stdout.splitlines()] == [
        "delivered"
    ]  # fmt: skip
    shown = run(config, "callbacks", "show", str(id_))
    assert "MessageStatus=sent" in shown.stdout and HOOK.address in shown.stdout
    assert "2023-11-14T22:13:20+00:00" in shown.stdout
    missing = run(config, "callbacks", "show", "99")
    assert (missing.exit_code, missing.stdout) == (1, "")


@pytest.mark.parametrize("which", ["one", "--all"])
def test_a_callback_is_replayed_and_dropped(config: Path, which: str) -> None:
    id_ = prepared(config, dead)
    word = str(id_) if which == "one" else which
    assert run(config, "callbacks", "replay", word).stdout == "replayed: 1\n"
    assert prepared(config, partial(take, now=NOW * 2))[0].id == id_
    assert run(config, "callbacks", "drop", str(id_)).stdout == "dropped: 1\n"
    assert run(config, "callbacks", "drop", "--all").exit_code == 1, "none was given up"
    assert run(config, "callbacks", "drop").exit_code == 2
    assert run(config, "callbacks", "drop", "1", "--all").exit_code == 2


def test_later_callback_is_made_now_and_an_unknown_one_is_an_error(config: Path) -> None:
    async def later(store: Store) -> int:
        await owing(store)
        [row] = await take(store)
        await settle_one(store, row, DeliveryState.DUE, NOW, why="answered 500", due_at=NOW * 3)
        return row.id

    id_ = prepared(config, later)
    assert prepared(config, partial(take, now=NOW * 2)) == []
    for word in ("retry", "drop"):
        done = run(config, "callbacks", word, "99")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr == "sms-translator: there is no callback 99 that this can be done to\n"
    assert run(config, "callbacks", "retry", str(id_)).stdout == "retried: 1\n"
    [row] = prepared(config, partial(take, now=NOW * 2))
    assert (row.id, row.attempts) == (id_, 1), "it goes on where it was"


@pytest.mark.parametrize("command", ["show", "retry", "replay", "drop"])
@pytest.mark.parametrize("id_", [str(2**63), "9" * 30, "x"])
def test_what_is_no_id_is_a_wrong_use_of_the_command(config: Path, command: str, id_: str) -> None:
    prepared(config, dead)
    found = run(config, "callbacks", command, id_)
    assert (found.exit_code, found.exception.__class__) == (2, SystemExit)


def test_callbacks_are_found_by_the_sid_of_their_message(config: Path) -> None:
    async def two(store: Store) -> None:
        for id_ in ("1", "2"):
            await owing(store, id_)

    prepared(config, two)
    listed = run(config, "callbacks", "list", "--sid", "SMM2", "-o", "json")
    assert [json.loads(line)["sid"] for line in listed.stdout.splitlines()] == ["SMM2", "SMM2"]
    assert "sid=SMM1" in run(config, "callbacks", "list").stdout
    assert run(config, "callbacks", "list", "--sid", "SMM3").stdout == ""


def test_sends_are_listed_without_what_is_private_and_shown_with_it(config: Path) -> None:
    prepared(config, lost)
    listed = run(config, "sends", "list")
    assert [line.split("  ")[0] for line in listed.stdout.splitlines()] == ["id=u1", "id=l1"]
    assert "secret" not in listed.stdout and "1555" not in listed.stdout
    assert [line[:5] for line in run(config, "sends", "list", "--state", "unresolved").stdout.splitlines()] == ["id=l1"]
    shown = run(config, "sends", "show", "l1")
    assert "secret l1" in shown.stdout and "+15550002" in shown.stdout
    assert run(config, "sends", "show", "nobody").exit_code == 1


def test_a_person_says_what_became_of_a_send(config: Path) -> None:
    prepared(config, lost)
    sid = "SMM23456723456723456723456723456AB"
    assert run(config, "sends", "settle", "l1", "--sent", sid).stdout == "settled l1\n"
    [outcome] = prepared(config, lambda store: store.read(partial(sends.outcomes, ids=["l1"])))
    assert (outcome.state, outcome.message.sid) == ("sent", sid[2:])
    [waiting] = prepared(config, lambda store: store.read(partial(subscriptions.waiting_counts, now=NOW * 2)))
    assert (waiting.account, waiting.many) == ("restcomm/AC1/", 1)
    taken = run(config, "sends", "settle", "u1", "--sent", sid)
    assert (taken.exit_code, taken.stderr) == (1, "sms-translator: that message is known to be another send\n")
    assert run(config, "sends", "settle", "u1", "--sent", "x/y").stderr == "sms-translator: that is no message SID\n"
    assert run(config, "sends", "settle", "u1", "--not-sent").exit_code == 0
    assert run(config, "sends", "list").stdout == ""
    for words in (("--not-sent",), ("--sent", sid)):
        assert run(config, "sends", "settle", "u1", *words).exit_code == 1
    assert run(config, "sends", "settle", "u1").exit_code == 2
    assert run(config, "sends", "settle", "u1", "--not-sent", "--sent", sid).exit_code == 2


def test_an_account_that_is_gone_cannot_say_what_was_sent(config: Path) -> None:
    prepared(config, lost)
    config.write_text(CONFIG.replace('account = "AC1"', 'account = "AC2"'), "utf-8")
    done = run(config, "sends", "settle", "u1", "--sent", "SMM23456723456723456723456723456AB")
    assert done.stderr == "sms-translator: the account that made the send is no longer configured\n"


def test_memory_belongs_to_who_runs(config: Path) -> None:
    config.write_text(CONFIG.replace("sqlite:///kept.db", "memory:"), "utf-8")
    done = run(config, "sends", "list")
    assert done.exit_code == 2
    assert "memory: belongs to the process that runs" in done.stderr


def test_the_command_goes_beside_a_serve(config: Path) -> None:
    async def work(store: Store) -> Any:
        await lost(store)
        return await asyncio.to_thread(run, config, "sends", "settle", "u1", "--not-sent")

    assert prepared(config, work).exit_code == 0
    assert like("M1").sid == "M1" and intent().text == "hello"


def test_what_a_text_holds_is_no_control_of_the_terminal(config: Path) -> None:
    """Escape sequences, line ends, and characters that turn the direction of the text after them."""

    async def hostile(store: Store) -> None:
        text = "a\x1b]0;title\x07\r\nid=forged\u009b31m\u202eb"
        entry = Intent("restcomm/AC1/", "+15550001", "+15550002", text, HOOK)
        await store.write(partial(sends.record, begun=[Begun("h1", PLACE, entry)], times=Times(0, 60.0, 120.0)))
        await store.write(partial(sends.settle, outcomes=[Outcome("h1", "unknown")], now=NOW))

    prepared(config, hostile)
    shown = run(config, "sends", "show", "h1").stdout
    assert all(line.isprintable() for line in shown.split("\n"))
    assert not any(line.startswith("id=forged") for line in shown.split("\n"))
    assert "forged" in shown
