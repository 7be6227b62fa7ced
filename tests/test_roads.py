"""The whole way with real processes: a provider, the proxy before it, an application; and the proxy's behaviour when the provider goes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

FRONT, TOKEN = "AC00000000000000000000000000000001", "front-token"
SECOND, PROPERTY = "A2", "S1234567890ABCDE1234567890ABCDEG"

# The sample of the interface that the project promises, with nothing changed but where things listen.
CONFIGURATION = """
[server]
listen     = "127.0.0.1:{listen}"
admin      = ""
public_url = "https://sms.example.test"

[store]
url = "sqlite:///translator.db"

[callbacks]
allow = []
poll  = 5.0

[backs.provider]
dialect = "properties-v2"
url     = "{provider}"
timeout = 10.0
search_params = "both"
page_max      = 200
search_order  = "ascending"

[backs.old]
dialect = "restcomm"
url     = "{old}/restcomm"

[[accounts]]
front = {{ dialect = "restcomm", account = "AC00000000000000000000000000000001", token = "${{env:FRONT_TOKEN}}" }}
back  = {{ name = "provider", account = "A1", property = "S1234567890ABCDE1234567890ABCDEF", token = "${{file:secrets/back}}" }}

[[accounts]]
front = {{ dialect = "properties-v2", account = "A2", property = "S1234567890ABCDE1234567890ABCDEG", token = "${{env:FRONT2_TOKEN}}" }}
back  = {{ name = "old", account = "AC00000000000000000000000000000002", token = "${{env:OLD_TOKEN}}", sender = "19876543212" }}
"""


@contextmanager
def process(*arguments: str, says: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A Python module as a process. Yields the match of the pattern in its output, and ends the process by its own id."""
    started = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        assert started.stdout is not None
        for line in started.stdout:
            if found := re.search(says, line):
                yield found[1], started
                break
        else:
            raise AssertionError(f"{arguments} ended without saying {says}")
    finally:
        started.send_signal(signal.SIGTERM)
        started.communicate(timeout=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The proxy's address and the provider's process."""
    folder: Path = tmp_path_factory.mktemp("world")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "back").write_text("provider-token\n")
    listen = free_port()
    url = r"(http://127\.0\.0\.1:\d+)"
    twins = ("conformance.twins",)
    prop = "S1234567890ABCDE1234567890ABCDEF"
    v2 = ("properties-v2", "--port", "0", "--account", "A1", "--property", prop, "--token", "env:T")
    old_one = ("restcomm", "--port", "0", "--account", "AC00000000000000000000000000000002", "--token", "env:T")
    with (
        process(*twins, *v2, says=url, T="provider-token") as (provider, running),
        process(*twins, *old_one, says=url, T="old-token") as (old, _),
    ):
        configuration = folder / "translator.toml"
        configuration.write_text(CONFIGURATION.format(listen=listen, provider=provider, old=old))
        secrets = {"FRONT_TOKEN": TOKEN, "FRONT2_TOKEN": "second-token", "OLD_TOKEN": "old-token"}
        with process("translator", "serve", "-c", str(configuration), says=rf"(127\.0\.0\.1:{listen})", **secrets) as (
            address,
            _,
        ):
            yield f"http://{address}", running


def messages(world: tuple[str, object]) -> str:
    return f"{world[0]}/restcomm/2012-04-24/Accounts/{FRONT}/SMS/Messages"


@pytest.fixture
def application() -> Iterator[httpx.Client]:
    with httpx.Client(auth=(FRONT, TOKEN), trust_env=False, timeout=20) as client:
        yield client


def test_a_message_is_sent_found_by_its_sid_and_listed(
    world: tuple[str, subprocess.Popen[str]], application: httpx.Client
) -> None:
    sent = application.post(
        messages(world) + ".json", data={"From": "19876543212", "To": "13216549878", "Body": "Test SMS é"}
    )
    assert sent.status_code == 200
    assert sent.json()["status"] == "sending"
    sid = sent.json()["sid"]
    found = application.get(f"{messages(world)}/{sid}.json").json()
    assert (found["sid"], found["body"], found["to"]) == (sid, "Test SMS é", "13216549878")
    listed = application.get(messages(world) + ".json", params={"To": "13216549878", "PageSize": "1"}).json()
    assert listed["messages"][0]["sid"] == sid


def test_the_seeds_list_example_finds_its_two_messages(
    world: tuple[str, subprocess.Popen[str]], application: httpx.Client
) -> None:
    query = "From=19876543212&To=13216549878&StartTime=2018-05-30&EndTime=2018-06-09&Page=0&PageSize=10&SortBy=DateCreated:asc"
    listed = application.get(f"{messages(world)}.json?{query}").json()
    assert listed["total"] == 2
    assert listed["messages"][0]["date_created"] == "Thu, 31 May 2018 16:10:32 +0000"
    assert listed["messages"][0]["body"] == "Hello 13216549878"


def test_following_the_next_page_shows_every_message_once(
    world: tuple[str, subprocess.Popen[str]], application: httpx.Client
) -> None:
    page = application.get(messages(world) + ".json?PageSize=40&EndTime=2026-01-01").json()
    seen = [message["sid"] for message in page["messages"]]
    total = page["total"]
    while page["next_page_uri"] != "null":
        page = application.get(world[0] + page["next_page_uri"]).json()
        seen += [message["sid"] for message in page["messages"]]
    assert len(seen) == len(set(seen)) == total


def test_the_other_way_round_runs_from_the_same_tables(world: tuple[str, subprocess.Popen[str]]) -> None:
    with httpx.Client(auth=(SECOND, "second-token"), trust_env=False, timeout=20) as client:
        query: dict[str, str | int] = {
            "Date_From": 1506038400,
            "Date_To": 1506427200,
            "Direction": "Transmit",
            "Status": "Delivered",
        }
        found = client.get(
            f"{world[0]}/v2/Properties/{PROPERTY}/Messages", params={**query, "Results_Count": 10, "Results_Skip": 10}
        )
        assert found.status_code == 200
        rows = found.json()["Messages"]
        assert len(rows) == 10
        assert all(1506038400 <= row["Created"] < 1506427200 and row["Status"] == "Delivered" for row in rows)
        sent = client.post(f"{world[0]}/v2/Properties/{PROPERTY}/Messages", json={"To": "+13216549878", "Text": "x"})
        assert sent.json()["Message"]["From"] == "+19876543212"
        again = client.get(f"{world[0]}/v2/Messages/{sent.json()['Message']['MessageSid']}")
        assert again.json()["Message"]["Text"] == "x"


def _raw(url: str, head: str, body: bytes = b"") -> tuple[int, dict[str, str], Any]:
    """Send a request as it stands, over a plain socket. Returns status, headers by lower-case name, and the JSON of the body."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        text = head.replace("\n", "\r\n") + f"Host: {host}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(text.encode() + body)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    first, _, content = answer.partition(b"\r\n\r\n")
    status, *lines = first.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    return int(status.split()[1]), headers, json.loads(content)


def test_clients_that_are_hard_to_please_are_served(world: tuple[str, subprocess.Popen[str]]) -> None:
    """The first request without credentials, an empty Content-Type, no User-Agent, `Accept-Encoding: utf-8`, Latin-1, `Post`."""
    path = f"/v2/Properties/{PROPERTY}/Messages"
    body = (
        '{"To": "+13216549878", "Text": "caf\u00e9", "DeliveryReceipt": true, "DeliveryReceiptWebhookMethod": "Post"}'
    )
    hard = f"POST {path} HTTP/1.1\nContent-Type:\nAccept-Encoding: utf-8\nAcceptEncoding: utf-8\n"
    latin1 = json.loads(body)
    encoded = json.dumps(latin1, ensure_ascii=False).encode("latin-1")
    status, headers, refused = _raw(world[0], hard, encoded)
    assert (status, headers["www-authenticate"]) == (401, 'Basic realm="API"')
    assert refused["ResponseStatus"]["ErrorCode"] == "UNAUTHORIZED"
    login = "Authorization: Basic " + b64encode(f"{SECOND}:second-token".encode()).decode() + "\n"
    status, headers, sent = _raw(world[0], hard + login, encoded)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert "content-encoding" not in headers
    assert (sent["Message"]["Text"], sent["Message"]["Status"]) == ("caf\u00e9", "Processing")


def test_a_batch_goes_all_the_way(world: tuple[str, subprocess.Popen[str]]) -> None:
    with httpx.Client(auth=(SECOND, "second-token"), trust_env=False, timeout=20) as client:
        entries = [{"To": "+13216549878", "Text": f"number {number}"} for number in range(20)]
        answer = client.post(
            f"{world[0]}/v2/Properties/{PROPERTY}/BatchMessages", json={"Messages": [*entries, {"Text": "x"}]}
        )
        *sent, refused = answer.json()
        assert [message["Text"] for message in sent] == [entry["Text"] for entry in entries]
        assert len({message["MessageSid"] for message in sent}) == 20
        assert refused == {"ErrorCode": "PARAMETER_REQUIRED", "Message": "To is required."}


def test_a_provider_that_is_gone_is_a_502_and_nothing_was_sent(
    world: tuple[str, subprocess.Popen[str]], application: httpx.Client
) -> None:
    """The last test of the module: it ends the provider."""
    world[1].send_signal(signal.SIGTERM)
    world[1].wait(timeout=20)
    sent = application.post(
        messages(world) + ".json", data={"From": "19876543212", "To": "13216549878", "Body": "Test SMS"}
    )
    assert sent.status_code == 502
    assert sent.json() == {"message": "The provider could not be reached. Nothing was sent to it."}
