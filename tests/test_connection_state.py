"""The state machine of a connection: each edge of the drawing is walked, and no other edge is.

The transport is in memory, and the event loop is a real one.
"""

import ast
import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple, cast

import pytest
from uvicorn.server import ServerState

from translator.core.http import messages
from translator.shell.aio.memory_budget import MemoryBudget
from translator.shell.server import connection_state, http1
from translator.shell.server.connection_state import ConnectionState
from translator.shell.server.http1 import Http1Protocol
from translator.shell.server.protocol_factory import ProtocolFactory
from translator.shell.server.request import Gone, ServerRequest, new_ids
from translator.shell.server.response_head import ResponseHeadCache

ROOT: Final = Path(__file__).parents[1]
_EDGE: Final = re.compile(r"(any state|[A-Z_]+)\s+── (\w+) ──▶\s+(?=([A-Z_]+))")
_ANY: Final = "any state"
_END: Final = "CLOSED"


class Edge(NamedTuple):
    """A transition: the state before it, the method that makes it, and the state after it."""

    before: str
    method: str
    after: str


def edges(drawing: str) -> list[Edge]:
    """The edges of a drawing. An edge from any state stands for one from each state but the last."""
    found: list[Edge] = []
    for before, method, after in _EDGE.findall(drawing):
        befores = [state.name for state in ConnectionState if state.name != after] if before == _ANY else [before]
        found += [Edge(one, method, after) for one in befores]
    return found


DRAWN: Final = edges(connection_state.__doc__ or "")


# ---- the connection ---------------------------------------------------------------------------------------------


class Wire:
    """A transport in memory. `unsent` is the number of bytes that the client has not read."""

    def __init__(self) -> None:
        self.written = b""
        self.ended = ""
        self.unsent = 0
        self.reads = True

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.ended in ("close", "abort")

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = "half-close"

    def close(self) -> None:
        self.ended = "close"

    def abort(self) -> None:
        self.ended = "abort"

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        assert low < high


class Recorded(Http1Protocol):
    """A connection that records its transitions."""

    def __init__(self, *given: Any) -> None:
        self.walked: list[Edge] = []
        self.state: ConnectionState | None = None
        super().__init__(*given)

    @property
    def _state(self) -> ConnectionState:
        assert self.state is not None
        return self.state

    @_state.setter
    def _state(self, after: ConnectionState) -> None:
        before, self.state = self.state, after
        if before is not None and before is not after:
            self.walked.append(Edge(before.name, sys._getframe(1).f_code.co_name, after.name))


class Server:
    """A connection, and the handler of its requests, which does what `orders` say: read, skip, respond or end."""

    def __init__(self, memory: int = 1 << 20) -> None:
        self.calls: list[ServerRequest] = []
        self.orders: asyncio.Queue[str] = asyncio.Queue()
        self.host = ProtocolFactory(self._handle, new_ids(), lambda _: None, budget=MemoryBudget(memory))
        self.registry, self.wire = ServerState(), Wire()
        loop = asyncio.get_running_loop()
        self.connection = Recorded(self.host, ResponseHeadCache(self.registry), self.registry, loop)
        self.connection.connection_made(cast("asyncio.Transport", self.wire))

    async def _handle(self, call: ServerRequest) -> None:
        self.calls.append(call)
        while (order := await self.orders.get()) != "end":
            if order == "respond":
                call.respond(messages.Response(200, (), b"x"))
                return
            if order == "skip":
                call.skip()
            else:
                try:
                    await call.read(1000)
                except Gone:
                    return

    async def feed(self, *pieces: bytes) -> None:
        """Hand the connection pieces of input."""
        for piece in pieces:
            self.connection.data_received(piece)
            await turns()

    async def order(self, *orders: str) -> None:
        """Have the handler do these things."""
        for order in orders:
            self.orders.put_nowait(order)
            await turns()

    async def pause(self) -> None:
        """Have the client stop reading."""
        self.wire.unsent = 10_000
        self.connection.pause_writing()

    async def resume(self) -> None:
        """Have the client read everything."""
        self.wire.unsent = 0
        self.connection.resume_writing()
        await turns()

    async def close(self) -> None:
        """End the connection, and everything that runs."""
        self.connection.connection_lost(None)
        for _ in range(3):
            await self.order("end")
        for task in list(self.registry.tasks):
            task.cancel()
        await turns()
        assert not self.registry.tasks
        assert not self.registry.connections
        assert self.host.budget.held == 0


