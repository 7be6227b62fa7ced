"""Lists: what is asked of the provider, what is left for us, and how the answers become the page."""

from translator.core.listing.lists import (
    Limits,
    Plan,
    is_ours,
    list_page,
    messages_between,
    one_more_send,
    plan,
    read_answer,
    read_retrieve,
    rules,
    within_second,
    write_retrieve,
)

__all__ = [
    "Limits",
    "Plan",
    "is_ours",
    "list_page",
    "messages_between",
    "one_more_send",
    "plan",
    "read_answer",
    "read_retrieve",
    "rules",
    "within_second",
    "write_retrieve",
]
