"""Accounts: the credentials of each front, and the provider account that carries the messages."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from translator.core.dialect import Dialect
from translator.core.migration import MigrationRules

_RULES: Final = MigrationRules()
"""The rules of an account without any: each send goes to the old provider until a person advances."""

_NOBODY: Final = b"no account has this token, and comparing with it takes as long"


class Endpoint(NamedTuple):
    """One side of an account: account and property there, and its token. It is never printed whole. `older` is a second token that
    opens a front while clients change from one to the other, or empty."""

    dialect: Dialect
    account: str
    property: str
    token: str
    sender: str = ""
    older: str = ""

    def __repr__(self) -> str:
        return f"Endpoint({self.dialect.name}, {self.account}, {self.property})"


class ConfiguredProvider(NamedTuple):
    """A configured provider. `in_flight` is the number of parallel requests for one list. `receipts` says that the proxy asks it for
    delivery receipts."""

    name: str
    dialect: Dialect
    in_flight: int = 3
    receipts: bool = True


class Account(NamedTuple):
    """One account: the front side, the provider, the provider account, and whether other accounts share that.

    `old` is the same account at the provider that it leaves: the same front, another provider, and no `old` of its own. Its messages stay
    there, so each of the two is a home of messages. `migration` are the rules of the change; without `old` they have no effect.
    """

    front: Endpoint
    back: ConfiguredProvider
    behind: Endpoint
    shared: bool
    old: "Account | None" = None
    migration: MigrationRules = _RULES

    @property
    def name(self) -> str:
        """The name in the journal: its front side, which no two accounts share."""
        return f"{self.front.dialect.name}/{self.front.account}/{self.front.property}"

    @property
    def place(self) -> str:
        """The name of the provider account in the journal."""
        return f"{self.back.name}/{self.behind.account}/{self.behind.property}"

    @property
    def homes(self) -> "tuple[Account, ...]":
        """The account at each of its providers, the new one first."""
        return (self,) if self.old is None else (self, self.old)

    def home_at(self, place: str) -> "Account | None":
        """Return the account at the provider account of that name, or None."""
        return next((home for home in self.homes if home.place == place), None)


def by_shape(homes: Sequence[Account], sid: str) -> Account | None:
    """Return the only home whose dialect makes SIDs of this shape, or None."""
    makers = [home for home in homes if home.back.dialect.makes_sid(sid)]
    return makers[0] if len(makers) == 1 else None


class Accounts:
    """All accounts, in the order of the configuration. `dialects` are their fronts, one of each name. `by_place` has each home by its
    provider account."""

    def __init__(self, entries: Iterable[Account]) -> None:
        self.entries = tuple(entries)
        self.dialects = tuple(
            {entry.front.dialect.name: entry.front.dialect for entry in reversed(self.entries)}.values()
        )[::-1]
        self.by_name = {entry.name: entry for entry in self.entries}
        self.by_place = {home.place: home for entry in reversed(self.entries) for home in entry.homes}
        self._by_account: dict[tuple[str, str], tuple[tuple[tuple[bytes, ...], Account], ...]] = {}
        for entry in self.entries:
            front = entry.front
            tokens = tuple([token.encode() for token in (front.token, front.older) if token])
            key = (front.dialect.name, front.account)
            self._by_account[key] = (*self._by_account.get(key, ()), (tokens, entry))
        # Only the usual spelling of valid credentials is cached undecoded, because a client could send any number of other spellings.
        self._usual: dict[tuple[str, str | None], tuple[bytes, tuple[Account, ...]]] = {}
        for (dialect, account), candidates in self._by_account.items():
            for token in {token for tokens, _ in candidates for token in tokens}:
                usual = f"Basic {b64encode(account.encode() + b':' + token).decode('ascii')}"
                self._usual[dialect, usual] = (usual.encode(), _opened(candidates, token))

    def dialect_of(self, path: str) -> Dialect:
        """Return the front that a path belongs to, or the first one if it belongs to none."""
        for dialect in self.dialects:
            if dialect.front.routing.owns(path):
                return dialect
        return self.dialects[0]

    def authenticate(self, dialect: str, authorization: str | None) -> tuple[Account, ...]:
        """Return the accounts that these Basic credentials open. It is empty if they are missing, malformed, unknown or wrong.

        An unknown account costs a comparison too, so that the time does not reveal which accounts exist.
        """
        known = self._usual.get((dialect, authorization))
        if known is not None and authorization is not None and hmac.compare_digest(known[0], authorization.encode()):
            return known[1]
        account, token = _credentials(authorization)
        candidates = self._by_account.get((dialect, account))
        if candidates is None:
            hmac.compare_digest(token, _NOBODY)
            return ()
        return _opened(candidates, token)


def _opened(candidates: Iterable[tuple[tuple[bytes, ...], Account]], token: bytes) -> tuple[Account, ...]:
    """Return the accounts that a token opens. All tokens are compared, so that the time does not reveal which one is similar."""
    return tuple([entry for tokens, entry in candidates if sum(hmac.compare_digest(token, one) for one in tokens)])


def _credentials(authorization: str | None) -> tuple[str, bytes]:
    """Return account and token of a Basic header, split at the first colon. Both are empty if it is not such a header."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return "", b""
    try:
        account, _, token = b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except ValueError:
        return "", b""
    return account, token.encode()
