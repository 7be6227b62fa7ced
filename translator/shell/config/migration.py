"""The section `[accounts.migration]`: how an account with an old provider moves to its new one."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from translator.core.errors import ConfigError
from translator.core.migration import Guard, Home, MigrationRules, Stage
from translator.shell.config.environment import key_at
from translator.shell.config.problems import Problems

Decode: TypeAlias = Callable[[str, Any, type[Any]], Any]
"""Decodes a table of keys to a type, with the name of its place for errors."""

_MOST: Final = 1000
"""The largest number of entries of a list."""

_Percent = Annotated[float, Meta(ge=0, le=100)]
_Fraction = Annotated[float, Meta(ge=0, le=1)]
_Prefixes = Annotated[tuple[str, ...], Meta(max_length=_MOST)]
_Instant = Annotated[datetime, Meta(tz=True)]

_PREFIX: Final = re.compile(r"\+?[0-9]{1,15}")
_NUMBER: Final = re.compile(r"\+[0-9]{7,15}|[0-9]{1,15}")
_WINDOW: Final = re.compile(r"([0-9]{1,6})([smh])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_SHORTEST, _LONGEST = 60, 86400
"""The range of the guard's window, in seconds."""


class ShareSection(msgspec.Struct, frozen=True, kw_only=True):
    """The key `share`. `percent` has two decimals at most."""

    percent: _Percent = 0.0
    salt: str = ""


class GuardSection(msgspec.Struct, frozen=True, kw_only=True):
    """The key `guard`. `window` is a number of seconds, or a number with `s`, `m` or `h`."""

    window: str | int = "15m"
    least: Annotated[int, Meta(ge=1)] = 50
    refused: _Fraction = 0.05
    unknown: _Fraction = 0.02


class MigrationSection(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of `[accounts.migration]`. `translator.core.migration.MigrationRules` says what they mean."""

    stage: Stage = "old"
    share: dict[str, Any] = {}
    allow: _Prefixes = ()
    deny: _Prefixes = ()
    pins: Annotated[dict[str, Literal["old", "new"]], Meta(max_length=_MOST)] = {}
    numbers: Annotated[tuple[dict[str, Any], ...], Meta(max_length=_MOST)] = ()
    cut_over: _Instant | None = None
    history: Literal["kept", "copied", "none"] = "kept"
    partial: Literal["fail", "show"] = "fail"
    guard: dict[str, Any] | None = None


def migration_rules(where: str, raw: Any, decode: Decode) -> MigrationRules:
    """Return the rules of a section. `where` is its name in errors. Raises ConfigError for all of its errors at once."""
    section: MigrationSection = decode(where, raw, MigrationSection)
    problems = Problems()
    share, guard, numbers = ShareSection(), None, dict[str, float]()
    with problems.collected():
        share = decode(f"{where}.share", section.share, ShareSection)
        if round(share.percent, 2) != share.percent:
            raise ConfigError(f"{where}.share.percent", "has two decimals at most")
    with problems.collected():
        guard = (
            None
            if section.guard is None
            else _guard(f"{where}.guard", decode(f"{where}.guard", section.guard, GuardSection))
        )
    with problems.collected():
        numbers = _numbers(f"{where}.numbers", section.numbers)
    with problems.collected():
        _check_prefixes(where, section)
    with problems.collected():
        pins: dict[str, Home] = {sender.strip(): home for sender, home in section.pins.items()}
        if "" in pins:
            raise ConfigError(f"{where}.pins", "names a sender for each entry")
    problems.check()
    cut_over = None if section.cut_over is None else section.cut_over.timestamp()
    return MigrationRules(
        section.stage, share.percent, share.salt, section.allow, section.deny, pins, numbers, cut_over,
        section.history, section.partial, guard,
    )  # fmt: skip


def _guard(where: str, section: GuardSection) -> Guard:
    found = _WINDOW.fullmatch(str(section.window))
    seconds = section.window if isinstance(section.window, int) else found and int(found[1]) * _UNITS[found[2]]
    if not seconds or not _SHORTEST <= seconds <= _LONGEST:
        raise ConfigError(f"{where}.window", "is a time from 1m to 24h, such as 15m")
    return Guard(float(seconds), section.least, section.refused, section.unknown)


def _numbers(where: str, rows: tuple[dict[str, Any], ...]) -> dict[str, float]:
    """Return the instant at which the new provider gets each own number."""
    found: dict[str, float] = {}
    problems = Problems()
    for position, row in enumerate(rows, 1):
        at = f"{where} row {position}"
        if set(row) != {"number", "from"}:
            problems.add(at, "has the keys number and from")
            continue
        number, begun = row["number"], row["from"]
        if not isinstance(number, str) or not _NUMBER.fullmatch(number):
            problems.add(key_at(at, "number"), "is a number in E.164, such as +61400000001, or a short code")
        elif number in found:
            problems.add(key_at(at, "number"), "is there twice")
        elif not isinstance(begun, datetime) or begun.tzinfo is None:
            problems.add(key_at(at, "from"), "is a date and a time with an offset, such as 2026-12-01T02:00:00Z")
        else:
            found[number] = begun.timestamp()
    problems.check()
    return found


def _check_prefixes(where: str, section: MigrationSection) -> None:
    problems = Problems()
    for key, entries in (("allow", section.allow), ("deny", section.deny)):
        if not all(_PREFIX.fullmatch(entry) for entry in entries):
            problems.add(f"{where}.{key}", "has numbers in E.164, or their first digits, such as +6140000")
    if set(section.allow) & set(section.deny):
        problems.add(f"{where}.deny", "has an entry that allow has too")
    problems.check()
