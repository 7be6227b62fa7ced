"""The configuration file, decoded to closed types. Whatever is wrong is a ConfigError that names file, section and key.

Nothing here knows a dialect: the keys that a dialect adds to a back or a front are kept as `given`, and
`translator.shell.assembly` lays them over that dialect's table.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from translator.errors import ConfigError
from translator.shell.addresses import check_network, check_url, read_address
from translator.shell.environment import key_at, overridden, substituted
from translator.shell.receipts import SHORTEST

Seconds = Annotated[float, Meta(gt=0, le=3600)]
Duration = Annotated[float, Meta(ge=0, le=86400)]
Days = Annotated[float, Meta(gt=0, le=31536000)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """`[server]`: where we listen, and what one front request may cost. `deadline` in seconds, `max_body` in bytes."""

    listen: str = "127.0.0.1:8080"
    admin: str = "127.0.0.1:8081"
    public_url: str = ""
    secret: str | tuple[str, ...] = ()
    deadline: Seconds = 30.0
    max_body: Positive = 65536
    explain_headers: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """What signs, first, and what is believed as well."""
        return (self.secret,) if isinstance(self.secret, str) else self.secret

    def __repr__(self) -> str:
        return f"Server(listen={self.listen!r}, admin={self.admin!r}, public_url={self.public_url!r})"


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """`[store]`: where the journal of sends and the calls that are owed are kept. It may hold a password."""

    url: str = "sqlite:///translator.db"

    def __repr__(self) -> str:
        return f"Store({self.url.partition(':')[0]})"


class Sends(msgspec.Struct, frozen=True, kw_only=True):
    """`[sends]`: for how many seconds a caller is kept while an outcome is looked for, an equal send joins an unknown one, and an
    unknown one is looked for at all."""

    wait: Duration = 5.0
    join: Duration = 120.0
    give_up: Days = 86400.0
    resend: Literal[False] = False


class Callbacks(msgspec.Struct, frozen=True, kw_only=True):
    """`[callbacks]`: which networks beyond the public ones may be called, and which ports; how often a back is looked at (seconds), in
    how many asks a round, and up to which age of a message; and how long calls that were given up are kept (seconds)."""

    allow: tuple[str, ...] = ()
    ports: tuple[Port, ...] = (80, 443, 8080, 8443)
    poll: Seconds = 5.0
    poll_asks: Positive = 20
    poll_end: Days = 259200.0
    keep: Days = 2592000.0


class Lists(msgspec.Struct, frozen=True, kw_only=True):
    """`[lists]`: how many asks at a back one list may take and what becomes of one that needs more, how long a list that was read
    whole and a total are kept (seconds) and in how many bytes, and after how many seconds a range grows no more."""

    max_asks: Positive = 1000
    on_cap: Literal["error", "capped"] = "error"
    snapshot_ttl: Duration = 60.0
    snapshot_bytes: Count = 64 * 1024 * 1024
    total_ttl: Duration = 600.0
    settle: Duration = 300.0


class Back(msgspec.Struct, frozen=True, kw_only=True):
    """`[backs.NAME]`: a provider. `timeout` is seconds for a whole call, `concurrency` how many calls there are at once,
    `in_flight` how many asks of one list, `receipts` whether it is asked to call us; `given` are the keys of its dialect."""

    dialect: str
    url: str
    timeout: Seconds = 10.0
    concurrency: Positive = 64
    in_flight: Positive = 3
    receipts: bool = True
    given: dict[str, Any] = {}


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """`front` of an entry: what the calling application logs in with. `given` are the keys of its dialect."""

    dialect: str
    account: str
    token: str
    property: str = ""
    given: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"Front(dialect={self.dialect!r}, account={self.account!r}, property={self.property!r})"


class Behind(msgspec.Struct, frozen=True, kw_only=True):
    """`back` of an entry: what we log in with at a back. `sender` is used where the front gives none."""

    name: str
    account: str
    token: str
    property: str = ""
    sender: str = ""

    def __repr__(self) -> str:
        return f"Behind(name={self.name!r}, account={self.account!r}, property={self.property!r})"


class Account(NamedTuple):
    """One `[[accounts]]` row; `where` names it in errors."""

    where: str
    front: Front
    behind: Behind


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
    file = path.name
    raw = overridden(_read(path), environment, frozenset(_SCALAR))
    for name, section in raw.items():
        _known(file, name, section)
    scalar = {
        name: substituted(section, f"{file}, [{name}]", path.parent, environment)
        for name, section in raw.items()
        if name in _SCALAR
    }
    sections: dict[str, Any] = {
        name: _decode(f"{file}, [{name}]", scalar.get(name, {}), kind) for name, kind in _SCALAR.items()
    }
    settings = Settings(
        file=file,
        folder=path.parent,
        backs=_backs(file, raw.get("backs", {}), path.parent, environment),
        accounts=_accounts(file, raw.get("accounts", []), path.parent, environment),
        **sections,
    )
    _check(settings)
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(str(path), "is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path.name, f"is not TOML: {error}") from None


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
    values = dict(raw)
    decoded: dict[str, Any] = {}
    fields = {field.name: field for field in msgspec.structs.fields(kind) if field.name != "given"}
    for name, field in fields.items():
        if name in values:
            try:
                decoded[name] = msgspec.convert(values.pop(name), field.type)
            except msgspec.ValidationError as error:
                raise ConfigError(key_at(where, name), str(error)) from None
        elif field.required:
            raise ConfigError(key_at(where, name), "is missing")
    if "given" in kind.__struct_fields__:
        decoded["given"] = values
    elif values:
        raise ConfigError(key_at(where, next(iter(values))), f"unknown key; there are {', '.join(fields)}")
    return kind(**decoded)


def _backs(file: str, raw: dict[str, Any], folder: Path, environment: Mapping[str, str]) -> dict[str, Back]:
    found = {}
    for name, section in raw.items():
        where = f"{file}, [backs.{name}]"
        found[name] = _decode(where, substituted(section, where, folder, environment), Back)
    return found


def _accounts(file: str, rows: list[Any], folder: Path, environment: Mapping[str, str]) -> tuple[Account, ...]:
    found = []
    for number, raw in enumerate(rows, 1):
        where = f"{file}, [[accounts]] row {number}"
        if not isinstance(raw, dict) or set(raw) != {"front", "back"}:
            raise ConfigError(where, "has exactly two keys, front and back")
        sides = {side: substituted(value, f"{where} {side}", folder, environment) for side, value in raw.items()}
        front = _decode(f"{where} front", sides["front"], Front)
        found.append(Account(where, front, _decode(f"{where} back", sides["back"], Behind)))
    return tuple(found)


# ---- what the type of a key does not say -------------------------------------------------------------------


def _check(settings: Settings) -> None:
    server = f"{settings.file}, [server]"
    read_address(f"{server} listen", settings.server.listen)
    if settings.server.admin:
        read_address(f"{server} admin", settings.server.admin)
    if settings.server.public_url:
        check_url(f"{server} public_url", settings.server.public_url)
    _secrets(server, settings.server)
    if not settings.store.url.startswith(("sqlite:///", "postgresql://", "memory:")):
        raise ConfigError(f"{settings.file}, [store] url", "begins with sqlite:///, postgresql:// or memory:")
    for network in settings.callbacks.allow:
        check_network(f"{settings.file}, [callbacks] allow", network)
    for name, back in settings.backs.items():
        check_url(f"{settings.file}, [backs.{name}] url", back.url)
    if not settings.accounts:
        raise ConfigError(f"{settings.file}, [[accounts]]", "there is no row, so nobody could log in")
    for where, front, behind in settings.accounts:
        if behind.name not in settings.backs:
            raise ConfigError(f"{where} back.name", f"there is no [backs.{behind.name}]")
        for side, keys in (("front", front), ("back", behind)):
            _credentials(f"{where} {side}", keys.account, keys.token)
    _overlaps(settings.accounts)


def _secrets(where: str, server: Server) -> None:
    """What signs the address at which backs call us is long."""
    for secret in server.secrets:
        if len(secret.encode()) < SHORTEST or not secret.isprintable():
            raise ConfigError(f"{where} secret", f"has to be printable and of at least {SHORTEST} bytes")


def _credentials(where: str, account: str, token: str) -> None:
    """Basic credentials: an account cannot hold the colon that ends it, and neither can hold a control character."""
    if not account or ":" in account or not account.isprintable():
        raise ConfigError(f"{where}.account", "has to be printable, not empty, and without a colon")
    if not token or not token.isprintable():
        raise ConfigError(f"{where}.token", "has to be printable and not empty")


def _overlaps(accounts: tuple[Account, ...]) -> None:
    """Two accounts overlap when they share the front (dialect, account, property) or the back (name, account, property)."""
    taken: dict[tuple[str, str, str, str], str] = {}
    for where, front, behind in accounts:
        for side, keys in (
            ("front", (front.dialect, front.account, front.property)),
            ("back", (behind.name, behind.account, behind.property)),
        ):
            other = taken.setdefault((side, *keys), where)
            if other is not where:
                raise ConfigError(f"{where} {side}", f"is the same as that of row {other.rpartition(' ')[2]}")
