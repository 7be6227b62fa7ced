"""The limits of a connection to the front.

Sizes are in bytes. Times are in idle sweeps, and one sweep is made a second.
"""

from typing import Final, NamedTuple


class ConnectionLimits(NamedTuple):
    """The limits of one connection.

    head: The largest size of a request head, framing and trailers included.
    headers: The largest number of headers, trailers included.
    length_digits: The largest number of digits of a `Content-Length`.
    turn: The size of a read after which other connections get a turn. A loop may read one connection thirty times in a row.
    free: Heads, bodies and responses up to this size are free of the memory budget, because the requests in flight are bounded.
    dropped_body: The size of an unread body that is received and dropped, so that the connection can be used again. After a larger one
        it is closed.
    unsent: The size of unread responses above which the next request of the connection waits. They are free of the memory budget.
    window: The number of sweeps in one measurement of a client that reads slowly.
    first_window: The least size that such a client has to read in the first window.
    later_windows: The least size in each later window: 8 KiB a second.
    """

    head: int = 64 * 1024
    headers: int = 100
    length_digits: int = 19
    turn: int = 64 * 1024
    free: int = 8 * 1024
    dropped_body: int = 64 * 1024
    unsent: int = 8 * 1024
    window: int = 30
    first_window: int = 64 * 1024
    later_windows: int = 30 * 8 * 1024


class TlsLimits(NamedTuple):
    """The limits of the TLS of one connection.

    handshake: The number of sweeps after which a handshake is aborted.
    piece: The size of the pieces that OpenSSL gets. It keeps its buffers at their largest size until the connection closes.
    ratio: The size of records that is allowed for each byte of plaintext, beyond `overhead`.
    overhead: The size of records that may hold no plaintext. This bounds floods of empty records and KeyUpdate messages. A KeyUpdate
        holds no plaintext, needs a response, and costs us more than the client.
    """

    handshake: int = 10
    piece: int = 64 * 1024
    ratio: int = 64
    overhead: int = 64 * 1024


LIMITS: Final = ConnectionLimits()
"""The limits of every connection."""

TLS_LIMITS: Final = TlsLimits()
"""The limits of every connection over TLS."""
