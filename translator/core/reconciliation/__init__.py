"""Looking at a back for sends of which nobody knows whether they were made.

    Search   one send over all looks for it: where its message may be, what was read of that, which messages it may be
    Look     one look for all such sends of a place: rows by time, from the sends outwards, within a budget of asks
    assigned which message is which send: only what is sure (`carrying`: by an id of ours)

window · outbound · recipient · text ─▶ candidates
where messages carry an id of ours: each candidate is retrieved, and only the one with that id is it
"""

from translator.core.reconciliation.matching import assigned, carrying
from translator.core.reconciliation.search_round import ASKS, SearchRound
from translator.core.reconciliation.unknown_send import AFTER, BEFORE, UnknownSearch, UnknownSend

__all__ = ["AFTER", "ASKS", "BEFORE", "SearchRound", "UnknownSearch", "UnknownSend", "assigned", "carrying"]
