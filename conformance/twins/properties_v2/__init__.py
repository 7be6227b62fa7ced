"""The Properties/Messages v2 service as a twin, after the vendor's page on searching SMS messages.

What the page leaves open (what a send looks like, the error codes, the order of rows) follows the vendor's other pages
and official clients, and is a knob of `PropertiesV2Twin` where a reading can differ.
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
