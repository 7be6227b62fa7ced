"""A whole process under many connections at once: its descriptors, its memory, its admin port."""

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.twins.serving import serve as serve_twin
from tests.commands import ACCOUNT, LISTS, SECONDS, fetch
from tests.crowded import crowded
from tests.reloading import Provider

BASIC = "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTp0"
ASKS = f"GET {LISTS} HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\n\r\n".encode()


@pytest.fixture
def many() -> Iterator[None]:
    """Raise the test's own descriptor limit as far as the system allows."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_connections_beyond_the_descriptors_leave_room_for_backs_and_admin(tmp_path: Path) -> None:
    """The process is started with 100 descriptors and may have 200, of which clients get 100."""

    def asked(url: str) -> None:
        with crowded(tmp_path, url, (100, 200)) as at, contextlib.ExitStack() as stack:
            assert "200" in limits_of(at.pid), "it takes all that it may have"
            first = stack.enter_context(at.connect())
            first.sendall(ASKS)
            assert first.recv(65536).startswith(b"HTTP/1.1 200")
            crowd = [stack.enter_context(at.connect()) for _ in range(249)]
            assert fetch(f"http://{at.admin}/readyz")[0] == 200
            for _ in range(2):
                first.sendall(ASKS)
                assert first.recv(65536).startswith(b"HTTP/1.1 200"), "the provider can be connected to"
            refused = [one for one in crowd if is_refused(one)]
            assert len(refused) == 250 - 100
            assert at.metric('sms_translator_connections_refused_total{port="front"}') == 150
            assert at.said("connections-refused")
            before = processor_time(at.pid)
            time.sleep(1)
            assert processor_time(at.pid) - before < 0.5, "it does not ask again and again"

    async def main() -> None:
        async with serve_twin(Provider(3)) as url:
            await asyncio.to_thread(asked, url)

    asyncio.run(main())


def limits_of(pid: int) -> str:
    """The line about descriptors among the limits of a process. The soft limit comes first."""
    lines = Path(f"/proc/{pid}/limits").read_text("ascii").splitlines()
    return next(line for line in lines if line.startswith("Max open files")).split()[3]


def processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def is_refused(connection: socket.socket) -> bool:
    """True if the server has answered that it has no room. The client sends nothing."""
    connection.settimeout(0.01)
    try:
        return connection.recv(12) == b"HTTP/1.1 503"
    except TimeoutError:
        return False


CONNECTIONS = 2000
SOON = 10
"""Seconds for a machine that is busy with other tests; one that is not takes less than one."""

LARGE = b"".join(b"x-%d: %s\r\n" % (number, b"v" * 1500) for number in range(36))
HALF = b"GET / HTTP/1.1\r\nHost: x\r\n" + LARGE
"""A head that never ends, a whole one whose body does not come, and one whose body stops in the middle."""

WAITS = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n" + LARGE + b"\r\n"
STOPS = (
    f"POST {LISTS} HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\nContent-Length: 60000\r\n\r\n".encode()
    + b"b" * 50000
)


@pytest.mark.usefixtures("many")
def test_memory_comes_back_after_two_thousand_connections(tmp_path: Path) -> None:
    """The test does it twice, since a second overload may use the memory that a first one leaves behind."""
    with crowded(tmp_path, "http://127.0.0.1:1") as at:
        assert fetch(f"http://{at.front}{LISTS}", login=f"{ACCOUNT}:t")[0] == 502
        before = at.resident
        for _ in range(2):
            with contextlib.ExitStack() as stack:
                for number in range(CONNECTIONS):
                    one = stack.enter_context(at.connect())
                    with contextlib.suppress(OSError):  # one that is idle for five seconds is closed
                        one.sendall((HALF, WAITS, STOPS)[number % 3])
                ends = time.monotonic() + SOON
                while not at.metric('sms_translator_memory_bytes{account="restcomm'):
                    assert time.monotonic() < ends, "there was no overload"
            ends = time.monotonic() + SOON
            while at.resident > 1.5 * before:
                assert time.monotonic() < ends, f"{before >> 20} MiB, then {at.resident >> 20}"
                time.sleep(0.05)


TINY = b"".join(b"%x:\r\n" % number for number in range(9000))
POSTS = f"POST {LISTS} HTTP/1.1\r\nHost: x\r\n".encode()
UNKNOWN = {
    "tiny-headers-and-no-body": POSTS + b"Content-Length: 60000\r\n" + TINY + b"\r\n",
    "tiny-headers-that-are-read": POSTS + b"Content-Length: 60000\r\n" + b"accept:x\r\n" * 6000 + b"\r\n",
    "half-a-head": HALF,
    "half-a-head-that-is-read": b"GET / HTTP/1.1\r\nHost: x\r\nAccept: " + b"x" * 60000,
    "half-a-header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 60000,
    "half-a-target": b"GET /" + b"x" * 60000,
    "no-body": WAITS,
    "half-a-body": POSTS + b"Content-Length: 60000\r\n\r\n" + b"x" * 50000,
    "tiny-chunks": POSTS + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 20000,
    "requests-ahead": b"GET / HTTP/1.1\r\nHost:x\r\n\r\n" * 2000,
}
"""The bytes that unauthenticated clients send before they fall silent."""

SHARE = 256 * 1024 * 1024 // 16
BEYOND = 2 * SHARE // min(map(len, UNKNOWN.values())) + 1
assert 500 < BEYOND < CONNECTIONS
OPEN = 6 * 1024
"""Bytes of memory that a silent connection takes."""


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("name", UNKNOWN)
def test_unauthenticated_clients_hold_twice_their_bytes_and_their_share(tmp_path: Path, name: str) -> None:
    """The test opens a hundred connections, and then so many that their bytes are twice the share. Meanwhile an account is served, and
    afterwards the memory comes back."""
    said = UNKNOWN[name]
    with crowded(tmp_path, "http://127.0.0.1:1") as at:
        url = f"http://{at.front}{LISTS}"
        assert fetch(url, login=f"{ACCOUNT}:t")[0] == 502
        before = at.resident
        for connections in (100, BEYOND):
            peak = 0
            with contextlib.ExitStack() as stack:
                for number in range(connections):
                    one = stack.enter_context(at.connect())
                    one.setblocking(False)
                    with contextlib.suppress(OSError):  # it was refused, or does not take more for now
                        one.send(said)
                    if number % 20 == 0:
                        peak = max(peak, at.resident)
                assert fetch(url, login=f"{ACCOUNT}:t")[0] == 502
                grown = max(peak, at.resident) - before
            most = min(2 * connections * len(said), SHARE) + connections * OPEN
            assert grown <= most, f"{grown >> 10} KiB of {most >> 10}"
        ends = time.monotonic() + SOON
        while at.resident > 1.5 * before:
            assert time.monotonic() < ends, f"{before >> 20} MiB, then {at.resident >> 20}"
            time.sleep(0.05)


def test_the_admin_port_has_the_bounds_of_the_front(tmp_path: Path) -> None:
    with crowded(tmp_path, "http://127.0.0.1:1") as at:
        assert fetch(f"http://{at.admin}/livez")[::2] == (200, b"ok\n")
        assert fetch(f"http://{at.admin}/readyz?for=sends")[0] == 200
        assert fetch(f"http://{at.admin}/nowhere")[0] == 404
        assert fetch(f"http://{at.admin}/livez", b"x")[0] == 413
        assert fetch(f"http://{at.admin}/livez", method="HEAD")[::2] == (200, b"")
        host, _, port = at.admin.partition(":")
        with socket.create_connection((host, int(port)), timeout=SECONDS) as caller:
            caller.sendall(b"GET /livez HTTP/1.1\r\n" + b"x: y\r\n" * 12000)
            assert caller.recv(12) == b"HTTP/1.1 431"
        with contextlib.ExitStack() as stack:
            half = [
                stack.enter_context(socket.create_connection((host, int(port)), timeout=SECONDS)) for _ in range(64)
            ]
            for one in half:
                one.sendall(b"GET /livez HTTP/1.1\r\nx: ")
            assert fetch(f"http://{at.admin}/livez")[0] == 200, "the client that has waited longest makes room"
            assert half[0].recv(12) == b"HTTP/1.1 503"
            assert {one.recv(1) for one in half[1:]} == {b""}, "who says half of a head is not waited for"
        assert fetch(f"http://{at.admin}/livez")[0] == 200
        assert at.metric('sms_translator_connections_refused_total{port="admin"}') == 1
