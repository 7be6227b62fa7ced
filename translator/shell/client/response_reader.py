"""The reader of the responses on one connection to a provider, over httptools (llhttp).

bytes ─▶ llhttp ─▶ a head, or an interim response ─▶ a head ─▶ its body ─▶ on_response
                      └ malformed, or larger than is read ─▶ on_failure
"""

from typing import Any, Final, NoReturn, Protocol

import httptools

from translator.core.http.messages import Response
from translator.shell.aio.body_chunks import BodyChunks
from translator.shell.aio.memory_budget import Hold

HEAD: Final = 64 * 1024
"""The limit for the head of a response in bytes, including interim responses, trailers and chunk framing."""

_FRAMED: Final = 16
"""Body bytes for each byte of chunk framing and trailers that is allowed beyond `HEAD`. Any number of 100-byte chunks passes."""

HEADERS: Final = 100
"""The limit for the headers of a response."""

OF_ERROR: Final = 64 * 1024
"""Bytes that are read of the body of an error response. The rest is not read, and the connection is closed."""

_FINAL: Final = 200
_ERROR: Final = 400

SMALL: Final = 16 * 1024
"""A response of up to so many bytes takes nothing from the memory budget, because `concurrency` bounds the number of responses.
A send's response is smaller than that, so a send never fails because its account has no memory left."""

_STEP: Final = 64 * 1024
"""Bytes that a larger response takes from the budget at a time."""

_TOO_LARGE: Final = "a body larger than is read"
_DIGITS: Final = 20
"""More digits than any length has."""

_SIZES: Final = frozenset({"content-length", "transfer-encoding"})
"""Headers that give the end of a body without the end of the connection."""


class ResponseError(Exception):
    """The request may have reached the provider, and no complete response came."""


class NoRoom(Exception):
    """The request reached the provider, and its response is larger than the memory that its account may hold now."""


class _Done(Exception):
    """Enough of a response was read. It stops the parser."""


class Responses(Protocol):
    """The receiver of the responses that a reader finds."""

    def on_unexpected(self) -> None:
        """Take the beginning of a response to no request."""

    def on_response(self, response: Response, *, reusable: bool) -> None:
        """Take a response. `reusable` is True if the connection may be used again."""

    def on_failure(self, error: Exception) -> None:
        """Take the reason for which there is no response."""


class ResponseReader:
    """Reads one response after the other.

    _most: The limit for the body. It is negative if no response is expected.
    size: The bytes of the present response, framing included.
    in_body: True after the head of a response that is not interim.
    is_sized: True if the head says where the body ends.
    """

    __slots__ = (
        "_declared", "_headers", "_hold", "_kept", "_llhttp", "_most", "_paid", "_pieces", "_responses",
        "in_body", "is_sized", "size",
    )  # fmt: skip

    def __init__(self, responses: Responses) -> None:
        self._responses = responses
        self._llhttp: Any = httptools.HttpResponseParser(self)
        self._pieces = BodyChunks()
        self.begin(-1, None)

    def begin(self, largest: int, hold: Hold | None) -> None:
        """Expect the response to a new request. `largest` is the limit for its body. `hold` accounts for its memory."""
        self._headers: list[tuple[str, str]] = []
        self.size = self._kept = self._declared = 0
        self._most = largest if hold is None else min(largest, hold.most)
        self._paid, self._hold = SMALL, hold
        self.in_body = self.is_sized = False

    def feed(self, data: bytes | memoryview) -> str:
        """Parse bytes. Returns why they are no response, or an empty text."""
        self.size += len(data)
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            return "the answer is no answer to what was asked"
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, _Done):
                raise
        except httptools.HttpParserError:
            return "the answer is not HTTP"
        else:
            if self.size > HEAD and self._is_mostly_frame():
                return "a head, or what frames a body, is larger than is read"
        return ""

    def _is_mostly_frame(self) -> bool:
        """Return True if head and framing exceed their limit."""
        size = self._pieces.size
        return self.size - size > HEAD + (size // _FRAMED if self.in_body else 0)

    def finish(self, *, reusable: bool) -> None:
        """Hand on the response."""
        body = self._pieces.take()  # an idle connection keeps no body
        response = Response(self._llhttp.get_status_code(), tuple(self._headers), body)
        self._hold, self.size, self._most = None, 0, -1
        self._responses.on_response(response, reusable=reusable)

    def close(self) -> None:
        """Free the parser and the body. The objects of a connection reference each other, and garbage collection is rare."""
        self._llhttp = None
        del self._responses
        self._pieces, self._hold = BodyChunks(), None

    # ---- called by llhttp ------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Report a second response to one request: it must not become the response to the next."""
        if self._most < 0:
            self._responses.on_unexpected()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header. Trailers are ignored."""
        if self.in_body:
            return
        self._kept += len(name) + len(value)
        if self._kept > HEAD or len(self._headers) == HEADERS:
            self._stop(ResponseError("more headers than are read"))
        lower, told = name.decode("latin-1").lower(), value.strip(b" \t").decode("latin-1")
        if lower in _SIZES:
            self.is_sized = True
            self._declared = int(told) if told.isdecimal() and len(told) < _DIGITS else 0
        self._headers.append((lower, told))

    def on_headers_complete(self) -> None:
        """Read the status. A status below 200 is an interim response."""
        status = self._llhttp.get_status_code()
        self.in_body = status >= _FINAL
        if status >= _ERROR:
            self._most = min(self._most, OF_ERROR)
        elif self._declared > self._most:
            self._stop(ResponseError(_TOO_LARGE))

    def on_body(self, piece: bytes) -> None:
        """Add a piece of the body."""
        if not self.in_body:
            self._stop(ResponseError("a body of what only says that an answer is coming"))
        pieces = self._pieces
        if pieces.size + len(piece) > self._most:
            self._is_too_large(piece)
        size = pieces.add(piece)
        if size > self._paid:
            self._pay(size)

    def _is_too_large(self, piece: bytes) -> None:
        """Handle a body beyond the limit. The beginning of an error body is enough; any other response fails. Raises _Done."""
        if self._llhttp.get_status_code() < _ERROR:
            self._stop(ResponseError(_TOO_LARGE))
        self._pieces.add(piece[: self._most - self._pieces.size])
        self.finish(reusable=False)
        raise _Done

    def _pay(self, size: int) -> None:
        """Take the memory for a body of `size` bytes. Raises _Done if the account may not have it."""
        more = -(-(size - self._paid) // _STEP) * _STEP
        if self._hold is not None and not self._hold.grow(more):
            self._stop(NoRoom("the account has no memory left for this answer"))
        self._paid += more

    def on_message_complete(self) -> None:
        """Complete the response. After an interim response, wait for the next head."""
        if self.in_body:
            self.finish(reusable=self._llhttp.should_keep_alive())
        else:
            self._headers, self.is_sized, self._declared = [], False, 0

    def _stop(self, error: Exception) -> NoReturn:
        """Fail, and stop the parser. Raises _Done."""
        self._responses.on_failure(error)
        raise _Done
