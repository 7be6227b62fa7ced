"""The configuration file, decoded to closed types. Whatever is wrong is a ConfigError that names file, section and key.

Nothing here knows a dialect: the keys that a dialect adds to a back or a front are kept as `given`, and
`translator.shell.assembly` lays them over that dialect's table.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from translator.errors import ConfigError
from translator.shell.addresses import check_network, check_url, read_address
from translator.shell.environment import key_at, overridden, substituted
from translator.shell.problems import Problems
from translator.shell.receipts import SHORTEST
from translator.shell.sections import Back, Behind, Callbacks, Front, Lists, Numbers, Sends, Server, Store


class Account(NamedTuple):
    """One `[[accounts]]` row; `where` names it in errors."""

    where: str
    front: Front
    behind: Behind
    numbers: Numbers = Numbers()


class Settings(NamedTuple):
    """A whole configuration file. `file` is its name as errors say it, `folder` what relative paths in it are relative to."""

    file: str
    folder: Path
    server: Server
    store: Store
    sends: Sends
    callbacks: Callbacks
    lists: Lists
    backs: dict[str, Back]
    accounts: tuple[Account, ...]

    def unpromised(self) -> list[str]:
        """A sentence for each thing that somebody may count on, and that these settings do not give."""
        found = {
            "[server] public_url": _UNSIGNED if self.server.public_url and not self.server.secrets else "",
            "[store] url": _FORGOTTEN if self.store.url == "memory:" else "",
        }
        return [f"{self.file}, {name}: {sentence}" for name, sentence in found.items() if sentence]


_VARIABLE: Final = re.compile(r"\$\{?[A-Z_][A-Z0-9_]*\}?")
"""What a person writes who takes a token for a variable of the shell."""

_UNSIGNED: Final = (
    "without a secret nothing can be signed: backs are not asked to call us, and polling finds what happens"
)
_FORGOTTEN: Final = "memory: is for trials: sends and callbacks are forgotten when this process ends"
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
    """The settings of one file, with the environment laid over them. Raises ConfigError."""
    settings = read(path, environment, problems := Problems())
    problems.check()
    return settings


def read(path: Path, environment: Mapping[str, str], problems: Problems) -> Settings:
    """The same as far as they can be read, and what is wrong in `problems`. Raises ConfigError where nothing can be read."""
    file, folder = str(path), path.parent
    raw = overridden(_read(path), environment, frozenset(_SCALAR))
    for name, section in raw.items():
        with problems.collected():
            _known(file, name, section)
    problems.check()  # where a section is none, nothing in it can be looked at
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
    _check(settings, raw.get("backs", {}), problems)
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))  # an editor may have put a byte order mark
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(str(path), "is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"is not TOML: {error}") from None


def _known(file: str, name: str, section: Any) -> None:
    if name not in _SECTIONS:
        raise ConfigError(f"{file}, {name}", f"unknown section; there are {', '.join(sorted(_SECTIONS))}")
    kind, form = (list, "[[accounts]]") if name == "accounts" else (dict, f"[{name}]")
    if not isinstance(section, kind):
        raise ConfigError(f"{file}, {name}", f"has to be written as {form}")


def _decode(where: str, raw: Any, kind: type[_Section]) -> _Section:
    """The section as its type, key by key, so that an error names the key. Keys that are left over go to `given`, if it has one."""
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
    """What is wrong with a value, which may be a secret that stands at the wrong key: what the library says of it, unless it repeats it."""
    if "Invalid enum value" not in said:
        return said
    words = get_args(kind) if get_origin(kind) is Literal else ()
    return f"has to be one of {', '.join(words)}" if words else "is none of the values that it can have"


def _backs(
    file: str, raw: dict[str, Any], folder: Path, environment: Mapping[str, str], problems: Problems
) -> dict[str, Back]:
    found = {}
    for name, section in raw.items():
        where = f"{file}, [backs.{name}]"
        with problems.collected():
            found[name] = _decode(where, substituted(section, where, folder, environment), Back)
    return found


def _accounts(
    file: str, rows: list[Any], folder: Path, environment: Mapping[str, str], problems: Problems
) -> tuple[Account, ...]:
    found = []
    for number, raw in enumerate(rows, 1):
        with problems.collected():
            found.append(_account(f"{file}, [[accounts]] row {number}", raw, folder, environment))
    return tuple(found)


def _account(where: str, raw: Any, folder: Path, environment: Mapping[str, str]) -> Account:
    own_keys = Numbers.__struct_fields__
    if not isinstance(raw, dict) or not {"front", "back"} <= set(raw) <= {"front", "back", *own_keys}:
        raise ConfigError(where, f"has the keys front and back, and may have {', '.join(own_keys)}")
    problems = Problems()
    decoded: dict[str, Any] = {}
    for side, kind in (("front", Front), ("back", Behind)):
        with problems.collected():
            at = f"{where} {side}"
            decoded[side] = _decode(at, substituted(raw[side], at, folder, environment), kind)
    with problems.collected():
        own = {name: value for name, value in raw.items() if name in own_keys}
        decoded["numbers"] = _decode(where, substituted(own, where, folder, environment), Numbers)
    problems.check()
    return Account(where, decoded["front"], decoded["back"], decoded["numbers"])


# ---- what the type of a key does not say -------------------------------------------------------------------


def _check(settings: Settings, backs: Mapping[str, Any], problems: Problems) -> None:
    """Every rule, and all that breaks one. `backs` are the sections of the file, those that could not be read included."""
    server, where = settings.server, f"{settings.file}, [server]"
    rules: list[Callable[[], object]] = [
        partial(_addresses, where, server),
        partial(_secrets, where, server),
        partial(_pair, where, server),
        partial(check_workers, settings),
        partial(_store, settings),
        *(partial(check_network, f"{settings.file}, [callbacks] allow", one) for one in settings.callbacks.allow),
        *(
            partial(check_url, f"{settings.file}, [backs.{name}] url", back.url)
            for name, back in settings.backs.items()
        ),
        *(partial(_logs_in, account, backs) for account in settings.accounts),
        partial(_overlaps, settings.accounts),
    ]
    if server.public_url:
        rules.append(partial(check_url, f"{where} public_url", server.public_url))
    for rule in rules:
        with problems.collected():
            rule()
    if not settings.accounts and not problems:
        problems.add(f"{settings.file}, [[accounts]]", "there is no row, so nobody could log in")


def _addresses(where: str, server: Server) -> None:
    """The front and the admin port listen at two addresses."""
    front = read_address(f"{where} listen", server.listen)
    if not server.admin:
        return
    admin = read_address(f"{where} admin", server.admin)
    if admin == front and front.port:
        raise ConfigError(f"{where} admin", "is the same address as listen: give it a port of its own")


def _store(settings: Settings) -> None:
    """A store is a file, a database, or memory; a file stands in a folder that is there."""
    where, url = f"{settings.file}, [store] url", settings.store.url
    if not url.startswith(("sqlite:///", "postgresql://", "memory:")):
        raise ConfigError(where, "begins with sqlite:///, postgresql:// or memory:")
    folder = (settings.folder / url.removeprefix("sqlite:///")).parent
    if url.startswith("sqlite:///") and not folder.is_dir():
        raise ConfigError(where, f"cannot be opened: there is no folder {folder}")


def _logs_in(account: Account, backs: Mapping[str, Any]) -> None:
    """An account has a back, and credentials on either side."""
    where, front, behind, _ = account
    if behind.name not in backs:
        known = ", ".join(backs) or "none"
        raise ConfigError(f"{where} back.name", f"there is no [backs] section of this name; there are {known}")
    if len(front.tokens()) not in (1, 2):
        raise ConfigError(f"{where} front.token", "has to be one token, or a list of the new one and the old one")
    _credentials(f"{where} front", front.account, *front.tokens())
    _credentials(f"{where} back", behind.account, behind.token)


def check_workers(settings: Settings) -> None:
    """Several processes share what is kept, so it has to be where they can. Raises ConfigError."""
    if settings.server.workers > 1 and not settings.store.url.startswith("postgresql://"):
        sentence = f"{settings.server.workers} workers share a store: [store] url has to begin with postgresql://"
        raise ConfigError(f"{settings.file}, [server] workers", sentence)
    if settings.server.workers > 1 and settings.server.admin and read_address("admin", settings.server.admin).port == 0:
        raise ConfigError(f"{settings.file}, [server] admin", "needs a port of its own: each worker has the next one")


def _secrets(where: str, server: Server) -> None:
    """What signs the address at which backs call us is long."""
    for secret in server.secrets:
        if len(secret.encode()) < SHORTEST or not secret.isprintable():
            raise ConfigError(f"{where} secret", f"has to be printable and of at least {SHORTEST} bytes")


def _pair(where: str, server: Server) -> None:
    """TLS takes a certificate and its key. What is in the files, only who speaks it looks at: `translator.shell.tls`."""
    if bool(server.tls_cert) != bool(server.tls_key):
        given, missing = ("tls_cert", "tls_key") if server.tls_cert else ("tls_key", "tls_cert")
        raise ConfigError(f"{where} {missing}", f"is missing, and {given} is given: they go together")


def _credentials(where: str, account: str, *tokens: str) -> None:
    """Basic credentials: an account cannot hold the colon that ends it, and neither can hold a control character."""
    if not account or ":" in account or not account.isprintable():
        raise ConfigError(f"{where}.account", "has to be printable, not empty, and without a colon")
    if not all(token and token.isprintable() for token in tokens):
        raise ConfigError(f"{where}.token", "has to be printable and not empty")
    if any(_VARIABLE.fullmatch(token) for token in tokens):
        raise ConfigError(
            f"{where}.token", "is the name of a variable as it stands: write ${env:NAME}, or ${file:PATH}"
        )


def _overlaps(accounts: tuple[Account, ...]) -> None:
    """Two accounts overlap when they share the front (dialect, account, property) or the back (name, account, property)."""
    taken: dict[tuple[str, str, str, str], str] = {}
    for where, front, behind, _ in accounts:
        for side, keys in (
            ("front", (front.dialect, front.account, front.property)),
            ("back", (behind.name, behind.account, behind.property)),
        ):
            other = taken.setdefault((side, *keys), where)
            if other is not where:
                raise ConfigError(f"{where} {side}", f"is the same as that of row {other.rpartition(' ')[2]}")
