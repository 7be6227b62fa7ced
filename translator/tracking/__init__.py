"""Looking at a back for what has become of messages that somebody waits to be told of, with as few asks as there is a way.

    Place ─▶ sweep ─▶ choose ─▶ look ─▶ took        one round of one account at one back
              │         │ windows by slices, single messages by retrieves
              └─────────┴─ by Stretches (who waits, by time of creation) and Endings (at which age messages end)

Who is looked at is decided anew each round by what is to be expected of an ask. A status is believed where a row shows it, and a row that
is missing is only a hint.
"""

from translator.tracking.allowance import Allowance
from translator.tracking.choosing import Chosen, Sweep, pause
from translator.tracking.endings import Endings
from translator.tracking.looking import Reading, Seen, look, look_through
from translator.tracking.place import MOST, Backlog, Known, Place, looked_at
from translator.tracking.stretches import Held

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
