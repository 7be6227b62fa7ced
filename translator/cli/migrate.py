"""The commands `sms-translator migrate`, which show and change the stage of an account between two providers.

Exit status:
0    done
1    the stage does not allow the change, or another change was first
1    no provider has the message (where); the guard has stopped the canary (status); a replica has not followed yet (--wait)
2    wrong usage or configuration
10   the store or a provider does not answer
11   a provider refuses the credentials
"""

import asyncio
import getpass
import json
import os
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from translator.cli.options import config_option, output_option, say
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.migration import NotAllowed
from translator.shell.observability.log import Output, configure

NOT_DONE: Final = 1
UNREACHABLE: Final = 10
REFUSED: Final = 11
_PATIENCE: Final = 30.0
"""Seconds for which `--wait` waits. A replica that runs follows within five."""

_LONGEST: Final = 500
"""Characters of a reason or a name."""


def _fail(why: str, status: int) -> None:
    click.echo(f"sms-translator: {why}", err=True)
    sys.exit(status)


def _with_account(config: Path, account: str, output: Output | None, work: Callable[..., Awaitable[Any]]) -> Any:
    """Run `work` with the store, the wiring and the account, and return its result."""
    from translator.shell.config.load import load
    from translator.shell.operations.migrate_admin import find
    from translator.shell.operations.store_admin import beside
    from translator.shell.store.stages import Overtaken
    from translator.shell.wiring import assemble

    configure(output)
    settings = load(config, os.environ)
    assembly = assemble(settings)
    entry = find(assembly.accounts, account, settings.file)

    async def main() -> Any:
        async with beside(settings) as store:
            return await work(store, assembly, entry)

    try:
        return asyncio.run(main())
    except (NotAllowed, Overtaken) as error:
        _fail(str(error), NOT_DONE)


def _printable(_: Any, __: Any, value: str) -> str:
    value = value.strip()
    if not value or len(value) > _LONGEST or not value.isprintable():
        raise click.BadParameter(f"has to be printable, and of 1 to {_LONGEST} characters")
    return value


