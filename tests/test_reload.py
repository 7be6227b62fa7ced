"""SIGHUP: the configuration is read anew by the process that serves, and no request is lost by that."""

import asyncio
import http.client
import json
import os
import signal
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from conformance.twins.properties_v2 import Pace, PropertiesV2Twin, TwinAccount
from conformance.twins.serving import serve as serve_twin
from tests.commands import ACCOUNT, LISTS, PROPERTY, SECONDS, fetch, running
from tests.fronts import back
from tests.processes import children, free_ports, lines_of, until_ready
from tests.reloading import Provider, Serving, written
from tools.drills.application import Application
from translator.core.http.messages import Request, Response
from translator.shell.client.provider_client import ProviderClient

OTHER = "AC00000000000000000000000000000002"


ROW = f"""
[backs.second]
dialect = "properties-v2"
url = "{{url}}"
[[accounts]]
front = {{{{ dialect = "restcomm", account = "{OTHER}", token = "second" }}}}
back = {{{{ name = "second", account = "A1", property = "{PROPERTY}", token = "right" }}}}
"""


def served(tmp_path: Path, script: Callable[..., None], *providers: Provider, **parts: str) -> None:
    """A process before the first of these providers, and the script with it and the addresses of all."""

    def asked(*urls: str) -> None:
        config = tmp_path / "translator.toml"
        config.write_text(written(**({"url": urls[0]} if urls else {}) | parts), "utf-8")
        with running("serve", "-c", config, "-o", "json") as process:
            assert process.stderr is not None
            admin, front = (json.loads(process.stderr.readline())["listen"] for _ in range(2))
            script(Serving(process, config, admin, front), *urls)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=SECONDS)
            assert process.returncode == 0

    async def main(*urls: str) -> None:
        if len(urls) == len(providers):
            await asyncio.to_thread(asked, *urls)
            return
        async with serve_twin(providers[len(urls)]) as url:
            await main(*urls, url)

    asyncio.run(main())


def test_a_token_is_rotated_without_an_outage_and_accounts_come_and_go(tmp_path: Path) -> None:
    def script(at: Serving, first: str, second: str) -> None:
        assert (at.status("old"), at.status("new"), at.status("second", OTHER)) == (200, 401, 401)
        line = at.reload(url=first, token='["new", "old"]', rows=ROW.format(url=second))
        assert (line["accounts"], line["backs"]) == (2, 2)
        assert (at.status("old"), at.status("new"), at.status("second", OTHER)) == (200, 200, 200)
        at.reload(url=first, token='"new"')
        assert (at.status("old"), at.status("new"), at.status("second", OTHER)) == (401, 200, 401)
        assert at.metric('sms_translator_reloads_total{outcome="done"} 2.0')

    served(tmp_path, script, Provider(3), Provider(5), token='"old"')


def test_running_work_keeps_its_configuration_and_old_reads_are_not_shown(tmp_path: Path) -> None:
    """The first provider holds a response back while the account is moved to the second one."""
    providers = Provider(30), Provider(50)

    def script(at: Serving, first: str, second: str) -> None:
        sorted_ = "?SortBy=From&PageSize=10"
        assert at.total(query=sorted_) == 30
        providers[0].go_on.clear()
        providers[0].was_asked.clear()
        with ThreadPoolExecutor(1) as thread:
            held = thread.submit(at.total)
            assert providers[0].was_asked.wait(SECONDS)
            at.reload(url=second)
            assert (at.total(), at.total(query=f"{sorted_}&Page=1")) == (50, 50)
            assert not held.done()
            providers[0].go_on.set()
            assert held.result(SECONDS) == 30

    served(tmp_path, script, *providers)


def test_what_the_admin_port_holds_counts_in_the_new_budget(tmp_path: Path) -> None:
    """The new budget is the only one that the metrics show, and the admin port has to be bounded by it."""

    def script(at: Serving, url: str) -> None:
        host, _, port = at.admin.partition(":")
        line = 'sms_translator_memory_bytes{account="unknown",kind="head"} '

        def held() -> float:
            page = fetch(f"http://{at.admin}/metrics")[2].decode().splitlines()
            return sum(float(row.removeprefix(line)) for row in page if row.startswith(line))

        at.reload(url=url, server="memory = 33554432")
        ends, most = time.monotonic() + SECONDS, 0.0
        while most < 20_000:
            assert time.monotonic() < ends, "the admin port takes memory from another budget"
            with socket.create_connection((host, int(port)), timeout=SECONDS) as caller:
                caller.sendall(b"GET /livez HTTP/1.1\r\nX: " + b"x" * 30_000)
                time.sleep(0.1)
                most = held()

    served(tmp_path, script, Provider(3))


