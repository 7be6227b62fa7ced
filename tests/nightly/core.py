"""The core between any request and any provider: a response in the front's own shape, and never an exception.

An input is a request, then a line of dashes, then the provider's response. Without a response a good provider answers.
"""

import json
from collections.abc import Sequence
from typing import Any, Final
from zlib import crc32

from tests.any_request import BOTH, EVERY_FORM, MOST_ASKS, SPOKEN, _drive, _get, _is_an_answer_of, _list, _send
from translator.core.http.messages import Failure, Request, Response

BETWEEN: Final = b"\n-----\n"


def _written(request: Request) -> bytes:
    query = f"?{request.query}" if request.query else ""
    lines = [f"{request.method} {request.path}{query}", *map(": ".join, request.headers), "", ""]
    return "\n".join(lines).encode("utf-8") + (request.body or b"")


_GOOD: Final = tuple(made(*form) for made in (_send, _list, _get) for form in EVERY_FORM)
_QUERIES: Final = (
    "StartTime=2018-05-30&EndTime=2018-06-09&Page=0&PageSize=10&SortBy=DateCreated:asc",
    "Date_From=0&Date_To=1800000000&Results_Count=50&Results_Skip=10&Direction=Transmit",
)
REQUESTS: Final = tuple(
    _written(request)
    for request in (
        *_GOOD,
        *(_list(front, extension, query=query) for front, extension in EVERY_FORM for query in _QUERIES),
    )
)
_ROW_OLD: Final = {
    "sid": "SM" + "A" * 32, "date_created": "Mon, 25 Sep 2017 06:22:33 +0000", "date_updated": None, "date_sent": None,
    "account_sid": "BACKSMARK-account", "from": "15550100001", "to": "15550100002", "body": "hello", "status": "sent",
    "direction": "outbound-api", "price": None, "uri": "/x", "num_segments": "1",
}  # fmt: skip
_ROW_NEW: Final = {
    "MessageSid": "M00000" + "A" * 25 + "B", "AccountSid": "BACKSMARK-account", "PropertySid": "S1", "From": "+15550100001",
    "To": "+15550100002", "Text": "hello", "Status": "Sent", "Direction": "Transmit", "Created": 1506320553,
}  # fmt: skip
_BODIES: Final[tuple[Any, ...]] = (
    {"messages": [_ROW_OLD] * 3, "total": 3, "page": 0, "num_pages": 1, "page_size": 50},
    _ROW_OLD,
    {"Messages": [_ROW_NEW] * 3, "Message": _ROW_NEW, "TotalCount": 3},
    {"Message": _ROW_NEW},
    {"ResponseStatus": {"ErrorCode": "NOT_FOUND", "Message": "x", "Errors": [{"FieldName": "To"}]}},
    {"message": "x", "code": 21211, "status": 400},
)
ANSWERS: Final = (
    *(b"%d\nretry-after: 7\n\n%s" % (status, json.dumps(body).encode()) for body in _BODIES for status in (200, 400)),
    b"200\ncontent-type: application/xml\n\n<RestcommResponse><SMSMessage><Sid>SM1</Sid></SMSMessage></RestcommResponse>",
    b"503\n\n",
    b"timeout\n\n",
    b"never-left\n\n",
    b"broken\n\n",
)
CORPUS: Final = (*REQUESTS, *(request + BETWEEN + answer for request in REQUESTS[:9] for answer in ANSWERS[::3]))
TOKENS: Final = (
    b"\n", b"\n\n", BETWEEN, b"&", b"=", b"%00", b"%ff", b"%ed%b0%80", b"\xed\xb0\x80", b"\xf0\x9f\x98\x80", b"From=", b"To=", b"Body=",
    b"StatusCallback=https://a.example/x", b'"DeliveryReceipt": {"Url": "https://a.example/x"},', b'"Text": null,', b"null", b"1e999",
    b"-1", b"99999999999999999999", b"NaN", b"[[[[", b"]]]]", b"{}", b'"\\ud800"', b"\\u0000", b"9999-12-31T23:59:59.9",
    b"Page=", b"PageSize=",
    b"Limit=1", b"SortBy=To", b"AfterSid=", b"Results_Skip=", b"accept: application/xml\n", b"content-type: text/plain\n",
    b".json", b".csv",
    b"/..", b"//", b"HEAD ", b"OPTIONS ", b"PUT ",
)  # fmt: skip


def request_of(data: bytes) -> Request:
    """A request, however broken: its parts are the parts of the input at the same places."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("utf-8", "surrogateescape").split("\n")
    method, _, url = first.partition(" ")
    path, _, query = url.partition("?")
    headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return Request(method, path, query, headers, body)


def answer_of(data: bytes) -> Any:
    """The provider's response: a status, headers and a body, or a failure. Any other input is a good response of so many rows."""
    head, _, body = data.partition(b"\n\n")
    status, *lines = head.decode("latin-1").split("\n")
    for kind in ("timeout", "never-left", "broken"):
        if status.startswith(kind):
            return Failure(kind, "BACKSMARK.example refused")
    number = int(status) if status.isascii() and status.isdigit() and len(status) < 4 else 200
    pairs = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return Response(number, pairs, body)


def core(data: bytes) -> None:
    """Raises the exceptions of the core, and AssertionError for a response that is none of its front."""
    told, between, answered = data.partition(BETWEEN)
    request = request_of(told)
    given = answer_of(answered) if between else (crc32(data) % 420, 0, None)
    _play(request, [given])


def _play(request: Request, answers: Sequence[Any]) -> None:
    front = BOTH.dialect_of(request.path)
    driven = _drive(request, list(answers))
    _is_an_answer_of(front, driven)
    assert len(driven.asked) <= (1 if driven.reply.operation == "send" else MOST_ASKS + 1)


def providers(data: bytes) -> None:
    """Any bytes as a provider's response, to one good request, alone or after a good one: see `core`. A send is never made twice."""
    drawn = crc32(data)
    request, answer = _GOOD[drawn % len(_GOOD)], answer_of(data)
    _play(request, [answer])
    _play(request, [(60, 0, None), answer])


assert set(SPOKEN) == {"restcomm", "properties-v2"}, "the corpus has both"
