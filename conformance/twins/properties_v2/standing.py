"""Builds a simulated provider with a history that ends now, for the command line."""

import time
from functools import partial

from starlette.types import ASGIApp

from conformance.twins.control import TurnedClock, controlled

from .gate import TwinAccount
from .history import seeded_messages
from .twin import PropertiesV2Twin

DEFAULT_PROPERTY = "S1234567890ABCDE1234567890ABCDEF"
"""The property that the simulated provider has if the command line names none."""

DEFAULT_PROPERTIES = (DEFAULT_PROPERTY,)


def stand_up(
    *, account: str, token: str, properties: tuple[str, ...], messages: int, seed: int, control: bool = False
) -> ASGIApp:
    """Return a simulated provider with one account and a history that ends now.

    Each property gets a history of its own, and the first also has the rows of the documents' examples. `control` adds the routes of
    `conformance.twins.control`.
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
