"""Authentication before any work: on real sockets, the response to an unauthenticated client, and the share that one account can take
from another.

Each bound is a number of bytes or of objects that is counted, and everything that was taken is given back.
"""

import asyncio
import contextlib
import gc
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import pytest
import uvloop

from tests.exchanges import dialects, play, read_cases
from tests.fronts import ACCOUNT, BASIC, MESSAGES, TOKEN, accounts
from tests.test_connection import (  # noqa: F401 - one is a fixture
    AUTHORISED,
    CHUNKS,
    FORM,
    FORMED,
    IN_CHUNKS,
    LOOPS,
    PATH,
    SMUGGLED,
    UNREACHED,
    Place,
    World,
    chunked,
    get,
    looks_often,
    place,
    post,
    sends,
    until,
)
from translator.core import exchange
from translator.core.accounts import Accounts
from translator.core.http import messages
from translator.core.http.messages import Failure
from translator.shell.aio.memory_budget import UNKNOWN, MemoryBudget
from translator.shell.runtime.single_flight_cache import SingleFlightCache
from translator.shell.server.handler import Proxy
from translator.shell.server.http1 import Http1Protocol
from translator.shell.server.http1_request import Http1Request
from translator.shell.server.limits import LIMITS
from translator.shell.server.request import ServerRequest
from translator.shell.server.request_head import KEPT, RequestHead
from translator.shell.server.unsent_bytes import Unsent


