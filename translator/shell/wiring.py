"""Builds the parts of the proxy from the settings: dialects of tables with overlays, accounts, limits, and the access to providers."""

from collections import Counter
from functools import partial
from typing import Any, Final, NamedTuple

from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.dialect import Dialect, dialect
from translator.core.errors import ConfigError, TableError
from translator.core.exchange import Limits
from translator.core.mapping import Table, overlay
from translator.core.mapping.load import raw_tables
from translator.core.values.codecs.numbers import Numbering
from translator.shell.aio.memory_budget import MemoryBudget
from translator.shell.client.provider_client import LARGEST, ProviderClient
from translator.shell.config import schema as sections
from translator.shell.config.problems import Problems
from translator.shell.config.regions import national_in
from translator.shell.config.settings import AccountSection, Settings

_PROPERTY: Final = "{property}"

_OF_ONE_LIST: Final = 2
"""The divisor of the process's memory that the rows of one list may take."""


class Reach(NamedTuple):
    """The access to a provider.
    `url`: its address.
    `timeout`: the limit for a whole provider request, in seconds.
    `concurrency`: the limit of provider requests at once.
    `engine`: the transport.
    `is_shared`: True if several accounts send requests to it."""

    url: str
    timeout: float
    concurrency: int
    engine: str = "own"
    is_shared: bool = False

    def upstream(self) -> ProviderClient:
        """Return a new provider client."""
        client = partial(
            ProviderClient, self.url, timeout=self.timeout, concurrency=self.concurrency, is_shared=self.is_shared
        )
        if self.engine == "httpx":
            from translator.shell.client.httpx_transport import HttpxTransportAdapter  # noqa: PLC0415 - loaded only if it is configured

            engine = HttpxTransportAdapter(self.url, LARGEST, self.timeout, self.concurrency)
            return client(engine=engine)
        return client()


class Wiring(NamedTuple):
    """Everything that the proxy runs with."""

    accounts: Accounts
    limits: Limits
    reaches: dict[str, Reach]
    budget: MemoryBudget


