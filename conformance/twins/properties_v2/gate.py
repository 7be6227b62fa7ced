"""Middleware before every route: it records each request, and rejects requests without credentials."""

import binascii
import hmac
from base64 import b64decode
from collections.abc import Callable, Mapping, MutableSequence
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .faults import Fault, answer


@dataclass(frozen=True)
class TwinAccount:
    """An account of the service: its API token, and the SIDs of its properties."""

    token: str
    properties: tuple[str, ...]

    def __repr__(self) -> str:
        return f"TwinAccount(token=..., properties={self.properties!r})"


@dataclass(frozen=True)
class Call:
    """One request as it came. `query` is the raw query string. `credentials` is true if there were any, right or wrong."""

    method: str
    path: str
    query: str
    body: bytes
    credentials: bool


def who_asks(authorization: str | None, accounts: Mapping[str, TwinAccount]) -> str | None:
    """Return the account of an Authorization header, or None. Basic credentials are split at the first colon: AccountSid and token."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    account_sid, _, token = decoded.decode("utf-8", "replace").partition(":")
    account = accounts.get(account_sid)
    if account is None or not hmac.compare_digest(account.token.encode(), token.encode()):
        return None
    return account_sid


class Gate:
    """Records each request. Without right credentials the response is a 401 with the challenge, for any path.

    Behind this middleware the path has no trailing slash (the service never redirects) and the body is already read.
    `request.state.account_sid` is the account.
    """

    def __init__(
        self,
        app: ASGIApp,
        accounts: Callable[[], Mapping[str, TwinAccount]],
        calls: MutableSequence[Call],
    ) -> None:
        self._app = app
        self._accounts = accounts
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return  # the client is gone, and half a request has no effect
        authorization = request.headers.get("authorization")
        query = scope["query_string"].decode("latin-1")
        self._calls.append(Call(request.method, scope["path"], query, body, authorization is not None))
        account_sid = who_asks(authorization, self._accounts())
        if account_sid is None:
            await answer(Fault(401, "UNAUTHORIZED", "Credentials are missing or wrong"))(scope, receive, send)
            return

        async def receive_again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        inner = {**scope, "path": scope["path"].rstrip("/") or "/", "state": {"account_sid": account_sid}}
        await self._app(inner, receive_again, send)
