"""The configuration: the meaning of the documented sample, and errors that name the file, section and key."""

from pathlib import Path
from typing import Any

import pytest

from tests.configuration import SAMPLE, read
from translator.core.errors import ConfigError, ConfigErrors
from translator.shell.config.addresses import read_address
from translator.shell.config.load import load
from translator.shell.wiring import Dialects, Reach, assemble


def refused(folder: Path, text: str, **environment: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        assemble(read(folder, text, **environment))
    return caught.value


def changed(old: str, new: str) -> str:
    assert SAMPLE.count(old) == 1
    return SAMPLE.replace(old, new)


def test_the_sample_means_what_it_says(tmp_path: Path) -> None:
    settings = read(tmp_path)
    accounts, limits, reaches, budget = assemble(settings)
    assert budget.take(accounts.entries[0].name, "answer", settings.server.memory // 2) is not None
    assert limits.max_bytes == settings.server.memory // 2 == 128 * 1024 * 1024
    first, second = accounts.entries
    assert (first.front.dialect.name, first.front.account, first.front.property, first.front.token) == (
        "restcomm", "AC00000000000000000000000000000001", "", "f1",
    )  # fmt: skip
    assert (first.back.name, first.back.dialect.name, first.back.in_flight) == ("provider", "properties-v2", 3)
    assert (first.behind.account, first.behind.property, first.behind.token) == (
        "A1", "S1234567890ABCDE1234567890ABCDEF", "b4ck",
    )  # fmt: skip
    assert first.behind.dialect is first.back.dialect
    assert (second.front.dialect.name, second.back.dialect.name) == ("properties-v2", "restcomm")
    assert (second.behind.token, second.behind.sender) == ("o:ld", "19876543212")
    assert [entry.shared for entry in accounts.entries] == [False, False]
    assert limits.max_asks == 1000
    assert reaches["provider"] == Reach("https://provider.example.test", 10.0, 64)
    assert reaches["old"].url == "https://old.example.test/restcomm"
    assert (settings.server.deadline, settings.server.max_body) == (30.0, 65536)


def test_what_is_not_promised_is_said(tmp_path: Path) -> None:
    [unsigned] = read(tmp_path).unpromised()
    assert unsigned.startswith(
        f"{tmp_path / 'translator.toml'}, [server] public_url: without a secret nothing can be signed"
    )
    signed = SAMPLE.replace("[store]", 'secret = "0123456789abcdef0123456789abcdef"\n[store]')
    assert read(tmp_path, signed).unpromised() == []
    [trial] = read(tmp_path, signed.replace("sqlite:///translator.db", "memory:")).unpromised()
    assert trial.startswith(f"{tmp_path / 'translator.toml'}, [store] url: memory: is for trials")


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    signed = SAMPLE.replace("[store]", 'secret = ["0123456789abcdef0123456789abcdef"]\n[store]').replace(
        "sqlite:///translator.db", "postgresql://me:hush@db/x"
    )
    settings = read(tmp_path, signed)
    assert "0123456789abcdef" not in repr(settings)
    assert "hush" not in repr(settings)


def test_what_is_kept_has_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path, SAMPLE[SAMPLE.index("[backs.provider]") :])
    assert settings.store.url == "sqlite:///translator.db"
    assert (settings.sends.wait, settings.sends.join, settings.sends.give_up) == (5.0, 120.0, 86400.0)
    asked = settings.callbacks
    assert (asked.allow, asked.ports) == ((), (80, 443, 8080, 8443))
    assert (asked.poll, asked.poll_asks, asked.poll_end, asked.keep) == (5.0, 20, 259200.0, 2592000.0)


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ('listen     = "127.0.0.1:8080"', 'lisen = "x"', "[server] lisen", "unknown key"),
        ('listen     = "127.0.0.1:8080"', "listen = 8080", "[server] listen", "Expected `str`, got `int`"),
        ('listen     = "127.0.0.1:8080"', 'listen = "8080"', "[server] listen", "host:port"),
        ('listen     = "127.0.0.1:8080"', 'workers = 2', "[server] workers", "share a store"),
        ('listen     = "127.0.0.1:8080"', 'threads = 2', "[server] threads", "unknown key"),
        ('listen     = "127.0.0.1:8080"', "deadline = 0", "[server] deadline", "> 0"),
        ('listen     = "127.0.0.1:8080"', "max_body = true", "[server] max_body", "got `bool`"),
        ('"https://sms.example.test"', '"sms.example.test"', "[server] public_url", "an address like"),
        ('"sqlite:///translator.db"', '"mysql://x"', "[store] url", "begins with"),
        ("allow = []", 'allow = ["10.0.0.1/8"]', "[callbacks] allow", "a network"),
        ("poll  = 5.0", "ports = [0]", "[callbacks] ports", ">= 1"),
        ("[store]", "[sends]\nresend = true\n[store]", "[sends] resend", "none of the values"),
        ("[store]", "[sends]\njoin = -1\n[store]", "[sends] join", ">= 0"),
        ("[store]", "[sents]\n[store]", "sents", "unknown section"),
        ("[store]", "secret = 'short'\n[store]", "[server] secret", "at least 32 bytes"),
        ("[store]", "[lists]\nmax_asks = 0\n[store]", "[lists] max_asks", ">= 1"),
        ("[store]", "[lists]\non_cap = 'cut'\n[store]", "[lists] on_cap", "has to be one of error, capped"),
        ("[store]", "[lists]\nsettle = -1\n[store]", "[lists] settle", ">= 0"),
        ("page_max      = 200", "page_max = 0", "[backs.provider]", "page_max"),
        ("page_max      = 200", "page_max = [1]", "[backs.provider].page_max", "wrong type"),
        ("page_max      = 200", "page_min = 1", "[backs.provider].page_min", "unknown key"),
        ('restcomm"\nurl', 'restcomm"\nprofile = "newest"\nurl', "[backs.old].profile", "one of seed, open-source"),
        ('restcomm"\nurl', 'restcomm"\nzone = "+01:00"\nurl', "[backs.old].zone", "one of utc, unknown"),
        ('restcomm"\nurl', 'restcomm"\npage_max = 3\nurl', "[backs.old].page_max", "end_time, numbers, profile, start_time, zone"),
        ('restcomm"\nurl', 'restcomm"\nnulls = "written"\nurl', "[backs.old].nulls", "unknown key"),
        ('search_params = "both"', 'profile = "seed"', "[backs.provider].profile", "no profiles here"),
        ('search_order  = "ascending"', 'search_order = "up"', "[backs.provider].search_order", "one of"),
        ('dialect = "properties-v2"\nurl', 'dialect = "smpp"\nurl', "[backs.provider]", "one of properties-v2, restcomm"),
        ('url     = "https://provider.example.test"\n', "", "[backs.provider] url", "is missing"),
        ("https://provider.example.test", "ftp://provider.example.test", "[backs.provider] url", "an address like"),
        ("https://provider.example.test", "https://u:p@provider.example.test", "[backs.provider] url", "a user"),
        ("https://provider.example.test", "https://provider.example.test?x=1", "[backs.provider] url", "a query"),
        ("https://provider.example.test", "https://provider.example.test:99999", "[backs.provider] url", "an address"),
        ('name = "old"', 'name = "older"', "row 2 back.name", "there are provider, old"),
        ('token = "${env:FRONT_TOKEN}"', 'token = "${env:NONE}"', "row 1 front.token", "NONE is not set"),
        ('token = "${env:FRONT_TOKEN}"', 'token = "${file:none}"', "row 1 front.token", "cannot be read"),
        ('token = "${env:FRONT_TOKEN}"', 'token = "${vault:x}"', "row 1 front.token", "only ${env:NAME}"),
        ('token = "${env:FRONT_TOKEN}"', 'token = ""', "row 1 front.token", "not empty"),
        ('token = "${env:FRONT_TOKEN}"', 'token = []', "row 1 front.token", "one token, or a list"),
        ('token = "${env:FRONT_TOKEN}"', 'token = ["a", "b", "c"]', "row 1 front.token", "one token, or a list"),
        ('token = "${env:FRONT_TOKEN}"', 'token = ["a", ""]', "row 1 front.token", "not empty"),
        ('token = "${env:FRONT_TOKEN}"', 'token = ["a", 1]', "row 1 front.token", "got `int`"),
        ('listen     = "127.0.0.1:8080"', "linger = -1", "[server] linger", ">= 0"),
        (', token = "${env:FRONT_TOKEN}"', "", "row 1 front.token", "is missing"),
        (', token = "${env:FRONT_TOKEN}"', ', token = "x", nulls = "maybe"', "row 1 front.nulls", "one of"),
        (', token = "${env:FRONT_TOKEN}"', ', token = "x", nul = "x"', "row 1 front.nul", "unknown key"),
        (', token = "${env:FRONT_TOKEN}"', ', token = "x", profile = "newest"', "front.profile", "seed, open-source"),
        (', token = "${env:FRONT_TOKEN}"', ', token = "x", property = "S1"', "front.property", "no properties"),
        ('account = "A1", property = "S1234567890ABCDE1234567890ABCDEF"', 'account = "A1"', "back.property", "is missing"),
        ('account = "A2", property = "S1234567890ABCDE1234567890ABCDEG"', 'account = "A2"', "front.property", "is missing"),
        ('account = "A2"', 'account = "A:2"', "row 2 front.account", "without a colon"),
        ('sender = "19876543212"', 'sendr = "19876543212"', "row 2 back.sendr", "unknown key"),
        ('sender = "19876543212" }', 'sender = "1" }\nnote = "x"', "[[accounts]] row 2", "has the keys front and back"),
    ],
)  # fmt: skip
def test_what_is_wrong_names_file_section_and_key(tmp_path: Path, old: str, new: str, where: str, what: str) -> None:
    error = refused(tmp_path, changed(old, new))
    assert error.where.startswith(f"{tmp_path / 'translator.toml'}, ")
    assert error.where.endswith(where)
    assert what in error.what


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[store]", "[lists]\non_cap = '{}'\n[store]"),
        ("[store]", "[sends]\nresend = '{}'\n[store]"),
        ('search_params = "both"', 'engine = "{}"'),
        ('search_params = "both"', 'search_params = "{}"'),
        ('name = "old"', 'name = "{}"'),
        ('listen     = "127.0.0.1:8080"', 'listen = "{}"'),
        ('listen     = "127.0.0.1:8080"', 'workers = "{}"'),
        ('"sqlite:///translator.db"', '"{}"'),
        ("allow = []", 'allow = ["{}"]'),
        ("https://provider.example.test", "{}"),
        ('token = "${{env:FRONT_TOKEN}}"', 'token = "${{{}:x}}"'),
    ],
)
def test_a_wrong_value_is_not_repeated(tmp_path: Path, old: str, new: str) -> None:
    """The value may be a secret at the wrong key."""
    error = refused(tmp_path, changed(old.replace("{{", "{").replace("}}", "}"), new.format("s3cret")))
    assert "s3cret" not in str(error)