def assemble(settings: Settings, dialects: "Dialects | None" = None) -> Wiring:
    """Build the parts of these settings. `dialects` compiles the tables.
    Raises ConfigError with section and key, for all providers and accounts at once. Raises TableError for a broken table."""
    dialects, problems = dialects or Dialects(), Problems()
    backs: dict[str, ConfiguredProvider] = {}
    for name, one in settings.backs.items():
        with problems.collected():
            backs[name] = ConfiguredProvider(name, _behind(dialects, settings, name, one), one.in_flight, one.receipts)
    served = Counter([(one.name, one.account) for account in settings.accounts for _, one in account.sides])
    entries: list[Account] = []
    for account in settings.accounts:
        with problems.collected():
            if (entry := _entry(dialects, settings, account, backs, served)) is not None:
                entries.append(entry)
    problems.check()
    asked_by = Counter(name for account in settings.accounts for name in {one.name for _, one in account.sides})
    reaches = {
        name: Reach(back.url, back.timeout, back.concurrency, back.engine, asked_by[name] > 1)
        for name, back in settings.backs.items()
    }
    lists = settings.lists
    limits = Limits(
        lists.max_asks,
        lists.on_cap == "capped",
        lists.snapshot_ttl,
        lists.total_ttl,
        lists.settle,
        lists.unreadable == "fail",
    )
    memory = settings.server.memory
    budget = MemoryBudget(memory, [entry.name for entry in entries])
    return Wiring(Accounts(entries), limits._replace(max_bytes=memory // _OF_ONE_LIST), reaches, budget)


def _entry(
    dialects: "Dialects",
    settings: Settings,
    account: AccountSection,
    backs: dict[str, ConfiguredProvider],
    served: Counter[tuple[str, str]],
) -> Account | None:
    """Build an account with its homes; None if a provider is missing. Raises ConfigError for the errors of all sides at once.
    `served` counts the accounts of each provider account."""
    front, problems = account.front, Problems()
    numbering, spoken = _numbering(account), None
    with problems.collected():
        spoken = dialects.of(front.dialect, "front", front.given, f"{account.where} front", numbering)
        _check_property(f"{account.where} front.property", spoken.table, front.property)
    homes: dict[str, tuple[ConfiguredProvider, Endpoint, bool]] = {}
    for side, behind in account.sides:
        back = backs.get(behind.name)
        if back is None:
            continue
        if numbering is not None:
            back = back._replace(dialect=_behind(dialects, settings, back.name, settings.backs[back.name], numbering))
        with problems.collected():
            _check_property(f"{account.where} {side}.property", back.dialect.table, behind.property)
        there = Endpoint(back.dialect, behind.account, behind.property, behind.token, behind.sender)
        homes[side] = (back, there, served[behind.name, behind.account] > 1)
    problems.check()
    if spoken is None or len(homes) < len(account.sides):
        return None
    tokens = front.tokens()
    here = Endpoint(spoken, front.account, front.property, tokens[0], older="".join(tokens[1:]))
    old = Account(here, *homes["old"]) if "old" in homes else None
    return Account(here, *homes["back"], old, account.migration)


class Dialects:
    """The installed dialects by the name in their tables. Each is compiled once for each set of settings.
    Dialects that `before` has compiled for the same settings are reused."""

    def __init__(self, before: "Dialects | None" = None) -> None:
        if before is None:
            self._raw = {str(raw["dialect"]["name"]): (file, raw) for file, raw in raw_tables().items()}
        else:
            self._raw = before._raw
        self._before = {} if before is None else before._made
        self._made: dict[tuple[Any, ...], Dialect] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all dialects."""
        return tuple(self._raw)

    def of(
        self, name: str, side: str, given: dict[str, Any], where: str, numbering: Numbering | None = None
    ) -> Dialect:
        """Return a dialect whose table has these settings as an overlay. Raises ConfigError.
        `numbering`: the number settings of the accounts.
        `where`: the section for the error."""
        if name not in self._raw:
            raise ConfigError(where, f"dialect has to be one of {', '.join(self.names)}")
        for key, value in given.items():
            if not isinstance(value, str | int):
                raise ConfigError(f"{where}.{key}", "unknown key, or a value of the wrong type")
        made = (name, side, numbering, *sorted((key, type(value).__name__, value) for key, value in given.items()))
        if made not in self._made:
            self._made[made] = self._before.get(made) or self._new(name, side, given, where, numbering)
        return self._made[made]

    def _new(self, name: str, side: str, given: dict[str, Any], where: str, numbering: Numbering | None) -> Dialect:
        file, raw = self._raw[name]
        return _compiled(file, raw, overlay(raw, side, given, where), given, where, numbering)


def _compiled(
    file: str,
    plain: dict[str, Any],
    laid: dict[str, Any],
    given: dict[str, Any],
    where: str,
    numbering: Numbering | None,
) -> Dialect:
    """Compile a table with its overlay. An error that only the settings cause is a ConfigError and not a TableError."""
    if not given:
        return dialect(file, plain, numbering)
    try:
        return dialect(file, laid, numbering)
    except TableError as error:
        dialect(file, plain)  # raises TableError if the table is broken without the settings
        raise ConfigError(where, f"{', '.join(given)}: {error.what}") from None


def _behind(
    dialects: Dialects, settings: Settings, name: str, back: sections.BackSection, numbering: Numbering | None = None
) -> Dialect:
    return dialects.of(back.dialect, "back", back.given, f"{settings.file}, [backs.{name}]", numbering)


def _numbering(account: AccountSection) -> Numbering | None:
    """Return the number settings of an account; None if it has none. Raises ConfigError."""
    said = account.numbers
    national = national_in(said.region, f"{account.where} region") if said.region else None
    return Numbering(frozenset(said.short_codes), national) if said.short_codes or national else None


def _check_property(where: str, table: Table, given: str) -> None:
    """Check the property of an account. Raises ConfigError.
    It is required if an operation of the dialect belongs to a property, and forbidden if the dialect has no properties."""
    if not given and any(row.scope == "property" for row in table.operations):
        raise ConfigError(where, f"is missing: {table.dialect.name} has its messages below a property")
    if given and not any(_PROPERTY in row.path for row in table.operations):
        raise ConfigError(where, f"unknown key: {table.dialect.name} has no properties")
    if not given.isprintable() or "/" in given:
        raise ConfigError(where, "has to be printable and without a slash")
