"""The rules of a configuration beyond the types of its keys. Each raises ConfigError with the name of the key."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from translator.core.errors import ConfigError
from translator.shell.config.addresses import check_network, check_url, read_address
from translator.shell.config.problems import Problems
from translator.shell.config.schema import SHORTEST_SECRET, Server
from translator.shell.config.settings import AccountSection, Settings

_VARIABLE: Final = re.compile(r"\$\{?[A-Z_][A-Z0-9_]*\}?")
"""A token written like a shell variable, by mistake for `${env:NAME}`."""


def check(settings: Settings, backs: Mapping[str, Any], problems: Problems) -> None:
    """Check every rule, and add the errors to `problems`. `backs` are all back sections of the file, also the undecodable ones."""
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
        *(partial(check_homes, settings, account) for account in settings.accounts),
    ]
    if server.public_url:
        rules.append(partial(check_url, f"{where} public_url", server.public_url))
    for rule in rules:
        with problems.collected():
            rule()
    if not settings.accounts and not problems:
        problems.add(f"{settings.file}, [[accounts]]", "there is no row, so nobody could log in")


def _addresses(where: str, server: Server) -> None:
    """Check the listening addresses. The front and the admin port may not share one."""
    front = read_address(f"{where} listen", server.listen)
    if not server.admin:
        return
    admin = read_address(f"{where} admin", server.admin)
    if admin == front and front.port:
        raise ConfigError(f"{where} admin", "is the same address as listen: give it a port of its own")


def _store(settings: Settings) -> None:
    """Check the URL of the store. The folder of a SQLite file has to exist."""
    where, url = f"{settings.file}, [store] url", settings.store.url
    if not url.startswith(("sqlite:///", "postgresql://", "memory:")):
        raise ConfigError(where, "begins with sqlite:///, postgresql:// or memory:")
    folder = (settings.folder / url.removeprefix("sqlite:///")).parent
    if url.startswith("sqlite:///") and not folder.is_dir():
        raise ConfigError(where, f"cannot be opened: there is no folder {folder}")


def _logs_in(account: AccountSection, backs: Mapping[str, Any]) -> None:
    """Check that an account has a configured back, and credentials for the front and the back."""
    where, front = account.where, account.front
    for side, behind in account.sides:
        if behind.name not in backs:
            known = ", ".join(backs) or "none"
            raise ConfigError(f"{where} {side}.name", f"there is no [backs] section of this name; there are {known}")
    if len(front.tokens()) not in (1, 2):
        raise ConfigError(f"{where} front.token", "has to be one token, or a list of the new one and the old one")
    _credentials(f"{where} front", front.account, *front.tokens())
    for side, behind in account.sides:
        _credentials(f"{where} {side}", behind.account, behind.token)


def check_workers(settings: Settings) -> None:
    """Check that several workers have a store that they can share, and admin ports of their own. Raises ConfigError."""
    if settings.server.workers > 1 and not settings.store.url.startswith("postgresql://"):
        sentence = f"{settings.server.workers} workers share a store: [store] url has to begin with postgresql://"
        raise ConfigError(f"{settings.file}, [server] workers", sentence)
    if settings.server.workers > 1 and settings.server.admin and read_address("admin", settings.server.admin).port == 0:
        raise ConfigError(f"{settings.file}, [server] admin", "needs a port of its own: each worker has the next one")


def _secrets(where: str, server: Server) -> None:
    """Check the secrets that sign receipt URLs. Each has to be long enough and printable."""
    for secret in server.secrets:
        if len(secret.encode()) < SHORTEST_SECRET or not secret.isprintable():
            raise ConfigError(f"{where} secret", f"has to be printable and of at least {SHORTEST_SECRET} bytes")


def _pair(where: str, server: Server) -> None:
    """Check that a certificate and its key are given together. `translator.shell.server.tls` checks the files themselves."""
    if bool(server.tls_cert) != bool(server.tls_key):
        given, missing = ("tls_cert", "tls_key") if server.tls_cert else ("tls_key", "tls_cert")
        raise ConfigError(f"{where} {missing}", f"is missing, and {given} is given: they go together")


def _credentials(where: str, account: str, *tokens: str) -> None:
    """Check Basic credentials. An account may not hold a colon (RFC 7617, 2). No credential may hold a control character."""
    if not account or ":" in account or not account.isprintable():
        raise ConfigError(f"{where}.account", "has to be printable, not empty, and without a colon")
    if not all(token and token.isprintable() for token in tokens):
        raise ConfigError(f"{where}.token", "has to be printable and not empty")
    if any(_VARIABLE.fullmatch(token) for token in tokens):
        raise ConfigError(
            f"{where}.token", "is the name of a variable as it stands: write ${env:NAME}, or ${file:PATH}"
        )


def _overlaps(accounts: tuple[AccountSection, ...]) -> None:
    """Check that no two accounts share a front (dialect, account, property) or a provider account (name, account, property)."""
    taken: dict[tuple[str, str, str, str], str] = {}
    for account in accounts:
        where, front = account.where, account.front
        for side, kind, keys in (
            ("front", "front", (front.dialect, front.account, front.property)),
            *((side, "back", (one.name, one.account, one.property)) for side, one in account.sides),
        ):
            other = taken.setdefault((kind, *keys), f"{where} {side}")
            if other == f"{where} back" and side == "old":
                raise ConfigError(f"{where} old", "is the same provider account as back")
            if other != f"{where} {side}":
                row = other.rpartition(" ")[0].rpartition(" ")[2]
                raise ConfigError(f"{where} {side}", f"is the same as that of row {row}")


def check_homes(settings: Settings, account: AccountSection) -> None:
    """Check that `back` and `old` of an account are two provider accounts, even if two sections name the same server. Raises
    ConfigError."""
    new, old = account.behind, account.old
    if old is None or new.name not in settings.backs or old.name not in settings.backs:
        return
    one, other = settings.backs[new.name], settings.backs[old.name]
    if (one.url.rstrip("/"), new.account, new.property) == (other.url.rstrip("/"), old.account, old.property):
        raise ConfigError(f"{account.where} old", "is the same account at the same URL as back")