def test_a_token_may_be_two_and_neither_is_shown(tmp_path: Path) -> None:
    settings = read(tmp_path, changed('token = "${env:FRONT_TOKEN}"', 'token = ["${env:FRONT_TOKEN}", "l4st"]'))
    first, second = assemble(settings).accounts.entries
    assert (first.front.token, first.front.older, second.front.older) == ("f1", "l4st", "")
    assert "l4st" not in repr(settings) + repr(first)


def test_a_file_that_is_not_toml_or_not_there_is_said(tmp_path: Path) -> None:
    assert "is not TOML" in refused(tmp_path, "[server").what
    with pytest.raises(ConfigError, match=r"cannot be read: No such file"):
        load(tmp_path / "none.toml", {})
    assert "nobody could log in" in refused(tmp_path, "").what
    assert "has to be written as [[accounts]]" in refused(tmp_path, "accounts = 1").what


ROW = """
[[accounts]]
front = { dialect = "restcomm", account = "%s", token = "x" }
back  = { name = "provider", account = "A1", property = "%s", token = "x" }
"""


def test_accounts_that_overlap_are_refused(tmp_path: Path) -> None:
    front = refused(tmp_path, SAMPLE + ROW % ("AC00000000000000000000000000000001", "S3"))
    assert (front.where, front.what) == (
        f"{tmp_path / 'translator.toml'}, [[accounts]] row 3 front",
        "is the same as that of row 1",
    )
    back = refused(tmp_path, SAMPLE + ROW % ("AC3", "S1234567890ABCDE1234567890ABCDEF"))
    assert (back.where, back.what) == (
        f"{tmp_path / 'translator.toml'}, [[accounts]] row 3 back",
        "is the same as that of row 1",
    )


