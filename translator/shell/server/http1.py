"""The server protocol of our own server: HTTP/1.1 of one connection, parsed by httptools (llhttp) and passed directly to the handler.

bytes ─▶ head ─▶ a request, and a task that handles it ─▶ one write ─▶ the next request, or idle
  └ pipelined requests wait as bytes: a connection has one active request at a time

uvicorn listens, counts and stops. This replaces uvicorn's own protocol, which costs as much as half of a send does here.
"""

import asyncio
from typing import Final

from uvicorn.server import ServerState

from translator.core.http import messages
from translator.shell.aio.memory_budget import UNKNOWN
from translator.shell.aio.write_batcher import write_batcher
from translator.shell.observability.log import logger, redacted_traceback
from translator.shell.server.http1_reader import Host, Receiver
from translator.shell.server.http1_request import Http1Request
from translator.shell.server.response_head import ResponseHeadCache, refusal
from translator.shell.server.unsent_bytes import FULL

TURN: Final = 64 * 1024
"""Bytes of a read after which other connections get a turn. A loop may read one connection thirty times before it reads another."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS: Final = frozenset({204, 304})
"""Statuses of responses that have no body and no `Content-Length`."""


class Http1Protocol(Receiver):
    """One connection of a client.

    host: The server's settings and handler.
    heads: The response-head cache, shared by all connections of the server.
    state: uvicorn's registry of open connections.
    loop: The event loop of the connection.
    """

    def __init__(
        self, host: Host, heads: ResponseHeadCache, state: ServerState, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(host, loop)
        self._heads, self._state = heads, state
        self._outbox = write_batcher(loop)
        self._final_response = b""
        self._left = 0
        self._is_stopping = self._is_known = False

    # ---- called by the event loop and the server -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.set_write_buffer_limits(FULL, 0)
        self._state.connections.add(self)  # type: ignore[arg-type]  # it has the methods that the server calls

    def connection_lost(self, _: Exception | None) -> None:
        self._state.connections.discard(self)
        # Break the reference cycles with the parser and the request, so that the memory is free before the next garbage collection.
        self._forget()
        self._unsent.release()
        call, self._call, self._receiving = self._call, None, None
        if call is not None:
            call.lose()

    def data_received(self, data: bytes) -> None:
        if self._draining:
            return
        self._take(self._rest + data if self._rest else data)
        if len(data) >= TURN and not self._transport.is_closing():
            self._transport.pause_reading()
            self.loop.call_soon(self._go_on)

    def pause_writing(self) -> None:
        self._unsent.fill(self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._unsent.drain()
        self._go_on()

    def shutdown(self) -> None:
        """Close the connection as soon as the active request is answered, because the server stops."""
        self._is_stopping = True
        self._draining = self._draining or bool(self._rest)
        self._rest = b""
        if self._call is None:
            self._outbox.flush()
            self._transport.close()

    def on_idle_tick(self, most: int, kept: int) -> None:
        """Called by the idle sweep. Closes the connection after `most` sweeps with no active request and no response being sent.

        After the response to an authenticated request the limit is `kept` sweeps, until a byte of the next request comes.
        """
        before, self._left = self._left, self._transport.get_write_buffer_size()
        self._looks = 0 if self._call is not None or self._left < before else self._looks + 1
        if self._unsent.is_slow(self._left) or (self._looks > most and self._left):
            self._transport.abort()
        elif self._looks > (kept if self._is_between() else most):
            self._transport.close()

    def _is_between(self) -> bool:
        """True if an authenticated request was answered, and no byte of the next one has come."""
        return self._is_known and not (self._draining or self._read or self._rest or self._receiving is not None)

    def _refuse(self, status: int, why: str) -> None:
        """Reject a malformed request with the final response of the connection, after the response to the request before it."""
        if self._draining:
            return
        self._forget()
        broken, self._receiving = self._receiving, None
        self._final_response = refusal(status, why)
        if broken is not None and broken is not self._call:
            self._final_response = b""  # the request was answered before its body was complete
        elif broken is not None and not broken.is_read:
            self._call = None
            broken.lose()
        if self._call is None:
            self._end(self._final_response)

    def peer(self) -> str:
        """Return the address of the client, empty if it is unknown."""
        peer = self._transport.get_extra_info("peername")
        return str(peer[0]) if isinstance(peer, tuple) else ""

    # ---- requests --------------------------------------------------------------------------------------------------------

    def send_continue(self, call: Http1Request) -> None:
        """Send 100 Continue if the client waits for it before it sends the body (RFC 9110, 10.1.1)."""
        if call.expects_continue:
            call.expects_continue = False
            self._outbox.write(self._transport, _CONTINUE)

    def respond(self, call: Http1Request, response: messages.Response) -> None:
        """Write a response, and go on with the pipelined requests. Nothing is written for a request that is over."""
        hold, call.unsent = call.unsent, None
        if call is not self._call or self._transport.is_closing():
            if hold is not None:
                hold.release()
            return
        if hold is not None:
            self._unsent.keep(hold)
        # The client sent `Expect: 100-continue` and got no 100, so it may send no body. Close, so that the next bytes are not read as one.
        close = not call.keep or call.expects_continue or self._is_stopping or self._host.is_leaving
        head = self._head_of(call, response, close=close)
        body = b"" if call.is_head or response.status in _BODILESS else response.body
        self._call, self._is_known = None, call.account != UNKNOWN
        if close:
            self._end(head, body)
        else:
            self._outbox.write(self._transport, head, body)
        if hold is not None:
            self.loop.call_soon(self._unsent.settle)
        if self._rest and not self._draining:
            self._go_on()
        elif self._draining and not close:
            self._end(self._final_response)

    def _head_of(self, call: Http1Request, response: messages.Response, *, close: bool) -> bytes:
        """Return the bytes of a response up to its body."""
        begin = self._heads.head(response.status, response.headers)
        length = "" if response.status in _BODILESS else f"Content-Length: {len(response.body)}\r\n"
        end = "Connection: close\r\n" if close else self._host.hint if call.account != UNKNOWN else ""
        return f"{begin}{length}X-Request-Id: {call.id}\r\n{end}\r\n".encode("latin-1")

    def _end(self, head: bytes, body: bytes = b"") -> None:
        """Send the final response and half-close (RFC 9112, 9.6). Closing while the client still sends would cause a TCP reset, and the
        client could lose the response. Further input is dropped until the client closes or the idle sweep does."""
        self._forget()
        transport = self._transport
        ends_half = transport.can_write_eof() and not self._is_stopping
        self._outbox.write(transport, head, body, transport.write_eof if ends_half else transport.close)
        transport.resume_reading()

    def _begin(self, call: Http1Request) -> None:
        self._call = call
        call.task = self.loop.create_task(self._attended(call))
        self._state.tasks.add(call.task)

    async def _attended(self, call: Http1Request) -> None:
        """Run the handler. If it ends without a response, abort the connection, so that the client does not wait."""
        task = call.task
        try:
            await self._host.handle(call)
        except Exception as error:  # noqa: BLE001 - any other error is logged
            logger().error("defect", request_id=call.id, traceback=redacted_traceback(error))
        finally:
            if task is not None:
                self._state.tasks.discard(task)
            if call is self._call:
                self._call = None
                self._outbox.flush()
                self._transport.abort()

    def _go_on(self) -> None:
        """Read pipelined requests if no request is active."""
        if self._rest and not self._is_busy() and not self._draining:
            self._take(self._rest)
        if not self._rest and not self._transport.is_closing():
            self._transport.resume_reading()
