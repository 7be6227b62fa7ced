"""`sms-conformance` as a command, against simulated providers as processes: its output, its files, and its exit status.

The command runs in the process of the tests, unless a test is about a process of its own.
"""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qsl

import pytest

from conformance.judge.requirements import load
from tests.conformance_commands import ROOT, TOKEN, judged, run

SECONDS = 60
TOLD = [one.id for one in load("restcomm") if one.id.startswith("restcomm.callback")]


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
    assert re.search(
        r"^[0-9]+ passed, 0 failed, [0-9]+ skipped, 0 broken; 0 of them bad at level must$", done.stdout, re.MULTILINE
    )
    assert done.stdout.endswith("verdict: good\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "index.html", "junit.xml", "results.json", "results.sarif", "summary.md",
    ]  # fmt: skip
    assert json.loads((tmp_path / "results.json").read_text("utf-8"))["counts"]["passed"] > 80


def test_the_other_dialect_is_judged_too(new: str) -> None:
    done = judged(new, dialect="properties-v2")
    assert done.returncode == 0, done.stderr
    assert "there is no leave to send" in done.stderr


class _Inbound(BaseHTTPRequestHandler):
    """A server that stands before a good one and writes `inbound` in place of the document's `incoming`."""

    behind = ""

    def do_GET(self) -> None:
        self._pass_on(None)

    def do_HEAD(self) -> None:
        self._pass_on(None)

    def do_POST(self) -> None:
        self._pass_on(self.rfile.read(int(self.headers["Content-Length"])))

    do_PROPFIND = do_PUT = do_DELETE = do_PATCH = do_GET

    def _pass_on(self, body: bytes | None) -> None:
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        asked = urllib.request.Request(self.behind + self.path, body, kept, method=self.command)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(asked, timeout=SECONDS) as answer:  # noqa: S310 - loopback
                status, headers, said = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, headers, said = error.code, error.headers, error.read()
        said = said.replace(b'"incoming"', b'"inbound"')
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "server", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said if self.command != "HEAD" else b"")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def inbound(old: str) -> Iterator[str]:
    _Inbound.behind = old
    with ThreadingHTTPServer(("127.0.0.1", 0), _Inbound) as server:
        running = Thread(target=server.serve_forever, daemon=True)
        running.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        running.join(SECONDS)


def test_a_bad_verdict_is_1_and_a_listed_one_is_not(inbound: str, old: str, tmp_path: Path) -> None:
    bad = judged(inbound, "--report", "json,junit", "--report-dir", tmp_path / "bad")
    assert bad.returncode == 1
    failed = re.findall(r"^failed must (\S+):", bad.stdout, re.MULTILINE)
    assert failed == ["restcomm.message.13"]
    assert bad.stdout.endswith("verdict: bad\n")
    listed = tmp_path / "expected.toml"
    listed.write_text(
        "".join(f'[[expected]]\nid = "{name}"\nreason = "r"\nexpiry = 2099-01-01\n' for name in failed), "utf-8"
    )
    known = judged(inbound, "--expected-failures", listed, "--report", "json,html", "--report-dir", tmp_path / "known")
    assert known.returncode == 0
    assert "Known failures (1)" in (tmp_path / "known" / "index.html").read_text("utf-8")
    assert judged(old, "--expected-failures", listed).returncode == 1, "what was to fail and passes fails the run"
    results = json.loads((tmp_path / "bad" / "results.json").read_text("utf-8"))
    repeat = next(one["repeat"] for one in results["requirements"] if one["id"] == failed[0])
    again = run(*shlex.split(repeat)[1:], "--rate", "0")
    assert (again.returncode, f"failed must {failed[0]}" in again.stdout) == (1, True), again.stdout + again.stderr


def test_two_runs_are_compared_and_what_fails_anew_is_1(inbound: str, old: str, tmp_path: Path) -> None:
    for name, url in (("good", old), ("bad", inbound)):
        judged(url, "--report", "json", "--report-dir", tmp_path / name)
    good, bad = (tmp_path / name / "results.json" for name in ("good", "bad"))
    worse = run("compare", good, bad, "--report", "html,markdown,json", "--report-dir", tmp_path / "compared")
    assert worse.returncode == 1
    assert "newly failing  must      restcomm.message.13 (passed → failed)" in worse.stdout
    assert sorted(path.name for path in (tmp_path / "compared").iterdir()) == [
        "compare.html",
        "compare.json",
        "compare.md",
    ]
    better = run("compare", bad, good)
    assert (better.returncode, "newly passing" in better.stdout) == (0, True)
    assert run("compare", good, good).returncode == 0
    assert run("compare", good, tmp_path / "nowhere.json").returncode == 2
    (tmp_path / "other.json").write_text("{}", "utf-8")
    assert run("compare", good, tmp_path / "other.json").returncode == 2


# ---- the first look -----------------------------------------------------------------------------------------


