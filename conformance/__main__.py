"""`sms-conformance`: judges any live URL, black box. A first argument that is a URL is a target, else a command."""

import re
import sys
from importlib import import_module
from typing import Final

import click

_ADDRESS: Final = re.compile(r"[\w.-]+:\d+(/|$)|[\w-]+(\.[\w-]+)+(:\d+)?(/|$)|localhost\b")
"""What looks like an address whose scheme was forgotten: a port behind a host, or a name with a dot."""


_COMMANDS: Final = {
    "judge": ("judging", "judge"), "list": ("others", "show"), "callbacks": ("others", "callbacks"), "laws": ("others", "laws"),
    "compare": ("others", "compare"),
}  # fmt: skip
"""Each command by its name: the module below `conformance.cli`, and what it is called there."""


class _Group(click.Group):
    """The commands, and the options of a judgement, which has no name of its own. Only the command that runs is imported."""

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
    """Judge a server: sms-conformance URL --dialect restcomm --account AC… --token env:TOKEN"""


def command(arguments: list[str] | None = None) -> None:
    """The entry point: a first argument that is an address is a target."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and ("://" in given[0] or (given[0] not in _COMMANDS and _ADDRESS.match(given[0]))):
        given = ["judge", *given]
    main(args=given, prog_name="sms-conformance")


if __name__ == "__main__":
    command()
