"""Reads a Restcomm request: path, format, credentials, form and query."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote_to_bytes, urlsplit

from conformance.twins.restcomm.refusal import Refusal

API_VERSION: Final = "2012-04-24"
PREFIXES: Final = ("restcomm", "api")
"""The document's reference lines begin with /api, its samples with /restcomm. Neither is required."""

BODY_MAX: Final = 10_000_000
"""In bytes. A longer request is answered with 413."""

Format: TypeAlias = Literal["json", "xml"]

_RAW_PLUS_NUMBER: Final = re.compile(r" [0-9]{7,15}")
_ACCEPTABLE: Final = frozenset({"*/*", "application/*", "application/json", "application/xml"})


@dataclass(frozen=True, slots=True)
class Route:
    """A path that names a resource: the messages of an account, or with `sid` one of them.

    `uri` is the list's own path with its prefix, without `.json`, as the list's `uri` shows it.
    """

    account: str
    sid: str | None
    uri: str

    @property
    def allow(self) -> str:
        """The value of the Allow header. A message can be read, and a list can also get a POST."""
        return "GET, HEAD, OPTIONS" if self.sid is not None else "GET, HEAD, OPTIONS, POST"


def path_segments(path: str) -> list[str]:
    """Return the segments of a path without `.json`, which may end any of them, and without one trailing slash."""
    segments = [segment.removesuffix(".json") for segment in path.removeprefix("/").split("/")]
    if len(segments) > 1 and segments[-1] == "":
        segments.pop()
    return segments


def is_versioned(path: str) -> bool:
    """True if the path is below `[/restcomm|/api]/2012-04-24`, where every request needs credentials."""
    segments = path_segments(path)
    return API_VERSION in (segments[1:2] if segments[0] in PREFIXES else segments[:1])


def read_route(path: str) -> Route | None:
    """Return the route of `…/2012-04-24/Accounts/{account}/SMS/Messages` or `…/{sid}`, or None for any other path."""
    segments = path_segments(path)
    prefix, rest = (segments[:1], segments[1:]) if segments[0] in PREFIXES else ([], segments)
    match rest:
        case [version, "Accounts", account, "SMS", "Messages", *more] if version == API_VERSION and account:
            uri = "/" + "/".join([*prefix, *rest[:5]])
            if not more:
                return Route(account, None, uri)
            if len(more) == 1 and more[0]:
                return Route(account, more[0], uri)
    return None


def negotiate(path: str, accept: str | None) -> Format | None:
    """Return the format of the response, or None if the client accepts neither (406).

    `.json` in the path takes precedence, because the document's Python sample adds `Accept: text/plain` to it. Without
    an Accept header the response is XML. If the header has the letters `json` anywhere, the response is JSON, whatever the q-values.
    """
    if any(segment.endswith(".json") for segment in path.split("/")):
        return "json"
    if not accept:
        return "xml"
    ranges = {part.split(";")[0].strip().lower() for part in accept.split(",")}
    if not ranges & _ACCEPTABLE:
        return None
    return "json" if "json" in accept.lower() else "xml"


def read_credentials(authorization: str | None) -> tuple[str, str] | None:
    """Return user and password of HTTP Basic, split at the first colon, or None if they are missing or malformed."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme != "Basic":
        return None
    try:
        decoded = _text(base64.b64decode(encoded.strip(), validate=True))
    except (binascii.Error, ValueError):
        return None
    user, colon, password = decoded.partition(":")
    return (user, password) if colon else None


def read_pairs(encoded: bytes) -> dict[str, str]:
    """Return the fields of a form or a query. The first value of a repeated field counts.

    Text without any encoding is accepted (bare spaces, an unescaped URL), as in the document's Java and curl samples.
    Percent encoding is read as UTF-8, or else as ISO-8859-1, which older Java clients write.
    """
    fields: dict[str, str] = {}
    for pair in encoded.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name or value:
            fields.setdefault(_decode(name), _decode(value))
    return fields


def check_form(content_type: str | None) -> None:
    """Refuse with 415 any type but `application/x-www-form-urlencoded`, with or without a charset."""
    if (content_type or "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Refusal(415, "The request body must be application/x-www-form-urlencoded.")


@dataclass(frozen=True, slots=True)
class Send:
    """The fields of a send. Numbers are as given."""

    sender: str
    recipient: str
    body: str
    status_callback: str | None
    status_callback_method: Literal["GET", "POST"]


def read_send(form: Mapping[str, str]) -> Send:
    """Return the send of a form. From, To and Body are required and checked in that order. Other fields are ignored.

    Source: "StatusCallbackMethod: GET, POST. Default POST". Any other method counts as POST.
    """
    for name in ("From", "To", "Body"):
        if name not in form:
            raise Refusal(400, f"{name} can not be null.")
    method: Literal["GET", "POST"] = "GET" if form.get("StatusCallbackMethod", "").upper() == "GET" else "POST"
    return Send(
        sender=as_written(form["From"]),
        recipient=as_written(form["To"]),
        body=form["Body"],
        status_callback=_callback_url(form.get("StatusCallback", "")),
        status_callback_method=method,
    )


def as_written(number: str) -> str:
    """Return a number with the `+` that its client wrote unencoded, and that form decoding turned into a space."""
    return "+" + number[1:] if _RAW_PLUS_NUMBER.fullmatch(number) else number


def _callback_url(url: str) -> str | None:
    if not url:
        return None
    try:
        parts = urlsplit(url)
        absolute = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        absolute = False
    if not absolute or any(character.isspace() for character in url):
        raise Refusal(400, "StatusCallback must be an absolute http or https URL.")
    return url


def _decode(encoded: bytes) -> str:
    return _text(unquote_to_bytes(encoded.replace(b"+", b" ")))


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("iso-8859-1")
