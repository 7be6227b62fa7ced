"""What a read was answered with, and whose message it may be."""

from typing import Final

from translator.core.accounts import Account
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.http.messages import Answer, Failure, Response
from translator.core.listing.slice_merger import SETTING
from translator.core.model import Fault, Message

_MALFORMED: Final = 400

_SOON: Final = 1
"""Seconds after which an account may have memory again."""

_ORDINARY: Final = (64 * 1024, 2 * 1024)
"""Bytes of a list's answer, and of each of its rows, up to which it is decoded unseen."""

_LARGEST: Final = (1024 * 1024, 16 * 1024)
"""Bytes of a list's answer, and of each row that was asked for, that are read: 1,600 characters take 9,600 bytes where each is escaped."""


def read_answer(answer: Answer) -> Response:
    """The answer to a read, or the fault that its failure is. Raises Refused."""
    if not isinstance(answer, Failure):
        return answer
    if answer.kind == "no-room":
        raise FaultRaised(Fault("too-busy", retry_after=_SOON, log="the account has no memory left for the answer"))
    names = {"never-left": "back-unreachable", "timeout": "back-timeout", "broken": "back-failed"}
    raise FaultRaised(Fault(names[answer.kind], log=f"the ask failed: {answer.kind} {answer.detail}"))


def read_list(answer: Answer, rows: int, sid: str) -> Response:
    """The answer to an ask for so many rows, which may be decoded: that takes as long as it is large. `sid` is the member that every row
    has. Raises Refused, and Unreadable for an answer that holds more than was asked for."""
    if isinstance(answer, Failure) and answer.kind == "no-room":
        raise FaultRaised(Fault("list-too-long"))
    response = read_answer(answer)
    if len(response.body) > _ORDINARY[0] + rows * _ORDINARY[1] and response.body.count(f'"{sid}"'.encode()) > rows:
        raise MalformedProviderResponse(f"a slice is longer than asked for: {SETTING}")
    return response


def largest(rows: int) -> int:
    """How many bytes are read of the answer to an ask for so many rows."""
    return _LARGEST[0] + rows * _LARGEST[1]


def naming_the_setting(refused: FaultRaised, answer: Answer) -> FaultRaised:
    """A search that the back calls malformed was written by us: what is probably wrong is where we put its parameters."""
    fault = refused.fault
    if fault.name == "back-failed" and not isinstance(answer, Failure) and answer.status == _MALFORMED:
        fault = fault._replace(log=f"{fault.log}: {SETTING}")
    return FaultRaised(fault)


def is_ours(message: Message, entry: Account) -> bool:
    """Whether a message may belong to the entry, as far as the back says whose it is."""
    behind = entry.behind
    return message.account in (None, behind.account) and (
        not behind.property or message.property in (None, behind.property)
    )
