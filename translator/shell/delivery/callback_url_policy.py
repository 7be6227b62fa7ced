"""The callback URL policy (SSRF protection): public addresses at listed ports, and the networks that the operator allows.

    URL ─▶ no user, a listed port ─▶ its host, resolved once ─▶ every address public or allowed ─▶ connect to the checked address

Disguised addresses (decimal, octal, IPv4 within IPv6) are checked by the address that they lead to.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

import httpx
from cachetools import LRUCache, TTLCache

from translator.shell.delivery.resolver import Resolver
from translator.shell.observability.log import logger

Ip: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS: Final = (80, 443, 8080, 8443)

_PATIENCE: Final = 5.0
"""Seconds that a name may take to resolve before a delivery."""

_PATIENCE_OF_A_SEND: Final = 2.0
"""Seconds that a name may take to resolve when a send is accepted. A name that takes longer, or does not resolve, is accepted.
It is checked again before each delivery."""

_REMEMBERED: Final = 1024
_FRESH: Final = 30.0
"""`_REMEMBERED` is the number of destinations in a cache. `_FRESH` is the number of seconds for which a verdict is cached."""

_HELD: Final = 2.0
"""Seconds for which the checked address of a name is used again without a new lookup."""

_NAMED: Final = 8
"""The number of forbidden addresses of a name that are listed for the operator."""

_SHORT: Final = 512
"""URLs up to this length, in characters, are cached in parsed form."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_TUNNELS: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "2002::/16",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "::/96",
        "192.88.99.0/24",
        "192.0.0.0/24",
        "fec0::/10",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "168.63.129.16/32",
    )
)
"""Forbidden ranges. Some lead to another address (6to4, NAT64, Teredo, IPv4 within IPv6). The others belong to a platform, serve
documentation, or are no longer in use."""

_ALLOCATED: Final = ipaddress.IPv6Network("2000::/3")
"""The allocated part of IPv6. An address outside of it is not public, or is translated on its way. The check is explicit because
Python versions differ in the addresses that they call global."""


class UrlRejected(Exception):
    """The policy forbids callbacks to this URL. The message completes the sentence "the value of X …".

    hint: Tells the client what it can do, empty if nothing helps.
    remedy: Tells the operator the setting that permits the URL, empty if nothing helps.
    """

    def __init__(self, reason: str, hint: str = "", remedy: str = "") -> None:
        super().__init__(reason)
        self.hint, self.remedy = hint, remedy


class UnresolvableHost(Exception):
    """The host name does not resolve at present."""


class ResolvedTarget(NamedTuple):
    """The target of a delivery: the URL as given, and the checked IP address."""

    url: httpx.URL
    ip: str

    @property
    def destination(self) -> str:
        """The host and the port, as `host:port`."""
        return destination_of(self.url)