async def turns() -> None:
    """Let everything run that can."""
    for _ in range(6):
        await asyncio.sleep(0)


HEAD: Final = b"Host: a\r\n"
GET: Final = b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n"
LAST: Final = b"GET / HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n"
SIZED: Final = b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 5\r\n\r\n"
CHUNKED: Final = b"POST / HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
MALFORMED: Final = b"\x00\x00\r\n\r\n"

Walk = Callable[[Server], Awaitable[None]]


async def _to_reading_head(server: Server) -> None:
    await server.feed(SIZED[:20])


async def _to_reading_body(server: Server) -> None:
    await server.feed(CHUNKED)


async def _to_handling(server: Server) -> None:
    await server.feed(GET)


async def _to_dropping_body(server: Server) -> None:
    await server.feed(SIZED)
    await server.order("skip", "respond")


async def _to_responding(server: Server) -> None:
    await server.pause()


async def _to_draining(server: Server) -> None:
    await server.feed(LAST)


async def _to_lingering(server: Server) -> None:
    await server.feed(MALFORMED)


REACH: Final[dict[str, Walk]] = {
    "READING_HEAD": _to_reading_head,
    "READING_BODY": _to_reading_body,
    "HANDLING": _to_handling,
    "DROPPING_BODY": _to_dropping_body,
    "RESPONDING": _to_responding,
    "DRAINING": _to_draining,
    "LINGERING": _to_lingering,
}
"""The shortest way to each state."""


async def _finish_body(server: Server) -> None:
    await server.feed(b"hello")


async def _finish_body_unread(server: Server) -> None:
    await server.pause()
    await server.feed(b"hello")


async def _next(server: Server) -> None:
    await server.order("respond")


async def _next_unread(server: Server) -> None:
    await server.pause()
    await server.order("respond")


async def _begin(server: Server) -> None:
    await server.feed(SIZED[20:])


async def _end_chunks(server: Server) -> None:
    await server.feed(b"0\r\n\r\n")


async def _end_chunks_of_last(server: Server) -> None:
    await server.order("skip")
    await server.feed(b"0\r\n\r\n")


async def _break_skipped_body(server: Server) -> None:
    await server.order("skip")
    await server.feed(MALFORMED)


async def _break_input(server: Server) -> None:
    await server.feed(MALFORMED)


async def _break_dropped_body(server: Server) -> None:
    await server.feed(b"hello", MALFORMED)


async def _last_response(server: Server) -> None:
    server.host.is_leaving = True
    await server.order("respond")


async def _flood(server: Server) -> None:
    server.host.budget = MemoryBudget(0)
    await server.feed(b"x" * 10_000)


async def _fail(server: Server) -> None:
    await server.order("end")


async def _stop(server: Server) -> None:
    server.connection.shutdown()


async def _lose(server: Server) -> None:
    server.connection.connection_lost(None)


async def _unread(server: Server) -> None:
    await server.pause()


async def _read(server: Server) -> None:
    await server.resume()


WALKS: Final[dict[Edge, tuple[Walk, str]]] = {
    Edge("READING_HEAD", "on_request", "READING_BODY"): (_begin, ""),
    Edge("READING_BODY", "on_request_end", "HANDLING"): (_end_chunks, ""),
    Edge("READING_BODY", "on_request_end", "DRAINING"): (_end_chunks_of_last, ""),
    Edge("READING_BODY", "respond", "DROPPING_BODY"): (_next, "200"),
    Edge("READING_BODY", "_drain", "DRAINING"): (_break_skipped_body, ""),
    Edge("READING_BODY", "_end", "LINGERING"): (_break_input, "400 half-close"),
    Edge("READING_BODY", "_close", "LINGERING"): (_fail, "abort"),
    Edge("HANDLING", "respond", "READING_HEAD"): (_next, "200"),
    Edge("HANDLING", "respond", "RESPONDING"): (_next_unread, "200"),
    Edge("HANDLING", "_drain", "DRAINING"): (_stop, ""),
    Edge("HANDLING", "_end", "LINGERING"): (_last_response, "200 half-close"),
    Edge("HANDLING", "_close", "LINGERING"): (_fail, "abort"),
    Edge("DROPPING_BODY", "on_request_end", "READING_HEAD"): (_finish_body, "200"),
    Edge("DROPPING_BODY", "on_request_end", "RESPONDING"): (_finish_body_unread, "200"),
    Edge("DROPPING_BODY", "_close", "LINGERING"): (_stop, "200 close"),
    Edge("RESPONDING", "resume_writing", "READING_HEAD"): (_read, ""),
    Edge("RESPONDING", "_end", "LINGERING"): (_flood, "503 half-close"),
    Edge("RESPONDING", "_close", "LINGERING"): (_stop, "close"),
    Edge("READING_HEAD", "pause_writing", "RESPONDING"): (_unread, ""),
    Edge("READING_HEAD", "_end", "LINGERING"): (_break_input, "400 half-close"),
    Edge("READING_HEAD", "_close", "LINGERING"): (_stop, "close"),
    Edge("DRAINING", "_end", "LINGERING"): (_next, "200 half-close"),
    Edge("DRAINING", "_close", "LINGERING"): (_fail, "abort"),
    **{Edge(state, "connection_lost", _END): (_lose, "*") for state in REACH},
}
"""For each edge, what leads over it, and what the client sees at the end: statuses, and the way in which the connection ends."""

