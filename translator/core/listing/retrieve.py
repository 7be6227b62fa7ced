"""One message by its SID, and what an answer about it may be believed to say."""

from translator.core.accounts import Account
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.http.messages import Answer, Request
from translator.core.listing.answers import is_ours, read_answer
from translator.core.model import Message


def write_retrieve(entry: Account, sid: str) -> Request:
    """The request for a message of the entry's own."""
    behind = entry.behind
    return entry.back.dialect.back.write_get(sid, behind.account, behind.property, behind.token)


def read_retrieve(entry: Account, sid: str, answer: Answer, now: float) -> Message | None:
    """The entry's message with that SID, or None: one that is not the entry's own is unknown here. Raises Refused and Unreadable."""
    try:
        message = entry.back.dialect.back.read_message("get", read_answer(answer), now)
    except FaultRaised as refused:
        if refused.fault.name == "unknown-message":
            return None
        raise
    if message.sid != sid:
        raise MalformedProviderResponse("a retrieve brought another message than the one asked for")
    return message if is_ours(message, entry) else None
