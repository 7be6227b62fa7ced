"""A twin with a history that ends now, as the command line stands one up."""

import time
from functools import partial

from starlette.types import ASGIApp

from conformance.twins.control import TurnedClock, controlled

from .gate import TwinAccount
from .history import seeded_messages
from .twin import PropertiesV2Twin

DEFAULT_PROPERTY = "S1234567890ABCDE1234567890ABCDEF"
"""The property of a twin from the command line when none is named."""

DEFAULT_PROPERTIES = (DEFAULT_PROPERTY,)


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
