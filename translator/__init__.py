"""sms-translator: an application speaks one SMS API while its provider speaks another.

The core, `translator.core`, is pure. It gets requests, answers and the time as values, and returns the requests to send.
`translator/core/exchange.py` has a drawing of it.
"""

__version__ = "0.1.0"
