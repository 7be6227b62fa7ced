"""The server that is judged: asked slowly, never more than allowed, and remembered in what it was asked last."""

import json
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode


class Unreachable(Exception):
    """The server gives no answer at all."""


class StoppedBySafety(Exception):
    """Going on would break a rule that whoever runs the judge relies on: more sends than allowed."""


class Answer(NamedTuple):
    """An answer: headers by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, or None where it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Asked(NamedTuple):
    """One exchange, without credentials, numbers and texts: what a report may show. `whole` is what was sent and answered, where whoever
    runs the judge wants that shown; never the credentials."""

    method: str
    path: str
    parameters: tuple[str, ...]
    status: int
    media: str
    size: int
    whole: str = ""

    def __str__(self) -> str:
        names = f" with {', '.join(self.parameters)}" if self.parameters else ""
        said = f"{self.method} {self.path}{names}: {self.status} {self.media or 'without a type'}, {self.size} bytes"
        return f"{said}\n{self.whole}" if self.whole else said


Transport = Callable[[str, str, dict[str, str], bytes], Answer]
"""Method, path with query, headers, body, to the answer. Raises Unreachable."""


@dataclass(kw_only=True)
class Target:
    """One account at one server. `base` is the path before the dialect's own, `rate` requests a second at most (0: no limit), `turn` lets
    time pass at a twin behind it; with `shows` exchanges are remembered whole, numbers and texts included."""

    dialect: str
    transport: Transport
    account: str
    token: str
    property_sid: str = ""
    base: str = ""
    rate: float = 0.0
    send_to: str = ""
    max_sends: int = 0
    turn: Callable[[float], None] | None = None
    shows: bool = False
    sleep: Callable[[float], None] = time.sleep
    asked: list[Asked] = field(default_factory=list)
    sends: int = 0
    server: str = ""
    """The Server header of the last answer that had one."""

    @property
    def messages(self) -> str:
        """The path of the messages."""
        if self.dialect == "restcomm":
            return f"{self.base}/2012-04-24/Accounts/{self.account}/SMS/Messages"
        return f"{self.base}/v2/Properties/{self.property_sid}/Messages"

    def get(self, path: str, query: dict[str, Any] | None = None, *, anonymous: bool = False, **headers: str) -> Answer:
        """A GET, with the account's credentials unless it is to be `anonymous`."""
        whole = f"{path}?{urlencode(query)}" if query else path
        return self.ask("GET", whole, b"", anonymous=anonymous, **headers)

    def ask(self, method: str, path: str, body: bytes = b"", *, anonymous: bool = False, **headers: str) -> Answer:
        """Any request. A POST counts as a send. Raises StoppedBySafety and Unreachable."""
        if method == "POST" and not anonymous:
            if self.sends >= self.max_sends:
                raise StoppedBySafety(f"{self.max_sends} sends are allowed, and one more would be needed")
            self.sends += 1
        if self.rate:
            self.sleep(1 / self.rate)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if not anonymous:
            given["authorization"] = "Basic " + b64encode(f"{self.account}:{self.token}".encode()).decode()
        answer = self.transport(method, path, given, body)
        self.server = answer.headers.get("server", self.server)
        plain, _, query = path.partition("?")
        shown = plain.replace(self.account, "{account}").replace(self.property_sid or "\0", "{property}")
        names = tuple(pair.partition("=")[0] for pair in query.split("&") if pair)
        self.asked.append(
            Asked(
                method,
                shown,
                names,
                answer.status,
                answer.headers.get("content-type", ""),
                len(answer.body),
                _whole(method, path, body, answer) if self.shows else "",
            )
        )
        return answer


_SHOWN = 2000
"""How many characters of a body are shown."""


def _whole(method: str, path: str, body: bytes, answer: Answer) -> str:
    """An exchange as it was, without its credentials."""
    asked = [f"> {method} {path}", *(f"> {line}" for line in body[:_SHOWN].decode("utf-8", "replace").splitlines())]
    heads = [f"< {name}: {value}" for name, value in sorted(answer.headers.items())]
    said = [f"< {line}" for line in answer.body[:_SHOWN].decode("utf-8", "replace").splitlines()]
    return "\n".join([*asked, f"< {answer.status}", *heads, *said])
