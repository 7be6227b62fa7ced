"""`sms-conformance URL …` tests one server."""

import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from conformance.cli.leave import check_usage, receiving, target_of
from conformance.cli.progress import Progress
from conformance.cli.server import (
    BAD,
    OURS,
    REFUSED,
    STOPPED,
    UNREACHABLE,
    USAGE,
    at_a_server,
    without_login,
)  # fmt: skip
from conformance.judge import expected
from conformance.judge.first_look import Misdirected, first_look
from conformance.judge.requirements import Requirement, load
from conformance.judge.run import Refused, Verdict, failures, run
from conformance.judge.target import StoppedBySafety, Target, Unreachable
from conformance.reports.files import REPORTS, write_all
from conformance.reports.model import Conclusion, Report, counted

_UNSHOWN: Final = frozenset(
    {
        "url",
        "token",
        "account",
        "dialect",
        "send_to",
        "sender",
        "other_account",
        "other_token",
        "other_property",
        "listed",
        "report",
        "report_dir",
        "level",
        "verbose",
    }
)
"""Parameters that a report shows in another place, or not at all."""


@click.command("judge", hidden=True)
@at_a_server
@click.option(
    "--level",
    type=click.Choice(["must", "should", "may"]),
    default="must",
    show_default=True,
    help="From which level on a failure is bad.",
)
@click.option("--id", "prefix", default="", help="Only requirements whose id begins so.")
@click.option("--report", default="", help=f"Any of {','.join(REPORTS)}.")
@click.option(
    "--report-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("conformance-report"), show_default=True,
    help="The folder of the reports.",
)  # fmt: skip
@click.option(
    "--expected-failures", "listed", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Failures that are known, each with a reason and an expiry. One that passes fails the run.",
)  # fmt: skip
@click.option(
    "--min-judged",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="The run is bad if fewer requirements were judged.",
)
@click.option(
    "--allow-untried", multiple=True, metavar="SECTION",
    help="This section may be skipped whole because of the server; may be repeated.",
)  # fmt: skip
@click.option("--rate", default=20.0, show_default=True, help="Requests a second at most; 0 is no limit.")
@click.option("--allow-send", is_flag=True, help="Leave to send messages; without it only reads are made.")
@click.option("--to", "send_to", default="", metavar="NUMBER", help="The number that sends go to.")
@click.option("--max-sends", default=10, show_default=True, help="Never more than so many.")
@click.option(
    "--from", "sender", default="", metavar="NUMBER", help="The number that sends come from; else the document's."
)
@click.option(
    "--callback-url", default="", metavar="URL",
    help="Where the server reaches a receiver that this run starts: it judges status callbacks and receipts. Goes with --allow-send.",
)  # fmt: skip
@click.option(
    "--callback-listen", default="", metavar="HOST:PORT", help="Where that receiver listens; else the host and port of --callback-url."
)  # fmt: skip
@click.option(
    "--callback-wait", default=30.0, show_default=True, help="Seconds that the end of a message is waited for."
)
@click.option("--other-account", default="", help="Another account: the two may see nothing of each other.")
@click.option("--other-token", default="", metavar="env:NAME|file:PATH", help="Its token.")
@click.option("--other-property", default="", help="A property of it, for properties-v2.")
@click.option(
    "--seed", default=0, show_default=True, help="Chooses the messages that are looked at closely; 0 takes the first."
)
@click.option(
    "--twin", default="", metavar="URL", help="The twin behind it, started with --control, whose clock is turned."
)
@click.option(
    "--show-content", is_flag=True, help="Reports show what was sent and answered, numbers and texts included."
)
@click.option("-v", "--verbose", is_flag=True, help="Show what passed as well.")
def judge(**given: Any) -> None:
    """Test the server at URL. Without --allow-send only reads are made."""
    check_usage(given)
    reports = [name for name in given["report"].split(",") if name]
    requirements = [one for one in load(given["dialect"]) if one.id.startswith(given["prefix"])]
    if not requirements:
        raise click.UsageError("no requirement has an id that begins so")
    listed = _listed(given["listed"], given["dialect"])
    target = target_of(given)
    began, clock = datetime.now(UTC), time.monotonic()
    with receiving(target.inbox, given["callback_url"], given["callback_listen"]):
        verdicts = _run(target, requirements, given["seed"], verbose=given["verbose"])
    stale = expected.stale(listed, verdicts)
    report = Report(
        conclusion=conclude(verdicts, given, listed), dialect=given["dialect"], target=without_login(given["url"]), server=target.server,
        version=_version() if reports else "", began=began, seconds=time.monotonic() - clock, level=given["level"],
        options=shown_options(click.get_current_context()), repeat=_repeat(given), verdicts=tuple(verdicts),
        known={one.id: one for one in listed}, requests=target.requests,
    )  # fmt: skip
    write_all(reports, given["report_dir"], report)
    sys.exit(_say(report, stale))


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - it is slow to import, and only a report needs it

    return f"sms-translator {version('sms-translator')}"


