"""The callback URL policy: the proxy never connects to a private address, however it is written."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from tests.names import named
from translator.shell.delivery.callback_url_policy import PORTS, CallbackUrlPolicy, UnresolvableHost, UrlRejected

HOSTILE = (
    "http://127.0.0.1/x",
    "http://127.1/x",
    "http://2130706433/x",
    "http://0x7f000001/x",
    "http://0x7f.1/x",
    "http://0177.0.0.1/x",
    "http://017700000001/x",
    "http://0/x",
    "http://0.0.0.0/x",
    "http://localhost/x",
    "http://LOCALHOST/x",
    "http://10.0.0.1/x",
    "http://10.1/x",
    "http://172.16.0.1/x",
    "http://192.168.0.1/x",
    "http://100.64.0.1/x",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/latest/meta-data/",
    "http://192.0.0.192/x",
    "http://198.18.0.1/x",
    "http://224.0.0.1/x",
    "http://255.255.255.255/x",
    "http://192.88.99.1/x",
    "http://[::1]/x",
    "http://[::]/x",
    "http://[::ffff:127.0.0.1]/x",
    "http://[::ffff:a9fe:a9fe]/x",
    "http://[::127.0.0.1]/x",
    "http://[fe80::1]/x",
    "http://[fd00:ec2::254]/x",
    "http://[fec0::1]/x",
    "http://[ff02::1]/x",
    "http://[2002:7f00:1::]/x",
    "http://[2002:a9fe:a9fe::]/x",
    "http://[64:ff9b::7f00:1]/x",
    "http://[64:ff9b:1::7f00:1]/x",
    "http://[2001:0:7f00:1::]/x",
    "http://[2001:db8::1]/x",
    "http://168.63.129.16/x",
    "http://2822734096/x",
    "http://[::ffff:0:7f00:1]/x",
    "http://[64:ff9b:2::7f00:1]/x",
    "http://[100::1]/x",
    "http://[2001:2::1]/x",
    "http://[2001:10::1]/x",
    "http://[3fff::1]/x",
    "http://[4000::1]/x",
    "http://[5f00::1]/x",
    "http://[f::]/x",
)
"""Addresses that are private, or that lead nowhere."""

MALFORMED = (
    "http://user:pass@93.184.216.34/x",
    "http://user@93.184.216.34/x",
    "http://93.184.216.34:22/x",
    "http://93.184.216.34:6379/x",
    "ftp://93.184.216.34/x",
    "file:///etc/passwd",
    "gopher://93.184.216.34/x",
    "http:///x",
    "//93.184.216.34/x",
    "http://[::1/x",
    "http://[::%\xac]/x",
)


@pytest.fixture(autouse=True)
def fenced(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Only loopback can be connected to from here. The attempts are kept."""
    tried: list[Any] = []
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        tried.append(address)
        if self.family != socket.AF_UNIX and str(address[0]) not in ("127.0.0.1", "::1"):
            raise AssertionError(f"a connection to {address} was tried")
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 30


@pytest.mark.parametrize("address", [*HOSTILE, *MALFORMED])
def test_a_hostile_address_is_forbidden(address: str, fenced: list[Any]) -> None:
    with pytest.raises(UrlRejected):
        asyncio.run(CallbackUrlPolicy().resolve_target(address))
    assert asyncio.run(CallbackUrlPolicy().judge(address)).reason != ""
    assert fenced == []


@pytest.mark.parametrize("address", HOSTILE)
def test_a_name_that_leads_there_is_forbidden_too(address: str) -> None:
    host = address.split("/")[2].strip("[]")
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)}
    except OSError:
        pytest.fail(f"{host} is not read by this system's resolver, so the case shows nothing")
    for ip in found:
        with pytest.raises(UrlRejected, match="not public"):
            asyncio.run(
                CallbackUrlPolicy(resolve=named("93.184.216.34", str(ip))).resolve_target("http://innocent.example/x")
            )


@pytest.mark.parametrize(
    "address",
    ["http://93.184.216.34/x", "https://93.184.216.34:8443/x?a=b", "http://[2606:2800:220:1:248:1893:25c8:1946]:8080/"],
)
def test_a_public_address_is_vetted(address: str) -> None:
    vetted = asyncio.run(CallbackUrlPolicy().resolve_target(address))
    assert str(vetted.url) == address
    assert vetted.ip in address


def test_a_name_is_resolved_once_and_dialled_as_vetted() -> None:
    resolve = named("93.184.216.34")
    vetted = asyncio.run(CallbackUrlPolicy(resolve=resolve).resolve_target("https://a.example/x"))
    assert (vetted.ip, vetted.destination, resolve.asked) == ("93.184.216.34", "a.example:443", ["a.example"])


@pytest.mark.parametrize("failure", [OSError("no such name"), TimeoutError()])
def test_a_name_that_does_not_resolve_yet_is_accepted_and_not_called(failure: Exception) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise failure

    vetting = CallbackUrlPolicy(resolve=resolve)
    assert asyncio.run(vetting.judge("http://status.callback.url")).reason == ""
    with pytest.raises(UnresolvableHost):
        asyncio.run(vetting.resolve_target("http://status.callback.url"))
    with pytest.raises(UnresolvableHost):
        asyncio.run(CallbackUrlPolicy(resolve=named()).resolve_target("http://status.callback.url"))


def test_what_an_operator_opens_is_open_and_nothing_beside_it() -> None:
    vetting = CallbackUrlPolicy(["127.0.0.1", "10.0.0.0/8", "fd00::/8"], [80, 9000])
    for good in ("http://127.0.0.1/x", "http://10.255.0.1:9000/x", "http://[::ffff:10.0.0.1]/x", "http://[fd12::1]/x"):
        assert asyncio.run(vetting.judge(good)).reason == "", good
    for bad in ("http://127.0.0.2/x", "http://11.0.0.1:8080/x", "http://192.168.0.1/x", "http://[::1]/x"):
        assert asyncio.run(vetting.judge(bad)).reason != "", bad


def test_the_ports_are_those_where_services_listen() -> None:
    assert PORTS == (80, 443, 8080, 8443)
