"""The server protocol over TLS: a client can do to it there what it can do without, and a few things more.

The tests of the first part are those of `test_connection.py`, and those of `test_known_first.py` that are about memory. Their clients
speak TLS here.
"""

import asyncio
import contextlib
import gc
import ssl
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
import trustme
from uvicorn.server import ServerState

from tests import sealing
from tests.sealing import End, Forger, Secret, Slow
from tests.test_connection import (  # noqa: F401 - they are the tests
    LOOPS,
    PATIENCE,
    SMUGGLED,
    UNREACHED,
    Caller,
    Place,
    World,
    get,
    looks_often,
    place,
    post,
    test_a_body_that_breaks_behind_an_early_answer_closes_the_connection,
    test_a_body_that_stalls_is_told_so_and_closed,
    test_a_connection_is_kept_or_closed_and_an_answer_says_which,
    test_a_defect_behind_an_answer_takes_nothing_from_the_next_request,
    test_a_read_past_its_deadline_is_told_so_and_the_connection_is_kept,
    test_a_request_split_at_every_byte_is_the_same_request,
    test_a_server_that_stops_closes_the_idle_and_answers_what_is_under_way,
    test_bytes_after_a_last_response_are_not_taken_for_a_request,
    test_client_that_sends_body_after_its_response_is_closed_as_idle,
    test_idle_connections_are_closed_and_those_under_way_are_not,
    test_only_so_much_is_read_ahead,
    test_refused_expected_body_is_not_read_and_nothing_after_it,
    test_request_unfinished_after_the_grace_is_cut_and_its_client_sees_it,
    test_requests_in_one_write_are_answered_in_order_and_one_at_a_time,
    test_two_thousand_requests_over_few_connections_leave_nothing_behind,
    test_what_is_sent_ahead_waits_until_the_one_before_is_answered,
    test_who_asks_before_it_sends_a_body_is_told_to_go_on,
    test_who_ends_its_own_side_has_left,
    test_who_is_refused_before_its_body_has_come_sees_the_answer,
    test_who_is_still_writing_a_body_that_is_too_large_sees_the_answer,
    test_who_leaves_before_it_is_answered_ends_a_read_and_not_a_send,
    test_who_leaves_before_its_request_is_whole_asks_nothing,
    test_who_leaves_behind_what_it_sent_ahead_leaves_nothing_open,
    test_who_leaves_while_it_is_answered_is_no_defect,
    test_who_never_comes_to_an_end_sees_that_it_is_too_much,
    until,
)
from tests.test_known_first import (  # noqa: F401 - they are tests
    test_a_large_answer_is_held_until_it_is_read_or_refused,
    test_heads_whose_headers_nobody_reads_take_nothing,
    test_partial_heads_take_at_most_the_share_of_unauthenticated_clients,
    test_the_bodies_of_one_account_take_nothing_from_another,
    test_the_memory_for_a_body_is_given_back_however_it_ends,
)
from translator.core.http import messages
from translator.shell.server import protocol_factory
from translator.shell.server.http1 import Http1Protocol
from translator.shell.server.limits import LIMITS
from translator.shell.server.request import ServerRequest
from translator.shell.server.tls_transport import TlsServerTransport


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def secret(authority: trustme.CA) -> Secret:
    return sealing.made(authority, authority.issue_cert(sealing.HOST))


@pytest.fixture(scope="module", params=LOOPS)
def world(request: pytest.FixtureRequest, secret: Secret) -> Iterator[World]:
    made = World(request.param, secret=secret)
    yield made
    made.close()


@pytest.fixture(scope="module")
def either(world: World) -> World:
    """The only server that speaks TLS, in place of both kinds."""
    return world


# ---- an answer on its way -----------------------------------------------------------------------------------


class Answering:
    """Answers each call with so many bytes, and counts them."""

    def __init__(self, size: int) -> None:
        self.body, self.begun = b"x" * size, 0

    async def __call__(self, call: ServerRequest) -> None:
        self.begun += 1
        await call.read(1000)
        call.respond(messages.Response(200, (), self.body))


def test_a_large_answer_comes_whole(world: World) -> None:
    body = bytes(range(256)) * 2**11

    async def main() -> None:
        async def handle(call: ServerRequest) -> None:
            call.respond(messages.Response(200, (), body))

        async with place(handle=handle, small=True) as at, at.caller() as caller:
            await caller.say(get() + get(b"Connection: close"))
            assert [answer.body == body for answer in await caller.answers()] == [True, True]

    world.run(main())