def test_no_request_is_lost_while_the_file_is_read_again_and_again(tmp_path: Path) -> None:
    def script(at: Serving, first: str, second: str) -> None:
        host, _, port = at.front.partition(":")
        login = {"authorization": "Basic " + b64encode(f"{ACCOUNT}:t".encode()).decode()}
        done = threading.Event()

        def call() -> list[int]:
            """Send requests over one connection that is kept open for as long as the file changes."""
            found: list[int] = []
            connection = http.client.HTTPConnection(host, int(port), timeout=SECONDS)
            while not done.is_set() or not found:
                connection.request("GET", LISTS, headers=login)
                answer = connection.getresponse()
                found.append(answer.status if answer.read() else 0)
            assert connection.sock is not None, "it is still the first one"
            connection.close()
            return found

        with ThreadPoolExecutor(4) as threads:
            calls = [threads.submit(call) for _ in range(4)]
            for number in range(6):
                url, other = (first, second) if number % 2 else (second, first)
                at.reload(url=url, rows=ROW.format(url=other), server=f"max_body = {9999 + number}")
            done.set()
            statuses = [status for one in calls for status in one.result(SECONDS)]
        assert set(statuses) == {200}

    served(tmp_path, script, Provider(3), Provider(5))


BAD: list[tuple[dict[str, str], str]] = [
    ({"token": "[]"}, "translator.toml, [[accounts]] row 1 front.token: has to be one token, or a list of the new one"),
    ({"token": '"${file:none}"'}, "translator.toml, [[accounts]] row 1 front.token: the file none cannot be read"),
    ({"rows": "lists ="}, "translator.toml: is not TOML"),
    ({"server": 'tls_cert = "none"\ntls_key = "none"'}, "translator.toml, [server] tls_cert: the file cannot be read"),
    ({"rows": ROW.format(url="x")}, "translator.toml, [backs.second] url: has to be an address"),
]


def test_a_bad_file_changes_nothing_and_is_said(tmp_path: Path) -> None:
    def script(at: Serving, url: str) -> None:
        for number, (parts, why) in enumerate(BAD, 1):
            assert at.reload("reload-refused", **{"url": url, **parts})["why"].startswith(f"{tmp_path}/{why}")
            assert at.status("t") == 200
            assert at.metric(f'sms_translator_reloads_total{{outcome="refused"}} {number}.0')
        at.reload(url=url, token='"good"')
        assert (at.status("t"), at.status("good")) == (401, 200)

    served(tmp_path, script, Provider(3))


def test_what_needs_a_restart_is_named_until_it_is_taken_back(tmp_path: Path) -> None:
    def script(at: Serving, url: str) -> None:
        at.config.write_text(
            written(url=url, token='"u"')
            .replace('listen = "127.0.0.1:0"', 'listen = "127.0.0.1:1"')
            .replace("translator.db", "another.db"),
            "utf-8",
        )
        at.process.send_signal(signal.SIGHUP)
        [line] = lines_of(at.process, "needs-restart", 1)
        assert line["keys"] == "[server] listen, [store] url"
        assert at.status("u") == 200, "and the rest is taken"
        at.reload(url=url)
        at.process.send_signal(signal.SIGINT)
        assert "needs-restart" not in at.process.stderr.read()

    served(tmp_path, script, Provider(3))


def test_a_new_certificate_is_shown_to_who_connects_from_now_on(tmp_path: Path) -> None:
    old, new = trustme.CA(), trustme.CA()

    def issue(authority: trustme.CA) -> ssl.SSLContext:
        papers, trust = authority.issue_cert("127.0.0.1"), ssl.create_default_context()
        (tmp_path / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in papers.cert_chain_pems))
        (tmp_path / "key.pem").write_bytes(papers.private_key_pem.bytes())
        authority.configure_trust(trust)
        return trust

    given = 'tls_cert = "cert.pem"\ntls_key = "key.pem"'
    trusts_old = issue(old)

    def script(at: Serving) -> None:
        host, _, port = at.front.partition(":")
        asks = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

        def connect(trust: ssl.SSLContext) -> ssl.SSLSocket:
            raw = socket.create_connection((host, int(port)), timeout=SECONDS)
            return trust.wrap_socket(raw, server_hostname=host)

        with connect(trusts_old) as kept:
            trusts_new = issue(new)
            at.reload(server=given)
            with connect(trusts_new) as caller:
                caller.sendall(asks)
                assert caller.recv(12) == b"HTTP/1.1 401"
            with pytest.raises(ssl.SSLCertVerificationError):
                connect(trusts_old)
            kept.sendall(asks)
            assert kept.recv(12) == b"HTTP/1.1 401"

    served(tmp_path, script, server=given)


