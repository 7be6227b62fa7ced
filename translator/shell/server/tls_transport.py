"""TLS between the network and a connection: a protocol to the network, a transport to the connection.

network ─▶ handshake ─▶ records ─▶ plaintext ─▶ connection
network ◀────────────── records ◀────────────── connection

OpenSSL does all of TLS, and this module only moves bytes. The event loops' own TLS does not fit for four reasons:

- asyncio resets the connection if the client still sends after a final response.
- Both loops abort a close after 30 s, even if the client is still reading the final response.
- Neither reports the number of unsent bytes.
- The server does not see handshakes in progress when it stops.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, Final

from uvicorn.server import ServerState

from translator.shell.server.http1 import TURN
from translator.shell.server.response_head import refusal

_HANDSHAKE: Final = 10
"""The number of idle sweeps, one a second, after which a handshake is aborted."""

_PIECE: Final = 64 * 1024
"""Bytes that OpenSSL gets at once. It keeps its buffers at their largest size until the connection closes."""

_WORTH: Final = 64
"""Bytes of TLS records that are allowed for each byte of plaintext, see `_HOLLOW`."""

_HOLLOW: Final = 64 * 1024
"""Bytes of TLS records that are allowed beyond that. This bounds floods of empty records and KeyUpdate messages. A KeyUpdate holds no
plaintext, needs a response, and costs us more than the client."""

_PLAIN: Final = "HTTP_REQUEST"
"""OpenSSL's reason for a client that sends plain HTTP."""

_NOTHING: Final = "many records and next to nothing in them"

_SPEAK_TLS: Final = "This port speaks HTTPS, and the request came as plain HTTP."


class TlsServerTransport(asyncio.Transport, asyncio.Protocol):
    """A connection over TLS. During the handshake the server's `state` lists this object. After it, `state` lists the inner protocol.

    make: Makes the inner protocol, which reads the plaintext.
    context: The TLS context of the server.
    state: uvicorn's registry of open connections.
    failed: Called with the reason of a failed handshake: OpenSSL's reason, `overdue`, or `gone` after a disconnect. Some clients
        disconnect because they do not trust the certificate.
    """

    def __init__(
        self, make: Callable[[], asyncio.Protocol], context: ssl.SSLContext, state: ServerState, failed: Callable[[str], None]
    ) -> None:  # fmt: skip
        super().__init__()
        self._make, self._state, self._failed = make, state, failed
        self._inner: asyncio.Protocol | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._network: Any = None
        self._draining = False  # all further input is dropped
        self._is_held = False  # the connection has paused reading
        self._has_begun = False
        self._looks = self._hollow = 0

    # ---- called by the event loop and the server -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._network = transport
        self._state.connections.add(self)  # type: ignore[arg-type]  # it has the methods that the server calls

    def connection_lost(self, error: Exception | None) -> None:
        self._state.connections.discard(self)
        if self._inner is None and not self._draining and self._has_begun:
            self._failed("gone")
        inner, self._inner, self._draining = self._inner, None, True  # break the cycle
        if inner is not None:
            inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Decrypt the data and pass the plaintext on as one read, as without TLS. The effects of a close_notify or of a broken record
        come after that."""
        if self._draining:
            return
        self._has_begun = True
        pieces: list[bytes] = []
        why: str | None = None
        for start in range(0, len(data), _PIECE):
            why = self._unseal(data[start : start + _PIECE], pieces)
            if why is not None:
                break
        if pieces and self._inner is not None:
            self._inner.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if why is None:
            self._send()
        elif why:
            self._fail(why)
        else:
            self.close()  # a close_notify: a half-close cannot be told from a disconnect, so it counts as one
        if len(data) >= TURN and not self._is_held and not self._network.is_closing():
            self._network.pause_reading()
            asyncio.get_running_loop().call_soon(self._read_on)

    def _read_on(self) -> None:
        """Resume reading, after other connections had a turn."""
        if not self._is_held and not self._network.is_closing():
            self._network.resume_reading()

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()

    def shutdown(self) -> None:
        """Abort the handshake, because the server stops."""
        self._draining = True
        self._network.abort()

    def on_idle_tick(self, _: int, __: int) -> None:
        """Called by the idle sweep. Aborts a handshake that takes too long."""
        self._looks += 1
        if self._looks > _HANDSHAKE and not self._draining:
            self._draining = True
            self._failed("overdue")
        if self._looks > _HANDSHAKE:
            self._network.abort()

    # ---- TLS -------------------------------------------------------------------------------------------------------------

    def _unseal(self, data: bytes, pieces: list[bytes]) -> str | None:
        """Decrypt the data and add the plaintext to `pieces`. Returns None if more may follow, "" after a close_notify, or the reason
        of a failure."""
        self._incoming.write(data)
        self._hollow += len(data)
        try:
            if self._inner is None:
                self._shake_hands()
            while piece := self._tls.read(_PIECE):
                pieces.append(piece)
                self._hollow -= _WORTH * len(piece)
        except ssl.SSLWantReadError:
            self._hollow = max(self._hollow, 0)
            return None if self._hollow <= _HOLLOW else _NOTHING
        except ssl.SSLError as error:
            return error.reason or "unknown"
        return ""

    def _shake_hands(self) -> None:
        """Continue the handshake, and make the inner protocol when it is complete. Raises SSLWantReadError if it needs more input."""
        self._tls.do_handshake()
        self._send()
        self._state.connections.discard(self)
        self._inner = self._make()
        self._inner.connection_made(self)

    def _send(self) -> None:
        """Send OpenSSL's pending output."""
        if self._outgoing.pending and not self._network.is_closing():
            self._network.write(self._outgoing.read())

    def _fail(self, why: str) -> None:
        """End the connection, because the client does not speak TLS or has failed. Half-close if the client may still be sending."""
        self._draining = True
        if self._inner is None:
            self._failed(why)
            if why == _PLAIN:
                self._outgoing.write(refusal(400, _SPEAK_TLS))
        self._send()
        if self._inner is not None or not self._network.can_write_eof():
            self._network.close()
        elif not self._network.is_closing():
            self._network.write_eof()

    # ---- called by the connection ----------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send. Raises SSLError after `write_eof`."""
        with memoryview(data) as view:
            for start in range(0, len(view), _PIECE):
                self._tls.write(view[start : start + _PIECE])
                self._network.write(self._outgoing.read())

    def can_write_eof(self) -> bool:
        return bool(self._network.can_write_eof())

    def write_eof(self) -> None:
        """Send close_notify and half-close. Further input is dropped without decryption, because the connection does not need it."""
        self._draining = True
        self._say_goodbye()
        self._network.write_eof()

    def close(self) -> None:
        """Close after the written data, without waiting for the client's close_notify (RFC 8446, 6.1)."""
        self._draining = True
        if not self._network.is_closing():
            self._say_goodbye()
            self._network.close()

    def abort(self) -> None:
        self._network.abort()

    def is_closing(self) -> bool:
        return bool(self._network.is_closing())

    def pause_reading(self) -> None:
        self._is_held = True
        self._network.pause_reading()

    def resume_reading(self) -> None:
        self._is_held = False
        self._network.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._network.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        return int(self._network.get_write_buffer_size())

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._network.set_write_buffer_limits(high, low)

    def _say_goodbye(self) -> None:
        """Send close_notify, unless it was sent before."""
        with contextlib.suppress(ssl.SSLError):  # the client's close_notify is still to come, or it has disconnected
            self._tls.unwrap()
        self._send()
