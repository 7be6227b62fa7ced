"""Mistakes, and the sentences that an operator reads: the event, its place, and the remedy. They hold nothing private."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.fronts import ACCOUNT, MESSAGES, SMS, always, requested
from tests.ledgers import CONFIG
from translator.cli import main
from translator.core.accounts import Endpoint
from translator.core.http.messages import Failure, Response
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy
from translator.shell.operations.probe_reasons import explain_failure
from translator.shell.wiring import Dialects


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Every line of the log, as its event and fields."""
    lines: list[tuple[str, dict[str, Any]]] = []

    class Lines:
        def info(self, event: str, **fields: Any) -> None:
            lines.append((event, fields))

        warning = error = info

    for module in ("server.request_log", "delivery.callback_url_policy"):
        monkeypatch.setattr(f"translator.shell.{module}.logger", Lines)
    return lines


# ---- callbacks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "client", "operator"),
    [
        (
            "http://127.0.0.1:8080/status",
            "leads to an address that is not public; whoever runs this server can permit it",
            '[callbacks] allow = ["127.0.0.1"] permits it',
        ),
        (
            "http://[fd00::1]/status",
            "leads to an address that is not public; whoever runs this server can permit it",
            '[callbacks] allow = ["fd00::1"] permits it',
        ),
        (
            "http://127.0.0.1:9000/status",
            "has a port that is not called: 9000; those that are called are 80, 443, 8080, 8443",
            "[callbacks] ports = [80, 443, 8080, 8443, 9000] permits it",
        ),
        ("http://user:secret@example.com/status", "cannot hold a user or a password", ""),
        ("ftp://example.com/status", "is not an http or https address", ""),
    ],
)
def test_refused_callback_url_names_the_setting_that_permits_it(address: str, client: str, operator: str) -> None:
    verdict = asyncio.run(CallbackUrlPolicy().judge(address))
    assert (verdict.reason, verdict.remedy) == (client, operator)


def test_private_callback_name_is_explained_to_the_operator_only() -> None:
    """The client learns nothing of the network behind the name."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["10.1.2.3", "10.1.2.4"]

    verdict = asyncio.run(CallbackUrlPolicy(resolve=resolve).judge("http://status.example/x"))
    assert "10.1.2" not in verdict.reason
    assert verdict.remedy == '[callbacks] allow = ["10.1.2.3", "10.1.2.4"] permits it'


def test_unresolved_callback_name_of_an_accepted_send_is_logged(
    said: list[tuple[str, dict[str, Any]]],
) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror

    async def accept() -> None:
        vetting = CallbackUrlPolicy(resolve=resolve)
        for path in ("first?secret=1", "second"):
            verdict = await vetting.judge(f"http://status.example/{path}", "restcomm/AC1/")
            assert verdict.reason == ""

    asyncio.run(accept())
    fields = {"account": "restcomm/AC1/", "destination": "status.example:80"}
    [(event, told)] = said  # one of a destination for a while
    assert (event, {name: told[name] for name in fields}) == ("callback-unresolved", fields)
    assert "secret" not in str(told)


# ---- requests --------------------------------------------------------------------------------------------------------


def line(said: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    return next(fields for event, fields in said if event == "request")


def test_a_refusal_is_logged_with_its_account_parameter_and_reason(said: list[tuple[str, dict[str, Any]]]) -> None:
    answer = requested(always(Failure("never-left")), "POST", data={**SMS, "To": "0412345678"})
    assert answer.status_code == 400
    told = line(said)
    assert (told["fault"], told["account"], told["parameter"]) == ("invalid-parameter", f"restcomm/{ACCOUNT}/", "To")
    assert told["reason"] in answer.json()["message"]
    assert "0412345678" not in str(told)


def test_a_name_that_may_be_a_text_is_not_logged(said: list[tuple[str, dict[str, Any]]]) -> None:
    answer = requested(always(Failure("never-left")), path=f"{MESSAGES}?my secret text>=1&StartTime>=1")
    assert answer.status_code == 400
    assert "secret" not in str(said)


def test_a_good_request_is_logged_as_before(said: list[tuple[str, dict[str, Any]]]) -> None:
    requested(always(Failure("never-left")), "POST", data=SMS)
    assert line(said).keys().isdisjoint({"parameter", "reason"})


def test_a_provider_that_shows_a_web_page_is_said_to_have_a_wrong_address(
    said: list[tuple[str, dict[str, Any]]],
) -> None:
    page = Response(404, (("content-type", "text/html"),), b"<html>private</html>")
    for method, path, data in (("GET", MESSAGES, None), ("POST", MESSAGES, SMS)):
        said.clear()
        answer = requested(always(page), method, path, data=data)
        assert answer.status_code == 502
        assert "a web page answered in place of its API" in answer.json()["message"]
        assert "is `url` of the back right?" in line(said)["why"]
        assert "private" not in str(said)


@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_a_probe_says_it_of_every_status(status: int) -> None:
    behind = Endpoint(Dialects().of("properties-v2", "back", {}, "test"), "A1", "P1", "a-token")
    page = Response(status, (("content-type", "text/html"),), b"<html>")
    sentence = explain_failure("https://p.example/wrong", "/v2/Messages", page, behind)
    assert sentence.startswith(f"GET https://p.example/wrong/v2/Messages answered {status}")
    assert "text/html in place of JSON" in sentence


# ---- check -----------------------------------------------------------------------------------------------------------


def checked(folder: Path, text: str) -> Result:
    file = folder / "proxy.toml"
    file.write_text(text, "utf-8")
    return CliRunner().invoke(main, ["check", "-c", str(file)])


def test_check_says_all_that_is_wrong_in_one_run(tmp_path: Path) -> None:
    """The file, the certificate, the dialect's own keys and the store are checked, whichever is wrong first."""
    (tmp_path / "kept.db").write_bytes(b"this is no database, and long enough to be sure of that" * 20)
    text = CONFIG.replace(
        "[store]", '[server]\ntls_cert = "none.pem"\ntls_key = "none.key"\n[lists]\nmax_asks = "x"\n[store]', 1
    )
    result = checked(tmp_path, text)
    assert result.exit_code == 2
    for what in ("[lists] max_asks", "[server] tls_cert", "[store] url", "file is not a database"):
        assert what in result.stderr, (what, result.stderr)


def test_check_names_every_row_that_the_tables_refuse(tmp_path: Path) -> None:
    text = CONFIG.replace('dialect = "properties-v2"', 'dialect = "properties-v3"')
    text = text.replace('dialect = "restcomm"', 'dialect = "restcom"')
    result = checked(tmp_path, text)
    assert result.exit_code == 2
    assert len([found for found in result.stderr.splitlines() if "dialect has to be one of" in found]) >= 2
