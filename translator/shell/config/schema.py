"""The sections of a configuration file, as closed types. `rules` checks what the types do not say."""

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
"""The least number of bytes of `[server] secret`."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """The section `[server]`: the listening addresses and the limits of a front request.

    deadline: Seconds that a request may take.
    max_body: Bytes of a request body.
    queue_max: Requests in flight, in each worker.
    memory: Bytes that all requests in flight may hold, in each worker.
    workers: The number of processes.
    keep_alive: Seconds for which a connection is kept open after a response.
    linger: Seconds at shutdown for which new connections are still accepted.
    drain: Seconds after that for open requests.
    tls_cert: The path of the certificate. `tls_cert` and `tls_key` go together, and with them `listen` uses TLS.
    """

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
        """The secret that signs, then the other secrets that verify."""
        return (self.secret,) if isinstance(self.secret, str) else self.secret

    def __repr__(self) -> str:
        return f"Server(listen={self.listen!r}, admin={self.admin!r}, public_url={self.public_url!r})"


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """The section `[store]`: the URL of the database for the send journal and the callbacks. It may hold a password."""

    url: str = "sqlite:///translator.db"

    def __repr__(self) -> str:
        return f"Store({self.url.partition(':')[0]})"


class Sends(msgspec.Struct, frozen=True, kw_only=True):
    """The section `[sends]`. All values are in seconds.

    wait: The time that a request waits for the outcome of an unknown send.
    join: The time for which an equal send shares the outcome of an unknown one.
    give_up: The age at which reconciliation gives up.
    resend: The age at which a send that cannot be found is sent again. It is off by default.
    """

    wait: Duration = 5.0
    join: Duration = 120.0
    give_up: Days = 86400.0
    resend: Literal[False] | Days = False


class Callbacks(msgspec.Struct, frozen=True, kw_only=True):
    """The section `[callbacks]`.

    allow: Networks that callbacks may reach besides the public ones.
    ports: Ports that callbacks may reach.
    poll: Seconds between two polls of a provider account.
    poll_asks: Provider requests of one poll.
    poll_end: The age of a message, in seconds, at which polling ends.
    keep: Seconds for which dead deliveries are kept.
    concurrency: Concurrent deliveries to one destination.
    owed_max: Pending callbacks of one account.
    breaker_failures: Failures in a row that open the circuit breaker of a destination.
    breaker_pause: Seconds for which the circuit breaker is open at first.
    breaker_pause_max: Seconds for which the circuit breaker is open at most.
    """

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
    """The section `[lists]`.

    max_asks: The request budget of one list.
    on_cap: The result of a list that needs more: an error, or the rows up to there.
    snapshot_ttl: Seconds for which a snapshot is kept.
    snapshot_bytes: Bytes of all snapshots.
    total_ttl: Seconds for which a total is kept.
    settle: Seconds after which a time window gets no new messages.
    unreadable: The result of a list with an unreadable row: the row is left out, or the list fails.
    """

    max_asks: Positive = 1000
    on_cap: Literal["error", "capped"] = "error"
    snapshot_ttl: Duration = 60.0
    snapshot_bytes: Count = 64 * 1024 * 1024
    total_ttl: Duration = 600.0
    settle: Duration = 300.0
    unreadable: Literal["skip", "fail"] = "skip"


class BackSection(msgspec.Struct, frozen=True, kw_only=True):
    """The section `[backs.NAME]`: a provider.

    timeout: Seconds for a whole provider request.
    concurrency: Concurrent provider requests.
    in_flight: Concurrent provider requests of one list.
    receipts: True if the provider is asked for delivery receipts.
    engine: The transport.
    given: The keys of its dialect.
    """

    dialect: str
    url: str
    timeout: Seconds = 10.0
    concurrency: Positive = 64
    in_flight: Positive = 3
    receipts: bool = True
    engine: Literal["own", "httpx"] = "own"
    given: dict[str, Any] = {}


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """The key `front` of an account: the credentials of the client.

    token: One token, or a list of the new and the old one, which are both accepted.
    given: The keys of its dialect.
    """

    dialect: str
    account: str
    token: str | tuple[str, ...]
    property: str = ""
    given: dict[str, Any] = {}

    def tokens(self) -> tuple[str, ...]:
        """Return the accepted tokens, the new one first."""
        return (self.token,) if isinstance(self.token, str) else self.token

    def __repr__(self) -> str:
        return f"Front(dialect={self.dialect!r}, account={self.account!r}, property={self.property!r})"


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of an account about phone numbers.

    short_codes: Digits that are a short code, whatever their length.
    region: The country whose numbers are read without their country code.
    """

    short_codes: tuple[ShortCode, ...] = ()
    region: str = ""


class BackAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The keys `back` and `old` of an account: the credentials of a provider account. `sender` is used if a send names none."""

    name: str
    account: str
    token: str
    property: str = ""
    sender: str = ""

    def __repr__(self) -> str:
        return f"Behind(name={self.name!r}, account={self.account!r}, property={self.property!r})"
