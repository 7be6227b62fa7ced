"""The door for a server of our own: HTTP/1.1 of one caller, read by httptools (llhttp) and handed to the proxy without a layer between.

bytes ─▶ head ─▶ a call, and a task that attends to it ─▶ one write ─▶ the next call, or idle
  └ what is sent ahead waits as bytes: one call of a connection is read and attended to at a time

uvicorn listens, counts and stops; this takes the place of its protocol, which costs as much as half of a send does here.
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
"""After a read of so many bytes it is the others' turn: a loop may read one connection thirty times over before it looks at another."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS: Final = frozenset({204, 304})
"""What is answered without a body, and without its length."""


class Http1Protocol(Receiver):
    """One connection of a caller. `loop` is the one that it lives in, `host` who answers, and what `heads` tells is the same for all
    connections of a server, whose `state` says which are open."""

    def __init__(
        self, host: Host, heads: ResponseHeadCache, state: ServerState, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(host, loop)
        self._heads, self._state = heads, state
        self._outbox = write_batcher(loop)
        self._final_response = b""
        self._left = 0
        self._is_stopping = self._is_known = False

    # ---- what the loop and the server call -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.set_write_buffer_limits(FULL, 0)
        self._state.connections.add(self)  # type: ignore[arg-type]  # what the server does with one is here

    def connection_lost(self, _: Exception | None) -> None:
        self._state.connections.discard(self)
        # Each holds the other, and so do this and a call: what is in a ring stays until the collector of garbage comes by.
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
        """The server stops: this is closed as soon as what is under way has been answered."""
        self._is_stopping = True
        self._draining = self._draining or bool(self._rest)
        self._rest = b""
        if self._call is None:
            self._outbox.flush()
            self._transport.close()

    def on_idle_tick(self, most: int, kept: int) -> None:
        """One more look has found it. After `most` of them without a call, and without an answer on its way, it is closed; after `kept` of
        them where a request of an account was answered, and nothing of another one has come."""
        before, self._left = self._left, self._transport.get_write_buffer_size()
        self._looks = 0 if self._call is not None or self._left < before else self._looks + 1
        if self._unsent.is_slow(self._left) or (self._looks > most and self._left):
            self._transport.abort()
        elif self._looks > (kept if self._is_between() else most):
            self._transport.close()

    def _is_between(self) -> bool:
        """Whether a request of an account was answered, and nothing of the next one has come."""
        return self._is_known and not (self._draining or self._read or self._rest or self._receiving is not None)

    def _refuse(self, status: int, why: str) -> None:
        """What came is no request that can be attended to. It is told so behind the answer to the one before it, and is the last."""
        if self._draining:
            return
        self._forget()
        broken, self._receiving = self._receiving, None
        self._final_response = refusal(status, why)
        if broken is not None and broken is not self._call:
            self._final_response = b""  # it was answered before its body was whole
        elif broken is not None and not broken.is_read:
            self._call = None
            broken.lose()
        if self._call is None:
            self._end(self._final_response)

    def peer(self) -> str:
        """The address of the caller; empty where there is none."""
        peer = self._transport.get_extra_info("peername")
        return str(peer[0]) if isinstance(peer, tuple) else ""

    # ---- calls -----------------------------------------------------------------------------------------------------------

    def send_continue(self, call: Http1Request) -> None:
        """The rest of a body is waited for: a caller that asks before it sends one may send it."""
        if call.expects_continue:
            call.expects_continue = False
            self._outbox.write(self._transport, _CONTINUE)

    def respond(self, call: Http1Request, response: messages.Response) -> None:
        """Write an answer, and go on with what was sent ahead. Nothing is written for a call that is over."""
        hold, call.unsent = call.unsent, None
        if call is not self._call or self._transport.is_closing():
            if hold is not None:
                hold.release()
            return
        if hold is not None:
            self._unsent.keep(hold)
        # Who asks before it sends a body, and was not told to, sends none: what follows is not to be taken for one.
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
        """An answer's bytes, up to its body."""
        begin = self._heads.head(response.status, response.headers)
        length = "" if response.status in _BODILESS else f"Content-Length: {len(response.body)}\r\n"
        end = "Connection: close\r\n" if close else self._host.hint if call.account != UNKNOWN else ""
        return f"{begin}{length}X-Request-Id: {call.id}\r\n{end}\r\n".encode("latin-1")

    def _end(self, head: bytes, body: bytes = b"") -> None:
        """Say the last of this connection. Only our side of it is closed (RFC 9112, 9.6): a close in the face of a caller that is still
        writing would take the answer from it. What it writes is dropped, until it closes as well or has been idle for long enough."""
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
        """A call, attended to; however that ends, the caller is not left waiting."""
        task = call.task
        try:
            await self._host.handle(call)
        except Exception as error:  # noqa: BLE001 - the last line of defence, and it is logged
            logger().error("defect", request_id=call.id, traceback=redacted_traceback(error))
        finally:
            if task is not None:
                self._state.tasks.discard(task)
            if call is self._call:
                self._call = None
                self._outbox.flush()
                self._transport.abort()

    def _go_on(self) -> None:
        """Read what was sent ahead, if it is its turn."""
        if self._rest and not self._is_busy() and not self._draining:
            self._take(self._rest)
        if not self._rest and not self._transport.is_closing():
            self._transport.resume_reading()
