"""The command `explain`: builds the request that a client would send, and finds the account that it belongs to."""

import re
from typing import Final

from translator.core.accounts import Account, ConfiguredProvider, Endpoint
from translator.core.dialect import Dialect
from translator.core.errors import ConfigError, FaultRaised
from translator.core.http.messages import Request
from translator.shell.operations.probe import basic
from translator.shell.wiring import Dialects

_LINE: Final = re.compile(r"([A-Z]+) (?:https?://[^/\s]+)?(/\S*)")
_MEDIA: Final = {"form": "application/x-www-form-urlencoded"}
_JSON: Final = "application/json"
_TOKEN: Final = "explained-only"  # noqa: S105 - it belongs to an account that exists while a request is explained

MADE_UP_ACCOUNT: Final = "A1"
MADE_UP_PROPERTY: Final = "S1234567890ABCDE1234567890ABCDEF"
"""The account and the property of the account that is made up if there is no configuration."""


def read_line(line: str, body: str) -> Request:
    """Parse `METHOD PATH` to a request without credentials. The path has the query, and may be a whole URL. Raises ConfigError."""
    found = _LINE.fullmatch(line)
    if found is None or not line.isascii():
        raise ConfigError("METHOD PATH", "has to be like 'GET /path?name=value', percent-encoded")
    path, _, query = found[2].partition("?")
    return Request(found[1], path, query, (), body.encode())


def addressed(spoken: Dialect, request: Request) -> tuple[dict[str, str], str]:
    """Return the values in a request's path (account, property, SID) and its operation's media type. A path without one has no values."""
    try:
        at = spoken.front.routing.locate(request)
    except FaultRaised:
        return {}, _JSON
    return at.values, _MEDIA.get(at.operation.request, _JSON)


def synthetic_account(dialects: Dialects, name: str, request: Request) -> Account:
    """Return an account whose front fits the request's path and whose back is the other dialect."""
    front = dialects.of(name, "front", {}, "DIALECT")
    other = next((found for found in dialects.names if found != name), name)
    behind = dialects.of(other, "back", {}, "DIALECT")
    values, _ = addressed(front, request)
    account, property_ = (
        values.get("account", MADE_UP_ACCOUNT),
        values.get("property", MADE_UP_PROPERTY),
    )
    return Account(
        Endpoint(front, account, property_, _TOKEN),
        ConfiguredProvider("back", behind),
        Endpoint(behind, MADE_UP_ACCOUNT, MADE_UP_PROPERTY, _TOKEN),
        shared=False,
    )


def configured(entries: tuple[Account, ...], name: str, request: Request, file: str) -> Account:
    """Return the first account with this front dialect that the path belongs to. Raises ConfigError if there is none."""
    for entry in entries:
        front = entry.front
        if front.dialect.name == name:
            values, _ = addressed(front.dialect, request)
            own = {"account": front.account, "property": front.property}
            if all(values.get(key, value) == value for key, value in own.items()):
                return entry
    raise ConfigError(f"{file}, [[accounts]]", f"no row has a {name} front that this path belongs to")


def with_credentials(entry: Account, request: Request) -> Request:
    """Return the request with the front credentials of the account, and with the type of its body."""
    headers = [("authorization", basic(entry.front))]
    if request.body:
        headers.append(("content-type", addressed(entry.front.dialect, request)[1]))
    return request.replace(headers=tuple(headers))