def _somebody() -> str:
    """Return the name of the user of this process, or its number if it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


_account_option = click.option(
    "--account", default="", metavar="NAME", help="The account. It may be left out if only one has an old provider."
)
_reason_option = click.option("--reason", required=True, callback=_printable, help="Why, for the history.")
_wait_option = click.option(
    "--wait",
    is_flag=True,
    help="End when all replicas that run have followed. Exit status 1: one has not within 30 seconds.",
)
_by_option = click.option(
    "--by", default=_somebody, callback=_printable, show_default="the user of this process", help="The person, for the history."
)  # fmt: skip


@click.group()
def migrate() -> None:
    """The stage of an account that moves from one provider to another.

    A change is in force on all replicas within five seconds. Exit status 1: the present stage does not allow the change, another change
    was first, or no provider has the message.
    """


@migrate.command("status")
@config_option
@_account_option
@output_option
def show_status(config: Path, account: str, output: Output | None) -> None:
    """Show the stage, the next step as a command, and the evidence that is missing for it. Exit status 1: the guard has stopped it."""
    from translator.shell.operations.migrate_admin import status

    found = _with_account(config, account, output, lambda store, _, entry: status(store, entry))
    words = found["next"]
    command = ""
    if words:
        given = ["-c", str(config), "--account", found["account"], "--reason"]
        command = f"{shlex.join(['sms-translator', 'migrate', *words, *given])} '…'"
    found["next"] = command
    click.echo(json.dumps(found) if output == "json" else _page(found))
    if found["latched"]:
        sys.exit(NOT_DONE)


def _page(found: dict[str, Any]) -> str:
    counts = found["sends_at_new"]
    lines = [
        ("account", found["account"]),
        ("old", found["old"]),
        ("new", found["new"]),
        ("stage", f"{found['stage']}, {found['percent']:g} percent" if found["stage"] == "canary" else found["stage"]),
        ("since", found["since"]),
        ("changed", f"generation {found['generation']} by {found['by']}: {found['reason']}" if found["by"] else ""),
        ("reads", found["reads"]),
        ("guard", "has stopped the canary" if found["latched"] else ""),
        ("cut-over", found["cut_over"]),
        ("at new", "  ".join(f"{name}={number}" for name, number in counts.items())),
        ("checked", "  ".join(f"{name}={number}" for name, number in found["rendered"].items())),
        *(("finding", f"{one['number']} x {one['row']}: {one['kind']}, {one['means']}") for one in found["findings"]),
        *(("missing", sentence) for sentence in found["missing"]),
        *(("note", sentence) for sentence in found["notes"]),
        ("next", found["next"]),
    ]
    return "\n".join(f"{name:<9}  {value}" for name, value in lines if value)


class _Change(NamedTuple):
    """A change of the stage: the options that all commands that make one have in common, and the share."""

    action: str
    reason: str
    by: str
    wait: bool
    percent: float | None = None


def _change(config: Path, account: str, output: Output | None, asked: _Change) -> None:
    from translator.shell.operations.migrate_admin import change, waited

    async def work(store: Any, _: Any, entry: Any) -> tuple[str, Any, tuple[str, ...]]:
        stage = await change(store, entry, asked.action, asked.by, asked.reason, asked.percent)
        return entry.name, stage, (await waited(store, entry, _PATIENCE) if asked.wait else ())

    name, stage, late = _with_account(config, account, output, work)
    share = f", {stage.percent:g} percent" if stage.stage == "canary" else ""
    data = {"account": name, "stage": stage.stage, "percent": stage.percent, "generation": stage.generation}
    say(f"{name}: {stage.stage}{share} (generation {stage.generation})", data, output)
    if late:
        _fail(f"the change is made, but {len(late)} replicas have not followed yet: {', '.join(late)}", NOT_DONE)


@migrate.command("set")
@config_option
@_account_option
@click.option("--percent", required=True, type=click.FloatRange(0, 100), help="The share of the recipients.")
@_reason_option
@_by_option
@_wait_option
@output_option
def set_share(
    config: Path, account: str, percent: float, reason: str, by: str, wait: bool, output: Output | None
) -> None:
    """Set the share of the recipients that a canary sends to the new provider."""
    _change(config, account, output, _Change("set", reason, by, wait, percent))


@migrate.command("advance")
@config_option
@_account_option
@_reason_option
@_by_option
@_wait_option
@output_option
def advance(config: Path, account: str, reason: str, by: str, wait: bool, output: Output | None) -> None:
    """Go one stage forward: old, render, canary, new, done."""
    _change(config, account, output, _Change("advance", reason, by, wait))


@migrate.command("rollback")
@config_option
@_account_option
@_reason_option
@_by_option
@_wait_option
@output_option
def rollback(config: Path, account: str, reason: str, by: str, wait: bool, output: Output | None) -> None:
    """Send to the old provider from now on, from any stage. Messages at both providers stay readable. Nothing is sent again."""
    _change(config, account, output, _Change("rollback", reason, by, wait))


@migrate.command("release-guard")
@config_option
@_account_option
@_reason_option
@_by_option
@_wait_option
@output_option
def release_guard(config: Path, account: str, reason: str, by: str, wait: bool, output: Output | None) -> None:
    """Allow the canary again after the guard has stopped it. The share stays 0 until it is set."""
    _change(config, account, output, _Change("release-guard", reason, by, wait))


@migrate.command("history")
@config_option
@_account_option
@output_option
def show_history(config: Path, account: str, output: Output | None) -> None:
    """List the changes of the stage, the oldest first: when, from which generation, what, by which person, and why."""
    from translator.shell.operations.migrate_admin import history
    from translator.shell.operations.store_admin import as_line

    rows = _with_account(config, account, output, lambda store, _, entry: history(store, entry))
    if not rows and output != "json":
        click.echo("the store has no stage yet", err=True)
    for row in rows:
        say(as_line(row), row, output)


@migrate.command("where")
@config_option
@_account_option
@output_option
@click.argument("sid", metavar="SID")
def show_where(config: Path, account: str, output: Output | None, sid: str) -> None:
    """Say which provider has a message, by its SID in front.

    It is found by the shape of the SID, else by the journal, else by a read request at the providers.
    """
    from translator.shell.operations.migrate_admin import is_refused, where

    try:
        found = _with_account(
            config, account, output, lambda store, assembly, entry: where(store, assembly, entry, sid)
        )
    except FaultRaised as error:
        _fail(f"a provider fails: {error.fault.name}", REFUSED if is_refused(error) else UNREACHABLE)
    except MalformedProviderResponse:
        _fail("a provider answers in no form of its dialect", UNREACHABLE)
    if found is None:
        _fail("no provider has a message of this SID", NOT_DONE)
    say(f"{found['home']}: {found['place']} (by {found['found']})", found, output)
