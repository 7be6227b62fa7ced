"""Reads the answers to reads, and checks that a message may belong to the account."""

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
"""The size of a list's answer, and of each of its rows, in bytes. Up to it, an answer is decoded without a check."""

_LARGEST: Final = (1024 * 1024, 16 * 1024)
"""The maximum size of a list's answer, and of each requested row, in bytes. 1,600 characters take 9,600 bytes if each is escaped."""


def read_answer(answer: Answer) -> Response:
    """Return the answer to a read. Raises FaultRaised for a failure."""
    if not isinstance(answer, Failure):
        return answer
    if answer.kind == "no-room":
        raise FaultRaised(Fault("too-busy", retry_after=_SOON, log="the account has no memory left for the answer"))
    names = {"never-left": "back-unreachable", "timeout": "back-timeout", "broken": "back-failed"}
    raise FaultRaised(Fault(names[answer.kind], log=f"the ask failed: {answer.kind} {answer.detail}"))


def read_list(answer: Answer, rows: int, sid: str) -> Response:
    """Return the answer to a request for `rows` rows, before it is decoded, because decoding takes as long as the answer is large.
    `sid` is the member that every row has. Raises FaultRaised, and MalformedProviderResponse for an answer with more rows than
    requested."""
    if isinstance(answer, Failure) and answer.kind == "no-room":
        raise FaultRaised(Fault("list-too-long"))
    response = read_answer(answer)
    if len(response.body) > _ORDINARY[0] + rows * _ORDINARY[1] and response.body.count(f'"{sid}"'.encode()) > rows:
        raise MalformedProviderResponse(f"a slice is longer than asked for: {SETTING}")
    return response


def largest(rows: int) -> int:
    """Return the number of bytes that are read of the answer to a request for `rows` rows."""
    return _LARGEST[0] + rows * _LARGEST[1]


def naming_the_setting(refused: FaultRaised, answer: Answer) -> FaultRaised:
    """Return the error with a hint in its log. The proxy wrote the search that the provider calls malformed, so probably its parameters
    are in the wrong place."""
    fault = refused.fault
    if fault.name == "back-failed" and not isinstance(answer, Failure) and answer.status == _MALFORMED:
        fault = fault._replace(log=f"{fault.log}: {SETTING}")
    return FaultRaised(fault)


def is_ours(message: Message, entry: Account) -> bool:
    """True if a message may belong to the account, as far as the provider says whose it is."""
    behind = entry.behind
    return message.account in (None, behind.account) and (
        not behind.property or message.property in (None, behind.property)
    )