def test_a_wrong_base_path_is_said_in_one_sentence(old: str) -> None:
    lost = judged(old + "/nowhere")
    assert lost.returncode == 10
    assert lost.stderr.startswith("nothing can be judged: /nowhere/2012-04-24/Accounts/{account}/SMS/Messages is 404")
    assert len(lost.stderr.splitlines()) == 1


class _Milliseconds(BaseHTTPRequestHandler):
    """A server of the new dialect that reads and shows milliseconds."""

    def do_GET(self) -> None:
        last = int(dict(parse_qsl(self.path.partition("?")[2]))["Date_To"])
        rows = [{"MessageSid": "M1", "Created": 1_506_320_553_000}] if last > 1_506_320_553_000 else []
        said = json.dumps({"Messages": rows}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *arguments: object) -> None:
        pass


def test_a_server_that_counts_milliseconds_is_said_in_one_sentence() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Milliseconds) as server:
        running = Thread(target=server.serve_forever, daemon=True)
        running.start()
        done = judged(f"http://127.0.0.1:{server.server_address[1]}", dialect="properties-v2")
        server.shutdown()
        running.join(SECONDS)
    assert (done.returncode, "milliseconds" in done.stderr) == (2, True)


class _BothPaths(_Milliseconds):
    """A server of the new dialect that answers at any path."""

    def do_GET(self) -> None:
        said = b'{"ResponseStatus": {"ErrorCode": "NOT_FOUND", "Message": "m"}}'
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


def test_a_wrong_dialect_is_said_in_one_sentence() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _BothPaths) as server:
        running = Thread(target=server.serve_forever, daemon=True)
        running.start()
        done = judged(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        running.join(SECONDS)
    assert (done.returncode, "dialect properties-v2: is --dialect right?" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:9100", "sms.example.test/restcomm", "localhost:80", "ftp://sms.example.test"]
)
def test_an_address_without_its_scheme_is_said_to_be_one(url: str) -> None:
    done = judged(url)
    assert (done.returncode, "has to begin with http:// or https://" in done.stderr) == (2, True)


class _Empty(_Milliseconds):
    """A server of the old dialect without a message."""

    def do_GET(self) -> None:
        said = b'{"messages": [], "total": 0, "num_pages": 0}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


def test_what_was_not_judged_is_not_good_unless_that_is_allowed(old: str) -> None:
    assert judged(old, "--min-judged", "20").returncode == 0
    few = judged(old, "--min-judged", "100000")
    assert (few.returncode, few.stdout.endswith("verdict: not enough judged\n")) == (1, True)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Empty) as server:
        running = Thread(target=server.serve_forever, daemon=True)
        running.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        nothing = judged(url, "--id", "restcomm.message")
        allowed = judged(url, "--id", "restcomm.message", "--allow-untried", "message")
        server.shutdown()
        running.join(SECONDS)
    assert (nothing.returncode, "not judged at all: message" in nothing.stdout) == (1, True)
    assert allowed.returncode == 0
    assert judged(old, "--allow-untried", "nothing").returncode == 2


def test_every_verdict_is_shown_on_request_with_its_count(old: str) -> None:
    told = judged(old, "-v").stderr
    assert len(re.findall(r"^passed ", told, re.MULTILINE)) > 80
    assert re.search(r"^25 of [0-9]+ judged: ", told, re.MULTILINE)


def test_the_help_shows_the_options_of_a_judgement() -> None:
    shown = run("--help").stdout
    assert "--expected-failures" in shown and "--allow-send" in shown


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
    assert (gone.returncode, "not reachable: ConnectionRefusedError" in gone.stderr) == (10, True)
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


