"""Checks the addresses in a configuration: listening addresses, provider URLs and networks. Errors are ConfigError with the key."""

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from translator.core.errors import ConfigError


class Address(NamedTuple):
    """A host, without brackets, and a TCP port. Port 0 takes a free one."""

    host: str
    port: int


def read_address(where: str, text: str) -> Address:
    """Parse `host:port`. An IPv6 host is in brackets."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if not colon or not bare or (":" in bare) != bracketed or not (port.isascii() and port.isdigit()):
        raise ConfigError(where, "has to be host:port, such as 127.0.0.1:8080")
    if int(port) > 65535:
        raise ConfigError(where, "the port is larger than 65535")
    return Address(bare, int(port))


def check_url(where: str, text: str) -> None:
    """Check that a text is an http or https URL, with or without a path."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(where, "has to be an address like https://provider.example.test")
    if "@" in parts.netloc or "?" in text or "#" in text:
        raise ConfigError(where, "cannot hold a user, a query or a fragment")


def check_network(where: str, text: str) -> None:
    """Check that a text is an IP address, or a network such as `10.0.0.0/8`."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ConfigError(where, "each has to be an address or a network, such as 10.0.0.0/8") from None
