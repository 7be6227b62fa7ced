"""The sentence of `check --probe` about a provider that cannot be reached or does not answer as one: a URL, the event, and the remedy."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest
import trustme

from translator.core.accounts import Endpoint
from translator.core.http.messages import Answer, Request, Response
from translator.shell.client.provider_client import ProviderClient
from translator.shell.operations.probe_reasons import explain_failure
from translator.shell.wiring import Dialects

PATH = "/v2/Properties/P1/Messages"


def asked(url: str) -> Answer:
    async def main() -> Answer:
        back = ProviderClient(url, timeout=2)
        try:
            return await back.ask(Request("GET", PATH), "test")
        finally:
            await back.aclose()

    return asyncio.run(main())


def behind() -> Endpoint:
    return Endpoint(Dialects().of("properties-v2", "back", {}, "test"), "A1", "P1", "a-secret-token")


def said(url: str, answer: Answer | None = None) -> str:
    sentence = explain_failure(url, PATH, asked(url) if answer is None else answer, behind())
    assert "a-secret-token" not in sentence
    return sentence


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port on which one connection is taken and handed to `answer`."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
    thread.join(5)


def plain(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")


def test_a_name_that_does_not_resolve_is_named() -> None:
    sentence = said("https://no-such-host.invalid")
    assert "no-such-host.invalid does not resolve" in sentence
    assert sentence.endswith("Nothing was sent.")


def test_a_port_on_which_nothing_listens_is_named() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    assert f"nothing listens on http://127.0.0.1:{port}" in said(f"http://127.0.0.1:{port}")


def test_provider_with_plain_http_at_an_https_url_is_reported_as_such() -> None:
    with listening(plain) as port:
        sentence = said(f"https://127.0.0.1:{port}")
    assert f"https://127.0.0.1:{port} did not answer the TLS handshake: does it speak plain HTTP?" in sentence
    assert sentence.endswith("Nothing was sent.")


def test_a_certificate_that_nobody_here_trusts_is_said_to_be_one() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    def shake(connection: socket.socket) -> None:
        with suppress(ssl.SSLError, OSError):
            context.wrap_socket(connection, server_side=True).close()

    with listening(shake) as port:
        assert "does not trust the certificate" in said(f"https://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "account A1 with this token"),
        (403, "is property P1 one of that account"),
        (404, "is the base address right? The path of the dialect is added to `url`"),
        (301, "a redirect, which is not followed"),
        (503, "answered 503."),
    ],
)
def test_each_status_says_what_to_look_at(status: int, words: str) -> None:
    sentence = said("https://provider.example.test", Response(status))
    assert sentence.startswith(f"GET https://provider.example.test{PATH} answered {status}")
    assert words in sentence


def test_a_web_page_in_place_of_the_api_is_said_to_be_one() -> None:
    page = Response(200, (("content-type", "text/html; charset=utf-8"),), b"<html>")
    assert "text/html in place of JSON" in said("https://provider.example.test", page)


def test_an_answer_as_it_should_be_says_nothing() -> None:
    fine = Response(200, (("content-type", "application/json"),), b"[]")
    assert said("https://provider.example.test", fine) == ""
