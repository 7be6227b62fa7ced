"""The Properties/Messages v2 service as a simulated provider, after the vendor's page on searching SMS messages.

The page leaves open the form of a send, the error codes and the order of rows. They follow the vendor's other pages and official
clients. If a text can be read in two ways, `PropertiesV2Twin` has an argument for it.
"""

from .gate import Call, TwinAccount
from .history import DELIVERED_EXAMPLE_SID, INBOUND_EXAMPLE_SIDS, seeded_messages
from .lifecycle import Pace
from .rows import MessageRow
from .standing import DEFAULT_PROPERTIES, DEFAULT_PROPERTY, stand_up
from .twin import PropertiesV2Twin

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
