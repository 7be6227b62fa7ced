"""The server protocol of our own server: HTTP/1.1 of one connection, parsed by httptools (llhttp) and passed directly to the handler.

`connection_state` has the states of a connection and draws the transitions. Each method that assigns a state is a transition there.

uvicorn listens, counts and stops. This replaces uvicorn's own protocol, which costs as much as half of a send does here.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Literal

from uvicorn.server import ServerState

from translator.core.http import messages
from translator.shell.aio.memory_budget import UNKNOWN, Hold
from translator.shell.aio.write_batcher import write_batcher
from translator.shell.observability.log import logger, redacted_traceback
from translator.shell.server.connection_state import (
    CLOSED,
    DRAINING,
    DROPPING_BODY,
    HANDLING,
    LINGERING,
    READING_BODY,
    READING_HEAD,
    RESPONDING,
    ConnectionState,
)
from translator.shell.server.host import Host
from translator.shell.server.http1_parser import RequestParser
from translator.shell.server.http1_request import Http1Request
from translator.shell.server.idle_limit import IdleLimit
from translator.shell.server.limits import LIMITS
from translator.shell.server.pending_input import PendingInput
from translator.shell.server.request import ReceivedHead
from translator.shell.server.request_head import NO_MEMORY, TWO_REQUESTS, Refusal, RefusalError
from translator.shell.server.response_head import FULL_SERVER, ResponseHeadCache, refusal
from translator.shell.server.response_writer import ResponseWriter

_FREE: Final = LIMITS.free
_TURN: Final = LIMITS.turn


class Http1Protocol(asyncio.Protocol):
    """One connection of a client.

    host: The server's settings and handler.
    heads: The response-head cache, shared by all connections of the server.
    registry: uvicorn's registry of open connections.
    loop: The event loop of the connection.
    """

    _transport: Any

    def __init__(
        self, host: Host, heads: ResponseHeadCache, registry: ServerState, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.loop, self.host, self._registry = loop, host, registry
        self._state: ConnectionState = READING_HEAD
        self._request: Http1Request | None = None  # the active request, or the one whose body is dropped
        self._parser: RequestParser | None = RequestParser(self)  # None as soon as no more input is parsed
        self._input = PendingInput()
        self._output = ResponseWriter(heads, write_batcher(loop))
        self._idle = IdleLimit()
        self._is_stopping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.set_write_buffer_limits(LIMITS.unsent, 0)
        self.host.shares.enter(self)
        self._registry.connections.add(self)  # type: ignore[arg-type]  # it has the methods that the server calls

    def connection_lost(self, _: Exception | None) -> None:
        self._registry.connections.discard(self)
        self.host.shares.leave(self)
        # Break the reference cycles with the parser and the request. The memory is free then before the next garbage collection.
        self._stop_parsing()
        self._idle.unsent.release()
        lost, self._request = self._request if self._state.is_active else None, None
        self._state = CLOSED
        if lost is not None:
            lost.lose()

    def data_received(self, data: bytes) -> None:
        if self._state.drops:
            return
        waiting = self._input
        self._take(waiting.take(data) if waiting.rest or waiting.hold is not None else data)
        if len(data) >= _TURN and not self._transport.is_closing():
            self._transport.pause_reading()
            self.loop.call_soon(self._go_on)

    def pause_writing(self) -> None:
        self._idle.unsent.fill(self._transport.get_write_buffer_size())
        if self._state is READING_HEAD:
            self._state = RESPONDING

    def resume_writing(self) -> None:
        self._idle.unsent.drain()
        if self._state is RESPONDING:
            self._state = READING_HEAD
        self._go_on()

    def shutdown(self) -> None:
        """Close the connection as soon as the active request is answered, because the server stops."""
        self._is_stopping = True
        if self._state is HANDLING:
            self._drain()
        elif not self._state.is_active:
            self._close(self._transport.close)

    def makes_room(self) -> bool:
        """Close the connection at once if no request is active, because the server has room for no more. True if it was closed."""
        if self._state.is_active:
            return False
        if not self._state.drops:  # otherwise the final response of the connection was sent
            self._output.write(self._transport, FULL_SERVER)
        self._close(self._transport.close)
        return True

    def on_idle_tick(self, most: int, kept: int) -> None:
        """Called by the idle sweep. Closes the connection after `most` sweeps with no active request and no response being sent.

        After the response to an authenticated request the limit is `kept` sweeps, until a byte of the next request comes.
        """
        state, parser = self._state, self._parser
        is_between = state is READING_HEAD and not self._input.rest and parser is not None and not parser.size
        size = self._transport.get_write_buffer_size()
        verdict = self._idle.tick(size, most, kept, is_active=state.is_active, is_between=is_between)
        if verdict == "abort":
            self._transport.abort()
        elif verdict == "close":
            self._close(self._transport.close)

    def peer(self) -> str:
        """Return the address of the client, empty if it is unknown."""
        peer = self._transport.get_extra_info("peername")
        return str(peer[0]) if isinstance(peer, tuple) else ""

    def on_request(self, head: ReceivedHead, *, keep: bool, waits_for_continue: bool) -> None:
        """Start handling a request. Its body comes next. Raises RefusalError if the request before it has not ended."""
        if self._state is not READING_HEAD:
            raise RefusalError(400, TWO_REQUESTS)
        call = Http1Request(self, head, self.host.ids, keep=keep, waits_for_continue=waits_for_continue)
        self._request, self._state = call, READING_BODY
        self._idle.ticks = 0
        task = self.loop.create_task(self._handle(call))
        call.work.start(task)
        self._registry.tasks.add(task)

    def on_body(self, piece: bytes) -> None:
        """Add a piece of the body to the request."""
        if self._request is not None:
            self._request.body.add(piece)

    def on_request_end(self) -> None:
        """Mark the body as complete. The parser runs, so it is kept until the next transition."""
        call = self._request
        if call is None:
            return
        call.body.end()
        if self._state is DROPPING_BODY:
            self._request = None
            self._state = RESPONDING if self._idle.unsent.is_full else READING_HEAD
        else:
            self._state = HANDLING if call.keep else DRAINING

    def _take(self, data: bytes) -> None:
        """Feed the parser with one request after the other. Bytes after an active request wait unparsed. So do bytes after a response
        that the client does not read."""
        at = 0
        while at < len(data) and (parser := self._parser) is not None and not self._state.drops:
            if not self._state.parses:
                self._wait(data[at:])
                return
            is_head = not parser.in_body
            end = self._input.end(data, at, 0 if is_head or self._request is None else self._request.to_come)
            rejected = parser.feed(data[at:end])
            at = end
            if rejected is not None:
                self._reject(rejected)
            elif is_head and parser.in_body and len(data) - at > _FREE:
                self._input.rest = data[at:]  # the handler sees the head before the body is parsed
                self._transport.pause_reading()
                self.loop.call_soon(self._go_on)
                return
        if (parser := self._parser) is not None:
            if parser.size or parser.in_body or self._input.last:
                self._input.is_parsed(data, is_within=bool(parser.size) or parser.in_body)
            if parser.size and not parser.in_body and not self._state.drops:
                self._reserve("head", parser.head.held(parser.size))  # an incomplete head takes memory

    def _wait(self, rest: bytes) -> None:
        """Pause reading, and keep the pipelined input."""
        self._transport.pause_reading()
        self._input.rest = rest
        self._reserve("ahead", len(rest))

    def _reserve(self, kind: Literal["head", "ahead"], size: int) -> None:
        """Take memory for waiting input. If the budget has none left, reject the request and end the connection."""
        account = UNKNOWN if self._request is None else self._request.account
        if not self._input.reserve(self.host.budget, account, kind, size):
            self._reject(NO_MEMORY)

    def _go_on(self) -> None:
        """Parse the waiting input, unless an active request or an unread response comes before it."""
        if self._input.rest and self._state.parses:
            self._take(self._input.take(b""))
        if not self._input.rest and not self._transport.is_closing():
            self._transport.resume_reading()

    def _stop_parsing(self) -> None:
        """Stop reading and free all input. It is never called while the parser runs."""
        if self._parser is not None:
            self._parser.close()
            self._parser = None
        self._input.drop()

    async def _handle(self, call: Http1Request) -> None:
        """Run the handler. If it ends without a response, abort the connection, so that the client does not wait."""
        task = call.work.task
        try:
            await self.host.handle(call)
        except Exception as error:  # noqa: BLE001 - any other error is logged
            logger().error("defect", request_id=call.id, traceback=redacted_traceback(error))
        finally:
            if task is not None:
                self._registry.tasks.discard(task)
            if call is self._request and self._state.is_active:
                self._close(self._transport.abort)

    def send_continue(self) -> None:
        self._output.write_continue(self._transport)

    def respond(self, call: Http1Request, response: messages.Response, hold: Hold | None) -> None:
        """Write a response, and go on with the pipelined requests. Nothing is written for a request that is over."""
        if call is not self._request or not self._state.is_active or self._transport.is_closing():
            if hold is not None:
                hold.release()
            return
        if hold is not None:
            self._idle.unsent.keep(hold)
        # The client sent `Expect: 100-continue` and got no 100, so it may send no body. Close, so that the next bytes are not read as one.
        is_last = not call.keep or call.body.waits_for_continue or self._is_stopping or self.host.is_leaving
        head, body = self._output.form(call, response, self.host.hint, is_last=is_last)
        self._idle.is_known = call.account != UNKNOWN
        if is_last:
            self._end(head, body)
        else:
            self._output.write(self._transport, head, body)
        if hold is not None:
            self.loop.call_soon(self._idle.unsent.settle)
        if self._state is DRAINING:
            self._end(self._output.final)
        elif self._state is READING_BODY:
            self._state = DROPPING_BODY
        elif self._state is HANDLING:
            self._request = None
            self._state = RESPONDING if self._idle.unsent.is_full else READING_HEAD
        if self._input.rest:
            self._go_on()

    def _reject(self, rejected: Refusal) -> None:
        """Reject a malformed request with the final response of the connection, after the response to the request before it."""
        if self._state.drops:
            return
        self._stop_parsing()
        call, final = self._request, refusal(*rejected)
        if self._state is READING_BODY and call is not None and not call.work.is_read:
            self._end(final)
            call.lose()
        elif self._state.is_active:
            self._drain(final)
        else:
            self._end(b"" if self._state is DROPPING_BODY else final)

    def _drain(self, final: bytes = b"") -> None:
        """Make the active request the last one. `final` follows its response."""
        self._stop_parsing()
        self._output.final = final
        self._state = DRAINING

    def _end(self, head: bytes, body: bytes = b"") -> None:
        """Send the final response and half-close (RFC 9112, 9.6). Closing would cause a TCP reset if the client still sends, and the
        client could lose the response."""
        self._stop_parsing()
        self._request, self._state = None, LINGERING
        transport = self._transport
        ends_half = transport.can_write_eof() and not self._is_stopping
        self._output.write(transport, head, body, transport.write_eof if ends_half else transport.close)
        transport.resume_reading()

    def _close(self, end: Callable[[], None]) -> None:
        """End the connection without a response, after the bytes that are written already. `end` closes or aborts it."""
        self._stop_parsing()
        self._request, self._state = None, LINGERING
        self._output.flush()
        end()
