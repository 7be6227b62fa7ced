"""`sms-translator migrate`, on a store that a `serve` has open."""

import asyncio
import json
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from conformance.clock import ManualClock
from conformance.twins.restcomm import RestcommTwin
from conformance.twins.serving import serve
from tests.stores import opened
from tests.test_migration_settings import CONFIG
from tests.twins import call
from translator.cli import main
from translator.core.accounts import Accounts
from translator.core.effects import Intent, Outcome
from translator.core.http.messages import Request
from translator.core.migration import Choice
from translator.core.model import Message
from translator.shell.config.load import load
from translator.shell.migration.migrations import Migrations
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import NullJournal
from translator.shell.store import Store
from translator.shell.store.sends import Begun, Times
from translator.shell.wiring import assemble

RULES: Final = '[accounts.migration]\nstage = "render"\nguard = { least = 10 }\n'
REASON: Final = ("--reason", "a test")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "translator.toml"
    path.write_text(CONFIG + RULES, "utf-8")
    return path


def run(config: Path, command: str, *rest: str) -> Result:
    return CliRunner().invoke(main, ["migrate", command, "-c", str(config), *rest])


def said(config: Path, command: str, *rest: str) -> Any:
    """The JSON of a command."""
    return json.loads(run(config, command, *rest, "-o", "json").stdout)


def accounts(config: Path) -> Accounts:
    return assemble(load(config, {})).accounts


def serving(config: Path, work: Any = None) -> None:
    """Do some work while a process has the store, which has read the stages."""

    async def main() -> Any:
        async with opened(f"sqlite:///{config.parent / 'kept.db'}") as store:
            process = Migrations(store, accounts(config), Meter())
            process.replica = "host:1"
            await process.prepare(accounts(config))
            await process.round()
            if work is not None:
                await work(store, process)
            await process.aclose()

    asyncio.run(main())


def test_a_migration_goes_from_stage_to_stage_and_back(config: Path) -> None:
    serving(config)
    assert run(config, "advance", *REASON).stdout == "restcomm/AC1/: canary, 0 percent (generation 2)\n"
    assert (
        run(config, "set", "--percent", "2.5", *REASON).stdout == "restcomm/AC1/: canary, 2.5 percent (generation 3)\n"
    )
    assert said(config, "status")["stage"] == "canary"
    assert run(config, "advance", *REASON).stdout == "restcomm/AC1/: new (generation 4)\n"
    back = said(config, "rollback", "--reason", "replies are missing", "--by", "ann")
    assert back == {"account": "restcomm/AC1/", "stage": "old", "percent": 0.0, "generation": 5}
    rows = [json.loads(line) for line in run(config, "history", "-o", "json").stdout.splitlines()]
    assert [(row["action"], row["stage"], row["percent"]) for row in rows] == [
        ("begin", "render", 0.0),
        ("advance", "canary", 0.0),
        ("set", "canary", 2.5),
        ("advance", "new", 2.5),
        ("rollback", "old", 0.0),
    ]
    assert (rows[-1]["by"], rows[-1]["reason"]) == ("ann", "replies are missing")
    assert rows[1]["by"] not in ("", "ann")
    text = run(config, "history").stdout.splitlines()
    assert len(text) == 5 and 'reason="replies are missing"' in text[-1]