def test_a_caller_that_does_not_read_its_answers_is_waited_for(world: World) -> None:
    handle, many = Answering(2**20), 20

    async def main() -> None:
        async with place(handle=handle, small=True) as at:
            assert at.door is not None and at.client is not None
            async with Slow(at.client) as caller:
                await caller.connect(at.address)
                await caller.send(caller.end.seal(get() * (many - 1) + get(b"Connection: close")))
                await until(lambda: handle.begun > 0)
                [connection] = at.door.state.connections
                transport = cast(Http1Protocol, connection)._transport
                for _ in range(50):
                    await asyncio.sleep(0.002)
                assert handle.begun <= 3
                assert 2**19 < transport.get_write_buffer_size() <= 3 * 2**20 + 2**17
                got = bytearray()
                while not caller.end.is_told:
                    got += await caller.hear()
            assert handle.begun == got.count(b"HTTP/1.1 200 OK\r\n") == many
            assert got.count(b"x" * 2**20) == many
            await at.left()

    world.run(main())


@pytest.mark.usefixtures("looks_often")
def test_who_reads_slowly_gets_all_of_it_and_the_end(world: World) -> None:
    size = 2**19

    async def main() -> None:
        async with place(soon=True, handle=Answering(size), small=True) as at:
            assert at.client is not None
            async with Slow(at.client) as caller:
                await caller.connect(at.address)
                await caller.send(caller.end.seal(get(b"Connection: close")))
                loop = asyncio.get_running_loop()
                began, got = loop.time(), 0
                while not caller.end.is_told:
                    got += len(await caller.hear())
                    await asyncio.sleep(0.02)
                assert got > size
                assert loop.time() - began > 10 * protocol_factory._LOOK  # twice as long as an idle one would be left
            await at.left()

    world.run(main())


@pytest.mark.usefixtures("looks_often")
@pytest.mark.parametrize("last", [b"X: y", b"Connection: close"])
def test_who_never_reads_its_answer_is_given_up(world: World, last: bytes) -> None:
    async def main() -> None:
        handle = Answering(2**24)
        async with place(soon=True, handle=handle, small=True) as at:
            assert at.client is not None
            async with Slow(at.client) as caller:
                await caller.connect(at.address)
                await caller.send(caller.end.seal(get(last) + get()))
                await until(lambda: handle.begun > 0)
                await at.left()

    world.run(main())


# ---- before and beside TLS ----------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def bare(at: Place) -> AsyncIterator[Caller]:
    """A client that does not speak TLS of its own."""
    async with at._replace(client=None).caller() as caller:
        yield caller


def quietly(world: World, script: Callable[[Place], Coroutine[Any, Any, None]]) -> None:
    """Run a script, and check that nothing is left, requested or logged."""

    async def main() -> None:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what))
        async with place(soon=True) as at:
            with structlog.testing.capture_logs() as logs:
                await script(at)
                await at.left()
            assert (at.provider.asked, logs, told) == ([], [], [])
            async with at.caller() as caller:
                await caller.say(get())
                assert (await caller.answer()).status == UNREACHED

    world.run(main())


def unshaken(at: Place) -> list[str]:
    """Why hands were not shaken."""
    assert at.door is not None
    return at.door.unshaken


@pytest.mark.parametrize("said", [get(), post(), post()[:20]], ids=["read", "send", "half"])
def test_plain_http_is_told_to_come_over_tls(world: World, said: bytes) -> None:
    async def script(at: Place) -> None:
        async with bare(at) as caller:
            await caller.say(said)
            await caller.say(*[SMUGGLED] * 20)  # the connection is not reset for these
            [answer] = await caller.answers()
            assert (answer.status, answer.closes) == (400, True)
            assert answer.body == b"This port speaks HTTPS, and the request came as plain HTTP."
        assert unshaken(at) == ["HTTP_REQUEST"]

    quietly(world, script)


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH\r\n", b"\x00" * 100, b"\x16\x03\x01\x02\x00" + b"x" * 512])
def test_what_is_no_tls_is_not_answered_with_anything_else(world: World, said: bytes) -> None:
    async def script(at: Place) -> None:
        async with bare(at) as caller:
            await caller.say(said)
            told = await caller.ended()
            assert told == b"" or told[0] == 0x15  # an alert
        assert len(unshaken(at)) == 1

    quietly(world, script)


@pytest.mark.parametrize("rudely", [False, True])
def test_who_vanishes_while_hands_are_shaken_leaves_nothing(world: World, secret: Secret, rudely: bool) -> None:
    async def script(at: Place) -> None:
        assert at.door is not None
        hello = End(secret.client).shake()
        for said in (b"", hello[:1], hello[:-1], hello):
            async with bare(at) as caller:
                await caller.say(said, b"")
                await until(lambda: bool(at.door and hasattr(at.door, "state") and at.door.state.connections))
                caller.hang_up(rudely=rudely)
            await at.left()
        assert unshaken(at) == ["gone"] * 3  # a silent client may only have tested if the port is open

    quietly(world, script)


