"""The command line as an operator at a shell meets it: stdout, stderr and the exit status."""

import asyncio
import contextlib
import json
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from starlette.types import ASGIApp

import translator
from conformance.clock import ManualClock
from conformance.twins.properties_v2 import PropertiesV2Twin, TwinAccount, seeded_messages
from conformance.twins.restcomm import RestcommTwin, Sms, Step
from conformance.twins.serving import serve as serve_twin
from tests.commands import ACCOUNT, CONFIG, LISTS, PROPERTY, SECONDS, environment, fetch, run, run_here, running
from tests.stores import opened
from translator import cli
from translator.shell.application import Reader, Runtime
from translator.shell.config.settings import Settings
from translator.shell.observability.admin import Meter
from translator.shell.operations.probe import BAD, REFUSED, UNREACHABLE, Verdict, worst


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "back-token").write_text("right\n", "utf-8")
    (tmp_path / "translator.toml").write_text(CONFIG, "utf-8")
    return tmp_path / "translator.toml"


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


# ---- messages and exit codes -------------------------------------------------------------------------------


def test_version_and_help() -> None:
    version = run("--version")
    assert (version.returncode, version.stdout) == (0, f"sms-translator, version {translator.__version__}\n")
    shown = run("-h")
    assert shown.returncode == 0
    for command in ("serve", "sandbox", "check", "explain", "mappings"):
        assert f"\n  {command} " in shown.stdout


def test_a_good_configuration_is_said_to_be_good(config: Path) -> None:
    done = run("check", "-c", config)
    assert (done.returncode, done.stdout) == (0, f"{config} is good: 1 accounts\n")
    as_json = run("check", "-o", "json", SMS_TRANSLATOR_CONFIG=str(config))
    assert json.loads(as_json.stdout) == {"good": True, "accounts": 1}


@pytest.mark.parametrize(
    ("dialect", "more", "apart"), [("restcomm", "", True), ("properties-v2", ", property = 'S1'", False)]
)
def test_check_tells_if_the_sids_of_two_providers_differ(config: Path, dialect: str, more: str, apart: bool) -> None:
    old = f"old = {{ name = 'before', account = 'AC9', token = 'x'{more} }}"
    config.write_text(f"{CONFIG}\n{old}\n[backs.before]\ndialect = '{dialect}'\nurl = 'http://127.0.0.1:9'\n", "utf-8")
    done = run("check", "-c", config)
    assert done.returncode == 0, done.stderr
    assert ("SIDs of different shapes" in done.stdout) == apart
    assert ("SIDs of one shape" in done.stdout) != apart
    told = [json.loads(line) for line in run("check", "-c", config, "-o", "json").stdout.splitlines()]
    assert told[1]["sids_told_apart"] == apart


@pytest.mark.parametrize(
    ("old", "says"),
    [
        ("{ name = 'absent', account = 'A', token = 'x' }", "old.name: there is no [backs] section of this name"),
        ("{ name = 'before', account = 'A:', token = 'x' }", "old.account: has to be printable, not empty, and without a colon"),
        ("{ name = 'before', account = 'A' }", "old.token: is missing"),
        ("{ name = 'before', account = 'A', token = 'x', property = 'S1' }", "old.property: unknown key: restcomm has no properties"),
    ],
)  # fmt: skip
def test_check_names_the_key_of_a_wrong_old_account(config: Path, old: str, says: str) -> None:
    backs = "[backs.before]\ndialect = 'restcomm'\nurl = 'http://127.0.0.1:9'\n"
    config.write_text(f"{CONFIG}\nold = {old}\n{backs}", "utf-8")
    done = run("check", "-c", config)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_check_refuses_an_old_account_that_is_the_new_one(config: Path) -> None:
    [back] = [line for line in CONFIG.splitlines() if line.startswith("back")]
    config.write_text(f"{CONFIG}\nold{back.removeprefix('back')}\n", "utf-8")
    done = run("check", "-c", config)
    assert (done.returncode, "old: is the same provider account as back" in done.stderr) == (2, True), done.stderr


def test_what_is_not_promised_is_talk(config: Path) -> None:
    config.write_text(CONFIG + "[store]\nurl = 'memory:'\n", "utf-8")
    done = run("check", "-c", config)
    assert done.returncode == 0
    assert "translator.toml, [store] url: memory: is for trials" in done.stderr
    assert "trials" not in done.stdout


@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_configuration_that_cannot_be_used_is_a_sentence(config: Path, command: str) -> None:
    config.write_text(CONFIG.replace("url =", "ulr ="), "utf-8")
    done = run(command, "-c", config)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"sms-translator: {config}, [backs.provider] url: is missing\n"


