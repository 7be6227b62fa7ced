"""`sms-conformance`: judges any live URL, black box. A first argument that holds `://` is a target, else a command.

Exit status: 0 good · 1 the verdict is bad · 2 wrong usage · 10 unreachable · 11 credentials refused · 12 stopped by a safety rule ·
13 our own fault.
"""

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import httpx

from conformance.clients import Client, Failed, PropertiesV2Client, RestcommClient
from conformance.judge import expected as expected_failures
from conformance.judge.callbacks import drill
from conformance.judge.control import Control
from conformance.judge.reports import REPORTS, counted
from conformance.judge.requirements import DIALECTS, Requirement, load
from conformance.judge.run import Refused, Verdict, failures, run
from conformance.judge.target import Answer, StoppedBySafety, Target, Transport, Unreachable
from conformance.judge.walk import walk

UNREACHABLE, REFUSED, STOPPED, OURS = 10, 11, 12, 13
MOST_BYTES = 16 * 1024 * 1024


def transport(url: str, timeout: float) -> Transport:
    """Plain HTTP to one address; no redirect is followed, no proxy of the environment is used."""
    parts = urlsplit(url)
    client = httpx.Client(base_url=f"{parts.scheme}://{parts.netloc}", timeout=timeout, trust_env=False)

    def ask(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        try:
            answer = client.request(method, path, headers=headers, content=body)
        except httpx.TransportError as error:
            raise Unreachable(type(error).__name__) from None
        found = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, found, answer.content[:MOST_BYTES])

    return ask


def secret(given: str) -> str:
    """The token of `env:NAME` or `file:PATH`: it never stands in a command line. Raises UsageError."""
    source, _, name = given.partition(":")
    if source == "env" and name in os.environ:
        return os.environ[name]
    if source == "file" and Path(name).is_file():
        return Path(name).read_text("utf-8").removesuffix("\n")
    raise click.UsageError("--token has to be env:NAME or file:PATH, and has to be there")


