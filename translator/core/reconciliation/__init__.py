"""Searches a provider's messages for unknown sends (reconciliation).

    UnknownSearch   one send over all rounds: its time window, what was read of it, and its candidates
    SearchRound     one round for all unknown sends of a provider account: rows by time, nearest to the sends first, within a budget
    assigned        the message of each send, only if it is certain (`carrying`: by an id of the proxy)

window · outbound · recipient · text ─▶ candidates
messages carry an id of the proxy: each candidate is retrieved, and only the message with that id is the send
"""

from translator.core.reconciliation.matching import assigned, carrying
from translator.core.reconciliation.search_round import ASKS, SearchRound
from translator.core.reconciliation.unknown_send import AFTER, BEFORE, UnknownSearch, UnknownSend

__all__ = ["AFTER", "ASKS", "BEFORE", "SearchRound", "UnknownSearch", "UnknownSend", "assigned", "carrying"]
