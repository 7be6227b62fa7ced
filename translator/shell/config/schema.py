"""The sections of a configuration file, as closed types. What a type does not say is checked in `settings`."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0, le=3600)]
Duration = Annotated[float, Meta(ge=0, le=86400)]
KeepAlive = Annotated[float, Meta(ge=5, le=3600)]
Days = Annotated[float, Meta(gt=0, le=31536000)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Workers = Annotated[int, Meta(ge=1, le=256)]
Memory = Annotated[int, Meta(ge=16 * 1024 * 1024)]
Positive = Annotated[int, Meta(ge=1)]
ShortCode = Annotated[str, Meta(pattern="^[0-9]{1,15}$")]
Count = Annotated[int, Meta(ge=0)]

SHORTEST_SECRET: Final = 32
"""The bytes that `[server] secret` has to have at least."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """`[server]`: where we listen, and what one front request may cost. `deadline` in seconds, `max_body` in bytes, `queue_max`
    requests and `memory` bytes under way at most, in each of `workers` processes. A connection is kept open for `keep_alive` seconds
    behind an answer. At the end `linger` is the seconds for which new
    connections are still taken, and `drain` the seconds that are left to open requests then. `tls_cert` and `tls_key` are paths, and go
    together: with them `listen` speaks TLS."""

    listen: str = "127.0.0.1:8080"
    admin: str = "127.0.0.1:8081"
    public_url: str = ""
    secret: str | tuple[str, ...] = ()
    deadline: Seconds = 30.0
    max_body: Positive = 65536
    queue_max: Positive = 10_000
    memory: Memory = 256 * 1024 * 1024
    workers: Workers = 1
    keep_alive: KeepAlive = 75.0
    linger: Duration = 5.0
    drain: Duration | None = None
    tls_cert: str = ""
    tls_key: str = ""
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
    unknown one is looked for at all. `resend`, off unless the operator wants it, is after how many seconds a send that cannot be found
    is made again."""

    wait: Duration = 5.0
    join: Duration = 120.0
    give_up: Days = 86400.0
    resend: Literal[False] | Days = False


class Callbacks(msgspec.Struct, frozen=True, kw_only=True):
    """`[callbacks]`: which networks beyond the public ones may be called, and which ports; how often a back is looked at (seconds), in
    how many asks a round, and up to which age of a message; how long calls that were given up are kept (seconds); how many calls there
    are at once to one destination, how many are owed to an account at most; after how many failures in a row a destination is paused,
    and for how long at first and at most (seconds)."""

    allow: tuple[str, ...] = ()
    ports: tuple[Port, ...] = (80, 443, 8080, 8443)
    poll: Seconds = 5.0
    poll_asks: Positive = 20
    poll_end: Days = 259200.0
    keep: Days = 2592000.0
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 8
    owed_max: Positive = 100_000
    breaker_failures: Positive = 5
    breaker_pause: Seconds = 15.0
    breaker_pause_max: Seconds = 300.0


class Lists(msgspec.Struct, frozen=True, kw_only=True):
    """`[lists]`: how many asks at a back one list may take and what becomes of one that needs more, how long a list that was read
    whole and a total are kept (seconds) and in how many bytes, and after how many seconds a range grows no more. `unreadable` says what
    becomes of a list with a row that cannot be read: the row is left out, or the list fails."""

    max_asks: Positive = 1000
    on_cap: Literal["error", "capped"] = "error"
    snapshot_ttl: Duration = 60.0
    snapshot_bytes: Count = 64 * 1024 * 1024
    total_ttl: Duration = 600.0
    settle: Duration = 300.0
    unreadable: Literal["skip", "fail"] = "skip"


class BackSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[backs.NAME]`: a provider. `timeout` is seconds for a whole call, `concurrency` how many calls there are at once,
    `in_flight` how many asks of one list, `receipts` whether it is asked to call us, `engine` what moves the bytes; `given` are the
    keys of its dialect."""

    dialect: str
    url: str
    timeout: Seconds = 10.0
    concurrency: Positive = 64
    in_flight: Positive = 3
    receipts: bool = True
    engine: Literal["own", "httpx"] = "own"
    given: dict[str, Any] = {}


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """`front` of an entry: what the calling application logs in with. `token` is one, or a list of the new one and the old one: both are
    taken. `given` are the keys of its dialect."""

    dialect: str
    account: str
    token: str | tuple[str, ...]
    property: str = ""
    given: dict[str, Any] = {}

    def tokens(self) -> tuple[str, ...]:
        """What opens the account, the new one first."""
        return (self.token,) if isinstance(self.token, str) else self.token

    def __repr__(self) -> str:
        return f"Front(dialect={self.dialect!r}, account={self.account!r}, property={self.property!r})"


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """What an account says of numbers, beside `front` and `back`: `short_codes` are digits that are one however many they are, `region`
    the country whose numbers are read without their country code."""

    short_codes: tuple[ShortCode, ...] = ()
    region: str = ""


class BackAccount(msgspec.Struct, frozen=True, kw_only=True):
    """`back` of an entry: what we log in with at a back. `sender` is used where the front gives none."""

    name: str
    account: str
    token: str
    property: str = ""
    sender: str = ""

    def __repr__(self) -> str:
        return f"Behind(name={self.name!r}, account={self.account!r}, property={self.property!r})"
