"""The command line `sms-translator`: data to stdout, everything else to stderr."""

from translator.cli.commands import main

__all__ = ["main"]
