"""Explains a failed probe in a sentence: the URL, the failure, and a remedy to try."""

from typing import Final
from urllib.parse import urlsplit

from translator.core.accounts import Endpoint
from translator.core.http.messages import Answer, Failure, Response

_NOT_SENT: Final = "Nothing was sent."

_CONNECTING: Final[dict[str, str]] = {
    "gaierror": "the name {host} does not resolve: is it spelled right, and does this machine reach a DNS server?",
    "UnicodeError": "the name {host} does not resolve: is it spelled right?",
    "ConnectionRefusedError": "nothing listens on {at}: is the port right, and is the provider up?",
    "SSLCertVerificationError": "this machine does not trust the certificate of {at}: is the name right, and is the authority installed?",
    "SSLError": "{at} did not answer the TLS handshake: does it speak plain HTTP?",
    "ConnectionResetError": "{at} closed the connection before anything was sent: does it speak {other}?",
    "deadline": "{at} did not accept a connection in time: is it reachable from here?",
}
"""The meaning of a failure to connect, by its detail: the exception's type, or the time limit."""

_STATUSES: Final[dict[int, str]] = {
    401: "does not accept account {account} with this token: are both right?",
    403: "does not let account {account} do that: is property {property} one of that account, and is SMS enabled?",
    404: "knows no such address: is the base address right? The path of the dialect is added to `url`",
    405: "does not allow a search there: is the base address right?",
    429: "has had too many requests from us: try again later",
}


_A_PAGE: Final = "is the base address right, or does a web page stand in front of the API? The path of the dialect is added to `url`."


def explain_failure(url: str, path: str, answer: Answer | None, behind: Endpoint) -> str:
    """Explain a provider's response to the operator, or return "" for an ordinary one. The explanation never holds a token.

    url: The provider's base address.
    path: The path of the provider request.
    behind: Our account at the provider.
    """
    if answer is None:
        return ""
    parts = urlsplit(url)
    names = {"host": parts.hostname or url, "at": f"{parts.scheme}://{parts.netloc}"}
    if isinstance(answer, Failure):
        other = "TLS (https://)" if parts.scheme == "http" else "plain HTTP (http://)"
        return _explain_transport(answer, url, {**names, "other": other})
    return _explain_status(answer, f"GET {url.rstrip('/')}{path}", behind)


def _explain_transport(failure: Failure, url: str, names: dict[str, str]) -> str:
    if failure.kind == "never-left":
        sentence = _CONNECTING.get(
            failure.detail, "{at} could not be reached (" + failure.detail.replace("{", "") + "): is the address right?"
        )
        return f"{sentence.format_map(names)} {_NOT_SENT}"
    if failure.kind == "timeout":
        return f"{url} took the request and did not answer in time: raise `timeout`, or ask the provider."
    return f"{url} ended the connection, or its answer is not HTTP/1.1: does it speak {names['other']}?"


def _explain_status(answer: Response, asked: str, behind: Endpoint) -> str:
    names = {"account": behind.account, "property": behind.property or "(none)"}
    media = (answer.header("content-type") or "nothing").partition(";")[0]
    if "html" in media.lower() and not 300 <= answer.status <= 399:
        return f"{asked} answered {answer.status} with {media} in place of JSON: {_A_PAGE}"
    if answer.status in _STATUSES:
        return f"{asked} answered {answer.status}: it {_STATUSES[answer.status].format_map(names)}."
    if 300 <= answer.status <= 399:
        return (
            f"{asked} answered {answer.status}, a redirect, which is not followed: `url` has to be the final address."
        )
    if answer.status <= 299 and "json" not in media:
        return f"{asked} answered {media} in place of JSON: is that the API, or a web page in front of it?"
    return f"{asked} answered {answer.status}." if answer.status >= 300 else ""
