"""The surroundings of the product in the drill of migrating accounts: providers that fail, an application, and the configuration.

Each account leaves one simulated provider for another. A provider loses responses, answers late, makes messages late, and fails. It knows
nothing of the other one. The judgement counts messages at both.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from conformance.twins.properties_v2 import Pace, PropertiesV2Twin, TwinAccount
from conformance.twins.restcomm import RestcommTwin

TIMEOUT: Final = 1.0
"""Seconds for which the product waits for a provider."""

UNKNOWN: Final = (0, 504)
"""The statuses of a send that may have been made. 0: no response came."""

Fault = str
FAULTS: Final[dict[Fault, int]] = {
    "": 14, "lost": 2, "late": 1, "made late": 1, "broken": 1, "failed": 1, "refused": 1, "slow": 3
}  # fmt: skip
"""The faults of a send with their weights.
lost: the message is made, and the response is 502.
late: the message is made, and the response comes after the timeout.
made late: the message is made after the timeout.
broken: the message is made, and half of the response comes.
failed: nothing is made, and the response is 500.
refused: nothing is made, and the response is 400.
slow: the response takes a while, but comes in time."""

_READS: Final[dict[Fault, int]] = {"": 30, "failed": 1, "late": 1}
"""The faults of a read with their weights."""


class Moved(NamedTuple):
    """A migrating account. `number` is its place in the list. The others name the dialects of its front and of its two providers."""

    number: int
    front: str
    old: str
    new: str

    @property
    def sid(self) -> str:
        """The account SID at the front."""
        return f"AC{self.number:032}"

    @property
    def name(self) -> str:
        """The name of the account in the product."""
        return f"{self.front}/{self.sid}/{'' if self.front == 'restcomm' else 'F1'}"

    def provider(self, home: str) -> str:
        """The name of a provider in the configuration."""
        return f"{home}-{self.number}"


ACCOUNTS: Final = (
    Moved(1, "restcomm", "restcomm", "properties-v2"),
    Moved(2, "restcomm", "properties-v2", "restcomm"),
    Moved(3, "properties-v2", "properties-v2", "properties-v2"),
    Moved(4, "restcomm", "restcomm", "restcomm"),
)
"""All four ordered pairs of dialects."""

TOLD: Final = {"restcomm": ["sent", "delivered"], "properties-v2": ["DeliveryReceiptReceived"]}
"""The callbacks of each message, in order, by the dialect of the front."""


class Provider:
    """A simulated provider of one account. `is_calm` ends its faults."""

    def __init__(self, dialect: str, seed: int) -> None:
        self.dialect, self.is_calm = dialect, False
        self.faults: Counter[Fault] = Counter()
        self._draw = random.Random(seed)
        if dialect == "restcomm":
            accounts = {"AC9": "back-token"}
            self.twin: Any = RestcommTwin(accounts=accounts, seed=seed, sent_after=0, delivered_after=1)
        else:
            accounts_ = {"A1": TwinAccount("back-token", ("P1",))}
            self.twin = PropertiesV2Twin(accounts=accounts_, seed=seed, pace=Pace(0, 1))

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The SID and the text of each message, oldest first."""
        name = "body" if self.dialect == "restcomm" else "text"
        return [(row.sid, getattr(row, name)) for row in self.twin.messages]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_send = scope["method"] == "POST"
        fault = "" if self.is_calm else self._fault(FAULTS if is_send else _READS)
        self.faults[fault] += is_send
        body = await _body(receive)
        if fault == "slow":
            await asyncio.sleep(TIMEOUT / 3)
        if fault == "made late" or (fault == "late" and not is_send):
            await asyncio.sleep(TIMEOUT * 1.3)
        if fault in ("failed", "refused"):
            await _answer(send, 500 if fault == "failed" else 400)
            return
        kept = await _kept(self.twin.app, scope, body)
        if fault == "late" and is_send:
            await asyncio.sleep(TIMEOUT * 1.3)
        if fault == "lost":
            await _answer(send, 502)
            return
        for message in _halved(kept) if fault == "broken" else kept:
            await send(message)

    def _fault(self, weights: dict[Fault, int]) -> Fault:
        return self._draw.choices(list(weights), list(weights.values()))[0]


