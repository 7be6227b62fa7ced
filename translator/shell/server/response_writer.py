"""Writes the responses of one connection."""

from typing import Any, Final

from translator.core.http import messages
from translator.shell.aio.memory_budget import UNKNOWN
from translator.shell.aio.write_batcher import WriteBatcher
from translator.shell.server.request import ServerRequest
from translator.shell.server.response_head import ResponseHeadCache

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS: Final = frozenset({204, 304})
"""Statuses of responses that have no body and no `Content-Length`."""


class ResponseWriter:
    """Writes responses to a transport, at the end of the event loop's turn.

    write: Writes a response, see `WriteBatcher.write`.
    final: The rejection of a malformed request, which follows the response to the active request.
    """

    __slots__ = ("_batcher", "_heads", "final", "write")

    def __init__(self, heads: ResponseHeadCache, batcher: WriteBatcher) -> None:
        self._heads, self._batcher = heads, batcher
        self.write = batcher.write
        self.final = b""

    def form(
        self, call: ServerRequest, response: messages.Response, hint: str, *, is_last: bool
    ) -> tuple[bytes, bytes]:
        """Return the bytes of a response: up to its body, and the body.

        hint: The `Keep-Alive` header of a response that is not the last.
        is_last: True if the connection closes after it.
        """
        has_body = response.status not in _BODILESS
        begin = self._heads.head(response.status, response.headers)
        length = f"Content-Length: {len(response.body)}\r\n" if has_body else ""
        end = "Connection: close\r\n" if is_last else hint if call.account != UNKNOWN else ""
        head = f"{begin}{length}X-Request-Id: {call.id}\r\n{end}\r\n".encode("latin-1")
        return head, response.body if has_body and call.head.verb != "HEAD" else b""

    def write_continue(self, transport: Any) -> None:
        """Write 100 Continue."""
        self._batcher.write(transport, _CONTINUE)

    def flush(self) -> None:
        """Write at once what waits for the end of the turn."""
        self._batcher.flush()
