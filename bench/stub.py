"""A provider that costs next to nothing: `python -m bench.stub` answers the properties-v2 dialect from bytes made beforehand.

Prints its port, and ends with its standard input.
"""

import asyncio
import itertools
import sys

from bench.translate import back_list

_LIST = back_list(50, seed=1)
_ONE = (
    b'{"Message":{"MessageSid":"M%s","AccountSid":"A1","PropertySid":"P1","From":"+19876543212","To":"+13216549878",'
    b'"Text":"Test SMS","DeliveryReceipt":true,"NumSegments":1,"Status":"Delivered","Direction":"Transmit",'
    b'"Scheduled":1700000000,"Created":1700000000,"Submitted":1700000001,"Delivered":1700000002}}' % (b"A" * 31)
)
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def _sid(number: int) -> str:
    digits = []
    while number:
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "M" + "".join(digits[::-1]).rjust(31, "A")


class Stub(asyncio.Protocol):
    """One connection."""

    numbers = itertools.count(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            body = self._answer(head)
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            )

    @classmethod
    def _answer(cls, head: bytes) -> bytes:
        """A send is answered with a SID of its own, a retrieve with one message, a search with a list."""
        if head.startswith(b"post"):
            return cls.send()
        return _ONE if head.startswith(b"get /v2/messages/") else _LIST

    @classmethod
    def send(cls) -> bytes:
        """The body of a response to a send."""
        return (
            b'{"Message":{"MessageSid":"%s","AccountSid":"A1","PropertySid":"P1","From":"+19876543212","To":"+13216549878",'
            b'"Text":"Test SMS","DeliveryReceipt":true,"NumSegments":1,"Status":"Processing","Direction":"Transmit",'
            b'"Scheduled":1700000000,"Created":1700000000}}' % _sid(next(cls.numbers)).encode()
        )


async def _main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Stub, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main())
