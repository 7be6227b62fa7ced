"""Lists: what is asked of the provider, what is left for us, and how the answers become the page."""

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
