"""The other commands: `list`, `callbacks`, `laws` and `compare`."""

import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from conformance.cli.server import (
    BAD,
    REFUSED,
    UNREACHABLE,
    at_a_server,
    check_property,
    checked_url,
    secret,
)
from conformance.cli.transport import transport
from conformance.clients import Client, Failed, PropertiesV2Client, RestcommClient
from conformance.judge.callbacks import drill
from conformance.judge.control import Control, TwinFault
from conformance.judge.requirements import DIALECTS, load
from conformance.judge.target import Target, Unreachable
from conformance.judge.walk import walk
from conformance.reports import compare as comparing


@click.command("list")
@click.option("--dialect", type=click.Choice(DIALECTS), help="Only this one.")
def show(dialect: str | None) -> None:
    """List the requirements, one a line, id first, without a run."""
    for name in DIALECTS if dialect is None else (dialect,):
        for requirement in load(name):
            click.echo(f"{requirement.id}  {requirement.level}  {requirement.title}")


@click.command("callbacks")
@click.argument("url")
@click.option("--wait", default=10.0, show_default=True, help="Seconds that an answer may take.")
def callbacks(url: str, wait: float) -> None:
    """Call an application's own StatusCallback receiver as the old provider would, and print its response to each event."""
    parts = urlsplit(checked_url(url))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    refused = told = 0
    try:
        for heard in drill(transport(url, wait), path, time.sleep):
            told += 1
            refused += not heard.taken
            click.echo(f"{'taken' if heard.taken else 'REFUSED':8} {heard.status}  {heard.scenario}: {heard.event}")
    except Unreachable as error:
        click.echo(f"the receiver is not reachable: {error}", err=True)
        sys.exit(UNREACHABLE)
    click.echo(f"{told - refused} events taken, {refused} refused; a refused event is repeated, and in the end lost")
    sys.exit(BAD if refused else 0)


@click.command("laws")
@at_a_server
@click.option(
    "--twin",
    required=True,
    metavar="URL",
    help="The twin behind it, started with --control: nothing real is ever sent.",
)
@click.option("--to", "send_to", default="15550100005", show_default=True, help="The number that sends go to.")
@click.option("--seed", default=1, show_default=True, help="The same seed takes the same steps.")
@click.option("--steps", default=30, show_default=True, type=click.IntRange(1, 10_000))
@click.option(
    "--messages", default=40, show_default=True, type=click.IntRange(0, 10_000), help="How long the invented past is."
)
def laws(**given: Any) -> None:
    """Test the laws of any SMS service on a live server with a simulated provider, while messages are sent and received and time passes."""
    checked_url(given["url"])
    checked_url(given["twin"], "--twin")
    check_property(given["dialect"], given["property_"])
    target = Target(
        dialect=given["dialect"], transport=transport(given["url"], given["wait"]), account=given["account"],
        token=secret(given["token"]), property_sid=given["property_"], base=urlsplit(given["url"]).path.rstrip("/"),
        max_sends=given["steps"],
    )  # fmt: skip
    client: Client = RestcommClient(target) if given["dialect"] == "restcomm" else PropertiesV2Client(target)
    control = Control(transport(given["twin"], given["wait"]))
    sought = {"seed": given["seed"], "steps": given["steps"], "invented": given["messages"]}
    try:
        broken = list(walk(client, control, given["send_to"], **sought))
    except Unreachable as error:
        click.echo(f"not reachable: {error}", err=True)
        sys.exit(UNREACHABLE)
    except TwinFault as error:
        click.echo(f"a fault of the twin, and none of the server: {error}", err=True)
        sys.exit(UNREACHABLE)
    except Failed as error:
        click.echo(f"a read was not answered well: {error}", err=True)
        sys.exit(REFUSED if error.status == 401 else BAD)
    for step, law, why in broken:
        click.echo(f"step {step}: {law} But {why}.")
    click.echo(f"{given['steps']} steps of seed {given['seed']}: {len(broken)} times a law did not hold")
    sys.exit(BAD if broken else 0)


@click.command("compare")
@click.argument("before", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("after", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--report", default="", help=f"Any of {','.join(comparing.FORMS)}.")
@click.option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("conformance-report"),
    show_default=True,
)
def compare(before: Path, after: Path, report: str, report_dir: Path) -> None:
    """Compare two results.json: newly failing, newly passing, gone, tried in one run only.

    Exits with 1 if a requirement fails that did not fail before.
    """
    names = [name for name in report.split(",") if name]
    if unknown := [name for name in names if name not in comparing.FORMS]:
        raise click.UsageError(f"there is no report {unknown[0]}; there are {', '.join(comparing.FORMS)}")
    try:
        found = comparing.compare(comparing.load(before), comparing.load(after))
    except comparing.BadRun as error:
        raise click.UsageError(str(error)) from None
    for name in names:
        file, write = comparing.FORMS[name]
        report_dir.mkdir(parents=True, exist_ok=True)
        (report_dir / file).write_text(write(found), "utf-8")
    click.echo(comparing.as_text(found), nl=False)
    sys.exit(0 if found.is_good else BAD)
