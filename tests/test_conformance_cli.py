"""`sms-conformance` as a command, against twins as processes: what it prints, what it writes, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qsl

import pytest

ROOT = Path(__file__).parents[1]
SECONDS = 60
TOKEN = "twin-token"


@pytest.fixture(scope="module")
def old() -> Iterator[str]:
    yield from _twin("restcomm", "--account", "AC1")


@pytest.fixture(scope="module")
def new() -> Iterator[str]:
    yield from _twin("properties-v2", "--account", "A1", "--property", "P1")


def _twin(*arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "conformance.twins", *arguments, "--token", "env:TOKEN", "--port", "0"]
    environment = {**os.environ, "TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        found = next(filter(None, (re.search(r"http://127[.]0[.]0[.]1:[0-9]+", line) for line in process.stdout)))
        try:
            yield found[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=SECONDS)


def run(*arguments: str | Path, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TOKEN": token, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "conformance", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def judged(url: str, *more: str | Path, dialect: str = "restcomm", **given: str) -> subprocess.CompletedProcess[str]:
    who = ["--account", "AC1"] if dialect == "restcomm" else ["--account", "A1", "--property", "P1"]
    return run(url, "--dialect", dialect, *who, "--token", "env:TOKEN", "--rate", "0", *more, **given)


def test_a_good_server_is_good_and_the_reports_have_their_fixed_names(old: str, tmp_path: Path) -> None:
    done = judged(
        old,
        "--allow-send",
        "--to",
        "+15550100009",
        "--report",
        "junit,json,html,markdown,sarif",
        "--report-dir",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"[0-9]+ passed, 0 failed, [0-9]+ skipped, 0 broken; 0 of them bad at level must\n", done.stdout
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "index.html", "junit.xml", "results.json", "results.sarif", "summary.md",
    ]  # fmt: skip
    assert json.loads((tmp_path / "results.json").read_text("utf-8"))["counts"]["passed"] > 80


def test_the_other_dialect_is_judged_too(new: str) -> None:
    done = judged(new, dialect="properties-v2")
    assert done.returncode == 0, done.stderr
    assert "there is no leave to send" in done.stderr


def test_a_bad_verdict_is_1_and_a_listed_one_is_not(old: str, tmp_path: Path) -> None:
    """A server under another path answers 404 to everything."""
    bad = judged(old + "/nowhere")
    assert bad.returncode == 1
    assert "failed   must" in bad.stderr
    failed = re.findall(r"failed   must +(\S+):", bad.stderr)
    listed = tmp_path / "expected.toml"
    listed.write_text(
        "".join(f'[[expected]]\nid = "{name}"\nreason = "r"\nexpiry = 2099-01-01\n' for name in failed), "utf-8"
    )
    assert judged(old + "/nowhere", "--expected-failures", listed).returncode == 0
    assert judged(old, "--expected-failures", listed).returncode == 1, "what was to fail and passes fails the run"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--report", "pdf"], 2, "there is no report pdf"),
        (["--id", "restcomm.nothing"], 2, "no requirement has an id that begins so"),
        (["--allow-send"], 2, "go together"),
        (["--to", "+15550100009"], 2, "go together"),
        (["--property", "P1"], 2, "--property goes with properties-v2"),
        (["--expected-failures", "nowhere.toml"], 2, "nowhere.toml"),
        (
            ["--allow-send", "--to", "+15550100009", "--max-sends", "1", "--id", "restcomm.send"],
            12,
            "stopped: 1 sends are allowed",
        ),
    ],
)
def test_wrong_usage_and_a_safety_rule_are_told_apart(old: str, arguments: list[str], status: int, said: str) -> None:
    done = judged(old, *arguments)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr


def test_an_unreachable_target_and_refused_credentials_are_told_apart(old: str) -> None:
    gone = judged("http://127.0.0.1:1")
    assert (gone.returncode, "not reachable: ConnectError" in gone.stderr) == (10, True)
    refused = judged(old, token="wrong")
    assert (refused.returncode, "does not accept these credentials" in refused.stderr) == (11, True)
    assert "wrong" not in refused.stderr + refused.stdout


def test_the_requirements_are_listed_without_running() -> None:
    done = run("list")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert len(lines) >= 135
    assert all(
        re.match(r"(restcomm|properties-v2)[.][a-z.]+[0-9]{2}  (must|should|may|ambiguous)  \S", line) for line in lines
    )
    assert run("list", "--dialect", "restcomm").stdout.splitlines() == [
        one for one in lines if one.startswith("restcomm")
    ]


@pytest.mark.parametrize("arguments", [["-h"], ["--version"], ["list", "-h"], ["judge", "-h"]])
def test_help_and_version_are_on_standard_output(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


# ---- the callback drill ---------------------------------------------------------------------------------------------


class _Receiver(BaseHTTPRequestHandler):
    """An application's receiver that remembers what it was told; it does not like a status that comes out of order."""

    told: ClassVar[list[tuple[str, dict[str, str]]]] = []
    picky = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._take("POST", body)

    def do_GET(self) -> None:
        self._take("GET", self.path.partition("?")[2])

    def _take(self, method: str, pairs: str) -> None:
        event = dict(parse_qsl(pairs))
        seen = {told["MessageSid"] for _, told in self.told}
        self.told.append((method, event))
        first = event["MessageSid"] not in seen
        self.send_response(409 if self.picky and first and event["MessageStatus"] == "delivered" else 204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[str]:
    _Receiver.told, _Receiver.picky = [], False
    with ThreadingHTTPServer(("127.0.0.1", 0), _Receiver) as server:
        running = Thread(target=server.serve_forever, daemon=True)
        running.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/status?app=1"
        server.shutdown()
        running.join(SECONDS)


def test_a_receiver_is_told_every_event_of_the_document_and_what_a_network_makes_of_them(receiver: str) -> None:
    done = run("callbacks", receiver)
    assert (done.returncode, done.stderr) == (0, "")
    assert "REFUSED" not in done.stdout
    assert {event["MessageStatus"] for _, event in _Receiver.told} == {"sent", "failed", "delivered", "undelivered"}
    assert {method for method, _ in _Receiver.told} == {"GET", "POST"}
    plain = {"MessageSid", "MessageStatus", "AccountSid", "From", "To", "Body"}
    for method, event in _Receiver.told:
        assert set(event) - {"ErrorCode", "ChannelStatusMessage", "app"} == plain
        assert ("ErrorCode" in event) == (event["MessageStatus"] in ("failed", "undelivered"))
        assert method == "POST" or event["app"] == "1", "the receiver's own query is kept"
    assert len(_Receiver.told) > len({tuple(event.items()) for _, event in _Receiver.told}), "some events come twice"


def test_a_receiver_that_refuses_an_event_is_bad_and_said_to_be(receiver: str) -> None:
    _Receiver.picky = True
    done = run("callbacks", receiver)
    assert done.returncode == 1
    assert "REFUSED  409  out of order: delivered" in done.stdout


def test_a_receiver_that_is_not_there_and_an_address_that_is_none() -> None:
    assert run("callbacks", "http://127.0.0.1:1/").returncode == 10
    assert run("callbacks", "nowhere").returncode == 2


# ---- with a twin that can be told what to do ---------------------------------------------------------------


@pytest.fixture(scope="module")
def told_old() -> Iterator[str]:
    yield from _twin("restcomm", "--account", "AC1", "--control", "--messages", "0")


@pytest.fixture(scope="module")
def told_new() -> Iterator[str]:
    yield from _twin("properties-v2", "--account", "A1", "--property", "P1", "--control", "--messages", "0")


@pytest.mark.parametrize("dialect", ["restcomm", "properties-v2"])
def test_the_laws_hold_of_a_live_server_with_a_world_that_is_made_there(
    request: pytest.FixtureRequest, dialect: str
) -> None:
    url = request.getfixturevalue("told_old" if dialect == "restcomm" else "told_new")
    who = ["--account", "AC1"] if dialect == "restcomm" else ["--account", "A1", "--property", "P1"]
    done = run(
        "laws", url, "--dialect", dialect, *who, "--token", "env:TOKEN", "--twin", url, "--seed", "7", "--steps", "20"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "20 steps of seed 7: 0 times a law did not hold\n"
    unknown = run("laws", url, "--dialect", dialect, *who, "--token", "env:TOKEN", "--twin", url, token="wrong")
    assert unknown.returncode == 11


def test_a_twin_that_cannot_be_told_is_said(old: str) -> None:
    done = run("laws", old, "--dialect", "restcomm", "--account", "AC1", "--token", "env:TOKEN", "--twin", old)
    assert done.returncode == 10
    assert "no twin that can be told what to do" in done.stderr


@pytest.mark.parametrize("dialect", ["restcomm", "properties-v2"])
def test_a_life_is_judged_where_the_clock_can_be_turned_and_skipped_elsewhere(
    request: pytest.FixtureRequest, dialect: str
) -> None:
    url = request.getfixturevalue("told_old" if dialect == "restcomm" else "told_new")
    life = ("--id", f"{dialect}.life", "--allow-send", "--to", "+15550100009")
    assert judged(url, *life, "--twin", url, dialect=dialect).stdout.startswith("1 passed")
    assert judged(url, *life, dialect=dialect).stdout.startswith("0 passed, 0 failed, 1 skipped")


def test_a_seed_chooses_what_is_looked_at_and_a_good_server_is_good_by_any(old: str) -> None:
    assert judged(old, "--seed", "2").returncode == 0


def test_a_report_shows_what_was_said_only_where_that_is_asked_for(old: str, tmp_path: Path) -> None:
    shown = {}
    for name, flags in (("hidden", ()), ("shown", ("--show-content",))):
        judged(old, "--report", "json", "--report-dir", tmp_path / name, *flags)
        shown[name] = (tmp_path / name / "results.json").read_text("utf-8")
    assert '\\"date_created\\"' not in shown["hidden"]
    assert '\\"date_created\\"' in shown["shown"] and "> GET " in shown["shown"]
    for text in shown.values():
        assert TOKEN not in text and "authorization" not in text.lower().replace("www-authenticate", "")
