"""`sms-conformance` tests any live server as a black box.

The first argument is either a URL, which names the server to test, or the name of a command.
"""

import re
import sys
from importlib import import_module
from typing import Final

import click

_ADDRESS: Final = re.compile(r"[\w.-]+:\d+(/|$)|[\w-]+(\.[\w-]+)+(:\d+)?(/|$)|localhost\b")
"""Matches an address without a scheme: a host with a port, or a name with a dot."""


_COMMANDS: Final = {
    "judge": ("judging", "judge"), "list": ("others", "show"), "callbacks": ("others", "callbacks"), "laws": ("others", "laws"),
    "compare": ("others", "compare"),
}  # fmt: skip
"""The commands by name. Each value has a module below `conformance.cli` and the name of the command in it."""


class _Group(click.Group):
    """The commands, and the options of a test run, which has no command name. Only the module of the chosen command is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's own
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        found: click.Command = getattr(import_module(f"conformance.cli.{module}"), name)
        return found

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        judge = self.get_command(ctx, "judge")
        assert judge is not None
        with formatter.section("Options of a judgement (sms-conformance URL …)"):
            shown = [one.get_help_record(ctx) for one in judge.params]
            formatter.write_dl([record for record in shown if record is not None])


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sms-translator")
def main() -> None:
    """Test a server: sms-conformance URL --dialect restcomm --account AC… --token env:TOKEN"""


def command(arguments: list[str] | None = None) -> None:
    """The entry point. If the first argument is an address, it names the server to test."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and ("://" in given[0] or (given[0] not in _COMMANDS and _ADDRESS.match(given[0]))):
        given = ["judge", *given]
    main(args=given, prog_name="sms-conformance")


if __name__ == "__main__":
    command()