def test_a_process_of_the_command_loads_only_what_it_runs() -> None:
    """No reports, no other command, no laws of the other dialect, and no package but two."""
    code = (
        "import sys\nfrom conformance.__main__ import command\n"
        "try:\n    command(sys.argv[1:])\nfinally:\n    print(*sorted(sys.modules))"
    )
    who = ["http://127.0.0.1:1", "--dialect", "restcomm", "--account", "AC1", "--token", "env:TOKEN"]
    done = subprocess.run(
        [sys.executable, "-c", code, *who], cwd=ROOT, env={**os.environ, "TOKEN": TOKEN}, capture_output=True, text=True, check=False,
        timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 10, done.stderr
    loaded = set(done.stdout.split())
    assert "conformance.cli.judging" in loaded
    unneeded = {
        "conformance.cli.others", "conformance.reports.html", "conformance.reports.junit", "conformance.judge.laws_properties_v2",
        "importlib.metadata", "importlib.resources", "http.server", "httpx", "starlette",
    }  # fmt: skip
    assert loaded & unneeded == set()


@pytest.mark.parametrize("arguments", [["-h"], ["--version"], ["list", "-h"], ["judge", "-h"]])
def test_help_and_version_are_on_standard_output(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


# ---- the callback drill ---------------------------------------------------------------------------------------------


class _Receiver(BaseHTTPRequestHandler):
    """An application's receiver that remembers its callbacks. It refuses a status that comes out of order."""

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


def test_receiver_gets_every_event_of_the_document_and_repeated_ones(receiver: str) -> None:
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


# ---- with a simulated provider that takes commands ---------------------------------------------------------


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


@pytest.mark.parametrize("dialect", ["restcomm", "properties-v2"])
def test_the_laws_can_be_held_again_and_again_of_a_twin_with_its_own_past(dialect: str) -> None:
    who = ["--account", "AC1"] if dialect == "restcomm" else ["--account", "A1", "--property", "P1"]
    url = next(twin := _twin(dialect, *who, "--control"))
    try:
        for _ in range(2):
            done = run("laws", url, "--dialect", dialect, *who, "--token", "env:TOKEN", "--twin", url, "--steps", "5")
            assert (done.returncode, done.stderr) == (0, "")
    finally:
        next(twin, None)


def test_a_twin_that_cannot_be_told_is_said(old: str) -> None:
    done = run("laws", old, "--dialect", "restcomm", "--account", "AC1", "--token", "env:TOKEN", "--twin", old)
    assert done.returncode == 10
    assert "no twin that can be told what to do" in done.stderr


class _BrokenTwin(_Milliseconds):
    """A server of the old dialect whose simulated provider fails at every control request."""

    def do_GET(self) -> None:
        self._answer(200, b'{"messages": [], "next_page_uri": "null"}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(500, b"out of order")

    def _answer(self, status: int, said: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


def test_a_fault_of_the_twin_is_said_to_be_one_and_none_of_the_server() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _BrokenTwin) as server:
        running = Thread(target=server.serve_forever, daemon=True)
        running.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        done = run("laws", url, "--dialect", "restcomm", "--account", "AC1", "--token", "env:TOKEN", "--twin", url)
        server.shutdown()
        running.join(SECONDS)
    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr == "a fault of the twin, and none of the server: invent was answered 500: out of order\n"


@pytest.mark.parametrize("dialect", ["restcomm", "properties-v2"])
def test_life_is_tested_if_the_clock_can_be_set_and_else_skipped(request: pytest.FixtureRequest, dialect: str) -> None:
    url = request.getfixturevalue("told_old" if dialect == "restcomm" else "told_new")
    life = ("--id", f"{dialect}.life", "--allow-send", "--to", "+15550100009")
    assert judged(url, *life, "--twin", url, dialect=dialect).stdout.startswith("1 passed")
    assert "0 passed, 0 failed, 1 skipped" in judged(url, *life, dialect=dialect).stdout


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


def free_url() -> str:
    """A URL on loopback that no server listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_callbacks_are_judged_by_a_receiver_that_the_run_starts(told_old: str, tmp_path: Path) -> None:
    leave = ["--allow-send", "--to", "+15550100009", "--twin", told_old, "--callback-url", free_url()]
    done = judged(told_old, *leave, "--id", "restcomm.callback", "--report", "json", "--report-dir", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads((tmp_path / "results.json").read_text("utf-8"))["counts"]
    assert counts == {"passed": len(TOLD)}


def test_no_status_callback_is_wanted_of_a_message_to_a_client(told_old: str, tmp_path: Path) -> None:
    """The document: "StatusCallback is not applicable to messages addressed to CPaaS Clients"."""
    leave = ["--allow-send", "--to", "client:alice8", "--max-sends", "20", "--twin", told_old]
    done = judged(told_old, *leave, "--callback-url", free_url(), "--report", "json", "--report-dir", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert "callback" in results["untried"]
    untold = [one for one in results["requirements"] if one["id"].startswith("restcomm.callback")]
    assert len(untold) == len(TOLD)
    assert {(one["outcome"], one["why"]) for one in untold} == {
        ("skipped", "a StatusCallback is not applicable to messages addressed to clients")
    }


def test_a_receiver_that_is_not_reached_is_told_from_one_that_is(told_old: str) -> None:
    there = free_url().removeprefix("http://")
    leave = ["--allow-send", "--to", "+15550100009", "--twin", told_old, "--callback-listen", there]
    done = judged(told_old, *leave, "--callback-url", "http://127.0.0.1:1", "--id", "restcomm.callback.01")
    assert (done.returncode, "the StatusCallback is not called" in done.stdout) == (1, True), done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--callback-url", "http://127.0.0.1:1"], "--allow-send"),
        (["--callback-url", "127.0.0.1:1", "--allow-send", "--to", "+15550100009"], "http://"),
        (["--other-account", "AC2"], "go together"),
        (["--other-account", "AC2", "--other-token", "env:TOKEN", "--other-property", "P"], "--other-property"),
    ],
)
def test_leave_that_cannot_be_used_is_wrong_usage(old: str, arguments: list[str], said: str) -> None:
    done = judged(old, *arguments)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_an_account_that_sees_another_is_bad(old: str) -> None:
    done = judged(old, "--other-account", "AC1", "--other-token", "env:TOKEN", "--id", "restcomm.access.13")
    assert (done.returncode, "a message of another account is on the list" in done.stdout) == (1, True), done.stderr