def test_client_that_distrusts_the_certificate_says_so_and_is_no_defect(world: World) -> None:
    """Some clients send an alert, and some disconnect without one: asyncio's are among those."""

    async def script(at: Place) -> None:
        stranger = ssl.create_default_context()
        async with bare(at) as caller:
            end = End(stranger)

            async def shake() -> None:
                await caller.say(end.shake())
                while True:
                    await caller.say(end.shake(await sealing.some(caller._reader)))

            with pytest.raises(ssl.SSLCertVerificationError):
                await shake()
            await caller.say(end.unsaid())
            await until(lambda: bool(unshaken(at)))
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(*at.address, ssl=stranger)
        await until(lambda: unshaken(at) == ["TLSV1_ALERT_UNKNOWN_CA", "gone"])

    quietly(world, script)


@pytest.mark.usefixtures("looks_often")
def test_unfinished_handshakes_time_out_and_others_are_served_meanwhile(world: World, secret: Secret) -> None:
    async def script(at: Place) -> None:
        hello = End(secret.client).shake()
        async with bare(at) as silent, bare(at) as half, bare(at) as whole, bare(at) as dribbling:
            await half.say(hello[:-1])
            await whole.say(hello)

            async def dribble() -> None:
                for byte in hello:
                    await dribbling.say(bytes([byte]))
                    await asyncio.sleep(0.01)

            dribbled = asyncio.create_task(dribble())
            async with at.caller() as caller:
                await caller.say(b"GET ")
                assert (await caller.ended()) == b""  # it is idle, with other tests for that
            for stalled in (silent, half, whole, dribbling):
                with contextlib.suppress(ConnectionError):
                    await stalled.ended()
            dribbled.cancel()
        assert unshaken(at) == ["overdue"] * 4

    quietly(world, script)


def test_a_server_that_stops_waits_for_no_handshake(world: World, secret: Secret) -> None:
    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            server = contextlib.AsyncExitStack()
            at = await server.enter_async_context(place())
            silent, half, busy = [await stack.enter_async_context(way) for way in (bare(at), bare(at), at.caller())]
            await half.say(End(secret.client).shake())
            at.provider.go_on.clear()
            await busy.say(post())
            await until(lambda: bool(at.provider.asked))
            stopping = asyncio.create_task(server.aclose())
            for stalled in (silent, half):
                with contextlib.suppress(ConnectionError):
                    await stalled.ended()
            assert not stopping.done()
            at.provider.go_on.set()
            [answer] = await busy.answers()
            assert (answer.status, answer.closes) == (UNREACHED, True)
            await stopping

    world.run(main())


# ---- records ------------------------------------------------------------------------------------------------


def test_broken_record_ends_the_connection_and_earlier_data_counts(world: World) -> None:
    async def script(at: Place) -> None:
        at.provider.go_on.clear()
        assert at.client is not None
        async with Slow(at.client) as caller:
            await caller.connect(at.address)
            whole, broken = caller.end.seal(post(b"X-Request-Id: right")), bytearray(caller.end.seal(SMUGGLED))
            broken[-1] ^= 1
            await caller.send(whole + broken)
            with pytest.raises(ssl.SSLError):
                await everything(caller)
        await until(lambda: at.provider.ids == ["right"])
        at.provider.go_on.set()
        await at.left()
        assert at.provider.ended == ["right"]

    world(script)


@contextlib.asynccontextmanager
async def forging(at: Place, authority: trustme.CA, keys: Path) -> AsyncIterator[tuple[Slow, Forger]]:
    """A client, and a forger that knows its keys."""
    client = ssl.create_default_context()
    authority.configure_trust(client)
    client.keylog_filename = str(keys)
    async with Slow(client) as caller:
        await caller.connect(at.address)
        yield caller, Forger(keys)


def test_a_caller_may_want_other_keys_now_and_then(
    world: World, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        protocol_factory, "_LOOK", 10 * PATIENCE
    )  # to forge so many records may take a slow machine seconds

    async def script(at: Place) -> None:
        async with forging(at, authority, tmp_path / "keys") as (caller, forger):
            for number in range(3):
                renewals = b"".join(forger.renewal() for _ in range(500))
                await caller.send(renewals + forger.seal(get(b"X-Request-Id: %d" % number)))
                got = b""
                while b"\r\nX-Request-Id: %d\r\n" % number not in got:
                    got += await caller.hear()

    world(script)


