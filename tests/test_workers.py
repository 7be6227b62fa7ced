"""Several processes behind one port, with the store that they share."""

import json
import os
import signal
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from tests.commands import ACCOUNT, CONFIG, SECONDS, fetch, run, running
from tests.processes import children, free_ports, lines_of, until_ready

PATH = f"/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages.json"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "back-token").write_text("right\n", "utf-8")
    (tmp_path / "translator.toml").write_text(CONFIG, "utf-8")
    return tmp_path / "translator.toml"


def test_workers_share_a_store_that_processes_can_share(config: Path) -> None:
    done = run("serve", "-c", config, "--workers", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"sms-translator: {config}, [server] workers: 2 workers share a store: [store] url has to begin with postgresql://\n"
    )


def test_each_worker_needs_an_admin_port_of_its_own(config: Path) -> None:
    done = run(
        "serve", "-c", config, "--workers", "2", SMS_TRANSLATOR_STORE__URL="postgresql://nobody@127.0.0.1:1/none",
        SMS_TRANSLATOR_SERVER__ADMIN="127.0.0.1:0",
    )  # fmt: skip
    assert done.returncode == 2
    assert "each worker has the next one" in done.stderr


def test_workers_that_cannot_start_end_the_command(config: Path, postgres_url: str) -> None:
    """The process waits for a database that is not there, but not for one without such a name."""
    nowhere = postgres_url.rpartition("/")[0] + "/no-such-database"
    done = run("serve", "-c", config, "--workers", "2", "-o", "json", SMS_TRANSLATOR_STORE__URL=nowhere)
    assert done.returncode == 2
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["event"] for line in said} == {"cannot-start"}
    assert all("no-such-database" in line["why"] for line in said)


def test_one_of_two_workers_that_dies_is_restarted_and_all_end_together(config: Path, postgres_url: str) -> None:
    first = free_ports(2)
    changes = {
        "SMS_TRANSLATOR_STORE__URL": postgres_url, "SMS_TRANSLATOR_SERVER__ADMIN": f"127.0.0.1:{first}",
        "SMS_TRANSLATOR_SERVER__WORKERS": "2",
    }  # fmt: skip
    with running("serve", "-c", config, "-o", "json", **changes) as process:
        served = lines_of(process, "serving", 2)
        assert sorted(line["worker"] for line in served) == [0, 1]
        assert len({line["listen"] for line in served}) == 1
        url = f"http://{served[0]['listen']}{PATH}"
        for number in range(2):
            until_ready(first + number)
        assert [fetch(url)[0] for _ in range(4)] == [401] * 4
        workers = children(process.pid)
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        [died] = lines_of(process, "worker-died", 1)
        assert died["status"] == -signal.SIGKILL
        [again] = lines_of(process, "serving", 1)
        assert again["worker"] == died["worker"]
        until_ready(first + died["worker"])
        assert [fetch(url)[0] for _ in range(4)] == [401] * 4
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []


def test_workers_speak_tls_and_take_up_what_a_caller_began_with_another(config: Path, postgres_url: str) -> None:
    """The workers get the key of TLS tickets from their parent, so a returning client is known to all of them."""
    authority = trustme.CA()
    papers, trust = authority.issue_cert("127.0.0.1"), ssl.create_default_context()
    authority.configure_trust(trust)
    papers.private_key_and_cert_chain_pem.write_to_path(config.parent / "both.pem")
    given = '[server]\ntls_cert = "both.pem"\ntls_key = "both.pem"\n'
    config.write_text(CONFIG.replace("[server]\n", given), "utf-8")
    changes = {"SMS_TRANSLATOR_STORE__URL": postgres_url, "SMS_TRANSLATOR_SERVER__WORKERS": "2"}
    with running("serve", "-c", config, "-o", "json", **changes) as process:
        host, _, port = lines_of(process, "serving", 2)[0]["listen"].partition(":")
        session, known = None, []
        for _ in range(8):
            with (
                socket.create_connection((host, int(port)), timeout=SECONDS) as raw,
                trust.wrap_socket(raw, server_hostname=host, session=session) as caller,
            ):
                caller.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert caller.recv(12) == b"HTTP/1.1 401"
                session = session or caller.session
                known.append(caller.session_reused)
        assert known == [False] + [True] * 7
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
        assert process.returncode == 0


def test_workers_end_when_who_started_them_is_killed(config: Path, postgres_url: str) -> None:
    changes = {"SMS_TRANSLATOR_STORE__URL": postgres_url, "SMS_TRANSLATOR_SERVER__WORKERS": "2"}
    with running("serve", "-c", config, "-o", "json", **changes) as process:
        lines_of(process, "serving", 2)
        process.kill()
        _, err = process.communicate(timeout=SECONDS)  # it waits until every writer has closed the pipe
    assert [json.loads(line)["event"] for line in err.splitlines()].count("stopped") == 2