def test_a_back_account_of_two_properties_is_shared(tmp_path: Path) -> None:
    accounts = assemble(read(tmp_path, SAMPLE + ROW % ("AC3", "S3"))).accounts
    assert [entry.shared for entry in accounts.entries] == [True, False, True]


def test_the_environment_reaches_the_plain_sections(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        SMS_TRANSLATOR_SERVER__LISTEN="[::1]:0",
        SMS_TRANSLATOR_SERVER__DEADLINE="2.5",
        SMS_TRANSLATOR_CALLBACKS__ALLOW='["127.0.0.1"]',
        SMS_TRANSLATOR_LISTS__MAX_ASKS="7",
        SMS_TRANSLATOR_BACKS__PROVIDER__URL="http://127.0.0.1:9",
        SMS_TRANSLATOR_BACKS__PROVIDER__PAGE_MAX="50",
        SMS_TRANSLATOR_CONFIG="elsewhere.toml",
    )
    assert (settings.server.listen, settings.server.deadline) == ("[::1]:0", 2.5)
    assert settings.callbacks is not None
    assert settings.callbacks.allow == ("127.0.0.1",)
    accounts, limits, reaches, _ = assemble(settings)
    assert limits.max_asks == 7
    assert reaches["provider"].url == "http://127.0.0.1:9"
    assert accounts.entries[0].back.dialect.table.paging.slice == 50


