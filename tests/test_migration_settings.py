"""The section `[accounts.migration]`: each error names the file, the section and the key."""

from pathlib import Path
from typing import Final

import pytest

from translator.core.errors import ConfigError, ConfigErrors
from translator.core.migration import Guard, MigrationRules
from translator.shell.config.load import load
from translator.shell.wiring import assemble

CONFIG: Final = """
[store]
url = "sqlite:///kept.db"
[backs.new]
dialect = "properties-v2"
url = "https://new.example.test"
[backs.old]
dialect = "restcomm"
url = "https://old.example.test"
[[accounts]]
front = { dialect = "restcomm", account = "AC1", token = "t" }
back = { name = "new", account = "A1", property = "P1", token = "t" }
old = { name = "old", account = "AC9", token = "t" }
"""

FULL: Final = """
[accounts.migration]
stage    = "render"
share    = { percent = 2.5, salt = "2026-12" }
allow    = ["+6140000"]
deny     = ["+61400001"]
pins     = { "OTPApp" = "new" }
numbers  = [{ number = "+61400000001", from = 2026-12-01T02:00:00Z }, { number = "435010", from = 2026-12-01T12:00:00+10:00 }]
cut_over = 2026-12-08T02:00:00Z
history  = "copied"
partial  = "show"
guard    = { window = "1h", least = 20, refused = 0.1, unknown = 0 }
"""

RULES: Final = MigrationRules(
    stage="render", percent=2.5, salt="2026-12", allow=("+6140000",), deny=("+61400001",), pins={"OTPApp": "new"},
    numbers={"+61400000001": 1_796_090_400.0, "435010": 1_796_090_400.0}, cut_over=1_796_695_200.0, history="copied",
    partial="show", guard=Guard(3600.0, 20, 0.1, 0.0),
)  # fmt: skip


def rules(folder: Path, section: str, text: str = CONFIG) -> MigrationRules:
    file = folder / "proxy.toml"
    file.write_text(text + section, "utf-8")
    [entry] = assemble(load(file, {})).accounts.entries
    return entry.migration


def test_every_key_becomes_a_rule(tmp_path: Path) -> None:
    assert rules(tmp_path, FULL) == RULES


def test_without_the_section_each_send_goes_to_the_old_provider(tmp_path: Path) -> None:
    assert rules(tmp_path, "") == rules(tmp_path, "[accounts.migration]") == MigrationRules(stage="old")


@pytest.mark.parametrize(
    ("line", "key", "word"),
    [
        ('stage = "middle"', "migration.stage", "canary"),
        ("share = { percent = 101 }", "migration.share.percent", "<= 100"),
        ("share = { percent = 0.125 }", "migration.share.percent", "two decimals"),
        ("share = { salt = 3 }", "migration.share.salt", "str"),
        ("share = { part = 3 }", "migration.share.part", "unknown key"),
        ('allow = ["Shop"]', "migration.allow", "E.164"),
        ('deny = ["++61"]', "migration.deny", "E.164"),
        ('allow = ["+61"]\ndeny = ["+61"]', "migration.deny", "allow has too"),
        ('pins = { "OTPApp" = "both" }', "migration.pins", "one of"),
        ('pins = { "" = "new" }', "migration.pins", "names a sender"),
        ("numbers = [{ from = 2026-12-01T02:00:00Z }]", "migration.numbers row 1", "number and from"),
        ('numbers = [{ number = "0400", from = 2026-12-01T02:00:00 }]', "migration.numbers row 1.from", "offset"),
        ('numbers = [{ number = "Shop", from = 2026-12-01T02:00:00Z }]', "migration.numbers row 1.number", "E.164"),
        (
            'numbers = [{ number = "+61400000001", from = 2026-12-01T02:00:00Z }, '
            '{ number = "+61400000001", from = 2026-12-02T02:00:00Z }]',
            "migration.numbers row 2.number",
            "twice",
        ),
        ("cut_over = 2026-12-08T02:00:00", "migration.cut_over", "timezone"),
        ("cut_over = 2026-12-08", "migration.cut_over", "datetime"),
        ('history = "lost"', "migration.history", "kept"),
        ('partial = "hide"', "migration.partial", "show"),
        ('guard = { window = "15" }', "migration.guard.window", "15m"),
        ('guard = { window = "25h" }', "migration.guard.window", "24h"),
        ("guard = { refused = 5 }", "migration.guard.refused", "<= 1"),
        ("guard = { least = 0 }", "migration.guard.least", ">= 1"),
        ("fallback = { on = [] }", "migration.fallback", "unknown key"),
        ("shares = {}", "migration.shares", "unknown key"),
    ],
)
def test_a_rule_that_cannot_be_is_named(tmp_path: Path, line: str, key: str, word: str) -> None:
    with pytest.raises(ConfigError) as found:
        rules(tmp_path, f"[accounts.migration]\n{line}\n")
    assert found.value.where == f"{tmp_path / 'proxy.toml'}, [[accounts]] row 1 {key}"
    assert word in found.value.what


def test_rules_without_an_old_provider_are_an_error(tmp_path: Path) -> None:
    alone = "\n".join(line for line in CONFIG.splitlines() if not line.startswith("old ="))
    with pytest.raises(ConfigError, match="row 1 migration: needs old"):
        rules(tmp_path, FULL, alone + "\n")


def test_all_errors_of_the_section_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as found:
        rules(tmp_path, '[accounts.migration]\nstage = "x"\nhistory = "y"\n')
    assert len(found.value.errors) == 2
    with pytest.raises(ConfigErrors) as found:
        rules(tmp_path, '[accounts.migration]\nguard = { window = "1" }\nshare = { percent = 0.001 }\nallow = ["x"]\n')
    assert len(found.value.errors) == 3


def test_a_salt_may_be_a_secret_from_outside(tmp_path: Path) -> None:
    (tmp_path / "salt").write_text("s3\n", "utf-8")
    assert rules(tmp_path, '[accounts.migration]\nshare = { salt = "${file:salt}" }\n').salt == "s3"
