"""The plan of a list: the part of the query that the provider applies, the part left for the proxy, and whether all rows must be read.

for each constraint   the provider can express it exactly   push
                      only something wider                  push that, and filter the rest here
                      not at all                            filter here
no residual filter, and an order of the provider            read only the slices that cover the page
otherwise                                                   read the whole range once: a scan
"""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from translator.core.dialect.back import BackVerbs, Pushed
from translator.core.model import Query

_PLAIN: Final = ("recipient", "sender", "recipient_like", "sender_like", "within")
"""The constraints of a query that are never pushed. Neither document says how its provider compares numbers. A different comparison
would leave messages out. A filter in the proxy cannot."""

_WORDS: Final = (("status", "statuses"), ("direction", "directions"))
"""The attributes that a provider may filter by word, and the name of the allowed words in the query and in the pushed part."""


class Plan(NamedTuple):
    """A plan. `sifted` names the residual filters. `scan` says why all rows are read, or is empty. `mirrored` says that the list is the
    reverse of the provider's order."""

    pushed: Pushed
    sifted: tuple[str, ...]
    scan: str
    mirrored: bool


@lru_cache(maxsize=64)
def plan(query: Query, back: BackVerbs) -> Plan:
    """Return the plan with the fewest requests. The same query and back always have the same plan."""
    since, until = back.lets_through(query.since, query.until)
    pushed = Pushed(query.since, query.until)
    wider = [name for name, bound in (("since", since), ("until", until)) if bound != getattr(query, name)]
    sifted = [*wider, *(name for name in _PLAIN if getattr(query, name) is not None)]
    for attribute, constraint in _WORDS:
        allowed: frozenset[str] | None = getattr(query, constraint)
        found = None if allowed is None else back.push(attribute, allowed)
        if found is not None:
            told: dict[str, Any] = {attribute: found[0], constraint: found[1]}
            pushed = pushed._replace(**told)
        if allowed is not None and (found is None or found[1] != allowed):
            sifted.append(constraint)
    mirrored = query.order.descending != (back.order == "descending")
    return Plan(pushed, tuple(sifted), _why_scan(query, back, sifted), mirrored)


def _why_scan(query: Query, back: BackVerbs, sifted: list[str]) -> str:
    if sifted:
        return f"{' and '.join(sifted)} can only be told here"
    if query.order.attribute != "created":
        return f"the back does not sort by {query.order.attribute}"
    if back.order == "unknown":
        return "the order of the back's lists is not known"
    if back.order == "descending" and not query.order.descending:
        return "an index counted from the newest message moves with each one that comes"
    return ""