@pytest.mark.parametrize(
    "name",
    ["SMS_TRANSLATOR_ACCOUNTS__0__TOKEN", "SMS_TRANSLATOR_SERVR__LISTEN", "SMS_TRANSLATOR_BACKS__NONE__URL"],
)
def test_a_variable_that_reaches_nothing_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, **{name: "x"})
    assert caught.value.where == name


def test_a_variable_of_an_unknown_key_is_said(tmp_path: Path) -> None:
    assert refused(tmp_path, SAMPLE, SMS_TRANSLATOR_SERVER__LISTN="x").where.endswith("[server] listn")


def test_settings_lie_over_the_tables_of_their_own_side_only(tmp_path: Path) -> None:
    text = changed('search_params = "both"', 'search_params = "query"\nin_flight = 8\nconcurrency = 2')
    text = text.replace(', token = "${env:FRONT2_TOKEN}"', ', token = "x", not_found_status = 400')
    accounts, _, reaches, _ = assemble(read(tmp_path, text))
    first, second = accounts.entries
    assert first.back.dialect.table.operation("list").request == "query"
    assert first.back.in_flight == 8
    assert reaches["provider"].concurrency == 2
    assert first.back.dialect.table.fault("unknown-message").status == 404
    assert second.front.dialect.table.fault("unknown-message").status == 400
    assert second.front.dialect.table.operation("list").request == "query-and-json"


