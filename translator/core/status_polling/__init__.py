"""Looking at a back for what has become of messages that somebody waits to be told of, with as few asks as there is a way.

    Place ─▶ sweep ─▶ choose ─▶ look ─▶ took        one round of one account at one back
              │         │ windows by slices, single messages by retrieves
              └─────────┴─ by Stretches (who waits, by time of creation) and Endings (at which age messages end)

Who is looked at is decided anew each round by what is to be expected of an ask. A status is believed where a row shows it, and a row that
is missing is only a hint.
"""

from translator.core.status_polling.provider_account import MOST, Backlog, Known, Place, looked_at
from translator.core.status_polling.provider_requests import Reading, Seen, look, look_through
from translator.core.status_polling.rate_limit import Allowance
from translator.core.status_polling.scheduling import Chosen, Sweep, pause
from translator.core.status_polling.settling_ages import Endings
from translator.core.status_polling.windows import Held

__all__ = [
    "MOST",
    "Allowance",
    "Backlog",
    "Chosen",
    "Endings",
    "Held",
    "Known",
    "Place",
    "Reading",
    "Seen",
    "Sweep",
    "look",
    "look_through",
    "looked_at",
    "pause",
]