OTHER_WAYS: Final[dict[Edge, Walk]] = {}
"""The way to the state before an edge, if it is not the shortest one."""


async def _to_dropping_chunks(server: Server) -> None:
    await server.feed(CHUNKED)
    await server.order("respond")


OTHER_WAYS[Edge("DROPPING_BODY", "_end", "LINGERING")] = _to_dropping_chunks
WALKS[Edge("DROPPING_BODY", "_end", "LINGERING")] = (_break_input, "200 half-close")


def seen(wire: Wire) -> str:
    """The statuses that a client has seen, and the end of the connection."""
    statuses = re.findall(rb"HTTP/1\.1 (\d{3})", wire.written)
    return " ".join([*[status.decode() for status in statuses], *([wire.ended] if wire.ended else [])])


# ---- tests ------------------------------------------------------------------------------------------------------


def test_the_drawing_is_read() -> None:
    drawing = "A ── f ──▶ B ── _g ──▶   C\nany state ── lost ──▶ CLOSED"
    assert edges(drawing)[:2] == [Edge("A", "f", "B"), Edge("B", "_g", "C")]
    assert len(edges(drawing)) == 2 + len(ConnectionState) - 1


def test_each_edge_is_drawn_once_between_states_that_exist() -> None:
    assert len(DRAWN) > 25
    assert len(set(DRAWN)) == len(DRAWN)
    assert {state for edge in DRAWN for state in (edge.before, edge.after)} == {state.name for state in ConnectionState}


def test_the_page_has_the_same_drawing() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    section = page.partition("## A connection\n")[2].partition("\n## ")[0]
    assert edges(section) == DRAWN


def test_each_drawn_edge_has_a_walk() -> None:
    assert set(WALKS) == set(DRAWN)


@pytest.mark.parametrize("edge", WALKS, ids=" ".join)
def test_an_edge_is_walked(edge: Edge) -> None:
    async def main() -> None:
        server = Server()
        await OTHER_WAYS.get(edge, REACH[edge.before])(server)
        assert server.connection._state.name == edge.before
        before = len(server.connection.walked)
        walk, expected = WALKS[edge]
        await walk(server)
        await turns()
        assert server.connection.walked[before:] == [edge]
        assert server.connection._state.name == edge.after
        assert expected in ("*", seen(server.wire))
        assert set(server.connection.walked) <= set(DRAWN)
        if edge.after != _END:
            await server.close()

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(40))
def test_a_random_walk_leaves_no_drawn_edge(seed: int) -> None:
    """Every transition is drawn, if a client, a handler and the server take random steps."""
    random = Random(seed)

    async def main() -> None:
        server = Server(memory=random.choice([0, 1 << 20]))
        steps: list[Walk] = [
            *REACH.values(),
            *[walk for walk, _ in WALKS.values() if walk not in (_lose, _last_response, _flood)],
        ]
        for _ in range(30):
            if not server.wire.is_closing():
                await random.choice(steps)(server)
                server.connection.on_idle_tick(3, 5)
        assert set(server.connection.walked) <= set(DRAWN)
        await server.close()

    asyncio.run(main())


def test_only_the_drawn_methods_assign_the_state() -> None:
    tree = ast.parse(Path(http1.__file__).read_text("utf-8"))
    methods = {
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and node.attr == "_state" and isinstance(node.ctx, ast.Store)
    }
    assert methods == {edge.method for edge in DRAWN} | {"__init__"}
