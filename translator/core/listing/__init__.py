"""Lists: the requests to the provider, the work that is left for the proxy, and the page made of both."""

from translator.core.listing.answers import is_ours, read_answer
from translator.core.listing.limits import Limits
from translator.core.listing.lists import count_send, list_page, messages_between, messages_in_second, rules
from translator.core.listing.plan import Plan, plan
from translator.core.listing.retrieve import read_retrieve, write_retrieve

__all__ = [
    "Limits",
    "Plan",
    "count_send",
    "is_ours",
    "list_page",
    "messages_between",
    "messages_in_second",
    "plan",
    "read_answer",
    "read_retrieve",
    "rules",
    "write_retrieve",
]
