"""Looking at a back for what has become of messages that somebody waits to be told of, with as few asks as there is a way.

    Place ─▶ sweep ─▶ choose ─▶ look ─▶ took        one round of one account at one back
              │         │ windows by slices, single messages by retrieves
              └─────────┴─ by Stretches (who waits, by time of creation) and Endings (at which age messages end)

Who is looked at is decided anew each round by what is to be expected of an ask. A status is believed where a row shows it, and a row that
is missing is only a hint.
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