def _listed(path: Path | None, dialect: str) -> list[expected.Expected]:
    if path is None:
        return []
    try:
        return expected.load(path, (one.id for one in load(dialect)), datetime.now(UTC).date())
    except expected.BadList as error:
        raise click.UsageError(str(error)) from None


def _run(target: Target, requirements: list[Requirement], seed: int, *, verbose: bool) -> list[Verdict]:
    """Return the verdicts. Ends the process if nothing can be tested."""
    try:
        target.remembers = True
        first_look(target)
        with Progress(len(requirements), verbose=verbose) as progress:
            return run(target, requirements, progress, seed=seed)
    except Unreachable as error:
        click.echo(f"the target is not reachable: {error}", err=True)
        sys.exit(UNREACHABLE)
    except Misdirected as error:
        click.echo(f"nothing can be judged: {error}", err=True)
        sys.exit(UNREACHABLE if error.is_address else USAGE)
    except Refused:
        click.echo("the target does not accept these credentials", err=True)
        sys.exit(REFUSED)
    except StoppedBySafety as error:
        click.echo(f"stopped: {error}", err=True)
        sys.exit(STOPPED)


def conclude(verdicts: list[Verdict], given: Mapping[str, Any], listed: list[expected.Expected]) -> Conclusion:
    """Return the conclusion of a run.

    If the server made it impossible to test a whole section, the run is not good, unless `allow_untried` names that section.
    """
    accepted = {one.id for one in listed}
    if any(one.outcome == "broken" for one in verdicts):
        return "fault of the suite"
    if any(one.requirement.id not in accepted for one in failures(verdicts, given["level"])) or expected.stale(
        listed, verdicts
    ):
        return "bad"
    judged = sum(one.outcome in ("passed", "failed") for one in verdicts)
    if judged < given["min_judged"] or impossible(verdicts) - set(given["allow_untried"]):
        return "not enough judged"
    return "good"


def impossible(verdicts: list[Verdict]) -> set[str]:
    """Return the sections in which no requirement was tested, although each permission was given."""
    tried = {one.requirement.section for one in verdicts if one.outcome != "skipped" or one.withheld}
    return {one.requirement.section for one in verdicts} - tried


def shown_options(context: click.Context) -> dict[str, str]:
    """Return the options that were given, by name. Phone numbers, tokens and accounts are left out."""
    found = {}
    for option in context.command.params:
        name = option.name or ""
        value = context.params.get(name)
        if name in _UNSHOWN or value == option.get_default(context) or value in (None, "", ()):
            continue
        found[option.opts[-1]] = "" if value is True else ",".join(value) if isinstance(value, tuple) else str(value)
    return found


def _repeat(given: dict[str, Any]) -> tuple[str, ...]:
    """Return the words of a command that repeats the run: the same server and the same permissions."""
    words = [given["url"], "--dialect", given["dialect"], "--account", given["account"], "--token", given["token"]]
    words += ["--property", given["property_"]] if given["property_"] else []
    words += ["--allow-send", "--to", '"$NUMBER"'] if given["allow_send"] else []
    words += ["--from", '"$SENDER"'] if given["sender"] else []
    for name in ("callback_url", "callback_listen", "other_account", "other_token", "other_property"):
        words += [f"--{name.replace('_', '-')}", given[name]] if given[name] else []
    words += ["--seed", str(given["seed"])] if given["seed"] else []
    words += ["--twin", given["twin"]] if given["twin"] else []
    return tuple(words)


def _say(report: Report, stale: list[str]) -> int:
    """Print the lines of the verdict on stdout, and return the exit status."""
    for name in stale:
        click.echo(f"expected to fail, and passed: {name}")
    for one in report.failed():
        click.echo(f"failed {one.requirement.level} {one.requirement.id}: {one.why}")
    if report.untried:
        click.echo(f"not judged at all: {', '.join(report.untried)}")
    bad = len(list(report.failed()))
    click.echo(f"{counted(report.verdicts)}; {bad} of them bad at level {report.level}")
    click.echo(f"verdict: {report.conclusion}")
    return {"good": 0, "bad": BAD, "not enough judged": BAD, "fault of the suite": OURS}[report.conclusion]
