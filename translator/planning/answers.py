"""What a read was answered with, and whose message it may be."""

from typing import Final

from translator.accounts import Entry
from translator.errors import Refused
from translator.model import Fault, Message
from translator.planning.run import SETTING
from translator.wire import Answer, Failure, Response

_MALFORMED: Final = 400


def read_answer(answer: Answer) -> Response:
    """The answer to a read, or the fault that its failure is. Raises Refused."""
    if not isinstance(answer, Failure):
        return answer
    names = {"never-left": "back-unreachable", "timeout": "back-timeout", "broken": "back-failed"}
    raise Refused(Fault(names[answer.kind], log=f"the ask failed: {answer.kind} {answer.detail}"))


def is_ours(message: Message, entry: Entry) -> bool:
    """Whether a message may belong to the entry, as far as the back says whose it is."""
    behind = entry.behind
    return message.account in (None, behind.account) and (
        not behind.property or message.property in (None, behind.property)
    )


def naming_the_setting(refused: Refused, answer: Answer) -> Refused:
    """A search that the back calls malformed was written by us: what is probably wrong is where we put its parameters."""
    fault = refused.fault
    if fault.name == "back-failed" and not isinstance(answer, Failure) and answer.status == _MALFORMED:
        fault = fault._replace(log=f"{fault.log}: {SETTING}")
    return Refused(fault)
