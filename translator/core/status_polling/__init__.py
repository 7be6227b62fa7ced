"""Polls a provider for the status of subscribed messages, with as few requests as possible.

    PolledAccount ─▶ sweep ─▶ choose ─▶ look ─▶ took        one round of one provider account
              │         │ windows by slices, single messages by retrieves
              └─────────┴─ by TimeWindows (messages by time of creation) and SettlingAges (the ages at which messages end)

Each round chooses anew, by the expected gain of a request. A status counts only if a row shows it. A row that is missing is only a hint.
"""

from translator.core.status_polling.provider_account import MOST, Backlog, Known, PolledAccount, looked_at
from translator.core.status_polling.provider_requests import Reading, Seen, look, look_through
from translator.core.status_polling.rate_limit import RateLimit
from translator.core.status_polling.scheduling import Chosen, Sweep, pause
from translator.core.status_polling.settling_ages import SettlingAges
from translator.core.status_polling.windows import Held

__all__ = [
    "MOST",
    "Backlog",
    "Chosen",
    "Held",
    "Known",
    "PolledAccount",
    "RateLimit",
    "Reading",
    "Seen",
    "SettlingAges",
    "Sweep",
    "look",
    "look_through",
    "looked_at",
    "pause",
]
