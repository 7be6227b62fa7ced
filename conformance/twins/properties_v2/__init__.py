"""The Properties/Messages v2 service as a twin, after the vendor's page on searching SMS messages.

What the page leaves open (what a send looks like, the error codes, the order of rows) follows the vendor's other pages
and official clients, and is a knob of `PropertiesV2Twin` where a reading can differ.
"""

import time
from functools import partial

from starlette.types import ASGIApp

from conformance.twins.control import TurnedClock, controlled

from .gate import Call, TwinAccount
from .history import DELIVERED_EXAMPLE_SID, INBOUND_EXAMPLE_SIDS, seeded_messages
from .lifecycle import Pace
from .rows import MessageRow
from .twin import PropertiesV2Twin

DEFAULT_PROPERTY = "S1234567890ABCDE1234567890ABCDEF"
"""The property of a twin from the command line when none is named."""

DEFAULT_PROPERTIES = (DEFAULT_PROPERTY,)

__all__ = [
    "DEFAULT_PROPERTIES",
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


def stand_up(
    *, account: str, token: str, properties: tuple[str, ...], messages: int, seed: int, control: bool = False
) -> ASGIApp:
    """A twin with one account and a history that ends now, for the command line.

    Each property gets a history of its own; the rows of the documents' examples are in the first. With `control` it can be told
    what to do: see `conformance.twins.control`.
    """
    names, clock = properties or DEFAULT_PROPERTIES, TurnedClock()
    twin = PropertiesV2Twin(accounts={account: TwinAccount(token, names)}, seed=seed, clock=clock)
    now = time.time()
    for place, name in enumerate(dict.fromkeys(names)):
        twin.load(seeded_messages(account, name, messages, seed, now, documented=place == 0))
    if not control:
        return twin.app
    return controlled(
        twin.app,
        clock,
        lambda sender, recipient, text: twin.receive(
            property_sid=names[0], sender=f"+{sender}", recipient=f"+{recipient}", text=text
        ),
        lambda count, chosen: twin.load(seeded_messages(account, names[0], count, chosen, clock(), documented=False)),
        partial(setattr, twin, "arrivals"),
    )