async def _body(receive: Receive) -> bytes:
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


async def _kept(app: Starlette, scope: Scope, body: bytes) -> list[Message]:
    """Return the messages of a response of the simulated provider."""
    kept: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def keep(message: Message) -> None:
        kept.append(message)

    await app(scope, receive, keep)
    return kept


def _halved(kept: list[Message]) -> list[Message]:
    """Return a response whose JSON ends in its middle."""
    body = b"".join(message.get("body", b"") for message in kept)
    half = body[: len(body) // 2]
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(half)).encode())]
    return [{**kept[0], "headers": headers}, {"type": "http.response.body", "body": half}]


async def _answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


class Told(NamedTuple):
    """A callback: the number of its account, the SID and the text of its message, and its status or event."""

    account: int
    sid: str
    text: str
    event: str


class Application:
    """The application that receives callbacks, at one path for each account. `refuses` says if a callback is answered with 500."""

    def __init__(self, refuses: Callable[[], bool]) -> None:
        self.told: list[Told] = []
        self.is_calm = False
        self._refuses = refuses
        self.app = Starlette(routes=[Route("/hook/{account:int}", self._hook, methods=["POST"])])

    async def _hook(self, request: Request) -> Response:
        try:
            given = dict(parse_qsl((await request.body()).decode()))
        except ClientDisconnect:  # the proxy that called has died
            return PlainTextResponse("gone", 400)
        if not self.is_calm and self._refuses():
            return PlainTextResponse("refused", 500)
        event = given.get("MessageStatus") or given["Event"].partition(".")[2]
        sid, text = (
            given.get(name) or given[f"Message.{other}"] for name, other in (("MessageSid", "Sid"), ("Body", "Text"))
        )
        self.told.append(Told(request.path_params["account"], sid, text, event))
        return PlainTextResponse("ok")


_FILE: Final = """
[server]
listen = "127.0.0.1:0"
admin = ""
linger = 0
[store]
url = "{store}"
[sends]
wait = 0.5
[callbacks]
allow = ["127.0.0.1"]
ports = [{port}]
poll = 0.2
{providers}
{accounts}
"""
_PROVIDER: Final = """
[backs.{name}]
dialect = "{dialect}"
url = "{url}"
timeout = {timeout}
"""
_ACCOUNT: Final = """
[[accounts]]
front = {{ dialect = "{front}", account = "{sid}", token = "front-token"{property} }}
back = {new}
old = {old}
[accounts.migration]
share = {{ salt = "{salt}" }}
guard = {{ window = "1m", least = 10, refused = 0.3, unknown = 0.4 }}
"""


def configuration(store: str, hook: str, providers: Mapping[str, Provider], urls: Mapping[str, str]) -> str:
    """Return the configuration of all accounts. `urls` has the addresses of the providers by name."""
    sections = "".join(
        _PROVIDER.format(name=name, dialect=one.dialect, url=urls[name], timeout=TIMEOUT)
        for name, one in providers.items()
    )
    accounts = "".join(_account(moved) for moved in ACCOUNTS)
    return _FILE.format(store=store, port=hook.rpartition(":")[2], providers=sections, accounts=accounts)


def _account(moved: Moved) -> str:
    def side(home: str) -> str:
        dialect = moved.old if home == "old" else moved.new
        whose = 'account = "A1", property = "P1"' if dialect == "properties-v2" else 'account = "AC9"'
        return f'{{ name = "{moved.provider(home)}", {whose}, token = "back-token" }}'

    prop = ', property = "F1"' if moved.front == "properties-v2" else ""
    return _ACCOUNT.format(
        front=moved.front, sid=moved.sid, property=prop, salt=moved.number, old=side("old"), new=side("new")
    )