def test_a_running_process_acts_on_the_command(config: Path) -> None:
    async def work(__: Store, process: Migrations) -> None:
        done = await asyncio.to_thread(run, config, "advance", *REASON)
        assert done.exit_code == 0, done.output
        behind = (await asyncio.to_thread(said, config, "status"))["replicas_behind"]
        await process.round()
        now = (await asyncio.to_thread(said, config, "status"))["replicas_behind"]
        assert (behind, now) == (["host:1"], [])

    serving(config, work)


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        (("set", "--percent", "5", *REASON), 1, "the stage is render"),
        (("release-guard", *REASON), 1, "has stopped nothing"),
        (("advance",), 2, "--reason"),
        (("advance", "--reason", " "), 2, "printable"),
        (("advance", "--reason", "x\x1b[2J"), 2, "printable"),
        (("advance", "--by", "", *REASON), 2, "printable"),
        (("set", "--percent", "101", *REASON), 2, "--percent"),
        (("set", "--percent", "0.001", *REASON), 1, "two decimals"),
        (("set", *REASON), 2, "--percent"),
        (("status", "--account", "AC2"), 2, "there are restcomm/AC1/"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(config: Path, words: tuple[str, ...], status: int, why: str) -> None:
    serving(config)
    done = run(config, *words)
    assert (done.exit_code, done.stdout) == (status, "")
    assert why in done.stderr
    assert said(config, "status")["generation"] == 1


def test_an_account_is_named_by_its_name_or_its_sid(config: Path) -> None:
    serving(config)
    for name in ("restcomm/AC1/", "restcomm/AC1", "AC1"):
        assert said(config, "status", "--account", name)["account"] == "restcomm/AC1/"
    second = CONFIG.partition("[[accounts]]")[2].replace("AC1", "AC2").replace("A1", "A2").replace("AC9", "AC8")
    config.write_text(CONFIG + RULES + "[[accounts]]" + second, "utf-8")
    done = run(config, "status")
    assert done.exit_code == 2
    assert "restcomm/AC1/, restcomm/AC2/" in done.stderr
    alone = "\n".join(line for line in CONFIG.splitlines() if not line.startswith("old ="))
    config.write_text(alone, "utf-8")
    assert "no account with an old provider" in run(config, "status").stderr


def test_the_status_names_the_next_step_as_a_command(config: Path) -> None:
    serving(config)
    for words in (("advance",), ("set", "--percent", "1"), ("set", "--percent", "5")):
        given = f"-c {config} --account restcomm/AC1/ --reason '…'"
        page = run(config, "status").stdout
        assert page.splitlines()[-1] == f"next       sms-translator migrate {' '.join(words)} {given}"
        assert run(config, *words, *REASON).exit_code == 0
    found = said(config, "status")
    assert found["missing"] == ["the new provider got 0 sends in the last 900 s since the last change; 10 are wanted"]
    assert (found["old"], found["new"], found["reads"]) == ("old/AC9/", "new/A1/P1", "merged")


def test_the_status_says_that_the_guard_has_stopped_the_canary(config: Path) -> None:
    async def work(__: Store, process: Migrations) -> None:
        for words in (("advance",), ("set", "--percent", "50")):
            assert (await asyncio.to_thread(run, config, *words, *REASON)).exit_code == 0
        await process.round()
        journal = process.counted(NullJournal())
        for _ in range(20):
            [one] = await journal.record([Intent("restcomm/AC1/", "", "", "", choice=Choice("new", "share"))])
            await journal.settle([Outcome(one.id, "unknown")])
        # The bucket that was open when the share was set does not count.
        counts = process._counts.take()
        process._counts.give_back({key._replace(bucket=key.bucket + 15): value for key, value in counts.items()})
        await process.round()

    serving(config, work)
    done = run(config, "status")
    assert done.exit_code == 1
    assert "guard      has stopped the canary" in done.stdout.splitlines()
    assert "next       sms-translator migrate release-guard" in done.stdout
    assert run(config, "advance", *REASON).exit_code == 1
    assert run(config, "release-guard", *REASON).exit_code == 0
    assert run(config, "status").exit_code == 0


def test_the_evidence_for_the_end_is_what_is_open_at_the_old_provider(config: Path) -> None:
    async def work(store: Store, _: Migrations) -> None:
        for id_, place in (("1", "old/AC9/"), ("2", "old/AC9/"), ("3", "new/A1/P1")):
            intent = Intent("restcomm/AC1/", "+15550001", "+15550002", id_, place=place)
            await store.record([Begun(id_, place, intent)], Times(1.0, 60.0, 120.0))
        await store.settle([Outcome("1", "unknown")], 2.0)

    serving(config, work)
    for _ in range(2):
        run(config, "advance", *REASON)
    assert said(config, "status")["missing"] == ["the outcome of 2 sends at the old provider is open"]


def test_a_store_without_a_stage_begins_with_the_configuration(config: Path) -> None:
    async def empty() -> None:
        async with opened(f"sqlite:///{config.parent / 'kept.db'}"):
            pass

    asyncio.run(empty())
    found = said(config, "status")
    assert (found["stage"], found["generation"]) == ("render", 0)
    assert "serve writes" in found["notes"][0]
    assert run(config, "history").stdout == ""
    assert run(config, "advance", *REASON).exit_code == 0
    assert said(config, "status")["stage"] == "canary"


def test_a_missing_store_is_a_sentence(config: Path) -> None:
    done = run(config, "status")
    assert done.exit_code == 2
    assert "serve makes it" in done.stderr


# ---- where -----------------------------------------------------------------------------------------------------------

OLD_SID: Final = "SM" + "5e62e689fc204d41b6cfe4993a2d17ca"


def test_a_message_is_found_by_the_shape_of_its_sid(config: Path) -> None:
    serving(config)
    assert said(config, "where", OLD_SID) == {"sid": OLD_SID, "home": "old", "place": "old/AC9/", "found": "shape"}
    assert run(config, "where", OLD_SID).stdout == "old: old/AC9/ (by shape)\n"
    done = run(config, "where", "no/sid")
    assert (done.exit_code, done.stdout) == (1, "")


def same_dialects(config: Path, new: str = "http://127.0.0.1:9/new", old: str = "http://127.0.0.1:9/old") -> None:
    """Let both providers speak one dialect, so that the shape of a SID says nothing. By default neither of them is there."""
    text = CONFIG.replace('dialect = "properties-v2"', 'dialect = "restcomm"').replace(', property = "P1"', "")
    text = text.replace("https://new.example.test", new).replace("https://old.example.test", old)
    config.write_text(text + RULES, "utf-8")


def test_a_message_is_found_by_the_journal(config: Path) -> None:
    same_dialects(config)
    front = accounts(config).entries[0].front.dialect.front
    message = Message(
        sid=front.read_sid(OLD_SID), sender="+15550001", recipient="+15550002", text="x", status="sent",
        direction="outbound-api", created=1,
    )  # fmt: skip

    async def work(store: Store, _: Migrations) -> None:
        intent = Intent("restcomm/AC1/", "+15550001", "+15550002", "x", place="old/AC9/")
        await store.record([Begun("1", "old/AC9/", intent)], Times(1.0, 60.0, 120.0))
        await store.settle([Outcome("1", "sent", message)], 2.0)

    serving(config, work)
    assert said(config, "where", OLD_SID)["found"] == "journal"
    assert said(config, "where", OLD_SID)["home"] == "old"


def test_a_provider_that_does_not_answer_is_no_unknown_message(config: Path) -> None:
    same_dialects(config)
    serving(config)
    done = run(config, "where", OLD_SID)
    assert (done.exit_code, done.stdout) == (10, "")
    assert "a provider fails: back-unreachable" in done.stderr


@pytest.mark.parametrize(("token", "status"), [("t", 0), ("wrong", 11)])
def test_a_message_that_no_record_knows_is_asked_for(config: Path, token: str, status: int) -> None:
    clock = ManualClock(1_790_000_000)
    new, old = (RestcommTwin(accounts={account: token}, clock=clock) for account in ("A1", "AC9"))
    login = b64encode(f"AC9:{token}".encode()).decode()
    headers = (("authorization", f"Basic {login}"), ("content-type", "application/x-www-form-urlencoded"))
    path = "/2012-04-24/Accounts/AC9/SMS/Messages.json"
    made = call(old.app, Request("POST", path, "", headers, b"From=15550100001&To=15550100005&Body=x"))
    sid = json.loads(made.body)["sid"]

    async def main() -> list[Result]:
        async with serve(new.app) as at_new, serve(old.app) as at_old:
            same_dialects(config, at_new, at_old)
            await asyncio.to_thread(serving, config)
            return [await asyncio.to_thread(run, config, "where", one) for one in (sid, OLD_SID)]

    there, nowhere = asyncio.run(main())
    assert (there.exit_code, there.stdout) == (status, "" if status else "old: old/AC9/ (by ask)\n")
    assert (nowhere.exit_code, nowhere.stdout) == (status or 1, "")
