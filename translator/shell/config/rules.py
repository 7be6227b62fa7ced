"""The rules of a configuration that the type of a key does not say. Each raises ConfigError naming its key."""

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
"""What a person writes who takes a token for a variable of the shell."""


def check(settings: Settings, backs: Mapping[str, Any], problems: Problems) -> None:
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


def _logs_in(account: AccountSection, backs: Mapping[str, Any]) -> None:
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
        if len(secret.encode()) < SHORTEST_SECRET or not secret.isprintable():
            raise ConfigError(f"{where} secret", f"has to be printable and of at least {SHORTEST_SECRET} bytes")


def _pair(where: str, server: Server) -> None:
    """TLS takes a certificate and its key. What is in the files, only who speaks it looks at: `translator.shell.server.tls`."""
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


def _overlaps(accounts: tuple[AccountSection, ...]) -> None:
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
