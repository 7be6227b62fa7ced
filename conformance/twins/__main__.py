"""`sms-twin DIALECT`: runs one simulated provider on a loopback port, until SIGINT or SIGTERM."""

import asyncio
import importlib
import os
import signal
from pathlib import Path

import click
from click.core import ParameterSource
from starlette.types import ASGIApp

from . import receiver
from .serving import serve

TWINS = {
    "properties-v2": "conformance.twins.properties_v2",
    "restcomm": "conformance.twins.restcomm",
}
"""The module of each dialect. It is imported only when its dialect is chosen, and has the function

    stand_up(*, account: str, token: str, properties: tuple[str, ...], messages: int, seed: int, control: bool) -> ASGIApp

The function builds a simulated provider with one account and an invented history. A dialect without properties ignores them.
"""

RECEIVER = "receiver"
"""The name in place of a dialect that runs an application for callbacks."""

DEFAULT_TOKEN = "loopback-only"
"""The password if `--token` is not given. It guards only invented messages on this machine."""


def read_token(reference: str) -> str:
    """Return the secret behind `env:NAME` or `file:PATH`. A token never appears on a command line.

    Raises click.BadParameter, without repeating the value, if the reference has another form or the secret does not exist.
    """
    source, _, name = reference.partition(":")
    if source == "env" and name in os.environ:
        return os.environ[name]
    if source == "file" and Path(name).is_file():
        return Path(name).read_text(encoding="utf-8").strip()
    raise click.BadParameter("expected env:NAME or file:PATH, and the variable or file must exist")


def _without_colon(_: click.Context, __: click.Parameter, account: str) -> str:
    """Return the account. Basic credentials end a user name at the first colon (RFC 7617, 2), so no client could use another one."""
    if not account or ":" in account or not account.isprintable():
        raise click.BadParameter("has to be printable, not empty, and without a colon")
    return account


async def run_until_stopped(app: ASGIApp, dialect: str, port: int, access: str) -> None:
    """Serve until SIGINT or SIGTERM. The address goes in one line to stdout, and `access` to stderr."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serve(app, port=port) as url:
        click.echo(f"{dialect} on {url}{receiver.PATH}" if dialect == RECEIVER else f"{dialect} twin on {url}")
        click.echo(f"{access} Ctrl-C stops it.", err=True)
        await stop.wait()


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("dialect", type=click.Choice([*sorted(TWINS), RECEIVER]))
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="TCP port on loopback; 0 takes a free one.")
@click.option(
    "--account", default="A1", callback=_without_colon, help="The account that may ask: the user name, without a colon."
)
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
    """Run the simulated provider that speaks DIALECT, or with `receiver` an application that prints each callback.

    The receiver takes no other option than --port.
    """
    app: ASGIApp
    if dialect == RECEIVER:
        _refuse_options_of_a_provider()
        app, access = receiver.receiver(click.echo), "Give this address as StatusCallback."
    else:
        password = DEFAULT_TOKEN if token is None else read_token(token)
        twin = importlib.import_module(TWINS[dialect])
        app = twin.stand_up(
            account=account, token=password, properties=properties, messages=messages, seed=seed, control=control
        )
        access = _access(account, token, properties or getattr(twin, "DEFAULT_PROPERTIES", ()))
    try:
        asyncio.run(run_until_stopped(app, dialect, port, access))
    except OSError as error:
        raise click.UsageError(f"cannot listen on port {port}: {error.strerror}") from error


def _refuse_options_of_a_provider() -> None:
    """Raise click.UsageError if an option was given that the receiver would ignore."""
    context = click.get_current_context()
    for name in ("account", "token", "properties", "messages", "seed", "control"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError("the receiver takes no other option than --port")


def _access(account: str, token: str | None, properties: tuple[str, ...]) -> str:
    """Return a sentence that names the account and its password. A token that was given is not repeated."""
    password = f"token {DEFAULT_TOKEN}" if token is None else f"the token from {token}"
    belongs = f", property {', '.join(properties)}" if properties else ""
    return f"It answers account {account} with {password}{belongs}."


if __name__ == "__main__":
    main(prog_name="python -m conformance.twins")
