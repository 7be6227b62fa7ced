"""The parser of a connection's requests, over httptools (llhttp).

bytes of one request ─▶ llhttp ─▶ its head, checked ─▶ on_request ─▶ on_body, as often as bytes come ─▶ on_request_end
                          └ malformed: why, and the status of the response
"""

from typing import Any, Final, Protocol

import httptools

from translator.shell.server.http1_request import origin
from translator.shell.server.limits import LIMITS
from translator.shell.server.request import ReceivedHead, received
from translator.shell.server.request_head import LARGE, Refusal, RefusalError, RequestHead

_TUNNEL: Final = "CONNECT"
_HEAD: Final = LIMITS.head
_NONE: Final = RequestHead()
"""An empty head. It is never changed, because each message starts with a new one."""


class Requests(Protocol):
    """The receiver of the requests that a parser finds."""

    def on_request(self, head: ReceivedHead, *, keep: bool, waits_for_continue: bool) -> None:
        """Take a checked head. `keep` is True if the connection may be used again. Raises RefusalError."""

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the body."""

    def on_request_end(self) -> None:
        """Take the end of the body. A request without a body ends at once."""


class RequestParser:
    """Parses the requests of one connection, one after the other.

    head: The present head, as far as it has come.
    size: The bytes since the last request ended, or since the last piece of a body.
    in_body: True from the end of a head to the end of the body.
    """

    __slots__ = ("_llhttp", "_requests", "head", "in_body", "size")

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._llhttp: Any = httptools.HttpRequestParser(self)
        self.head = RequestHead()
        self.size = 0
        self.in_body = False

    def feed(self, piece: bytes) -> Refusal | None:
        """Parse a piece. Returns None, or the reason for which it is rejected."""
        self.size += len(piece)
        try:
            self._feed(piece)
        except httptools.HttpParserCallbackError as error:
            # The error is bound to no local name: the error refers to this frame, so a name would form a cycle that keeps the input.
            if not isinstance(error.__context__, RefusalError):
                raise
            return Refusal(error.__context__.status, error.__context__.why)
        except httptools.HttpParserError:
            return Refusal(400, "Invalid HTTP request received.")
        return Refusal(431, LARGE) if self.size > _HEAD else None

    def close(self) -> None:
        """Free the parser. It is never called while llhttp runs. Without it, both would reference each other."""
        self._llhttp = None

    def _feed(self, piece: bytes) -> None:
        """Feed llhttp. Upgrade requests are ignored (RFC 9110, 7.8): llhttp stops after such a head, so the head is parsed again without
        the `Upgrade` header. The input after it is HTTP, the body first."""
        try:
            self._llhttp.feed_data(piece)
        except httptools.HttpParserUpgrade:
            if self.head is not _NONE:  # a CONNECT is a request that has ended, and needs no second parse
                before = self._llhttp
                head = self.head.without_upgrade(before.get_method().decode("ascii"), before.get_http_version())
                self._llhttp = httptools.HttpRequestParser(self)
                self._llhttp.feed_data(head)

    # ---- called by llhttp ------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.head = RequestHead()

    def on_url(self, piece: bytes) -> None:
        self.head.url += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_body:  # a trailer
            self.head.count(name, value)
        else:
            self.head.add(name, value)

    def on_headers_complete(self) -> None:
        """Check the head of a request, and hand it on."""
        llhttp, head, version = self._llhttp, self.head, self._llhttp.get_http_version()
        head.check(version, self.size)
        verb, url = llhttp.get_method().decode("ascii"), head.url
        if llhttp.should_upgrade() and verb != _TUNNEL:
            return  # the head is parsed again, see `_feed`
        if not url.startswith(b"/") or b"#" in url:
            url = origin(url)
        target, _, query = url.decode("latin-1").partition("?")
        is_newest = version == "1.1"
        self._requests.on_request(
            received(verb, target, query, head.headers),
            keep=is_newest and llhttp.should_keep_alive() and verb != _TUNNEL,
            waits_for_continue=is_newest and head.waits_for_continue,
        )
        self.size, self.in_body = 0, True

    def on_body(self, piece: bytes) -> None:
        self.size = 0
        self._requests.on_body(piece)

    def on_message_complete(self) -> None:
        self.size = 0
        if self.in_body:
            self.in_body = False
            self.head = _NONE
            self._requests.on_request_end()
