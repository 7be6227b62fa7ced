"""The forms of an attack, in bytes: the requests of an unauthenticated client, and the responses of a hostile provider."""

from base64 import b64encode
from typing import Final

import msgspec

from bench.traffic.load import ACCOUNT

_MIB: Final = 1024 * 1024
_LISTS: Final = f"/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages.json"
_LOGIN: Final = "Basic " + b64encode(f"{ACCOUNT}:wrong".encode()).decode()
_BATCH: Final = "/v2/Properties/P1/BatchMessages"
_LARGE: Final = b"".join(b"x-%d: %s\r\n" % (number, b"v" * 1500) for number in range(36))
_TINY: Final = b"".join(b"%x:\r\n" % number for number in range(9000))
_POSTS: Final = f"POST {_LISTS} HTTP/1.1\r\nHost: x\r\n".encode()
_GUESSES: Final = f"POST {_BATCH} HTTP/1.1\r\nHost: x\r\nAuthorization: {_LOGIN}\r\n".encode()
_CHUNKS: Final = b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 20_000

FORMS: Final[dict[str, bytes]] = {
    "tiny headers, no body": _POSTS + b"Content-Length: 60000\r\n" + _TINY + b"\r\n",
    "tiny headers that are read": _POSTS + b"Content-Length: 60000\r\n" + b"accept:x\r\n" * 6000 + b"\r\n",
    "half a head": b"GET / HTTP/1.1\r\nHost: x\r\n" + _LARGE,
    "half a head that is read": b"GET / HTTP/1.1\r\nHost: x\r\nAccept: " + b"x" * 60_000,
    "half a target": b"GET /" + b"x" * 60_000,
    "no body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n" + _LARGE + b"\r\n",
    "half a body": _POSTS + b"Content-Length: 60000\r\n\r\n" + b"x" * 50_000,
    "half a batch, wrong token": _GUESSES + b"Content-Length: 1000000\r\n\r\n" + b"x" * 60_000,
    "tiny chunks": _POSTS + _CHUNKS,
    "tiny chunks of a batch": _GUESSES + _CHUNKS,
    "requests ahead": b"GET / HTTP/1.1\r\nHost:x\r\n\r\n" * 2000,
}
"""The bytes that a client sends on one connection. It sends no more, and reads no response."""


def _sized(body: bytes, status: int = 200, declared: int | None = None) -> bytes:
    size = len(body) if declared is None else declared
    return b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, size) + body


def _rows(count: int, text: str) -> bytes:
    row = msgspec.json.encode({
        "MessageSid": "M" + "A" * 31, "From": "+61400000001", "To": "+61400000002", "Text": text, "DeliveryReceipt": False,
        "NumSegments": 1, "Status": "Submitted", "Direction": "Transmit", "Scheduled": 1, "Created": 1, "Submitted": 1,
    })  # fmt: skip
    return b'{"Messages":[%s]}' % b",".join([row] * count)


def floods() -> list[bytes]:
    """Responses that are far larger than their requests need."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return [
        _sized(_rows(1, "x" * (15 * _MIB))),
        chunked + b"2\r\nxx\r\n" * (4 * _MIB),
        _sized(b"x" * (15 * _MIB), 500),
        chunked + b"0\r\n" + b"X: y\r\n" * 1_000_000,
        chunked + (b"1;" + b"e" * 1000 + b"\r\nx\r\n") * 16_000,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 250_000,
    ]


def lies() -> list[bytes]:
    """Responses that contradict themselves or do not fit their requests."""
    return [
        _sized(_rows(20_000, "x" * 300)),
        _sized(b"[" * (15 * _MIB)),
        _sized(_rows(1, "short"), declared=60_000),
        _sized(_rows(200, "the same row again")),
        _sized(b'{"Messages":7}'),
        _sized(b""),
    ]
