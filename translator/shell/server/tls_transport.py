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
import ssl
from collections.abc import Callable
from typing import Any, Final

from uvicorn.server import ServerState

from translator.shell.server.connection_shares import ConnectionShares
from translator.shell.server.limits import LIMITS, TLS_LIMITS
from translator.shell.server.response_head import refusal
from translator.shell.server.tls_records import TlsRecords

_PLAIN: Final = "HTTP_REQUEST"
"""OpenSSL's reason for a client that sends plain HTTP."""

_SPEAK_TLS: Final = "This port speaks HTTPS, and the request came as plain HTTP."


class TlsServerTransport(asyncio.Transport, asyncio.Protocol):
    """A connection over TLS. During the handshake the server's `state` lists this object. After it, `state` lists the inner protocol.

    make: Makes the inner protocol, which reads the plaintext.
    context: The TLS context of the server.
    state: uvicorn's registry of open connections.
    shares: The connections of the server. This object is among them during the handshake.
    failed: Called with the reason of a failed handshake: OpenSSL's reason, `overdue`, or `gone` after a disconnect. Some clients
        disconnect because they do not trust the certificate.
    """

    def __init__(
        self, make: Callable[[], asyncio.Protocol], context: ssl.SSLContext, state: ServerState, failed: Callable[[str], None],
        shares: ConnectionShares | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._make, self._state, self._failed = make, state, failed
        self._shares = shares or ConnectionShares()
        self._inner: asyncio.Protocol | None = None
        self._records = TlsRecords(context)
        self._network: Any = None
        self._draining = False  # all further input is dropped
        self._is_held = False  # the connection has paused reading
        self._has_begun = False
        self._looks = 0

    # ---- called by the event loop and the server -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._network = transport
        self._shares.enter(self)
        self._state.connections.add(self)  # type: ignore[arg-type]  # it has the methods that the server calls

    def connection_lost(self, error: Exception | None) -> None:
        self._state.connections.discard(self)
        self._shares.leave(self)
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
        for start in range(0, len(data), TLS_LIMITS.piece):
            opened = self._open if self._inner is None else None
            why = self._records.decrypt(data[start : start + TLS_LIMITS.piece], pieces, opened)
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
        if len(data) >= LIMITS.turn and not self._is_held and not self._network.is_closing():
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

    def makes_room(self) -> bool:
        """Abort the handshake, because the server has room for no more connections."""
        self.shutdown()
        return True

    def on_idle_tick(self, _: int, __: int) -> None:
        """Called by the idle sweep. Aborts a handshake that takes too long."""
        self._looks += 1
        if self._looks > TLS_LIMITS.handshake and not self._draining:
            self._draining = True
            self._failed("overdue")
        if self._looks > TLS_LIMITS.handshake:
            self._network.abort()

    # ---- TLS -------------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Make the inner protocol, because the handshake is complete."""
        self._send()
        self._state.connections.discard(self)
        self._shares.leave(self)
        self._inner = self._make()
        self._inner.connection_made(self)

    def _send(self) -> None:
        """Send OpenSSL's pending output."""
        if self._records.pending and not self._network.is_closing():
            self._network.write(self._records.read())

    def _fail(self, why: str) -> None:
        """End the connection, because the client does not speak TLS or has failed. Half-close if the client may still be sending."""
        self._draining = True
        if self._inner is None:
            self._failed(why)
            if why == _PLAIN:
                self._records.write_plain(refusal(400, _SPEAK_TLS))
        self._send()
        if self._inner is not None or not self._network.can_write_eof():
            self._network.close()
        elif not self._network.is_closing():
            self._network.write_eof()

    # ---- called by the connection ----------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send. Raises SSLError after `write_eof`."""
        with memoryview(data) as view:
            for start in range(0, len(view), TLS_LIMITS.piece):
                self._network.write(self._records.encrypt(view[start : start + TLS_LIMITS.piece]))

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
        self._records.close_notify()
        self._send()
