"""The TLS records of one connection, in memory. OpenSSL does all of TLS.

records ─▶ handshake ─▶ plaintext
records ◀────────────── plaintext
"""

import contextlib
import ssl
from collections.abc import Callable
from typing import Final

from translator.shell.server.limits import TLS_LIMITS

_NOTHING: Final = "many records and next to nothing in them"


class TlsRecords:
    """The records of one connection. `context` is the TLS context of the server."""

    __slots__ = ("_hollow", "_incoming", "_outgoing", "_tls")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._hollow = 0  # bytes beyond those that the plaintext allows

    def decrypt(self, data: bytes, pieces: list[bytes], opened: Callable[[], None] | None) -> str | None:
        """Decrypt the data and add the plaintext to `pieces`. Returns None if more may follow, "" after a close_notify, or the reason
        of a failure.

        opened: Called when the handshake is complete. It is None after that.
        """
        self._incoming.write(data)
        self._hollow += len(data)
        try:
            if opened is not None:
                self._tls.do_handshake()
                opened()
            while piece := self._tls.read(TLS_LIMITS.piece):
                pieces.append(piece)
                self._hollow -= TLS_LIMITS.ratio * len(piece)
        except ssl.SSLWantReadError:
            self._hollow = max(self._hollow, 0)
            return None if self._hollow <= TLS_LIMITS.overhead else _NOTHING
        except ssl.SSLError as error:
            return error.reason or "unknown"
        return ""

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """Return the records of the data. Raises SSLError after a close_notify."""
        self._tls.write(data)
        return self._outgoing.read()

    def close_notify(self) -> None:
        """Add close_notify to the output, unless it was added before."""
        with contextlib.suppress(ssl.SSLError):  # the client's close_notify is still to come, or it has disconnected
            self._tls.unwrap()

    def write_plain(self, data: bytes) -> None:
        """Add plain bytes to the output, for a client that does not speak TLS."""
        self._outgoing.write(data)

    @property
    def pending(self) -> bool:
        """True if there is output."""
        return self._outgoing.pending > 0

    def read(self) -> bytes:
        """Return the output, and keep none."""
        return self._outgoing.read()
