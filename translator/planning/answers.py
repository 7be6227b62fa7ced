"""What a read was answered with, and whose message it may be."""

from translator.accounts import Entry
from translator.errors import Refused
from translator.model import Fault, Message
from translator.wire import Answer, Failure, Response

_SOON = 1
"""Seconds after which an account may have memory again."""


def read_answer(answer: Answer) -> Response:
    """The answer to a read, or the fault that its failure is. Raises Refused."""
    if not isinstance(answer, Failure):
        return answer
    if answer.kind == "no-room":
        raise Refused(Fault("too-busy", retry_after=_SOON, log="the account has no memory left for the answer"))
    names = {"never-left": "back-unreachable", "timeout": "back-timeout", "broken": "back-failed"}
    raise Refused(Fault(names[answer.kind], log=f"the ask failed: {answer.kind} {answer.detail}"))


def is_ours(message: Message, entry: Entry) -> bool:
    """Whether a message may belong to the entry, as far as the back says whose it is."""
    behind = entry.behind
    return message.account in (None, behind.account) and (
        not behind.property or message.property in (None, behind.property)
    )
