"""The Properties/Messages v2 service as a twin, after the vendor's page on searching SMS messages.

What the page leaves open (what a send looks like, the error codes, the order of rows) follows the vendor's other pages
and official clients, and is a knob of `PropertiesV2Twin` where a reading can differ.
"""

import time

from starlette.types import ASGIApp

from .gate import Call, TwinAccount
from .history import DELIVERED_EXAMPLE_SID, INBOUND_EXAMPLE_SIDS, seeded_messages
from .lifecycle import Pace
from .rows import MessageRow
from .twin import PropertiesV2Twin

DEFAULT_PROPERTY = "S1234567890ABCDE1234567890ABCDEF"
"""The property of a twin from the command line when none is named."""

__all__ = [
    "DEFAULT_PROPERTY",
    "DELIVERED_EXAMPLE_SID",
    "INBOUND_EXAMPLE_SIDS",
    "Call",
    "MessageRow",
    "Pace",
    "PropertiesV2Twin",
    "TwinAccount",
    "seeded_messages",
    "stand_up",
]


def stand_up(*, account: str, token: str, properties: tuple[str, ...], messages: int, seed: int) -> ASGIApp:
    """A twin with one account and a history that ends now, for the command line.

    Each property gets a history of its own; the rows of the documents' examples are in the first.
    """
    names = properties or (DEFAULT_PROPERTY,)
    twin = PropertiesV2Twin(accounts={account: TwinAccount(token, names)}, seed=seed)
    now = time.time()
    for place, name in enumerate(dict.fromkeys(names)):
        twin.load(seeded_messages(account, name, messages, seed, now, documented=place == 0))
    return twin.app
