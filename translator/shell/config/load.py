"""Loads the configuration file to closed types. Each error is a ConfigError that names file, section and key.

Nothing here knows a dialect. The keys that a dialect adds to a back or a front are kept as `given`, and
`translator.shell.wiring` applies them to that dialect's table.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec

from translator.core.errors import ConfigError
from translator.shell.config.environment import key_at, overridden, substituted
from translator.shell.config.migration import migration_rules
from translator.shell.config.problems import Problems
from translator.shell.config.rules import check
from translator.shell.config.schema import (
    BackAccount,
    BackSection,
    Callbacks,
    Front,
    Lists,
    Numbers,
    Sends,
    Server,
    Store,
)
from translator.shell.config.settings import AccountSection, Settings

_SCALAR: Final[dict[str, type[Any]]] = {
    "server": Server,
    "store": Store,
    "sends": Sends,
    "callbacks": Callbacks,
    "lists": Lists,
}
_SECTIONS: Final = frozenset({*_SCALAR, "backs", "accounts"})

_Section = TypeVar("_Section", bound=msgspec.Struct)


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """Return the settings of a file and the environment. Raises ConfigError."""
    settings = read(path, environment, problems := Problems())
    problems.check()
    return settings


def read(path: Path, environment: Mapping[str, str], problems: Problems) -> Settings:
    """Return the settings that can be read, and add the errors to `problems`. Raises ConfigError if nothing can be read."""
    file, folder = str(path), path.parent
    raw = overridden(_read(path), environment, frozenset(_SCALAR))
    for name, section in raw.items():
        with problems.collected():
            _known(file, name, section)
    problems.check()  # a section of the wrong type cannot be decoded
    sections: dict[str, Any] = {name: kind() for name, kind in _SCALAR.items()}
    for name, kind in _SCALAR.items():
        with problems.collected():
            where = f"{file}, [{name}]"
            sections[name] = _decode(where, substituted(raw.get(name, {}), where, folder, environment), kind)
    settings = Settings(
        file=file,
        folder=folder,
        backs=_backs(file, raw.get("backs", {}), folder, environment, problems),
        accounts=_accounts(file, raw.get("accounts", []), folder, environment, problems),
        **sections,
    )
    check(settings, raw.get("backs", {}), problems)
    return settings


def _read(path: Path) -> dict[str, Any]:
    text = ""
    try:
        text = path.read_text("utf-8-sig")  # an editor may have written a byte order mark
        return tomllib.loads(text)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(str(path), "is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), _too_early(text) or f"is not TOML: {error}") from None


def _too_early(text: str) -> str:
    """Return the sentence about a section of an account that stands above all accounts, or nothing. TOML's own error names neither."""
    above, row, _ = text.partition("[[accounts]]")
    found = re.search(r"^[ \t]*(\[accounts\.[^]\n]*\])", above, re.MULTILINE)
    if found is None or not row:
        return ""
    line = above.count("\n", 0, found.start(1)) + 1
    return f"has {found[1]} in line {line}, above the account that it belongs to: move it below the keys of that [[accounts]]"


def _known(file: str, name: str, section: Any) -> None:
    if name not in _SECTIONS:
        raise ConfigError(f"{file}, {name}", f"unknown section; there are {', '.join(sorted(_SECTIONS))}")
    kind, form = (list, "[[accounts]]") if name == "accounts" else (dict, f"[{name}]")
    if not isinstance(section, kind):
        raise ConfigError(f"{file}, {name}", f"has to be written as {form}")


def _decode(where: str, raw: Any, kind: type[_Section]) -> _Section:
    """Decode a section to its type, key by key, so that an error names the key. Unknown keys go to `given` if the type has it."""
    if not isinstance(raw, dict):
        raise ConfigError(where, "has to be a table of keys")
    values, problems = dict(raw), Problems()
    decoded: dict[str, Any] = {}
    fields = {field.name: field for field in msgspec.structs.fields(kind) if field.name != "given"}
    for name, field in fields.items():
        if name in values:
            try:
                decoded[name] = msgspec.convert(values.pop(name), field.type)
            except msgspec.ValidationError as error:
                problems.add(key_at(where, name), _unfit(field.type, str(error)))
        elif field.required:
            problems.add(key_at(where, name), "is missing")
    if "given" in kind.__struct_fields__:
        decoded["given"] = values
    else:
        for name in values:
            problems.add(key_at(where, name), f"unknown key; there are {', '.join(fields)}")
    problems.check()
    return kind(**decoded)


def _unfit(kind: Any, said: str) -> str:
    """Return the reason why a value is wrong: the library's own, unless that repeats the value, which may be a misplaced secret."""
    if "Invalid enum value" not in said:
        return said
    words = get_args(kind) if get_origin(kind) is Literal else ()
    return f"has to be one of {', '.join(words)}" if words else "is none of the values that it can have"


def _backs(
    file: str, raw: dict[str, Any], folder: Path, environment: Mapping[str, str], problems: Problems
) -> dict[str, BackSection]:
    found = {}
    for name, section in raw.items():
        where = f"{file}, [backs.{name}]"
        with problems.collected():
            found[name] = _decode(where, substituted(section, where, folder, environment), BackSection)
    return found


def _accounts(
    file: str, rows: list[Any], folder: Path, environment: Mapping[str, str], problems: Problems
) -> tuple[AccountSection, ...]:
    found = []
    for number, raw in enumerate(rows, 1):
        with problems.collected():
            found.append(_account(f"{file}, [[accounts]] row {number}", raw, folder, environment))
    return tuple(found)


def _check_order(where: str, raw: Any, keys: tuple[str, ...]) -> None:
    """Raise ConfigError for keys of an account that stand below the header of its migration, and so belong to that for TOML."""
    rules = raw.get("migration") if isinstance(raw, dict) else None
    late = [key for key in keys if isinstance(rules, dict) and key in rules]
    if late:
        raise ConfigError(
            where, f"has {', '.join(late)} below [accounts.migration]: keys of the account stand above that line"
        )


def _account(where: str, raw: Any, folder: Path, environment: Mapping[str, str]) -> AccountSection:
    own_keys = Numbers.__struct_fields__
    others = ("old", "migration", *own_keys)
    _check_order(where, raw, ("front", "back", *others))
    if not isinstance(raw, dict) or not {"front", "back"} <= set(raw) <= {"front", "back", *others}:
        raise ConfigError(where, f"has the keys front and back, and may have {', '.join(others)}")
    problems = Problems()
    decoded: dict[str, Any] = {}
    for side, kind in (("front", Front), ("back", BackAccount), ("old", BackAccount)):
        if side not in raw:
            continue
        with problems.collected():
            at = f"{where} {side}"
            decoded[side] = _decode(at, substituted(raw[side], at, folder, environment), kind)
    with problems.collected():
        own = {name: value for name, value in raw.items() if name in own_keys}
        decoded["numbers"] = _decode(where, substituted(own, where, folder, environment), Numbers)
    if "migration" in raw:
        with problems.collected():
            at = f"{where} migration"
            if "old" not in raw:
                raise ConfigError(at, "needs old, the account at the provider that is left")
            decoded["migration"] = migration_rules(at, substituted(raw["migration"], at, folder, environment), _decode)
    problems.check()
    return AccountSection(where, decoded.pop("front"), decoded.pop("back"), **decoded)
