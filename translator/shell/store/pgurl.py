"""The URL of a PostgreSQL database as hosting providers write it, read as libpq reads it.

Parameters of the driver stay in the URL. Parameters of the server are sent to it. Any other parameter is an error that names it.
"""

from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from translator.core.errors import ConfigError

_DRIVERS: Final = frozenset(
    {
        "host", "port", "user", "password", "dbname", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword",
        "sslcrl", "target_session_attrs", "ssl_min_protocol_version", "ssl_max_protocol_version",
    }
)  # fmt: skip
"""Parameters that the driver reads from the URL."""

_SERVERS: Final = frozenset({"application_name", "options"})
"""Parameters that are sent to the server."""

_OURS: Final = "connect_timeout"
_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_ESCAPE: Final = "a user name or a password with one of @ : / ? # % or a space is written with %40 %3A %2F %3F %23 %25 %20 in its place"


class Target(NamedTuple):
    """A database.
    `dsn`: the URL for the driver.
    `timeout`: seconds for the connection; None if the URL does not say.
    `settings`: parameters for the server."""

    dsn: str
    timeout: float | None
    settings: dict[str, str]

    def arguments(self, patience: float) -> dict[str, Any]:
        """Return the driver's arguments."""
        return {"dsn": self.dsn, "timeout": self.timeout or patience, "server_settings": self.settings}


def read_url(url: str, where: str) -> Target:
    """Read a `postgresql://` URL. Raises ConfigError, whose text contains no part of the user name or password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError(where, f"is no URL of a database: the port is no number, or {_ESCAPE}") from None
    if parts.fragment or parts.netloc.count("@") > 1 or " " in url:
        raise ConfigError(where, f"is not to be read: {_ESCAPE}")
    if port == 0:
        raise ConfigError(where, "names port 0")
    driver: list[tuple[str, str]] = []
    settings = {"application_name": "sms-translator"}
    timeout: float | None = None
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == _OURS:
            timeout = _seconds(value, where)
        elif name in _SERVERS:
            settings[name] = value
        elif name in _DRIVERS:
            if name == "sslmode" and value not in _MODES:
                raise ConfigError(where, f"sslmode is one of {', '.join(_MODES)}")
            driver.append((name, value))
        else:
            known = ", ".join(sorted({*_DRIVERS, *_SERVERS, _OURS}))
            raise ConfigError(where, f"has a parameter that is not known here: {_named(name)}; there are {known}")
    return Target(parts._replace(query=urlencode(driver)).geturl(), timeout, settings)


def _seconds(value: str, where: str) -> float | None:
    """Return the seconds; None for 0, which means no limit of the URL's own, as in libpq."""
    if not value.isascii() or not value.isdigit() or int(value) > 3600:
        raise ConfigError(where, "connect_timeout is a number of seconds, 3600 at most")
    return float(value) or None


def _named(name: str) -> str:
    """Return a parameter's name if it looks like one, so that no part of a password gets into an error."""
    return name if name.isascii() and name.replace("_", "").isalnum() and len(name) <= 40 else "(not a name)"
