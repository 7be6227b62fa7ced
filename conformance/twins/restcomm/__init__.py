"""A simulated Restcomm service: the SMS Messages resource of its document, in memory, with a given clock.

    twin = RestcommTwin(accounts={"AC…": "token"})
    twin.load(seeded_messages("AC…", 250, seed=1, now=time.time()))
    httpx.AsyncClient(transport=httpx.ASGITransport(twin.app))

The last line makes a client that calls the service in process, without a socket.
"""

from conformance.twins.restcomm.callbacks import Attempt, Callback
from conformance.twins.restcomm.history import seeded_messages
from conformance.twins.restcomm.life import (
    DELIVERED_AFTER,
    ERROR_MESSAGES,
    FAILS_AT_ONCE,
    FAILS_LATER,
    IS_UNDELIVERED,
    SENT_AFTER,
    STATUSES,
    STAYS_SENDING,
    Direction,
    Sms,
    Status,
    Step,
)
from conformance.twins.restcomm.standing import stand_up
from conformance.twins.restcomm.twin import Account, Call, RestcommTwin

__all__ = [
    "DELIVERED_AFTER",
    "ERROR_MESSAGES",
    "FAILS_AT_ONCE",
    "FAILS_LATER",
    "IS_UNDELIVERED",
    "SENT_AFTER",
    "STATUSES",
    "STAYS_SENDING",
    "Account",
    "Attempt",
    "Call",
    "Callback",
    "Direction",
    "RestcommTwin",
    "Sms",
    "Status",
    "Step",
    "seeded_messages",
    "stand_up",
]
