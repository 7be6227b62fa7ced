"""An account's settings for numbers: short codes that are as long as numbers, and the country whose numbers need no country code."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.configuration import SAMPLE, read
from translator.core.accounts import Account, Accounts
from translator.core.effects import run_without_shell
from translator.core.errors import BadValue, ConfigError
from translator.core.exchange import Limits, Reply, exchange
from translator.core.http.messages import Request, Response
from translator.core.values.codecs import KINDS
from translator.core.values.codecs.numbers import Numbering, party
from translator.shell.config.regions import national_in
from translator.shell.operations.probe import basic
from translator.shell.wiring import assemble

NOW = 1_700_000_000
NATIONAL = {"0412345678": "+61412345678", "00447700900123": "+447700900123"}
KNOWING = Numbering(frozenset(["4350100"]), NATIONAL.get)


@pytest.mark.parametrize(
    ("kind", "asked", "neutral"),
    [
        ("number:bare", "4350100", "4350100"), ("number:plus", "4350100", "4350100"), ("number:bare", "+4350100", "+4350100"),
        ("number:bare", "0412345678", "+61412345678"), ("number:bare", "0412 345 678", "+61412345678"),
        ("number:plus", "00447700900123", "+447700900123"), ("number:bare", "+61 499 999 999", "+61499999999"),
        ("number:bare", "client:support2025550123", "client:support2025550123"), ("number:bare", "client:4350100", "client:4350100"),
        ("number:bare", "19876543212", "+19876543212"), ("number:bare", "ACME", "ACME"),
    ],
)  # fmt: skip
def test_what_is_asked_is_read_as_the_account_says(kind: str, asked: str, neutral: str) -> None:
    assert KNOWING.of(KINDS[kind]).read(asked) == neutral


@pytest.mark.parametrize(
    ("kind", "shown", "neutral"),
    [
        ("number:bare", "4350100", "4350100"), ("number:bare", "0412345678", "+61412345678"), ("number:bare", "0800123456", "0800123456"),
        ("number:plus", "0412345678", "0412345678"), ("number:plus", "4350100", "4350100"), ("number:plus", "+4350100", "+4350100"),
        ("number:bare", "", ""), ("number:bare", "a\nb", "a\nb"),
    ],
)  # fmt: skip
def test_what_is_shown_is_read_as_the_account_says(kind: str, shown: str, neutral: str) -> None:
    assert KNOWING.of(KINDS[kind]).reads_shown(shown) == neutral


def test_what_is_no_number_of_the_country_is_refused_all_the_same() -> None:
    assert party(KNOWING.of(KINDS["number:bare"]).read("0999")) == "short-code"
    with pytest.raises(BadValue):
        KNOWING.of(KINDS["number:bare"]).read("1-987-654-3212")


# ------------------------------------------------------------------------------------------------------ the configuration


def _entries(folder: Path, more: str) -> list[Account]:
    """The accounts of the sample, each with these settings for its numbers."""
    text = SAMPLE.replace("[[accounts]]", f"[[accounts]]\n{more}\n")
    return list(assemble(read(folder, text)).accounts.entries)


def _send(entry: Account, recipient: str) -> tuple[Reply, list[Request]]:
    """A send through restcomm in front, and its provider request."""
    front = entry.front
    asked: list[Request] = []
    body = f"From=19876543212&To={recipient}&Body=x".encode()
    headers = (("authorization", basic(front)), ("content-type", "application/x-www-form-urlencoded"))
    path = f"/2012-04-24/Accounts/{front.account}/SMS/Messages.json"
    running = run_without_shell(
        exchange(Accounts([entry]), Limits(), Request("POST", path, "", headers, body), NOW), {}
    )
    try:
        ask = next(running)
        while True:
            asked += ask.requests
            ask = running.send((Response(500),))
    except StopIteration as done:
        return done.value, asked


def test_a_short_code_of_an_account_is_no_number(tmp_path: Path) -> None:
    """The Italian SMS service 4350100: with a plus it would be a valid number of Austria."""
    entry = _entries(tmp_path, 'short_codes = ["4350100"]')[0]
    reply, asked = _send(entry, "4350100")
    assert "does not carry a short code" in json.loads(reply.response.body)["message"]
    assert asked == []
    _, [asked_of] = _send(_entries(tmp_path, "")[0], "4350100")
    assert json.loads(asked_of.body or b"")["To"] == "+4350100"


def test_a_provider_without_pluses_shows_a_short_code_of_the_account(tmp_path: Path) -> None:
    row = {
        "sid": "SM5e62e689fc204d41b6cfe4993a2d17ca", "date_created": "Fri, 22 Sep 2017 00:00:00 +0000", "from": "4350100",
        "to": "13216549878", "body": "x", "status": "received", "direction": "incoming",
    }  # fmt: skip
    plain, said = _entries(tmp_path, "")[1], _entries(tmp_path, 'short_codes = ["4350100"]')[1]
    shown = [
        entry.back.dialect.back.read_message("get", Response(200, (), json.dumps(row).encode()), NOW).sender
        for entry in (plain, said)
    ]
    assert shown == ["+4350100", "4350100"]


@pytest.mark.parametrize(
    ("more", "where", "why"),
    [
        ('short_codes = ["+43"]', "row 1.short_codes", "regex"), ("short_codes = 5", "row 1.short_codes", "array"),
        ('shortcodes = ["43"]', "row 1", "may have"), ("region = 5", "row 1.region", "str"),
    ],
)  # fmt: skip
def test_what_is_wrong_names_row_and_key(tmp_path: Path, more: str, where: str, why: str) -> None:
    with pytest.raises(ConfigError) as error:
        _entries(tmp_path, more)
    assert where in error.value.where
    assert why in error.value.what


def test_without_the_library_a_region_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    with pytest.raises(ConfigError, match=r"sms-translator\[numbers\]"):
        _entries(tmp_path, 'region = "AU"')


# ------------------------------------------------------------------------------------------------------------ the library


@pytest.mark.parametrize(
    ("region", "written", "number"),
    [
        ("AU", "0412345678", "+61412345678"), ("AU", "0011447400123456", "+447400123456"), ("GB", "07700900123", None),
        ("GB", "07400123456", "+447400123456"), ("US", "2025550123", "+12025550123"), ("AU", "13216549878", None), ("AU", "12345", None),
        ("DE", "00447400123456", "+447400123456"), ("AU", "00447400123456", "+447400123456"), ("AU", "61412345678", "+61412345678"),
    ],
)  # fmt: skip
def test_a_number_of_a_country_is_read_with_libphonenumber(region: str, written: str, number: str | None) -> None:
    pytest.importorskip("phonenumbers", reason="the extra numbers is not installed")
    assert national_in(region, "test")(written) == number


def test_a_region_of_an_account_reads_its_numbers_and_refuses_another_word(tmp_path: Path) -> None:
    pytest.importorskip("phonenumbers", reason="the extra numbers is not installed")
    _, [asked] = _send(_entries(tmp_path, 'region = "AU"')[0], "0412345678")
    told: dict[str, Any] = json.loads(asked.body or b"")
    assert told["To"] == "+61412345678"
    with pytest.raises(ConfigError, match="two capital letters"):
        _entries(tmp_path, 'region = "Australia"')
