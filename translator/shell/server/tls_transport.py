"""TLS between the network and a connection: to the network it is the protocol, to the connection the transport.

network ─▶ handshake ─▶ records ─▶ what they hold ─▶ connection
network ◀────────────── records ◀─────────────────── connection

All of TLS is OpenSSL's; here it is only handed bytes. The loops' own layers end what a connection here does not want ended: asyncio's
resets a caller that is still writing when it is told that this is too much, both cut who takes longer than half a minute for the last
answer, neither says how much of an answer is still unsent, and of a handshake that is under way nobody knows when the server stops.
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
"""After so many looks at connections, a second each, a handshake is given up."""

_PIECE: Final = 64 * 1024
"""How many bytes OpenSSL is given at once: what it has made room for, it keeps as long as the connection is open."""

_WORTH: Final = 64
"""So many bytes of records may come for each byte that is in them,"""

_HOLLOW: Final = 64 * 1024
"""and so many beyond that. A record that wants another key holds nothing, takes longer to read than to say, and is answered."""

_PLAIN: Final = "HTTP_REQUEST"
"""What OpenSSL says of a caller that speaks plain HTTP."""

_NOTHING: Final = "many records and next to nothing in them"

_SPEAK_TLS: Final = "This port speaks HTTPS, and the request came as plain HTTP."


class TlsServerTransport(asyncio.Transport, asyncio.Protocol):
    """A connection over TLS. While it shakes hands it is itself among the connections of the server, whose `state` says which are open;
    from then on that is what `make` makes, the protocol of what is in the records. `failed` is told why hands were not shaken: in
    OpenSSL's words, `overdue`, or `gone` where the caller left meanwhile, as some do that do not believe a certificate."""

    def __init__(
        self, make: Callable[[], asyncio.Protocol], context: ssl.SSLContext, state: ServerState, failed: Callable[[str], None]
    ) -> None:  # fmt: skip
        super().__init__()
        self._make, self._state, self._failed = make, state, failed
        self._inner: asyncio.Protocol | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._network: Any = None
        self._draining = False  # what comes from now on is dropped
        self._is_held = False  # the connection wants nothing more for now
        self._has_begun = False
        self._looks = self._hollow = 0

    # ---- what the loop and the server call -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._network = transport
        self._state.connections.add(self)  # type: ignore[arg-type]  # what the server does with one is here

    def connection_lost(self, error: Exception | None) -> None:
        self._state.connections.discard(self)
        if self._inner is None and not self._draining and self._has_begun:
            self._failed("gone")
        inner, self._inner, self._draining = self._inner, None, True  # each holds the other
        if inner is not None:
            inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Hand on what is in it, as one read of the connection, as it would be without TLS. What follows upon its end, or upon a record
        that is broken, follows behind that."""
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
            self.close()  # the caller's side is at its end; it has left, since it cannot be told from one that has
        if len(data) >= TURN and not self._is_held and not self._network.is_closing():
            self._network.pause_reading()
            asyncio.get_running_loop().call_soon(self._read_on)

    def _read_on(self) -> None:
        """The others have had their turn."""
        if not self._is_held and not self._network.is_closing():
            self._network.resume_reading()

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()

    def shutdown(self) -> None:
        """The server stops, and hands have not been shaken."""
        self._draining = True
        self._network.abort()

    def on_idle_tick(self, _: int, __: int) -> None:
        """One more look has found it, and hands have still not been shaken."""
        self._looks += 1
        if self._looks > _HANDSHAKE and not self._draining:
            self._draining = True
            self._failed("overdue")
        if self._looks > _HANDSHAKE:
            self._network.abort()

    # ---- TLS -------------------------------------------------------------------------------------------------------------

    def _unseal(self, data: bytes, pieces: list[bytes]) -> str | None:
        """Add what is in it to `pieces`. None where more can come behind it, else why not, which is nothing for a goodbye."""
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
        """Go on with the handshake, to the connection that comes of it. Raises SSLWantReadError where more has to come first."""
        self._tls.do_handshake()
        self._send()
        self._state.connections.discard(self)
        self._inner = self._make()
        self._inner.connection_made(self)

    def _send(self) -> None:
        """Send what OpenSSL has to say."""
        if self._outgoing.pending and not self._network.is_closing():
            self._network.write(self._outgoing.read())

    def _fail(self, why: str) -> None:
        """This is no TLS, or none of ours. The caller is told, and not in its face: it may still be writing."""
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

    # ---- what the connection calls ---------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Seal and send. Raises SSLError behind `write_eof`."""
        with memoryview(data) as view:
            for start in range(0, len(view), _PIECE):
                self._tls.write(view[start : start + _PIECE])
                self._network.write(self._outgoing.read())

    def can_write_eof(self) -> bool:
        return bool(self._network.can_write_eof())

    def write_eof(self) -> None:
        """Say that nothing will follow. What comes from now on is dropped as it comes, sealed; the connection has no use for it."""
        self._draining = True
        self._say_goodbye()
        self._network.write_eof()

    def close(self) -> None:
        """Close behind what was written. The caller's own goodbye is not waited for (RFC 8446, 6.1)."""
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
        """Tell the caller that it has seen everything, where that is not said yet."""
        with contextlib.suppress(ssl.SSLError):  # its own goodbye is still to come, or there is nobody to tell
            self._tls.unwrap()
        self._send()