def test_a_back_has_a_profile_and_a_switch_beside_it_goes_before(tmp_path: Path) -> None:
    text = changed('restcomm"\nurl', 'restcomm"\nprofile = "open-source"\nzone = "utc"\nurl')
    old = assemble(read(tmp_path, text)).accounts.entries[1].back.dialect.back.times
    assert (old.lower.kind, old.upper.kind) == ("instant:iso8601-day", "instant:iso8601-next-day")
    assert (old.lower.slack, old.upper.slack) == (0, 0)
    by_variable = read(tmp_path, SMS_TRANSLATOR_BACKS__OLD__PROFILE="open-source")
    assert assemble(by_variable).accounts.entries[1].back.dialect.back.times.upper.slack == 50400


def test_a_dialect_is_compiled_once_for_each_set_of_settings() -> None:
    dialects = Dialects()
    assert dialects.names == ("properties-v2", "restcomm")
    plain = dialects.of("restcomm", "front", {}, "x")
    assert dialects.of("restcomm", "front", {}, "x") is plain
    assert dialects.of("restcomm", "front", {"nulls": "written"}, "x") is not plain


def test_tokens_are_in_no_representation(tmp_path: Path) -> None:
    settings = read(tmp_path)
    said = repr(settings) + repr(assemble(settings).accounts.entries)
    assert [token for token in ("'f1'", "f2", "b4ck", "o:ld") if token in said] == []
    assert "AC00000000000000000000000000000002" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:0", ("::1", 0)), ("localhost:65535", ("localhost", 65535))],
)
def test_an_address_is_host_and_port(text: str, expected: Any) -> None:
    assert read_address("x", text) == expected


@pytest.mark.parametrize("text", ["", ":80", "a", "a:", "a:b", "a:-1", "a:65536", "::1:80", "[a]:80", "a:٣"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        read_address("x", text)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = SAMPLE.replace('listen     = "127.0.0.1:8080"', 'lisen = "x"\nlinger = -1').replace(
        'token = "${env:FRONT_TOKEN}"', 'token = "${env:NOT_SET}"'
    )
    error = refused(tmp_path, text)
    assert isinstance(error, ConfigErrors)
    said = str(error).splitlines()
    assert [line.partition(": ")[0].rpartition(", ")[2] for line in said] == [
        "[server] linger", "[server] lisen", "[[accounts]] row 1 front.token",
    ]  # fmt: skip


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + SAMPLE).accounts


@pytest.mark.parametrize("token", ["$FRONT_TOKEN", "${FRONT_TOKEN}"])
def test_a_token_that_is_the_name_of_a_variable_is_no_token(tmp_path: Path, token: str) -> None:
    error = refused(tmp_path, SAMPLE.replace('token = "${env:FRONT_TOKEN}"', f'token = "{token}"'))
    assert "${env:NAME}" in str(error)
    assert "FRONT_TOKEN" not in str(error)


def test_the_admin_port_cannot_be_the_front(tmp_path: Path) -> None:
    text = SAMPLE.replace('listen     = "127.0.0.1:8080"', 'listen = "127.0.0.1:8080"\nadmin = "127.0.0.1:8080"')
    text = "\n".join(line for line in text.splitlines() if not line.startswith("admin ") or "8080" in line)
    error = refused(tmp_path, text)
    assert (error.where.endswith("[server] admin"), error.what) == (
        True,
        "is the same address as listen: give it a port of its own",
    )


def test_a_store_in_a_folder_that_is_not_there_is_said_with_the_folder(tmp_path: Path) -> None:
    error = refused(tmp_path, SAMPLE, SMS_TRANSLATOR_STORE__URL="sqlite:///nowhere/translator.db")
    assert (error.where.endswith("[store] url"), f"there is no folder {tmp_path / 'nowhere'}" in error.what) == (
        True,
        True,
    )
