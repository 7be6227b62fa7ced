"""The options that all commands share: the path of the configuration, and the output format."""

import json
from pathlib import Path
from typing import Any

import click

from translator.shell.observability.log import Output

config_option = click.option(
    "-c",
    "--config",
    envvar="SMS_TRANSLATOR_CONFIG",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The configuration, TOML. Also SMS_TRANSLATOR_CONFIG.",
)
output_option = click.option(
    "-o",
    "--output",
    envvar="SMS_TRANSLATOR_OUTPUT",
    type=click.Choice(["text", "json"]),
    help="The form of what is written. Also SMS_TRANSLATOR_OUTPUT.",
)


def say(text: str, data: dict[str, Any], output: Output | None) -> None:
    """Write one line of data to stdout, as text or as JSON."""
    click.echo(json.dumps(data) if output == "json" else text)
