"""The commands `sms-translator callbacks`, `sends` and `pending`, which show and change rows of the store."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import click

from translator.cli.options import config_option, output_option, say
from translator.shell.observability.log import Output, configure

_ID: Final = click.IntRange(0, 2**63 - 1)
"""The range of ids in a database."""

NOT_THERE: Final = 1
PENDING: Final = 1


def _with_store(config: Path, output: Output | None, work: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    """Run `work` with the store and the accounts of a configuration, and return its result."""
    from translator.shell.config.load import load
    from translator.shell.operations.store_admin import beside
    from translator.shell.wiring import assemble

    configure(output)
    settings = load(config, os.environ)

    async def main() -> Any:
        async with beside(settings) as store:
            return await work(store, assemble(settings).accounts)

    return asyncio.run(main())


def _say_rows(rows: list[dict[str, Any]], nothing: str, output: Output | None) -> None:
    from translator.shell.operations.store_admin import as_line

    if output != "json" and not rows:
        click.echo(nothing, err=True)
    for row in rows:
        say(as_line(row), row, output)


def _say_one(row: dict[str, Any] | None, output: Output | None) -> None:
    from translator.shell.operations.store_admin import as_page

    if row is None:
        click.echo("sms-translator: there is none of this id", err=True)
        sys.exit(NOT_THERE)
    click.echo(json.dumps(row) if output == "json" else as_page(row))


def _say_count(done: int, what: str, output: Output | None, id_: int | None) -> None:
    if not done and id_ is not None:
        click.echo(f"sms-translator: there is no callback {id_} that this can be done to", err=True)
        sys.exit(NOT_THERE)
    say(f"{what}: {done}", {what: done}, output)
    if not done:
        sys.exit(NOT_THERE)


def _one_or_all(id_: int | None, everything: bool) -> None:
    if (id_ is None) != everything:
        raise click.UsageError("Name one ID, or --all for all that were given up.")


@click.group()
def callbacks() -> None:
    """The status callbacks that wait or that are dead."""


@callbacks.command("list")
@config_option
@click.option(
    "--state", type=click.Choice(["waiting", "due", "dead", "delivered"]), help="Only these; else all but those delivered."
)  # fmt: skip
@click.option("--sid", default="", metavar="SID", help="Only those of this message, by its SID in front.")
@output_option
def list_callbacks(config: Path, state: str | None, sid: str, output: Output | None) -> None:
    """List callbacks, the oldest first, without numbers and texts. Those that wait for the status of their message come last."""
    from translator.shell.operations.store_admin import list_calls, list_waiting

    states = (state,) if state else ("due", "dead")

    async def work(store: Any, accounts: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [] if state == "waiting" else await list_calls(store, accounts, states, sid)
        return found + (await list_waiting(store, accounts, sid) if state in (None, "waiting") else [])

    rows = _with_store(config, output, work)
    _say_rows(rows, "no callback waits, and none was given up", output)


@callbacks.command("show")
@config_option
@output_option
@click.argument("id_", metavar="ID", type=_ID)
def show_callback(config: Path, output: Output | None, id_: int) -> None:
    """Show one callback, with number and text."""
    from translator.shell.operations.store_admin import show_call

    _say_one(_with_store(config, output, lambda store, accounts: show_call(store, accounts, id_)), output)


def _retry(config: Path, output: Output | None, everything: bool, id_: int | None, what: str) -> None:
    from translator.shell.operations.store_admin import retry

    _one_or_all(id_, everything)
    _say_count(_with_store(config, output, lambda store, _: retry(store, id_)), what, output, id_)


@callbacks.command("retry")
@config_option
@output_option
@click.option("--all", "everything", is_flag=True, help="All that were given up.")
@click.argument("id_", metavar="ID", type=_ID, required=False)
def retry_callback(config: Path, output: Output | None, everything: bool, id_: int | None) -> None:
    """Make one callback now. One that is due skips its wait. Any other starts again with the first attempt."""
    _retry(config, output, everything, id_, "retried")


@callbacks.command("replay")
@config_option
@output_option
@click.option("--all", "everything", is_flag=True, help="All that were given up.")
@click.argument("id_", metavar="ID", type=_ID, required=False)
def replay_callback(config: Path, output: Output | None, everything: bool, id_: int | None) -> None:
    """The same as retry."""
    _retry(config, output, everything, id_, "replayed")


@callbacks.command("drop")
@config_option
@output_option
@click.option("--all", "everything", is_flag=True, help="All that were given up.")
@click.argument("id_", metavar="ID", type=_ID, required=False)
def drop_callback(config: Path, output: Output | None, everything: bool, id_: int | None) -> None:
    """Drop one callback, so that it is not made any more."""
    from translator.shell.operations.store_admin import drop

    _one_or_all(id_, everything)
    _say_count(_with_store(config, output, lambda store, _: drop(store, id_)), "dropped", output, id_)


@click.group()
def sends() -> None:
    """The sends whose outcome is not known yet, or was never found."""


@sends.command("list")
@config_option
@click.option(
    "--state", type=click.Choice(["intent", "unknown", "unresolved"]), help="Only these; else unknown and unresolved."
)
@output_option
def list_of_sends(config: Path, state: str | None, output: Output | None) -> None:
    """List sends, the oldest first, without numbers and texts."""
    from translator.shell.operations.store_admin import list_sends

    states = (state,) if state else ("unknown", "unresolved")
    rows = _with_store(config, output, lambda store, _: list_sends(store, states))
    _say_rows(rows, "the outcome of every send is known", output)


@sends.command("show")
@config_option
@output_option
@click.argument("id_", metavar="ID")
def show_one_send(config: Path, output: Output | None, id_: str) -> None:
    """Show one send, with numbers and text."""
    from translator.shell.operations.store_admin import show_send

    _say_one(_with_store(config, output, lambda store, _: show_send(store, id_)), output)


@sends.command("settle")
@config_option
@output_option
@click.option("--sent", metavar="SID", help="It was sent, and is this message, by its SID in front.")
@click.option("--not-sent", is_flag=True, help="It was not sent, and nobody waits for it any more.")
@click.argument("id_", metavar="ID")
def settle_one(config: Path, output: Output | None, sent: str | None, not_sent: bool, id_: str) -> None:
    """Record the outcome of a send that is unknown or unresolved. This sends nothing."""
    from translator.shell.operations.store_admin import settle_not_sent, settle_sent

    if (sent is None) != not_sent:
        raise click.UsageError("Say --sent SID or --not-sent.")
    if sent is not None:
        sid = sent
        why = _with_store(config, output, lambda store, accounts: settle_sent(store, accounts, id_, sid))
    else:
        done = _with_store(config, output, lambda store, _: settle_not_sent(store, id_))
        why = "" if done else "there is no send of this id that is unknown or unresolved"
    if why:
        click.echo(f"sms-translator: {why}", err=True)
        sys.exit(NOT_THERE)
    say(f"settled {id_}", {"settled": id_}, output)


@click.command()
@config_option
@output_option
def pending(config: Path, output: Output | None) -> None:
    """List the pending rows of the store, a line for each account and provider account.

    Pending are callbacks that wait for a status, are due or dead, and sends that are in progress (intent), unknown or unresolved. The exit
    status is 1 if there are any, and 0 if nothing is left behind in the store.
    """
    from translator.shell.operations.store_admin import as_pending, list_pending

    rows = _with_store(config, output, lambda store, accounts: list_pending(store, accounts, time.time()))
    for row in rows:
        say(as_pending(row), row, output)
    if rows:
        sys.exit(PENDING)
    if output != "json":
        click.echo("nothing is pending", err=True)
