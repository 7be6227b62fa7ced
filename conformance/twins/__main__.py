"""`python -m conformance.twins DIALECT`: one simulated provider on a loopback port, until SIGINT or SIGTERM."""

import asyncio
import importlib
import os
import signal
from pathlib import Path

import click
from starlette.types import ASGIApp

from .serving import serve

TWINS = {
    "properties-v2": "conformance.twins.properties_v2",
    "restcomm": "conformance.twins.restcomm",
}
"""Dialect to the module that plays it. The module is imported only when its dialect is asked for, and offers

    stand_up(*, account: str, token: str, properties: tuple[str, ...], messages: int, seed: int, control: bool) -> ASGIApp

which builds the twin with one account and a seeded history; a dialect without properties ignores them.
"""

DEFAULT_TOKEN = "loopback-only"
"""The password when `--token` is not given. It guards invented messages on this machine and nothing else."""


def read_token(reference: str) -> str:
    """The secret behind `env:NAME` or `file:PATH`; a token never stands on a command line itself.

    Raises click.BadParameter, without repeating what was given, when the reference has another form or leads nowhere.
    """
    source, _, name = reference.partition(":")
    if source == "env" and name in os.environ:
        return os.environ[name]
    if source == "file" and Path(name).is_file():
        return Path(name).read_text(encoding="utf-8").strip()
    raise click.BadParameter("expected env:NAME or file:PATH, and the variable or file must exist")


async def run_until_stopped(app: ASGIApp, dialect: str, port: int) -> None:
    """Serve, say where in one line on stdout, and return once SIGINT or SIGTERM has come."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serve(app, port=port) as url:
        click.echo(f"{dialect} twin on {url}")
        await stop.wait()


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("dialect", type=click.Choice(sorted(TWINS)))
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="TCP port on loopback; 0 takes a free one.")
@click.option("--account", default="A1", help="The account that may ask: the user name.")
@click.option("--token", metavar="env:NAME|file:PATH", help=f"Its password; '{DEFAULT_TOKEN}' when not given.")
@click.option("--property", "properties", multiple=True, help="A property of the account; may be repeated.")
@click.option("--messages", default=250, type=click.IntRange(min=0), help="How long the invented history is.")
@click.option("--seed", default=1, help="The same seed invents the same history and the same SIDs.")
@click.option("--control", is_flag=True, help="Let whoever asks turn its clock and load it: POST /_twin/…")
def main(
    dialect: str,
    port: int,
    account: str,
    token: str | None,
    properties: tuple[str, ...],
    messages: int,
    seed: int,
    control: bool,
) -> None:
    """Run the simulated provider that speaks DIALECT."""
    password = DEFAULT_TOKEN if token is None else read_token(token)
    twin = importlib.import_module(TWINS[dialect])
    app: ASGIApp = twin.stand_up(
        account=account, token=password, properties=properties, messages=messages, seed=seed, control=control
    )
    try:
        asyncio.run(run_until_stopped(app, dialect, port))
    except OSError as error:
        raise click.UsageError(f"cannot listen on port {port}: {error.strerror}") from error


if __name__ == "__main__":
    main(prog_name="python -m conformance.twins")