@pytest.mark.parametrize("every", [10_000, 50], ids=["nothing", "next to it"])
def test_who_says_next_to_nothing_in_many_records_is_closed(
    world: World, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    """Reading a record takes longer than sending it, each is answered, and the client does not read the answers. All others would wait
    as long as it goes on.

    A byte of a request now and then changes nothing.
    """
    monkeypatch.setattr(protocol_factory, "_LOOK", 10 * PATIENCE)  # it is not for being idle

    async def script(at: Place) -> None:
        async with forging(at, authority, tmp_path / "keys") as (caller, forger):
            rest = (bytes([byte]) for byte in get())
            said = [forger.seal(next(rest)) if number % every == 1 else forger.renewal() for number in range(4000)]
            with contextlib.suppress(ConnectionError):
                await caller.send(b"".join(said))
            await at.left()

    quietly(world, script)


async def everything(caller: Slow) -> None:
    while not caller.end.is_told:
        await caller.hear()


@pytest.mark.parametrize("politely", [True, False])
def test_who_leaves_with_its_request_ends_a_read_and_not_a_send(world: World, politely: bool) -> None:
    """The client closes in one write with its request, with close_notify or only with TCP."""

    async def script(at: Place) -> None:
        at.provider.go_on.clear()
        assert at.client is not None
        for whole in (get(b"X-Request-Id: read"), post(b"X-Request-Id: send")):
            async with Slow(at.client) as caller:
                await caller.connect(at.address)
                await caller.send(caller.end.seal(whole) + (caller.end.goodbye() if politely else b""))
        assert at.door is not None
        state = at.door.state
        await until(lambda: not state.connections)
        at.provider.go_on.set()
        await at.left()
        await until(lambda: at.provider.ended == ["send"])

    world(script)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_either_version_is_spoken(world: World, authority: trustme.CA, version: ssl.TLSVersion) -> None:
    async def script(at: Place) -> None:
        client = ssl.create_default_context()
        authority.configure_trust(client)
        client.maximum_version = version
        async with at._replace(client=client).caller() as caller:
            for number in range(3):
                await caller.say(post(b"X-Request-Id: %d" % number))
                assert (await caller.answer()).id == str(number)
            assert caller.writer.end.tls.version() == {771: "TLSv1.2", 772: "TLSv1.3"}[version]  # type: ignore[attr-defined]
            await caller.say(post(b"X-Request-Id: last", b"Connection: close"))
            [last] = await caller.answers()
            assert last.id == "last"

    world(script)


def test_a_connection_is_gone_without_the_collector_of_garbage(world: World) -> None:
    """Neither it nor a connection without a finished handshake is in a reference cycle."""

    async def script(at: Place) -> None:
        assert at.door is not None
        gc.collect()
        gc.disable()
        try:
            async with at.caller() as caller, bare(at) as silent:
                await caller.say(get()[:-5], b"")
                await silent.say(b"\x16", b"")
                connections = at.door.state.connections
                await until(lambda: {type(one) for one in connections} == {Http1Protocol, TlsServerTransport})
                kept = [weakref.ref(one) for one in connections]
                kept += [weakref.ref(one._transport) for one in connections if isinstance(one, Http1Protocol)]
                del at.door.last
            await at.left()
            await until(lambda: not any(one() for one in kept))
        finally:
            gc.enable()

    world(script)


class Network:
    """A network that remembers its traffic, and shows if reading is paused."""

    def __init__(self) -> None:
        self.said = b""
        self.is_read = True

    def write(self, data: bytes) -> None:
        self.said += data

    def taken(self) -> bytes:
        said, self.said = self.said, b""
        return said

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


def test_behind_a_large_read_of_small_records_it_is_the_turn_of_others(secret: Secret) -> None:
    async def main() -> None:
        heard: list[bytes] = []
        heard_of: list[str] = []

        class Inner(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                heard.append(data)

        network, end = Network(), End(secret.client)
        sealed = TlsServerTransport(Inner, secret.server, ServerState(), heard_of.append)
        sealed.connection_made(cast("asyncio.Transport", network))
        while not end.is_open:
            sealed.data_received(end.shake(network.taken()))
        records = b"".join(end.seal(b"x" * 9) for _ in range(3000))
        sealed.data_received(records[: LIMITS.turn - 1])
        assert network.is_read
        sealed.data_received(records[LIMITS.turn - 1 :] + b"".join(end.seal(b"x" * 9) for _ in range(3000)))
        assert not network.is_read
        await asyncio.sleep(0)
        assert network.is_read
        sealed.pause_reading()
        sealed.data_received(b"".join(end.seal(b"x" * 9) for _ in range(3000)))
        await asyncio.sleep(0)
        assert not network.is_read, "the connection wants nothing more for now"
        sealed.resume_reading()
        assert network.is_read
        assert sum(map(len, heard)) == 9 * 9000
        assert heard_of == []

    asyncio.run(main())
