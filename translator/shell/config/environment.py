"""Applies the environment to a configuration: substitutions in its strings, and variables that override keys."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from translator.core.errors import ConfigError

PREFIX: Final = "SMS_TRANSLATOR_"
"""The prefix of all environment variables. `__` joins section and key: `SMS_TRANSLATOR_SERVER__LISTEN`."""

_REFERENCE: Final = re.compile(r"\$\{([^}]*)\}")


def key_at(where: str, key: str) -> str:
    """Return the name of a key in errors: `translator.toml, [server] listen`, `translator.toml, [[accounts]] row 1 front.token`."""
    return f"{where} {key}" if where.endswith("]") else f"{where}.{key}"


def substituted(value: Any, where: str, folder: Path, environment: Mapping[str, str]) -> Any:
    """Return the value with `${env:NAME}` and `${file:PATH}` replaced in each string. PATH is relative to `folder`.

    One newline at a file's end is removed. The inserted text is not substituted again. Raises ConfigError if a variable or
    file does not exist. The error never repeats a substituted value.
    """
    if isinstance(value, dict):
        return {key: substituted(inner, key_at(where, key), folder, environment) for key, inner in value.items()}
    if isinstance(value, list):
        return [substituted(inner, where, folder, environment) for inner in value]
    if not isinstance(value, str):
        return value
    return _REFERENCE.sub(lambda found: _look_up(found[1], where, folder, environment), value)


def _look_up(reference: str, where: str, folder: Path, environment: Mapping[str, str]) -> str:
    source, _, name = reference.partition(":")
    if source == "env" and name:
        if name not in environment:
            raise ConfigError(where, f"the environment variable {name} is not set")
        return environment[name]
    if source == "file" and name:
        try:
            text = (folder / name).read_text("utf-8")
        except OSError as error:
            raise ConfigError(where, f"the file {name} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(where, f"the file {name} is not UTF-8 text") from None
        return text.removesuffix("\n").removesuffix("\r")
    raise ConfigError(where, "only ${env:NAME} and ${file:PATH} can stand in a string")


def overridden(raw: dict[str, Any], environment: Mapping[str, str], sections: frozenset[str]) -> dict[str, Any]:
    """Return the raw configuration with the keys that environment variables override.

    A variable can set a key of one of `sections`, or of a back that the file names (`SMS_TRANSLATOR_BACKS__PROVIDER__URL`).
    Raises ConfigError for a variable of this form that matches no section.
    """
    changed = {key: dict(value) if isinstance(value, dict) else value for key, value in raw.items()}
    for name, path, text in _variables(environment):
        if len(path) == 2 and path[0] in sections:
            section = changed.setdefault(path[0], {})
        elif len(path) == 3 and path[0] == "backs":
            section = _back(changed, path[1])
        else:
            section = None
        if not isinstance(section, dict):
            reached = ", ".join(sorted(sections))
            raise ConfigError(name, f"reaches no section; variables reach {reached} and the backs of the file")
        section[path[-1]] = _value(text)
    return changed


def _variables(environment: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    for name, text in sorted(environment.items()):
        if name.startswith(PREFIX) and "__" in name:
            yield name, tuple(name.removeprefix(PREFIX).lower().split("__")), text


def _back(raw: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Replace the back of this name by a copy, and return the copy. A variable's name ignores case, and has `_` for `-`."""
    backs = raw["backs"] = dict(raw["backs"]) if isinstance(raw.get("backs"), dict) else {}
    for key, value in backs.items():
        if key.lower().replace("-", "_") == name and isinstance(value, dict):
            backs[key] = copy = dict(value)
            return copy
    return None


def _value(text: str) -> Any:
    """Return the number, boolean or list that the text is in TOML, or else the text itself."""
    try:
        read = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    plain = len(read) == 1 and isinstance(read["value"], bool | int | float | list)
    return read["value"] if plain else text
