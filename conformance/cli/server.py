"""The server under test: the options that name it, its address and secret, and the exit statuses of the commands."""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import click

from conformance.judge.requirements import DIALECTS

BAD, USAGE, UNREACHABLE, REFUSED, STOPPED, OURS = 1, 2, 10, 11, 12, 13
"""Exit statuses."""


def checked_url(given: str, what: str = "URL") -> str:
    """Return the address if it has a scheme. Raises UsageError with the address that was probably meant."""
    parts = urlsplit(given)
    if parts.scheme in ("http", "https") and parts.netloc:
        return given
    meant = given.partition("://")[2] or given
    raise click.UsageError(f"{what} has to begin with http:// or https://. Is it https://{meant.lstrip('/')} ?")


def without_login(url: str) -> str:
    """Return a URL without user name, password, query and fragment, as a report may show it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def secret(given: str, option: str = "--token") -> str:
    """Return the token behind `env:NAME` or `file:PATH`. A token never appears on a command line.

    Raises UsageError, whose text does not repeat the value.
    """
    source, _, name = given.partition(":")
    if source == "env" and name in os.environ:
        return os.environ[name]
    if source == "file" and Path(name).is_file():
        return Path(name).read_text("utf-8").removesuffix("\n")
    raise click.UsageError(f"{option} has to be env:NAME or file:PATH, and has to be there")


def at_a_server(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command that sends requests to a server: its address, its dialect and the account."""
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


def check_property(dialect: str, property_: str) -> None:
    """Raise UsageError if the property is missing, or if the dialect has no properties."""
    if (dialect == "properties-v2") != bool(property_):
        raise click.UsageError("--property goes with properties-v2, and is needed there")
