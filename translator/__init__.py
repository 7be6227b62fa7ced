"""sms-translator: an application speaks one SMS API while its provider speaks another.

The core (everything outside `translator.shell` and the command line) is pure: it is handed requests, answers and
the time as values, and hands back what it wants asked. See `translator/exchange` for the drawing.
"""

__version__ = "0.1.0"
