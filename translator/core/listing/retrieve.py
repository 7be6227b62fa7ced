"""Retrieves one message by its SID, and checks the answer."""

from translator.core.accounts import Account
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.http.messages import Answer, Request
from translator.core.listing.answers import is_ours, read_answer
from translator.core.model import Message


def write_retrieve(entry: Account, sid: str) -> Request:
    """Return the request for a message of the account."""
    behind = entry.behind
    return entry.back.dialect.back.write_get(sid, behind.account, behind.property, behind.token)


def read_retrieve(entry: Account, sid: str, answer: Answer, now: float) -> Message | None:
    """Return the account's message with that SID, or None. A message of another account counts as unknown. Raises FaultRaised and
    MalformedProviderResponse."""
    try:
        message = entry.back.dialect.back.read_message("get", read_answer(answer), now)
    except FaultRaised as refused:
        if refused.fault.name == "unknown-message":
            return None
        raise
    if message.sid != sid:
        raise MalformedProviderResponse("a retrieve brought another message than the one asked for")
    return message if is_ours(message, entry) else None
