"""nginx in front, as docs/security.md configures it: one forwarded request is one request here, and the proxy tells its clients apart.

If nginx is not installed, these tests skip and say so.
"""

import asyncio
import contextlib
import os
import re
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.test_connection import (
    BROKEN,
    FORM,
    FORMED,
    PATH,
    SMUGGLED,
    UNREACHED,
    Caller,
    Place,
    get,
    place,
    post,
    sends,
    until,
)

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
PAGE = Path(__file__).parents[1] / "docs" / "security.md"

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx")

AROUND = """
{user}
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{shown}
}}
"""
"""The settings around the configuration of the page: one worker, in a folder of its own."""


def shown() -> str:
    """The configuration that the page shows."""
    found = re.search(r"```nginx\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.asynccontextmanager
async def before(at: Place, folder: Path) -> AsyncIterator[tuple[str, int]]:
    """A real nginx before a server."""
    port = free_port()
    text = shown().replace("127.0.0.1:8080", f"127.0.0.1:{at.address[1]}")
    text = re.sub(r"listen [^;]*;", f"listen 127.0.0.1:{port};", text)
    text = re.sub(r"\n *ssl_[^\n]*", "", text)
    user = "user root;" if os.geteuid() == 0 else ""  # else its worker is a user that may not write in the folder
    (folder / "nginx.conf").write_text(AROUND.format(user=user, folder=folder, shown=text), "utf-8")
    running = await asyncio.create_subprocess_exec(
        str(NGINX), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")
    )
    try:
        await until(lambda: running.returncode is not None or _answers(port))
        assert running.returncode is None, (folder / "error.log").read_text("utf-8")
        yield "127.0.0.1", port
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.terminate()
        await asyncio.wait_for(running.wait(), 20)


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


async def told(where: tuple[str, int], said: bytes) -> bytes:
    """The whole response to these bytes. The client half-closes after them."""
    reader, writer = await asyncio.open_connection(*where)
    try:
        writer.write(said)
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def statuses(answered: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answered)]


def played(tmp_path: Path, script: Any, **knobs: Any) -> None:
    async def main() -> None:
        async with place(**knobs) as at, before(at, tmp_path) as where:
            await asyncio.wait_for(script(at, where), 60)

    asyncio.run(main())


CLOSES = get(b"Connection: close", b"X-Request-Id: last")
ODD = {
    "body-of-a-get": get(b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED,
    "chunks-in-capitals": post().replace(b"Content-Length: 45", b"Transfer-Encoding: CHUNKED").replace(
        FORM, b"2d\r\n" + FORM + b"\r\n0\r\n\r\n"
    ),
    "an-underscore": post(b"Content_Length: 0"),
    "a-second-target": get(path=b"http://other.test" + PATH),
    "an-escaped-line-end": get(path=PATH + b"?a=%0d%0a%0d%0aGET%20/"),
    "two-slashes": get(path=b"/" + PATH),
    "dots": get(path=b"/a/.." + PATH),
    "a-hop-by-hop-header": get(b"Connection: Authorization"),
    "an-upgrade": get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
}  # fmt: skip


def test_what_nginx_forwards_of_one_request_is_one_request_here(tmp_path: Path) -> None:
    async def script(at: Place, where: tuple[str, int]) -> None:
        for name, said in {**BROKEN, **ODD}.items():
            at.provider.asked.clear()
            answered = await told(where, said + CLOSES)
            inside = said.count(SMUGGLED)
            smuggled = [id_ for id_ in at.provider.ids if id_ == "smuggled"]
            assert not smuggled or not inside, f"{name}: a body is a request"
            assert len(at.provider.asked) <= 2, f"{name}: one request and the last one"
            assert len(statuses(answered)) <= 2, name
        at.provider.asked.clear()
        assert statuses(await told(where, CLOSES)) == [UNREACHED]
        assert at.provider.ids == ["last"]

    played(tmp_path, script)


def test_nginx_connection_serves_the_next_client_with_its_own_request(tmp_path: Path) -> None:
    async def script(at: Place, where: tuple[str, int]) -> None:
        made: set[int] = set()
        for number in range(20):
            answered = await told(where, post(b"X-Request-Id: id-%d" % number, b"Connection: close"))
            assert statuses(answered) == [UNREACHED]
            assert b"x-request-id: id-%d" % number in answered.lower()
            assert at.door is not None
            made |= {id(connection) for connection in at.door.state.connections}
            assert len(at.door.state.connections) <= 2
        assert sends(at) == [f"id-{number}" for number in range(20)]
        assert len(made) <= 4, "nginx keeps its connections"

    played(tmp_path, script)


def test_refused_client_leaves_nothing_for_the_next_one_on_the_connection(tmp_path: Path) -> None:
    async def script(at: Place, where: tuple[str, int]) -> None:
        stranger = post().replace(b"Authorization: Basic ", b"Authorization: Basic x")
        large = b"POST %s HTTP/1.1\r\n%sContent-Length: 900000\r\n\r\n%s" % (PATH, FORMED, SMUGGLED * 4000)
        for refused in (stranger, large[: large.index(b"\r\n\r\n") + 4 + 900_000]):
            answered = await told(
                where, refused.replace(b"\r\nContent-Length", b"\r\nConnection: close\r\nContent-Length")
            )
            assert statuses(answered)[:1] in ([401], [413]), answered[:200]
            assert statuses(await told(where, CLOSES)) == [UNREACHED]
        assert set(at.provider.ids) == {"last"}

    played(tmp_path, script)


def test_a_large_header_is_read_or_refused_and_is_no_request_of_its_own(tmp_path: Path) -> None:
    async def script(at: Place, where: tuple[str, int]) -> None:
        for size, expected in ((4000, UNREACHED), (7000, UNREACHED), (60_000, 400)):
            at.provider.asked.clear()
            answered = await told(where, get(b"X-A: " + b"a" * size, b"Connection: close"))
            assert statuses(answered) == [expected], answered[:200]
            assert len(at.provider.asked) == (expected == UNREACHED)
            assert statuses(await told(where, CLOSES)) == [UNREACHED]

    played(tmp_path, script)


def test_what_a_caller_says_of_its_address_changes_nothing(tmp_path: Path) -> None:
    said = (b"X-Forwarded-For: 10.0.0.1", b"X-Forwarded-Host: evil.test", b"X-Forwarded-Proto: ftp", b"Forwarded: for=10.0.0.1",
            b"X-Original-URL: /admin", b"X-Real-IP: 127.0.0.1")  # fmt: skip

    async def script(at: Place, where: tuple[str, int]) -> None:
        plain = await told(where, get(b"Connection: close", b"X-Request-Id: an-id"))
        other = await told(where, get(*said, b"Connection: close", b"X-Request-Id: an-id"))
        without = re.compile(rb"\r\nDate: [^\r]*", re.IGNORECASE)
        assert without.sub(b"", plain) == without.sub(b"", other)
        first, second = [request for request, _ in at.provider.asked]
        assert first == second

    played(tmp_path, script)


def test_a_caller_is_told_by_this_server_and_not_by_nginx(tmp_path: Path) -> None:
    async def script(at: Place, where: tuple[str, int]) -> None:
        reader, writer = await asyncio.open_connection(*where)
        caller = Caller(reader, writer)
        await caller.say(get(b"X-Request-Id: one"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"x-request-id: one" in head.lower() and b" 502 " in head
        writer.close()

    played(tmp_path, script)