def test_who_works_beside_the_requests_sees_a_new_account_and_new_rules(tmp_path: Path) -> None:
    """A callback of an account that was not there at the start, at a port that was not allowed."""
    application, provider = Application(), Provider(0)
    provider.twin = PropertiesV2Twin(accounts={"A1": TwinAccount("right", (PROPERTY,))}, pace=Pace(0, 1))

    async def main() -> None:
        async with serve_twin(application.app) as hook:
            rules = f"ports = [{hook.rpartition(':')[2]}]"

            def script(at: Serving, url: str) -> None:
                file = written(url="http://127.0.0.1:1", rows=ROW.format(url=url)).replace("ports = [1]", rules)
                at.config.write_text(file, "utf-8")
                at.process.send_signal(signal.SIGHUP)
                lines_of(at.process, "reloaded", 1)
                form = f"From=15550100001&To=15550100002&Body=hello&StatusCallback={hook}/hook".encode()
                path = LISTS.replace(ACCOUNT, OTHER)
                assert fetch(f"http://{at.front}{path}", form, f"{OTHER}:second")[0] == 200
                ends = time.monotonic() + SECONDS
                while "hello" not in application.told and time.monotonic() < ends:
                    time.sleep(0.05)
                assert application.told["hello"][0] == "sent"

            await asyncio.to_thread(served, tmp_path, script, provider)

    asyncio.run(main())


def test_all_workers_read_it_and_so_does_one_that_is_started_anew(tmp_path: Path, postgres_url: str) -> None:
    provider = Provider(3)

    def asked(url: str) -> None:
        config, first = tmp_path / "translator.toml", free_ports(2)

        def write(token: str) -> None:
            text = written(url=url, token=token, server="workers = 2")
            text = text.replace("sqlite:///translator.db", postgres_url)
            config.write_text(text.replace('admin = "127.0.0.1:0"', f'admin = "127.0.0.1:{first}"'), "utf-8")

        write('"old"')
        with running("serve", "-c", config, "-o", "json") as process:
            front = lines_of(process, "serving", 2)[0]["listen"]
            at = Serving(process, config, "", front)
            write('["new", "old"]')
            process.send_signal(signal.SIGHUP)
            lines_of(process, "reloaded", 2)
            assert [at.status(token) for token in ("new", "old") * 6] == [200] * 12
            write('"new"')
            os.kill(children(process.pid)[0], signal.SIGKILL)
            lines_of(process, "serving", 1)
            for number in range(2):
                until_ready(first + number)
            assert [at.status("new") for _ in range(12)] == [200] * 12
            process.send_signal(signal.SIGHUP)
            lines_of(process, "reloaded", 2)
            assert [at.status("old") for _ in range(12)] == [401] * 12
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=SECONDS)
            assert process.returncode == 0

    async def main() -> None:
        async with serve_twin(provider) as url:
            await asyncio.to_thread(asked, url)

    asyncio.run(main())


def test_connections_to_a_removed_back_close_when_its_last_call_is_over() -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        go_on, asked = asyncio.Event(), asyncio.Event()
        closed = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for turn in range(2):
                await reader.readuntil(b"\r\n\r\n")
                asked.set()
                if turn:
                    await go_on.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            assert await reader.read() == b""
            closed.set()

        async with back(script) as url:
            upstream = ProviderClient(url)
            assert isinstance(await upstream.ask(Request("GET", "/x"), "1"), Response)
            asked.clear()
            last = asyncio.create_task(upstream.ask(Request("GET", "/x"), "2"))
            await asked.wait()
            await upstream.leave()
            seen.append("closed" if closed.is_set() else "open")
            go_on.set()
            assert isinstance(await last, Response)
            async with asyncio.timeout(SECONDS):
                await closed.wait()
            seen.append("closed")
            await upstream.aclose()
        return seen

    assert asyncio.run(main()) == ["open", "closed"]