@pytest.fixture(scope="module", params=LOOPS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(request.param)
    yield made
    made.close()


NAME = f"restcomm/{ACCOUNT}/"
OTHER = "AC" + "7" * 32
OTHERS = f"restcomm/{OTHER}/"


# ---- the head is looked at first -----------------------------------------------------------------------------

PLAIN = MESSAGES.removesuffix(".json").encode()
WRONG = b"Host: x\r\nAuthorization: Basic Og==\r\n"
REFUSED = {
    "nobody": (401, b"POST %s HTTP/1.1\r\nHost: x\r\n" % PATH),
    "wrong": (401, b"POST %s HTTP/1.1\r\n%s" % (PATH, WRONG)),
    "nobody-nowhere": (401, b"PUT /nowhere HTTP/1.1\r\nHost: x\r\n"),
    "not-acceptable": (406, b"POST %s HTTP/1.1\r\n%sAccept: text/html\r\n" % (PLAIN, AUTHORISED)),
    "nowhere": (404, b"POST /2012-04-24/Nowhere HTTP/1.1\r\n" + AUTHORISED),
    "no-such-method": (405, b"PUT %s HTTP/1.1\r\n%s" % (PATH, AUTHORISED)),
    "not-mine": (403, b"POST %s HTTP/1.1\r\n%s" % (PATH.replace(ACCOUNT.encode(), OTHER.encode()), AUTHORISED)),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("framing", [b"Content-Length: 900", b"Content-Length: 70000", IN_CHUNKS])
@pytest.mark.parametrize("asks", [b"", b"Expect: 100-continue\r\n"], ids=["", "asks"])
def test_who_is_refused_for_its_head_is_told_before_its_body_comes(
    world: World, name: str, framing: bytes, asks: bytes
) -> None:
    """Nothing of the body is sent. The server does not ask for it, and does not take later bytes for a request."""
    status, head = REFUSED[name]

    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(head + framing + b"\r\n" + asks + b"\r\n")
            answer = await caller.answer()
            is_drained = framing.endswith(b"900") and not asks
            assert (answer.status, answer.closes) == (status, not is_drained)
            if is_drained:
                await caller.say(SMUGGLED.ljust(900, b"x") + get())
                assert (await caller.answer()).status == UNREACHED
            else:
                await caller.say(SMUGGLED)
                assert await caller.ended() == b""
        assert sends(at) == []

    world(script)


def test_only_so_much_of_a_body_is_drained(world: World) -> None:
    head = b"POST /2012-04-24/Nowhere HTTP/1.1\r\n" + AUTHORISED

    async def script(at: Place) -> None:
        for size in (LIMITS.dropped_body, LIMITS.dropped_body + 1):
            async with at.caller() as caller:
                await caller.say(head + b"Content-Length: %d\r\n\r\n" % size)
                assert (await caller.answer()).closes == (size > LIMITS.dropped_body)

    world(script)


def test_a_body_is_refused_by_the_size_that_it_declares(world: World) -> None:
    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(chunked(b"Content-Length: 1001", b"Expect: 100-continue", body=b""))
            answer = await caller.answer()
            assert (answer.status, answer.closes) == (413, True)

    world(script)


def test_an_unknown_caller_takes_no_place_of_the_queue(world: World) -> None:
    """Fifty wait with their bodies, and two places are all there are."""

    async def main() -> None:
        async with place(queue_max=2) as at, contextlib.AsyncExitStack() as stack:
            for number in range(50):
                caller = await stack.enter_async_context(at.caller())
                login = b"" if number % 2 else b"Authorization: Basic %d\r\n" % number
                await caller.say(b"POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: 900\r\n\r\n" % (PATH, login))
                assert (await caller.answer()).status == 401
            async with at.caller() as known:
                await known.say(post())
                assert (await known.answer()).status == UNREACHED

    world.run(main())


def two() -> Accounts:
    """Two accounts with the same token."""
    [one] = accounts().entries
    return Accounts([one, one._replace(front=one.front._replace(account=OTHER))])


def other(whole: bytes) -> bytes:
    """The same request of the other account."""
    login = BASIC.encode(), b"Basic " + wire_login(OTHER)
    return whole.replace(*login).replace(ACCOUNT.encode(), OTHER.encode())


def wire_login(account: str) -> bytes:
    return b64encode(f"{account}:{TOKEN}".encode())


class Silent:
    """A provider that answers when it is let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.go_on = asyncio.Event()

    async def ask(self, *_: object) -> Failure:
        self.asked += 1
        await self.go_on.wait()
        return Failure("never-left")

    async def aclose(self) -> None:
        return None


def serving_two(silent: Silent, budget: MemoryBudget | None = None, **knobs: Any) -> Proxy:
    memory = SingleFlightCache(budget=budget)
    return Proxy(two(), exchange.Limits(), {"provider": silent}, memory=memory, **knobs)


def test_the_spellings_of_its_credentials_give_an_account_no_more_places(world: World) -> None:
    spellings = [b"Basic", b"basic", b"BASIC", b"bAsic", b"baSic", b"basIc"]

    async def main() -> None:
        silent = Silent()
        under = serving_two(silent, queue_max=6)
        async with place(handle=under.handle) as at, contextlib.AsyncExitStack() as stack:
            told = []
            for spelling in spellings:
                caller = await stack.enter_async_context(at.caller())
                await caller.say(get().replace(b"Basic", spelling))
                told.append(asyncio.create_task(caller.answer()))
                await asyncio.sleep(0.01)
            await until(lambda: sum(one.done() for one in told) == 3)
            async with at.caller() as caller:
                await caller.say(other(get()))
                await asyncio.sleep(0.01)
                silent.go_on.set()
                assert (await caller.answer()).status == UNREACHED
            assert sorted([(await one).status for one in told]) == [UNREACHED] * 3 + [503] * 3

    world.run(main())


RECEIPT = b"POST /receipts/a.b HTTP/1.1\r\nHost: front.test\r\nContent-Length: 0\r\n\r\n"
RECEIPTS_AT_ONCE = 16
"""The number of docs/security.md: a sixteenth of `queue_max`, which is 256 here."""


def test_receipts_have_places_of_their_own_and_no_more_than_them(world: World) -> None:
    """Receipts come without credentials. A flood of them takes nothing from accounts, and accounts take nothing from them."""

    async def main() -> None:
        silent, go_on, taken = Silent(), asyncio.Event(), 0

        async def takes(_: str) -> bool:
            nonlocal taken
            taken += 1
            await go_on.wait()
            return True

        under = serving_two(silent, queue_max=256, receipts=takes)
        async with place(handle=under.handle) as at, contextlib.AsyncExitStack() as stack:
            told = []
            for _ in range(RECEIPTS_AT_ONCE + 4):
                caller = await stack.enter_async_context(at.caller())
                await caller.say(RECEIPT)
                told.append(asyncio.create_task(caller.answer()))
            await until(lambda: sum(one.done() for one in told) == 4)
            assert taken == RECEIPTS_AT_ONCE
            refused = [one.result() for one in told if one.done()]
            assert {(one.status, one.headers["retry-after"]) for one in refused} == {(503, "1")}
            silent.go_on.set()
            async with at.caller() as caller:
                await caller.say(get())
                assert (await caller.answer()).status == UNREACHED
            go_on.set()
            assert sorted([(await one).status for one in told]) == [200] * RECEIPTS_AT_ONCE + [503] * 4
            async with at.caller() as caller:
                await caller.say(RECEIPT)
                assert (await caller.answer()).status == 200

    world.run(main())


# ---- headers -------------------------------------------------------------------------------------------------


def test_every_header_that_the_core_reads_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over all cases, and each of them is read in some."""
    read: set[str] = set()
    looked = messages.Request.header

    def header(request: messages.Request, name: str) -> str | None:
        read.add(name)
        return looked(request, name)

    monkeypatch.setattr(messages.Request, "header", header)
    for case in read_cases():
        play(case, dialects())
    assert read == exchange.HEADERS
    assert exchange.HEADERS < KEPT


def test_a_head_has_a_hundred_headers_at_most(world: World) -> None:
    async def script(at: Place) -> None:
        for many, status in ((LIMITS.headers, UNREACHED), (LIMITS.headers + 1, 431)):
            async with at.caller() as caller:
                await caller.say(get(*[b"x:"] * (many - 2)))
                assert (await caller.answer()).status == status
            async with at.caller() as caller:  # trailers are some of them
                body = CHUNKS + b"y: z\r\n" * (many - 4) + b"\r\n"
                await caller.say(chunked(IN_CHUNKS, body=body))
                assert (await caller.answer()).status == status
        assert len(sends(at)) == 1

    world(script)


def test_a_head_keeps_each_header_that_is_read_once_and_no_other() -> None:
    head = RequestHead()
    for _ in range(9):
        for name in (b"Accept", b"X-Other", b"x-request-id", b"Connection"):
            head.add(name, name.lower())
    assert head.headers == (
        ("accept", "accept"), ("x-request-id", "x-request-id"), ("connection", ", ".join(["connection"] * 9)),
    )  # fmt: skip
    assert head.size == 9 * 2 * sum(map(len, ("accept", "x-other", "x-request-id", "connection")))


HOSTS = ("", "a", "a.test:80", "a.test:", "[::1]", "[::1]:8080", "10.0.0.1:1", "a_b-c.test", "%41.test", "a,b;c=d")


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_of_any_form_is_one(world: World, host: str) -> None:
    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(get().replace(b"front.test", host.encode()))
            assert (await caller.answer()).status == UNREACHED

    world(script)


def test_a_request_of_the_older_version_needs_no_host(world: World) -> None:
    async def script(at: Place) -> None:
        async with at.caller() as caller:
            await caller.say(get().replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Host: front.test\r\n", b""))
            assert (await caller.answer()).status == UNREACHED

    world(script)


# ---- bytes that are sent ahead -------------------------------------------------------------------------------


def test_requests_that_are_split_anywhere_are_the_same_requests(world: World) -> None:
    """Two reads, split at any byte: each request ends at its end, and the next begins there.

    The parser knows no loop, so one loop shows every byte, and the other one every ninth.
    """
    whole = b"".join(
        [
            get(b"X-Request-Id: 0"),
            chunked(IN_CHUNKS, b"X-Request-Id: 1", body=CHUNKS + b"y: z\r\n\r\n"),
            chunked(IN_CHUNKS, b"X-Request-Id: 2", body=b"4\r\n\r\n\r\n\r\n0\r\n\r\n"),
            post(b"X-Request-Id: 3", body=FORM + b"\r\n\r\n"),
            b"\r\n" + get(b"X-Request-Id: 4"),
        ]
    )

    async def script(at: Place) -> None:
        is_uvloop = isinstance(asyncio.get_running_loop(), uvloop.Loop)
        for cut in range(1, len(whole), 1 if is_uvloop else 9):
            async with at.caller() as caller:
                await caller.say(whole[:cut], whole[cut:])
                told = [await caller.answer() for _ in range(5)]
                assert [answer.id for answer in told] == list("01234"), cut
                assert told[2].status == 400, "its body names nobody"

    world(script)


def test_what_is_sent_ahead_makes_no_request_before_its_turn(world: World) -> None:
    """Very many in one write: more than the sixteen that are read ahead, and more than one read takes."""

    def requests() -> int:
        gc.collect()
        return sum(isinstance(one, Http1Request) for one in gc.get_objects())

    async def main() -> None:
        before = requests()
        async with place() as at:
            at.provider.go_on.clear()
            async with at.caller() as caller:
                await caller.say(get())
                await until(lambda: bool(at.provider.asked))
                many = 600
                caller.writer.write(b"GET / HTTP/1.1\r\nHost:x\r\n\r\n" * many)
                assert at.door is not None
                connection = cast(Http1Protocol, at.door.last)
                await until(lambda: bool(connection._input.rest))
                assert requests() - before <= 1 + 16
                at.provider.go_on.set()
                assert (await caller.answer()).status == UNREACHED
                for _ in range(many):
                    assert (await caller.answer()).status == 401
            await at.left()

    world.run(main())


# ---- memory --------------------------------------------------------------------------------------------------

TOTAL = 2**20
"""Bytes of a budget for two accounts: an eighth is each account's own, a sixteenth that of unauthenticated clients."""

STRANGERS = TOTAL // 16


@contextlib.asynccontextmanager
async def bounded(**knobs: Any) -> AsyncIterator[tuple[Place, Silent, MemoryBudget]]:
    """Two accounts before a silent provider. Nothing is held when nothing is open."""
    budget, silent = MemoryBudget(TOTAL, [NAME, OTHERS]), Silent()
    under = serving_two(silent, budget, **knobs)
    async with place(handle=under.handle, small=True, soon=knobs.pop("soon", False)) as at:
        assert at.door is not None
        at.door.budget = budget
        yield at, silent, budget
        await at.left()
        await until(lambda: budget.held == 0)


def holds(budget: MemoryBudget, account: str, kind: str) -> int:
    return sum(size for name, what, size in budget.totals() if (name, what) == (account, kind))


HALF = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("more", [b"Accept: " + b"x" * 20000, b"X: " + b"x" * 20000], ids=["kept", "not-whole"])
def test_partial_heads_take_at_most_the_share_of_unauthenticated_clients(world: World, more: bytes) -> None:
    async def main() -> None:
        async with bounded() as (at, silent, budget), contextlib.AsyncExitStack() as stack:
            callers = [await stack.enter_async_context(at.caller()) for _ in range(20)]
            for caller in callers:
                await caller.say(HALF, more)
            await until(lambda: holds(budget, UNKNOWN, "head") > STRANGERS - 21000)
            assert holds(budget, UNKNOWN, "head") <= STRANGERS
            for caller in callers[STRANGERS // 20000 + 1 :]:
                answer = await caller.answer()
                assert (answer.status, answer.headers["retry-after"], answer.closes) == (503, "1", True)
            async with at.caller() as known:  # in two pieces, with a head that is not whole for a while
                silent.go_on.set()
                whole = post()
                await known.say(whole[:40], whole[40:])
                assert (await known.answer()).status == UNREACHED
            assert list(budget.refusals()) == [(UNKNOWN, "head", len(callers) - STRANGERS // 20000)]

    world.run(main())


def test_heads_whose_headers_nobody_reads_take_nothing(world: World) -> None:
    more = b"".join(b"x-%d: %s\r\n" % (number, b"v" * 1500) for number in range(36))

    async def main() -> None:
        async with bounded() as (at, _, budget), contextlib.AsyncExitStack() as stack:
            for _ in range(20):
                caller = await stack.enter_async_context(at.caller())
                await caller.say(HALF, more)
            assert budget.held == 0
            assert not list(budget.refusals())

    world.run(main())


def body_of(size: int) -> bytes:
    """A send that declares more than it brings."""
    return chunked(b"Content-Length: %d" % (size + 1), body=b"x" * size)


def test_the_bodies_of_one_account_take_nothing_from_another(world: World) -> None:
    async def main() -> None:
        async with bounded() as (at, silent, budget), contextlib.AsyncExitStack() as stack:
            told = []
            for _ in range(40):
                caller = await stack.enter_async_context(at.caller())
                await caller.say(body_of(60000))
                told.append(asyncio.create_task(caller.answer()))
            await until(lambda: sum(one.done() for one in told) > 20)
            assert {(one.result().status, one.result().headers["retry-after"]) for one in told if one.done()} == {
                (503, "1")
            }
            assert holds(budget, NAME, "body") <= TOTAL - 2 * STRANGERS
            silent.go_on.set()
            for _ in range(2):
                async with at.caller() as caller:
                    await caller.say(other(post(body=FORM + b"&x=" + b"y" * 60000)))
                    assert (await caller.answer()).status in {UNREACHED, 400}
            assert {name for name, _, _ in budget.refusals()} == {NAME}
            for one in told:
                one.cancel()

    world.run(main())


@pytest.mark.parametrize("ends", ["leaves", "resets", "stalls", "is-served", "is-too-large"])
def test_the_memory_for_a_body_is_given_back_however_it_ends(world: World, ends: str) -> None:
    async def main() -> None:
        deadline = 0.2 if ends == "stalls" else 30.0
        async with bounded(deadline=deadline) as (at, silent, budget), at.caller() as caller:
            size = 60000
            head = chunked(IN_CHUNKS, body=b"") if ends == "is-too-large" else body_of(size)
            await caller.say(head)
            if ends == "is-too-large":
                await caller.say(b"ea60\r\n" + b"x" * size + b"\r\n")
            await until(lambda: holds(budget, NAME, "body") == size)
            if ends in ("leaves", "resets"):
                caller.hang_up(rudely=ends == "resets")
            else:
                silent.go_on.set()
                await caller.say(*{"is-served": [b"x"], "is-too-large": [b"ea60\r\n" + b"x" * size]}.get(ends, []))
                assert (await caller.answer()).status == {"stalls": 408, "is-too-large": 413}.get(ends, 400)
            await until(lambda: budget.held == 0)

    world.run(main())


def answers_with(at: Place, budget: MemoryBudget, size: int) -> None:
    """Make the end of the proxy answer everything with a body of this size."""
    under = serving_two(Silent(), budget)

    async def handle(call: ServerRequest) -> None:
        await call.read(1000)
        call.account = NAME
        under._tell(call, exchange.Reply(messages.Response(200, (), b"x" * size)), may_refuse=True)

    assert at.door is not None
    at.door.handle = handle


@pytest.mark.parametrize("size", [LIMITS.free, LIMITS.free + 1, 10 * TOTAL])
def test_a_large_answer_is_held_until_it_is_read_or_refused(world: World, size: int) -> None:
    """The end of the proxy answers here: the response has any size, and its client does not read it."""

    async def main() -> None:
        async with bounded() as (at, _, budget):
            answers_with(at, budget, size)
            async with at.caller() as caller:
                await caller.say(get())
                answer = await caller.answer()
                assert (answer.status, len(answer.body) == size) == ((200, True) if size < TOTAL else (503, False))
                await until(lambda: budget.held == 0)
                assert any(kind == "unsent" for _, kind, _ in budget.totals()) == (LIMITS.free < size < TOTAL)
            assert any(budget.refusals()) == (size > TOTAL)

    world.run(main())


@pytest.mark.parametrize("ends", ["reads", "leaves"])
def test_the_memory_for_an_answer_that_is_not_read_is_given_back(world: World, ends: str) -> None:
    size = TOTAL // 4

    async def main() -> None:
        async with bounded() as (at, _, budget):
            answers_with(at, budget, size)
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(raw, at.address)
            await loop.sock_sendall(raw, get(b"Connection: close"))
            await until(lambda: holds(budget, NAME, "unsent") == size)
            for _ in range(20):
                await asyncio.sleep(0.002)
            assert holds(budget, NAME, "unsent") == size
            while ends == "reads" and await loop.sock_recv(raw, 65536):
                pass
            raw.close()
            await until(lambda: budget.held == 0)

    world.run(main())


# ---- a least rate --------------------------------------------------------------------------------------------


def test_who_reads_as_fast_as_it_has_to_is_never_too_slow() -> None:
    unsent, size = Unsent(), LIMITS.first_window + 9 * LIMITS.later_windows
    unsent.fill(size)
    slow = []
    for look in range(1, 10 * LIMITS.window):
        if look % LIMITS.window == 0:
            size -= LIMITS.first_window if look == LIMITS.window else LIMITS.later_windows
        slow.append(unsent.is_slow(size))
    assert not any(slow)


@pytest.mark.parametrize(
    ("first", "later", "looks"),
    [
        (LIMITS.first_window - 1, LIMITS.later_windows, LIMITS.window),
        (LIMITS.first_window, LIMITS.later_windows - 1, 2 * LIMITS.window),
    ],
)
def test_who_reads_more_slowly_is_found_at_the_end_of_a_window(first: int, later: int, looks: int) -> None:
    unsent, size = Unsent(), 2**20
    unsent.fill(size)
    for look in range(1, 2 * LIMITS.window + 1):
        if look % LIMITS.window == 0:
            size -= first if look == LIMITS.window else later
        if unsent.is_slow(size):
            assert look == looks
            return
    raise AssertionError("it was never found")


def test_where_nothing_waits_nobody_is_slow() -> None:
    unsent = Unsent()
    assert not any(unsent.is_slow(0) for _ in range(10 * LIMITS.window))
    unsent.fill(10)
    unsent.drain()
    assert not any(unsent.is_slow(0) for _ in range(10 * LIMITS.window))


@pytest.mark.usefixtures("looks_often")
def test_an_answer_that_is_read_in_drops_is_given_up(world: World) -> None:
    """The idle sweep runs every 0.02 seconds here, and a drop comes each time, so that the connection is never idle."""

    async def main() -> None:
        async def handle(call: ServerRequest) -> None:
            await call.read(1000)
            call.respond(messages.Response(200, (), b"x" * 2**24))

        async with place(handle=handle, small=True) as at:
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(raw, at.address)
            await loop.sock_sendall(raw, get())
            with contextlib.suppress(ConnectionError):
                for _ in range(500):
                    if not await loop.sock_recv(raw, 1000):
                        break
                    assert at.door is not None
                    if not at.door.state.connections:
                        break
                    await asyncio.sleep(0.01)
                else:
                    raise AssertionError("it is served for ever")
            await at.left()
            raw.close()

    world.run(main())
