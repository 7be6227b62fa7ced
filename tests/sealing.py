"""The client's end of TLS, by hand.

asyncio's own closes as soon as the server sends close_notify, so it cannot play a client that is still writing then. It cannot play a
slow handshake or half a handshake either.
"""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path
from typing import Any, NamedTuple

import trustme
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

HOST = "127.0.0.1"
_MOST = 65536


class Secret(NamedTuple):
    """How both sides speak TLS."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def made(authority: trustme.CA, leaf: trustme.LeafCert) -> Secret:
    """A server that shows the certificate, and a client that trusts the authority."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    leaf.configure_cert(server)
    authority.configure_trust(client)
    return Secret(server, client)


class End:
    """Bytes of the application in, bytes of the network out, and the other way round."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=HOST)
        self.is_open = False
        self.is_told = False
        """True if the server has sent close_notify."""

    def shake(self, data: bytes = b"") -> bytes:
        """Go on with the handshake on the bytes that came. Returns the bytes to send."""
        self._incoming.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
            self.is_open = True
        return self._outgoing.read()

    def unsaid(self) -> bytes:
        """The TLS records that have to be sent."""
        return self._outgoing.read()

    def seal(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self._outgoing.read()

    def unseal(self, data: bytes = b"") -> bytes:
        """Decrypt the bytes that came, and return the data in them."""
        self._incoming.write(data)
        pieces = []
        with contextlib.suppress(ssl.SSLWantReadError):
            with contextlib.suppress(ssl.SSLZeroReturnError):  # raised if this end has sent close_notify before
                while piece := self.tls.read(_MOST):
                    pieces.append(piece)
            self.is_told = True
        return b"".join(pieces)

    def goodbye(self) -> bytes:
        """Send close_notify."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self._outgoing.read()


class Pen:
    """The methods of asyncio.StreamWriter over an end of TLS. Only the test closes it."""

    def __init__(self, raw: asyncio.StreamWriter, end: End) -> None:
        self._raw, self.end = raw, end
        self.reading: asyncio.Task[None] | None = None
        self.transport, self.drain, self.get_extra_info = raw.transport, raw.drain, raw.get_extra_info

    def write(self, data: bytes) -> None:
        if data:
            self._raw.write(self.end.seal(data))

    def write_eof(self) -> None:
        self._raw.write(self.end.goodbye())

    def close(self) -> None:
        if not self._raw.is_closing():
            self._raw.write(self.end.goodbye())
        self._raw.close()

    async def wait_closed(self) -> None:
        if self.reading is not None:
            self.reading.cancel()
            await asyncio.gather(self.reading, return_exceptions=True)
        await self._raw.wait_closed()


async def connected(address: tuple[str, int], limit: int, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, Any]:
    """A connection after its handshake. Reading ends at the server's close_notify. A connection that ends without one is an error."""
    raw_reader, raw_writer = await asyncio.open_connection(*address, limit=limit)
    end, reader = End(context), asyncio.StreamReader(limit)
    try:
        raw_writer.write(end.shake())
        while not end.is_open:
            raw_writer.write(end.shake(await some(raw_reader)))
    except OSError:
        raw_writer.close()
        raise
    pen = Pen(raw_writer, end)

    async def read() -> None:
        try:
            reader.feed_data(end.unseal())  # data that came with the end of the handshake
            while not end.is_told:
                reader.feed_data(end.unseal(await some(raw_reader)))
            reader.feed_eof()
        except OSError as error:
            reader.set_exception(error)

    pen.reading = asyncio.create_task(read())
    return reader, pen


class Slow:
    """A client with a small buffer that reads when a test says so."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._socket, self.end = socket.socket(), End(context)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self._socket.setblocking(False)
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> "Slow":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()

    async def connect(self, address: tuple[str, int]) -> None:
        await self._loop.sock_connect(self._socket, address)
        await self.send(self.end.shake())
        while not self.end.is_open:
            await self.send(self.end.shake(await self._loop.sock_recv(self._socket, 16384)))

    async def send(self, sealed: bytes) -> None:
        await self._loop.sock_sendall(self._socket, sealed)

    async def hear(self) -> bytes:
        """The data in the next bytes, which may be none yet. The end of the connection is an error."""
        data = await self._loop.sock_recv(self._socket, 32768)
        if not data:
            raise ConnectionResetError("the connection ended in the middle of TLS")
        return self.end.unseal(data)


async def some(reader: asyncio.StreamReader) -> bytes:
    """The next bytes; the end is an error."""
    data = await reader.read(_MOST)
    if not data:
        raise ConnectionResetError("the connection ended in the middle of TLS")
    return data


class Forger:
    """Makes TLS records in the name of a client that has sent no data yet, also records that Python has no function for.

    `keys` is the file of its context's `keylog_filename`, of one handshake that chose TLS_AES_256_GCM_SHA384.
    """

    def __init__(self, keys: Path) -> None:
        lines = map(str.split, keys.read_text("ascii").splitlines())
        [self._secret] = [bytes.fromhex(line[2]) for line in lines if line[0] == "CLIENT_TRAFFIC_SECRET_0"]
        self._said = 0

    def seal(self, data: bytes) -> bytes:
        return self._record(data, 23)

    def renewal(self) -> bytes:
        """A KeyUpdate record: the client changes its key, and the server has to change its own as well (RFC 8446, 4.6.3)."""
        record = self._record(b"\x18\x00\x00\x01\x01", 22)
        self._secret, self._said = self._expanded(b"traffic upd", 48), 0
        return record

    def _record(self, data: bytes, kind: int) -> bytes:
        head = b"\x17\x03\x03" + (len(data) + 17).to_bytes(2, "big")
        nonce = int.from_bytes(self._expanded(b"iv", 12), "big") ^ self._said
        self._said += 1
        return head + AESGCM(self._expanded(b"key", 32)).encrypt(nonce.to_bytes(12, "big"), data + bytes([kind]), head)

    def _expanded(self, label: bytes, length: int) -> bytes:
        """HKDF-Expand-Label, without a context (RFC 8446, 7.1)."""
        label = b"tls13 " + label
        info = length.to_bytes(2, "big") + bytes([len(label)]) + label + b"\x00"
        return HKDFExpand(hashes.SHA384(), length, info).derive(self._secret)