def test_wrong_usage_is_2() -> None:
    assert run("serve").returncode == 2
    assert run("nonsense").returncode == 2
    assert run("sandbox", "--port", "65536").returncode == 2


def test_a_defect_is_our_own_fault_and_shows_no_value(config: Path) -> None:
    code = (
        "import sys; from translator import cli; from translator.shell.operations import check_configuration\n"
        "def read(*_): raise LookupError('19876543212')\n"
        "check_configuration.read = read; cli.main(['check', '-c', sys.argv[1]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, config], check=False, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 13
    assert done.stderr.startswith("sms-translator: our own fault: LookupError < ")
    assert "19876543212" not in done.stderr


# ---- serving -----------------------------------------------------------------------------------------------


def test_serve_answers_until_it_is_told_to_stop(config: Path) -> None:
    config.write_text(CONFIG.replace('admin = ""', 'admin = "127.0.0.1:0"'), "utf-8")
    with running("serve", "-c", config, "-o", "json") as process:
        assert process.stderr is not None
        admin, front = (json.loads(process.stderr.readline()) for _ in range(2))
        assert (admin["event"], front["event"]) == ("admin", "serving")
        status, headers, body = fetch(f"http://{front['listen']}/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages.json")
        assert (status, headers["content-type"]) == (401, "application/json")
        assert "server" not in headers
        assert "date" in headers
        assert list(json.loads(body)) == ["message"]
        assert [fetch(f"http://{admin['listen']}{path}")[0] for path in ("/livez", "/readyz")] == [200, 200]
        assert b'status="401"' in fetch(f"http://{admin['listen']}/metrics")[2]
        assert fetch(f"http://{front['listen']}/metrics")[0] == 401
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (0, "")
    assert [json.loads(line)["event"] for line in err.splitlines()][-2:] == ["draining", "stopped"]


def test_a_port_in_use_is_a_sentence(config: Path) -> None:
    with taken_port() as port:
        served = run("serve", "-c", config, SMS_TRANSLATOR_SERVER__LISTEN=f"127.0.0.1:{port}")
        sandboxed = run("sandbox", "--port", str(port))
    for done, where in ((served, f"{config}, [server] listen"), (sandboxed, "--port")):
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (f"sms-translator: {where}: cannot listen on 127.0.0.1:{port}: Address already in use\n")


SORTED = (f"{LISTS}?SortBy=From", f"{LISTS}?SortBy=From&Page=1")


@pytest.mark.parametrize(
    ("lists", "paths", "told"),
    [
        ("", SORTED, [("200", "8", "exact"), ("200", "0", "exact")]),
        ("snapshot_bytes = 100_000", SORTED, [("200", "8", "exact"), ("200", "8", "exact")]),
        ("snapshot_ttl = 0", SORTED, [("200", "8", "exact"), ("200", "8", "exact")]),
        ("", (LISTS, LISTS), [("200", "13", "exact"), ("200", "1", "exact")]),
        ("total_ttl = 0", (LISTS, LISTS), [("200", "13", "exact"), ("200", "13", "exact")]),
        ("max_asks = 3", SORTED[:1], [("400", "1", "")]),
        ("max_asks = 3\non_cap = 'capped'", SORTED[:1], [("200", "3", "capped")]),
    ],
)  # fmt: skip
def test_what_is_said_of_lists_is_what_is_served(
    config: Path, lists: str, paths: tuple[str, ...], told: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """900 messages at the provider, in slices of 200. The command serves in this process, without a socket of its own."""
    config.write_text(CONFIG.replace("[server]", f"[lists]\n{lists}\n[server]\nexplain_headers = true"), "utf-8")
    twin = PropertiesV2Twin(accounts={"A1": TwinAccount("right", (PROPERTY,))}, clock=ManualClock(1_570_000_000))
    twin.load(seeded_messages("A1", PROPERTY, 900, 1, 1_570_000_000, documented=False))

    found: list[tuple[str, str, str]] = []

    async def asked(load: Callable[[], Settings]) -> None:
        async with opened("memory:") as store:
            runtime = Runtime(Reader(load)(), store, Meter())
            transport = httpx.ASGITransport(runtime.proxy.application())
            login = (ACCOUNT, "front-token")
            async with httpx.AsyncClient(transport=transport, base_url="http://front.test", auth=login) as client:
                for path in paths:
                    answer = await client.get(path)
                    said = answer.headers["x-translator-back-calls"], answer.headers.get("x-translator-total", "")
                    found.append((str(answer.status_code), *said))
            await runtime.aclose()

    def serve(load: Callable[[], Settings]) -> int:
        asyncio.run(asked(load))
        return 0

    async def main() -> None:
        async with serve_twin(twin.app) as url:
            done = await asyncio.to_thread(run_here, "serve", "-c", config, SMS_TRANSLATOR_BACKS__PROVIDER__URL=url)
            assert done.returncode == 0, done.stderr

    monkeypatch.setattr("translator.shell.process.serve", serve)
    asyncio.run(main())
    assert found == told


@pytest.mark.parametrize(
    ("flags", "configured", "environment_", "told"),
    [
        ((), "", {}, False),
        (("--explain-headers",), "", {}, True),
        ((), "explain_headers = true", {}, True),
        (("--no-explain-headers",), "explain_headers = true", {}, False),
        ((), "", {"SMS_TRANSLATOR_SERVER__EXPLAIN_HEADERS": "true"}, True),
        ((), "explain_headers = true", {"SMS_TRANSLATOR_SERVER__EXPLAIN_HEADERS": "false"}, False),
        (("--no-explain-headers",), "", {"SMS_TRANSLATOR_SERVER__EXPLAIN_HEADERS": "true"}, False),
    ],
)  # fmt: skip
def test_a_flag_is_stronger_than_the_environment_and_that_than_the_file(
    config: Path, flags: tuple[str, ...], configured: str, environment_: dict[str, str], told: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    config.write_text(CONFIG.replace("[server]", f"[server]\n{configured}"), "utf-8")
    served: list[bool] = []

    def serve(load: Callable[[], Settings]) -> int:
        served.append(load().server.explain_headers)
        return 0

    monkeypatch.setattr("translator.shell.process.serve", serve)
    given = environment(**environment_)
    done = CliRunner().invoke(cli.main, ["serve", "-c", str(config), *flags], env=given)
    assert (done.exit_code, served) == (0, [told])


@pytest.mark.parametrize("told", [False, True])
def test_answers_say_what_they_took_and_lost_if_that_is_wanted(config: Path, told: bool) -> None:
    twin = PropertiesV2Twin(accounts={"A1": TwinAccount("right", (PROPERTY,))}, clock=ManualClock(1_570_000_000))
    twin.load(seeded_messages("A1", PROPERTY, 20, 1, 1_570_000_000, documented=False))
    flags = ["--explain-headers"] if told else []

    def asked(url: str) -> list[str]:
        with running("serve", "-c", config, "-o", "json", *flags, SMS_TRANSLATOR_BACKS__PROVIDER__URL=url) as process:
            assert process.stderr is not None
            front = json.loads(process.stderr.readline())["listen"]
            _, headers, _ = fetch(f"http://{front}{LISTS}", login=f"{ACCOUNT}:front-token")
            return sorted(f"{name}: {value}" for name, value in headers.items() if name.startswith("x-translator"))

    async def main() -> list[str]:
        async with serve_twin(twin.app) as url:
            return await asyncio.to_thread(asked, url)

    found = asyncio.run(main())
    assert [line.partition(":")[0] for line in found] == (
        ["x-translator-back-calls", "x-translator-loss", "x-translator-total"] if told else []
    )
    assert not told or found[1] == "x-translator-loss: back.fields.DeliveryReceipt"


# ---- the sandbox -------------------------------------------------------------------------------------------


def curl(line: str) -> tuple[int, dict[str, str], bytes]:
    """The request of a curl line, as curl reads its options: -X, -H, -d (a pair each, or JSON), -u."""
    words = shlex.split(line)[1:]
    options: dict[str, list[str]] = {"-X": [], "-H": [], "-d": [], "-u": []}
    url = ""
    while words:
        word = words.pop(0)
        if word in options:
            options[word].append(words.pop(0))
        else:
            url = word
    data = "&".join(options["-d"]).encode() if options["-d"] else None
    if data is not None and not options["-H"]:
        data = data.replace(b" ", b"+")
    method = options["-X"][0] if options["-X"] else None
    return fetch(url, data, options["-u"][0], method, options["-H"])


def test_the_sandboxs_curl_lines_do_what_the_documents_show() -> None:
    with running("sandbox", "--port", "0", "--messages", "20") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(18)]
        moves = [process.stdout.readline() for _ in range(11)]
        send, listed, one, xml, called, *back = (curl(line) for line in lines if line.startswith("curl"))
        watchdog = threading.Timer(SECONDS, process.kill)
        watchdog.start()
        told = [process.stdout.readline().split()[3:] for _ in range(3)]
        watchdog.cancel()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert {answer[0] for answer in (send, listed, one, xml, called, *back)} == {200}
    assert "moves from an old server" in moves[0]
    assert " migrate history " in moves[-1]
    waited = json.loads(called[2])["sid"]
    assert [what for what, sid in told if sid == waited] == ["sent", "delivered"]
    message = json.loads(send[2])
    assert (message["from"], message["to"], message["body"]) == ("19876543212", "13216549878", "Test SMS")
    first = json.loads(listed[2])["messages"][0]
    assert (first["date_created"], first["body"]) == ("Thu, 31 May 2018 16:10:32 +0000", "Hello 13216549878")
    shown = json.loads(one[2])
    assert (shown["date_updated"], shown["from"], shown["status"]) == (
        "Thu, 4 Jul 2019 07:02:33 +0000",
        "dev-test",
        "delivered",
    )
    assert xml[2].startswith(b"<RestcommResponse><SMSMessage>")
    search, narrowed, posted, hooked, batch = (json.loads(answer[2]) for answer in back)
    assert search["Messages"] and all(1506038400 <= row["Created"] < 1506427200 for row in search["Messages"])
    assert all((row["Status"], row["Direction"]) == ("Delivered", "Transmit") for row in narrowed["Messages"])
    assert 0 < len(narrowed["Messages"]) <= 10
    assert posted["Message"]["Text"] == batch[0]["Text"] == "Saaaa"
    assert ["Message.DeliveryReceiptReceived", hooked["Message"]["MessageSid"]] in told
    assert batch[1] == {"ErrorCode": "PARAMETER_REQUIRED", "Message": "Text is required."}
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err


# ---- probing -----------------------------------------------------------------------------------------------


def probed(config: Path, token: str, app: ASGIApp) -> subprocess.CompletedProcess[str]:
    (config.parent / "back-token").write_text(token, "utf-8")

    async def main() -> subprocess.CompletedProcess[str]:
        async with serve_twin(app) as url:
            return await asyncio.to_thread(
                run, "check", "-c", config, "--probe", SMS_TRANSLATOR_BACKS__PROVIDER__URL=url
            )

    return asyncio.run(main())


@pytest.mark.parametrize(("token", "status", "verdict"), [("right", 0, "good"), ("wrong", 11, "back-refused-us")])
def test_a_probe_says_how_each_back_took_it(config: Path, token: str, status: int, verdict: str) -> None:
    twin = PropertiesV2Twin(accounts={"A1": TwinAccount("right", (PROPERTY,))}, clock=ManualClock(1_570_000_000))
    done = probed(config, token, twin.app)
    assert done.returncode == status
    line = f"restcomm {ACCOUNT} -> provider (properties-v2 A1 {PROPERTY}): {verdict}"
    assert done.stdout.startswith(line)
    assert {call.method for call in twin.calls} == {"GET"}
    assert token not in done.stdout + done.stderr


def test_a_probe_of_a_back_that_shows_whole_days_is_harmless_too(config: Path) -> None:
    """Five thousand messages came in the last hour. The probe requests those of the last minute."""
    now = time.time()
    old = RestcommTwin(accounts={"AC9": "right"}, bounds="days")
    came = [(number, now - 3600 + number / 2) for number in range(5000)]
    old.load(
        Sms(
            f"SM{number:032x}",
            "AC9",
            "15550100001",
            "15550100002",
            "t",
            at,
            "incoming",
            (Step(at, "received", sent=at),),
        )
        for number, at in came
    )
    behind = CONFIG[: CONFIG.index("[[accounts]]")].replace("properties-v2", "restcomm")
    account = f"""profile = "open-source"
[[accounts]]
front = {{ dialect = "properties-v2", account = "A1", property = "{PROPERTY}", token = "${{env:FRONT_TOKEN}}" }}
back = {{ name = "provider", account = "AC9", token = "${{file:back-token}}" }}
"""
    config.write_text(behind + account, "utf-8")
    done = probed(config, "right", old.app)
    assert (done.returncode, done.stdout.splitlines()[0][-4:]) == (0, "good"), done.stdout
    assert len(old.calls) <= 5


def test_a_probe_asks_each_provider_of_a_migration_with_its_own_token(config: Path) -> None:
    new = PropertiesV2Twin(accounts={"A1": TwinAccount("right", (PROPERTY,))}, clock=ManualClock(1_570_000_000))
    old = RestcommTwin(accounts={"AC9": "of-the-old-one"}, clock=ManualClock(1_570_000_000))

    async def main() -> subprocess.CompletedProcess[str]:
        async with serve_twin(new.app) as here, serve_twin(old.app) as there:
            row = 'old = { name = "before", account = "AC9", token = "of-the-old-one" }'
            back = f'[backs.before]\ndialect = "restcomm"\nurl = "{there}"\n'
            text = CONFIG.replace("[[accounts]]", f"{back}[[accounts]]\n{row}")
            await asyncio.to_thread(config.write_text, text, "utf-8")
            changed = {"SMS_TRANSLATOR_BACKS__PROVIDER__URL": here}
            return await asyncio.to_thread(lambda: run("check", "-c", config, "--probe", **changed))

    done = asyncio.run(main())
    assert done.returncode == 0, done.stdout
    assert [line.rpartition(": ")[2] for line in done.stdout.splitlines()] == ["good", "good"]
    assert new.calls and old.calls
    assert {call.path for call in new.calls} == {f"/v2/Properties/{PROPERTY}/Messages"}
    assert {call.path for call in old.calls} == {"/2012-04-24/Accounts/AC9/SMS/Messages.json"}


def test_a_probe_of_a_back_that_is_not_there_is_10(config: Path) -> None:
    done = run("check", "-c", config, "--probe", "-o", "json")
    assert done.returncode == 10
    assert json.loads(done.stdout)["fault"] == "back-unreachable"


def test_the_worst_verdict_is_the_exit_status() -> None:
    def status(*found: int) -> int:
        return worst([Verdict("f", "b", one, "", "") for one in found])

    assert status(0, 0) == 0
    assert status(0, BAD) == 1
    assert status(BAD, REFUSED) == 11
    assert status(REFUSED, UNREACHABLE, BAD) == 10


# ---- explaining --------------------------------------------------------------------------------------------

LIST = f"GET /2012-04-24/Accounts/{ACCOUNT}/SMS/Messages.json?StartTime=2018-05-30&PageSize=2"


def test_explain_shows_what_a_request_becomes(config: Path) -> None:
    for done in (run("explain", "restcomm", LIST), run("explain", "-c", config, "restcomm", LIST)):
        assert (done.returncode, done.stderr) == (0, "")
        first = done.stdout.splitlines()[0]
        assert f"GET /v2/Properties/{PROPERTY}/Messages" in first
        assert "Date_From=1527638400" in first  # 2018-05-30T00:00:00Z


def test_explain_takes_a_whole_url() -> None:
    line = f"{LIST}&EndTime=2018-06-09"
    done = run("explain", "restcomm", line.replace("GET /", "GET https://sms.example.test:8443/"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run("explain", "restcomm", line).stdout


def test_explain_runs_against_invented_rows() -> None:
    done = run("explain", "restcomm", LIST, "--rows", "3")
    assert done.returncode == 0
    assert "answer: 200" in done.stdout


def test_explain_takes_a_body_the_other_way_round() -> None:
    body = '{"From": "+19876543212", "To": "+13216549878", "Text": "Test SMS"}'
    done = run("explain", "properties-v2", f"POST /v2/Properties/{PROPERTY}/Messages", "--data", body)
    assert done.returncode == 0
    assert "POST /2012-04-24/Accounts/A1/SMS/Messages.json" in done.stdout
    assert "From=19876543212&To=13216549878&Body=Test" in done.stdout


def test_what_cannot_be_explained_is_a_sentence(config: Path) -> None:
    for words, said in (
        (["nonsense", LIST], "dialect has to be one of properties-v2, restcomm"),
        (["restcomm", "GET"], "has to be like 'GET /path?name=value'"),
        (["-c", config, "properties-v2", LIST], "no row has a properties-v2 front"),
        (["-c", config, "restcomm", LIST.replace("0001/", "0002/")], "no row has a restcomm front"),
    ):
        done = run("explain", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


# ---- mappings ----------------------------------------------------------------------------------------------


def test_mappings_prints_one_table_in_three_forms() -> None:
    text, markdown, as_json = (run("mappings", "--format", form) for form in ("text", "markdown", "json"))
    assert [done.returncode for done in (text, markdown, as_json)] == [0, 0, 0]
    for dialect in ("restcomm", "properties-v2"):
        assert all(dialect in done.stdout for done in (text, markdown, as_json))
    assert "| --- |" in markdown.stdout
    assert len(json.loads(as_json.stdout)) > 20
    assert run("mappings").stdout == text.stdout
    assert run("mappings", "-o", "json").stdout == as_json.stdout
