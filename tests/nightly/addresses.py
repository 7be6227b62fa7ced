"""Callback addresses: the proxy connects to no address that a second reader finds private, however its text is spelt.

The second reader is this file's own: the legacy spellings of the C library, and the registries of special addresses, as networks.
"""

import asyncio
import atexit
import ipaddress
import socket
from collections.abc import Sequence
from typing import Final
from zlib import crc32

from translator.shell.delivery.callback_url_policy import PORTS, CallbackUrlPolicy, UnresolvableHost, UrlRejected

_CLOSED: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "168.63.129.16/32",
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip
"""The special-purpose registries of IANA (RFC 6890) and what they leave out: multicast, and one cloud's own service address."""

_ALLOCATED: Final = ipaddress.ip_network("2000::/3")
"""All that is handed out of IPv6."""


def is_public(text: str) -> bool:
    """True if the registries let any client reach an address."""
    ip = ipaddress.ip_address(text)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip not in _ALLOCATED:
            return False
    return not any(ip.version == network.version and ip in network for network in _CLOSED)


_HOSTS: Final = (
    "127.0.0.1", "127.1", "2130706433", "0x7f.1", "017700000001", "0", "localhost", "10.1", "192.168.1.1", "169.254.169.254",
    "168.63.129.16", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:0:7f00:1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
    "[2001:0:7f00:1::]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]", "[4000::1]", "[100::1]", "[fe80::1%25lo]", "[fd00:ec2::254]",
    "93.184.216.34", "[2606:2800:220:1::1]", "a.example", "xn--bcher-kva.example", "b\u00fccher.example", "\u2460\u2461\u2466.0.0.1",
    "127\u30020.0.1", "a.example.", "a..example", "-a.example", "xn--a", "a%00b", "%31%32%37.0.0.1", "a_b.example", "\u0130.example",
)  # fmt: skip

CORPUS: Final = (
    *(f"http://{host}/x".encode() for host in _HOSTS),
    b"https://a.example:8443/x?a=b#c",
    b"http://user:pass@a.example/",
    b"http://a.example@127.0.0.1/",
    b"http://127.0.0.1#@a.example/",
    b"http://a.example\\@127.0.0.1/",
    b"//127.0.0.1/x",
    b"ftp://a.example/",
    b"javascript:alert(1)",
)
TOKENS: Final = (
    b"http://", b"https://", b"@", b":80", b":443", b":0", b":99999", b":", b"/", b"//", b"\\", b"?", b"#", b"[", b"]", b"%25", b"%00",
    b"127.0.0.1", b"::ffff:", b"0x", b"0", b".", b"\xe3\x80\x82", b"xn--", b"\xc2\xad", b"\xe2\x80\x8b", b"\xef\xbc\x8e",
    b"\xf0\x9d\x9f\x8f",
    b"\xed\xb0\x80", b"localhost", b"a.example", b"%2e", b" ",
)  # fmt: skip


_LOOP: Final = asyncio.new_event_loop()
atexit.register(_LOOP.close)


async def _resolve(host: str, _: int) -> Sequence[str]:
    """Names resolve to public or private addresses, or to none, by their letters. A spelling of an IPv4 address resolves as in the C
    library."""
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        pass
    host.encode("idna")  # as the system's resolver does: it may raise UnicodeError
    if host.lower().rstrip(".") == "localhost":
        return ["127.0.0.1", "::1"]
    found: tuple[list[str], ...] = (
        ["93.184.216.34"],
        ["10.0.0.7"],
        ["2606:2800:220:1::1", "fd00::1"],
        ["::ffff:10.0.0.7"],
        ["4000::1"],
        [],
    )
    return found[crc32(host.encode()) % len(found)]


def addresses(data: bytes) -> None:
    """Raises AssertionError if the proxy connects to a private address. Raises any exception but a refusal."""
    try:
        text = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        vetted = _LOOP.run_until_complete(CallbackUrlPolicy(resolve=_resolve).resolve_target(text))
    except (UrlRejected, UnresolvableHost):
        return
    assert is_public(vetted.ip), f"{vetted.ip} would be dialled"
    assert (vetted.url.port or {"http": 80, "https": 443}[vetted.url.scheme]) in PORTS
    assert not vetted.url.userinfo
    written = f"{vetted.destination}{vetted.url.raw_path.decode('ascii')}"
    assert written.isascii() and written.isprintable() and " " not in written, "it cannot be written in a request"
