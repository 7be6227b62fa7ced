"""The command line `sms-translator`. Data goes to stdout, messages to stderr.

Exit status: 0 good · 1 ran well, the verdict is bad · 2 wrong usage or configuration · 10 target unreachable ·
11 credentials refused · 13 internal error.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from translator import __version__
from translator.cli.migrate import migrate
from translator.cli.options import config_option, output_option, say
from translator.cli.store_admin import callbacks, pending, sends
from translator.core.errors import ConfigError, TableError
from translator.shell.observability.log import Output, configure, logger, redacted_traceback
from translator.shell.store import StoreUnavailable

WRONG_USAGE: Final = 2
UNREACHABLE: Final = 10
OUR_FAULT: Final = 13

_PORTS: Final = click.IntRange(0, 65535)

_SHAPES: Final = {
    True: "the two providers make SIDs of different shapes, so a SID tells which of them has the message",
    False: "the two providers make SIDs of one shape, so the journal or a request finds out which of them has a message",
}
"""A sentence of `check` about an account with an old provider, by whether the SIDs of the two can be told apart."""


class _Commands(click.Group):
    """A command group that turns errors into one sentence and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigError, TableError) as error:
            for line in str(error).splitlines():
                click.echo(f"sms-translator: {line}", err=True)
            ctx.exit(WRONG_USAGE)
        except StoreUnavailable as error:
            click.echo(f"sms-translator: the store does not answer: {error}", err=True)
            ctx.exit(UNREACHABLE)
        except (click.ClickException, click.exceptions.Exit, click.Abort, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - any other error is shown
            click.echo(f"sms-translator: our own fault: {redacted_traceback(error)}", err=True)
            ctx.exit(OUR_FAULT)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="sms-translator")
def main() -> None:
    """Connect an application of one SMS API to a provider of another."""


@main.command()
@config_option
@click.option(
    "--workers", type=click.IntRange(1, 256), help="How many processes; more than one share a PostgreSQL store."
)
@click.option(
    "--explain-headers/--no-explain-headers", default=None,
    help="Whether an answer says in headers what it took and what it lost; off when not given and not configured.",
)  # fmt: skip
@output_option
def serve(config: Path, workers: int | None, explain_headers: bool | None, output: Output | None) -> None:
    """Run the proxy until SIGINT or SIGTERM. SIGHUP reloads FILE. -o is the format of the log."""
    from translator.shell import process
    from translator.shell.config.load import load

    configure(output)
    given = {"WORKERS": workers, "EXPLAIN_HEADERS": explain_headers}
    laid = {f"SMS_TRANSLATOR_SERVER__{name}": str(value).lower() for name, value in given.items() if value is not None}
    sys.exit(process.serve(lambda: load(config, {**os.environ, **laid})))


@main.command()
@click.option("--port", default=8080, type=_PORTS, help="The proxy's port on loopback; 0 takes a free one.")
@click.option("--messages", default=250, type=click.IntRange(min=0), help="How long the invented history is.")
@click.option("--seed", default=1, help="The same seed invents the same history.")
@click.option(
    "--log", type=click.File("ab"), help="Write the whole log to this file. Without it only warnings are shown."
)
@output_option
def sandbox(port: int, messages: int, seed: int, log: BinaryIO | None, output: Output | None) -> None:
    """Run a proxy and two simulated providers on loopback, and print the curl lines to try."""
    from translator.shell.operations.sandbox import sandbox as world
    from translator.shell.process import run

    configure(output, file=log, quiet=log is None)
    run(world(port, messages, seed, click.echo))


@main.command()
@config_option
@click.option("--probe", is_flag=True, help="Make one harmless read at each back.")
@output_option
def check(config: Path, probe: bool, output: Output | None) -> None:
    """Validate the configuration, the mapping tables and the store, and report all errors."""
    from translator.core.homes import are_told_apart
    from translator.shell.operations.check_configuration import look_through
    from translator.shell.operations.probe import probe_all, worst

    configure(output)
    settings, assembly = asyncio.run(look_through(config, os.environ))
    for sentence in settings.unpromised():
        logger().warning(sentence)
    if not probe:
        entries = len(assembly.accounts.entries)
        say(f"{settings.file} is good: {entries} accounts", {"good": True, "accounts": entries}, output)
        for entry in assembly.accounts.entries:
            if entry.old is not None:
                apart = are_told_apart(entry)
                say(f"{entry.name}: {_SHAPES[apart]}", {"account": entry.name, "sids_told_apart": apart}, output)
        return
    verdicts = asyncio.run(probe_all(assembly, time.time()))
    for verdict in verdicts:
        say(str(verdict), verdict._asdict(), output)
    sys.exit(worst(verdicts))


@main.command()
@click.option(
    "-c", "--config", envvar="SMS_TRANSLATOR_CONFIG", metavar="FILE", type=click.Path(path_type=Path),
    help="Explain against an entry of this configuration. Without it the back is the other dialect.",
)  # fmt: skip
@click.option("--data", default="", metavar="BODY", help="The body of the request.")
@click.option("--rows", type=click.IntRange(min=0), help="Run the whole exchange against so many invented messages.")
@click.option("--every-ask", is_flag=True, help="With --rows: show each ask, not only the first ones.")
@output_option
@click.argument("dialect")
@click.argument("request_line", metavar="'METHOD PATH'")
def explain(
    config: Path | None,
    data: str,
    rows: int | None,
    every_ask: bool,
    output: Output | None,
    dialect: str,
    request_line: str,
) -> None:
    """Show, without sending anything, what a request at the DIALECT front becomes at the back."""
    from translator.reports import explain as explaining
    from translator.shell.config.load import load
    from translator.shell.operations import explain_request
    from translator.shell.wiring import Dialects, assemble

    request = explain_request.read_line(request_line, data)
    if config is None:
        entry = explain_request.synthetic_account(Dialects(), dialect, request)
    else:
        settings = load(config, os.environ)
        entry = explain_request.configured(assemble(settings).accounts.entries, dialect, request, settings.file)
    for line in explaining.explain(
        entry, explain_request.with_credentials(entry, request), time.time(), rows, every_ask=every_ask
    ):
        say(line, {"line": line}, output)


@main.command()
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), help="text when not given.")
@output_option
def mappings(form: str | None, output: Output | None) -> None:
    """Print the compatibility table of the mapping tables."""
    from translator.core.mapping import load
    from translator.core.mapping.load import raw_tables
    from translator.reports import compatibility

    rows = compatibility.rows([load(file, raw) for file, raw in raw_tables().items()])
    writers = {
        "text": compatibility.as_text,
        "markdown": compatibility.as_markdown,
        "json": compatibility.as_json,
    }
    click.echo(writers[form or output or "text"](rows).removesuffix("\n"))


main.add_command(callbacks)
main.add_command(sends)
main.add_command(pending)
main.add_command(migrate)
