"""Whom we call: only addresses that anybody could reach, at ports where services listen, and what an operator opens beside.

    address ─▶ no user, a listed port ─▶ its host, resolved once ─▶ every address public or allowed ─▶ dialled as vetted

What is written in a way that hides where it leads (decimal, octal, IPv4 within IPv6) is judged by where it leads.
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
"""Seconds that a name may take to resolve when it is called."""

_PATIENCE_OF_A_SEND: Final = 2.0
"""The same when a send is accepted. A name that takes longer is accepted, as one that does not resolve yet is, and vetted when it is
called."""

_REMEMBERED: Final = 1024
_FRESH: Final = 30.0
"""How many destinations are remembered, and for how many seconds."""

_HELD: Final = 2.0
"""Seconds for which the vetted addresses of a name are dialled again without a new lookup."""

_NAMED: Final = 8
"""How many addresses behind a name are named to the operator."""

_SHORT: Final = 512
"""Addresses up to this length are remembered as they were read."""

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
"""Ranges whose addresses lead somewhere else (6to4, NAT64, Teredo, IPv4 within IPv6), are a platform's own, are for documents, or are no
longer in use."""

_ALLOCATED: Final = ipaddress.IPv6Network("2000::/3")
"""What is handed out of IPv6. An address outside of it reaches nobody in public, or is translated on its way: interpreters differ in what
they call global."""


class UrlRejected(Exception):
    """Nobody is called there. It completes the sentence "the value of X …", and `hint` goes on with what whoever sent it can do.
    `remedy` is for the operator: the setting that permits it. Both are empty where nothing helps."""

    def __init__(self, reason: str, hint: str = "", remedy: str = "") -> None:
        super().__init__(reason)
        self.hint, self.remedy = hint, remedy


class UnresolvableHost(Exception):
    """The name leads nowhere at the moment."""


class ResolvedTarget(NamedTuple):
    """Where a call goes: the URL as given, and the address that was vetted."""

    url: httpx.URL
    ip: str

    @property
    def destination(self) -> str:
        """Host and port, as a person would write them."""
        return destination_of(self.url)


class Verdict(NamedTuple):
    """Why nobody may be called at an address, as its sender is told; empty where somebody may. `remedy` is as in `UrlRejected`."""

    reason: str = ""
    remedy: str = ""


Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name. Raises OSError."""


class CallbackUrlPolicy:
    """`allow` are networks beyond the public ones, `ports` those that may be called. `resolve` replaces the threads that look names up."""

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
        """Permit from now on what the other one permits."""
        self._allow, self._ports = other._allow, other._ports
        self._said.clear()

    async def judge(self, address: str, account: str = "") -> Verdict:
        """Whether somebody may be called there, also at a name that does not resolve yet: that is logged, since its calls will fail.

        What was said of a destination is said again for a while: it is vetted anew when it is called. `account` is whose share of the
        lookups this takes.
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
        """The address, resolved once, in so many seconds. Raises Forbidden and Unresolved."""
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
        """An address that holds no secret, its host and its port. Raises Forbidden."""
        parts = self._read.get(address)
        if parts is None:
            url = _plain(address)
            parts = url, url.raw_host.decode("ascii").strip("[]"), _port(url)
            if len(address) <= _SHORT:
                self._read[address] = parts
        return parts

    async def _vetted(self, host: str, port: int, account: str, within: float) -> str:
        """The first address of a host all of whose addresses may be dialled. Raises Forbidden and Unresolved."""
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
        """Whether an IP address may be dialled."""
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
    """An address as a URL. Raises Forbidden where it is none."""
    try:
        url = httpx.URL(address)
        host = url.raw_host  # this raises where the zone of an IPv6 address is not ASCII
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise UrlRejected("is not an address") from None
    if url.scheme not in _DEFAULT_PORTS or not host:
        raise UrlRejected("is not an http or https address")
    return url


def _plain(address: str) -> httpx.URL:
    """An address that holds no secret. Raises Forbidden."""
    url = parsed(address)
    if url.userinfo:
        raise UrlRejected("cannot hold a user or a password")
    return url


def destination_of(url: httpx.URL) -> str:
    """Host and port of a URL."""
    host = url.raw_host.decode("ascii")
    return f"{host}:{_port(url)}"


def _port(url: httpx.URL) -> int:
    return url.port if url.port is not None else _DEFAULT_PORTS[url.scheme]


def _is_literal(host: str) -> bool:
    """Whether a host is an address as it is usually written; any other spelling of one is the resolver's to read."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