class Verdict(NamedTuple):
    """The reason why a URL is forbidden, as the client is told, empty if the URL is allowed. `remedy` is as in `UrlRejected`."""

    reason: str = ""
    remedy: str = ""


Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host name and port. Raises OSError."""


class CallbackUrlPolicy:
    """Decides which URLs a callback may go to.

    allow: Networks that are allowed besides the public ones.
    ports: Ports that are allowed.
    resolve: Replaces the resolver threads.
    """

    def __init__(
        self, allow: Sequence[str] = (), ports: Sequence[int] = PORTS, *, resolve: Resolve | None = None
    ) -> None:
        self._allow: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in allow)
        self._ports = frozenset(ports)
        self._resolver, self._resolve = Resolver(), resolve
        self._said: TTLCache[str, Verdict] = TTLCache(_REMEMBERED, _FRESH)
        self._found: TTLCache[tuple[str, int], str] = TTLCache(_REMEMBERED, _HELD)
        self._read: LRUCache[str, tuple[httpx.URL, str, int]] = LRUCache(256)

    def become(self, other: "CallbackUrlPolicy") -> None:
        """Take over the rules of another policy."""
        self._allow, self._ports = other._allow, other._ports
        self._said.clear()

    async def judge(self, address: str, account: str = "") -> Verdict:
        """Return the verdict on a URL of a send. A name that does not resolve yet is allowed and logged, because its deliveries will fail.

        Verdicts are cached by destination, because `resolve_target` checks the URL again before each delivery. The lookup counts
        against the share of `account`.
        """
        try:
            destination = destination_of(_plain(address))
        except UrlRejected as error:
            return Verdict(str(error))
        found = self._said.get(destination)
        if found is None:
            found = self._said[destination] = await self._verdict(address, destination, account)
        return found

    async def _verdict(self, address: str, destination: str, account: str) -> Verdict:
        try:
            await self.resolve_target(address, account, within=_PATIENCE_OF_A_SEND)
        except UrlRejected as error:
            return Verdict(f"{error}; {error.hint}".removesuffix("; "), error.remedy)
        except UnresolvableHost:
            why = "the name does not resolve now: is it right, and does this machine reach a DNS server?"
            logger().warning("callback-unresolved", account=account, destination=destination, why=why)
        return Verdict()

    async def resolve_target(self, address: str, account: str = "", *, within: float = _PATIENCE) -> ResolvedTarget:
        """Resolve a URL once, within `within` seconds, and check it. Raises UrlRejected and UnresolvableHost."""
        url, host, port = self._parts(address)
        if port not in self._ports:
            called = ", ".join(map(str, sorted(self._ports)))
            raise UrlRejected(
                f"has a port that is not called: {port}",
                f"those that are called are {called}",
                f"[callbacks] ports = [{called}, {port}] permits it",
            )
        ip = self._found.get((host, port))
        if ip is None:
            ip = self._found[host, port] = await self._vetted(host, port, account, within)
        return ResolvedTarget(url, ip)

    def _parts(self, address: str) -> tuple[httpx.URL, str, int]:
        """Return a URL without user and password, its host and its port. Raises UrlRejected."""
        parts = self._read.get(address)
        if parts is None:
            url = _plain(address)
            parts = url, url.raw_host.decode("ascii").strip("[]"), _port(url)
            if len(address) <= _SHORT:
                self._read[address] = parts
        return parts

    async def _vetted(self, host: str, port: int, account: str, within: float) -> str:
        """Return the first address of a host if all of its addresses are allowed. Raises UrlRejected and UnresolvableHost."""
        try:
            if _is_literal(host):
                found: Sequence[str] = [host]
            elif self._resolve is not None:
                found = await asyncio.wait_for(self._resolve(host, port), within)
            else:
                found = await asyncio.wait_for(self._resolver.resolve(host, port, account), within)
        except (OSError, TimeoutError, UnicodeError):
            raise UnresolvableHost from None
        if not found:
            raise UnresolvableHost
        if closed := [ip for ip in found if not self.is_allowed(ip)]:
            named = ", ".join([f'"{ip.partition("%")[0]}"' for ip in closed[:_NAMED]])
            raise UrlRejected(
                "leads to an address that is not public",
                "whoever runs this server can permit it",
                f"[callbacks] allow = [{named}] permits it",
            )
        return found[0]

    def is_allowed(self, text: str) -> bool:
        """True if the policy allows an IP address."""
        ip: Ip = ipaddress.ip_address(text.partition("%")[0])
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        if any(ip.version == network.version and ip in network for network in self._allow):
            return True
        if any(ip.version == network.version and ip in network for network in _TUNNELS):
            return False
        if isinstance(ip, ipaddress.IPv6Address) and ip not in _ALLOCATED:
            return False
        return ip.is_global and not ip.is_multicast


def parsed(address: str) -> httpx.URL:
    """Parse a URL. Raises UrlRejected if it is not an http or https URL with a host."""
    try:
        url = httpx.URL(address)
        host = url.raw_host  # this raises if the zone of an IPv6 address is not ASCII
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise UrlRejected("is not an address") from None
    if url.scheme not in _DEFAULT_PORTS or not host:
        raise UrlRejected("is not an http or https address")
    return url


def _plain(address: str) -> httpx.URL:
    """Parse a URL that may not hold a user or a password. Raises UrlRejected."""
    url = parsed(address)
    if url.userinfo:
        raise UrlRejected("cannot hold a user or a password")
    return url


def destination_of(url: httpx.URL) -> str:
    """Return the host and the port of a URL, as `host:port`."""
    host = url.raw_host.decode("ascii")
    return f"{host}:{_port(url)}"


def _port(url: httpx.URL) -> int:
    return url.port if url.port is not None else _DEFAULT_PORTS[url.scheme]


def _is_literal(host: str) -> bool:
    """True if a host is an IP address in its usual form. Other forms go to the resolver."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