def _at_a_server(command: Callable[..., None]) -> Callable[..., None]:
    """What every command needs that asks a server: where it is, its dialect, and the account."""
    for option in (
        click.option("--wait", default=10.0, show_default=True, help="Seconds that an answer may take."),
        click.option("--property", "property_", default="", help="The property, for properties-v2."),
        click.option("--token", required=True, help="env:NAME or file:PATH."),
        click.option("--account", required=True, help="The account SID to log in with."),
        click.option("--dialect", type=click.Choice(DIALECTS), required=True),
        click.argument("url"),
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sms-translator")
def main() -> None:
    """Judge a server: sms-conformance URL --dialect restcomm --account AC… --token env:TOKEN"""


@main.command("list")
@click.option("--dialect", type=click.Choice(DIALECTS), help="Only this one.")
def show(dialect: str | None) -> None:
    """The requirements, one a line, id first, without running."""
    for name in DIALECTS if dialect is None else (dialect,):
        for requirement in load(name):
            click.echo(f"{requirement.id}  {requirement.level}  {requirement.title}")


@main.command("callbacks")
@click.argument("url")
@click.option("--wait", default=10.0, show_default=True, help="Seconds that an answer may take.")
def callbacks(url: str, wait: float) -> None:
    """Drive an application's own StatusCallback receiver as the old provider would, and say what it did with each event."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise click.UsageError("URL has to be an address like http://127.0.0.1:9000/status")
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
    sys.exit(1 if refused else 0)


@main.command("laws")
@_at_a_server
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
    """Hold the laws of any SMS service against a live server with a twin behind it, while messages are sent, come in, and time passes."""
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
    except Failed as error:
        click.echo(f"a read was not answered well: {error}", err=True)
        sys.exit(REFUSED if error.status == 401 else 1)
    for step, law, why in broken:
        click.echo(f"step {step}: {law} But {why}.")
    click.echo(f"{given['steps']} steps of seed {given['seed']}: {len(broken)} times a law did not hold")
    sys.exit(1 if broken else 0)


@main.command("judge", hidden=True)
@_at_a_server
@click.option(
    "--level",
    type=click.Choice(["must", "should", "may"]),
    default="must",
    help="From which level on a failure is bad.",
)
@click.option("--id", "prefix", default="", help="Only requirements whose id begins so.")
@click.option("--report", default="", help=f"Any of {','.join(REPORTS)}.")
@click.option("--report-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("conformance-report"))
@click.option("--expected-failures", "listed", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--rate", default=20.0, show_default=True, help="Requests a second at most; 0 is no limit.")
@click.option("--allow-send", is_flag=True, help="Leave to send messages; without it only reads are made.")
@click.option("--to", "send_to", default="", help="The number that sends go to.")
@click.option("--max-sends", default=10, show_default=True, help="Never more than so many.")
@click.option(
    "--seed", default=0, show_default=True, help="Chooses the messages that are looked at closely; 0 takes the first."
)
@click.option(
    "--twin", default="", metavar="URL", help="The twin behind it, started with --control, whose clock is turned."
)
@click.option(
    "--show-content", is_flag=True, help="Reports show what was sent and answered, numbers and texts included."
)
def judge(**given: Any) -> None:
    """Judge a server."""
    if given["allow_send"] != bool(given["send_to"]):
        raise click.UsageError("--allow-send and --to NUMBER go together")
    if (given["dialect"] == "properties-v2") != bool(given["property_"]):
        raise click.UsageError("--property goes with properties-v2, and is needed there")
    reports = [name for name in given["report"].split(",") if name]
    if unknown := [name for name in reports if name not in REPORTS]:
        raise click.UsageError(f"there is no report {unknown[0]}; there are {', '.join(REPORTS)}")
    requirements = [one for one in load(given["dialect"]) if one.id.startswith(given["prefix"])]
    if not requirements:
        raise click.UsageError("no requirement has an id that begins so")
    listed = _listed(given["listed"], given["dialect"])
    target = Target(
        dialect=given["dialect"], transport=transport(given["url"], given["wait"]), account=given["account"],
        token=secret(given["token"]), property_sid=given["property_"], base=urlsplit(given["url"]).path.rstrip("/"), rate=given["rate"],
        send_to=given["send_to"], max_sends=given["max_sends"] if given["allow_send"] else 0, shows=given["show_content"],
        turn=Control(transport(given["twin"], given["wait"])).turn if given["twin"] else None,
    )  # fmt: skip
    verdicts = _run(target, requirements, given["seed"])
    for name in reports:
        file, write = REPORTS[name]
        given["report_dir"].mkdir(parents=True, exist_ok=True)
        (given["report_dir"] / file).write_text(write(f"{given['dialect']} conformance", verdicts), "utf-8")
    sys.exit(_verdict(verdicts, given["level"], listed))


def _listed(path: Path | None, dialect: str) -> list[expected_failures.Expected]:
    if path is None:
        return []
    try:
        return expected_failures.load(path, (one.id for one in load(dialect)), datetime.now(UTC).date())
    except expected_failures.BadList as error:
        raise click.UsageError(str(error)) from None


def _run(target: Target, requirements: list[Requirement], seed: int) -> list[Verdict]:
    """The run. Ends the process where nothing can be judged."""
    try:
        if not sys.stderr.isatty():
            return run(target, requirements, _line, seed=seed)
        with click.progressbar(length=len(requirements), label="judging", file=sys.stderr) as bar:
            verdicts = run(target, requirements, lambda _: bar.update(1), seed=seed)
    except Unreachable as error:
        click.echo(f"the target is not reachable: {error}", err=True)
        sys.exit(UNREACHABLE)
    except Refused:
        click.echo("the target does not accept these credentials", err=True)
        sys.exit(REFUSED)
    except StoppedBySafety as error:
        click.echo(f"stopped: {error}", err=True)
        sys.exit(STOPPED)
    for verdict in verdicts:
        _line(verdict)
    return verdicts


def _line(verdict: Verdict) -> None:
    """A plain line for a verdict that is not simply good."""
    if verdict.outcome != "passed":
        why = f": {verdict.why}" if verdict.why else ""
        click.echo(f"{verdict.outcome:8} {verdict.requirement.level:9} {verdict.requirement.id}{why}", err=True)


def _verdict(verdicts: list[Verdict], level: Any, listed: list[expected_failures.Expected]) -> int:
    """The exit status, and the line that says it."""
    accepted = {one.id for one in listed}
    bad = [one for one in failures(verdicts, level) if one.requirement.id not in accepted]
    passed_after_all = expected_failures.stale(listed, verdicts)
    for name in passed_after_all:
        click.echo(f"expected to fail, and passed: {name}", err=True)
    click.echo(f"{counted(verdicts)}; {len(bad)} of them bad at level {level}")
    if any(verdict.outcome == "broken" for verdict in verdicts):
        return OURS
    return 1 if bad or passed_after_all else 0


def command(arguments: list[str] | None = None) -> None:
    """The entry point: a first argument that holds `://` is a target."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and "://" in given[0]:
        given = ["judge", *given]
    main(args=given, prog_name="sms-conformance")


if __name__ == "__main__":
    command()
