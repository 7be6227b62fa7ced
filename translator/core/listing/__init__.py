"""Lists: the requests to the provider, the work that is left for the proxy, and the page made of both."""

from translator.core.listing.lists import (
    Limits,
    Plan,
    count_send,
    is_ours,
    list_page,
    messages_between,
    messages_in_second,
    plan,
    read_answer,
    read_retrieve,
    rules,
    write_retrieve,
)

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
