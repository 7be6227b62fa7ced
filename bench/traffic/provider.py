"""A simulated provider that speaks Properties/Messages v2: `python -m bench.traffic.provider LOW HIGH SLOW_SHARE SLOW_AFTER`.

It is written from the vendor's page on searching SMS messages. Prints its port, and ends with its standard input.
A send whose text begins with `lost ` is made, and its connection is dropped without an answer.

    POST /control   {"stall": seconds} each answer takes so long · {"arrive": n} a message arrives after each of the next n searches
                    {"history": {"count", "since", "until"}} so many messages, evenly spread over [since, until)
    GET  /control   what was asked so far, by kind and by second; how many messages there are; how late this process is
    GET  /lives?N   [[text, created, delivered], …] of the messages that were sent, but for the first N, in epoch seconds
    GET  /sids      the SIDs of all messages, in the order of a search
"""

import asyncio
import sys
import time
from base64 import b64encode
from collections import Counter
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
import uvloop

from bench.traffic.figures import Lag
from bench.traffic.lives import Pace
from bench.traffic.messages import RECEIVE, TRANSMIT, Message, Messages
from bench.traffic.serving import Asked, Said, read_json, serve

ACCOUNT, TOKEN, PROPERTY = "A1", "token", "P1"
RESULTS_MAX: Final = 200
LOST: Final = "lost "
_STATUSES: Final = ("Processing", "Submitted", "Delivered", "Failed", "Received")
_LOGIN: Final = b"Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode())
_INBOUND_EVERY: Final = 10


class Refusal(Exception):
    """A request that is refused: status, code, and the parameter at fault."""

    def __init__(self, status: int, code: str, field: str = "") -> None:
        self.status = status
        errors = [{"FieldName": field}] if field else []
        self.body = msgspec.json.encode({"ResponseStatus": {"ErrorCode": code, "Message": code, "Errors": errors}})


def _whole(given: dict[str, Any], name: str, default: int | None) -> int:
    """A whole number that is not negative; `default` None means that it has to be there."""
    value = given.get(name, default)
    if value is None:
        raise Refusal(400, "PARAMETER_REQUIRED", name)
    try:
        found = int(value)
    except (TypeError, ValueError):
        raise Refusal(400, "PARAMETER_INVALID", name) from None
    if found < 0:
        raise Refusal(400, "PARAMETER_INVALID", name)
    return found


def _word(given: dict[str, Any], name: str, words: tuple[str, ...]) -> str:
    value = str(given.get(name, ""))
    if value and value not in words:
        raise Refusal(400, "PARAMETER_INVALID", name)
    return value


class Provider:
    """One account with one property."""

    kind = Message
    prefixes: tuple[str, ...] = ("/v2/",)

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._messages = Messages()
        self._made = 0
        self._sent: list[Message] = []
        self._counts: Counter[str] = Counter()
        self._seconds: Counter[int] = Counter()
        self._stall = 0.0
        self._arrive = 0
        self.lag = Lag()

    def __call__(self, asked: Asked) -> Said:
        if not asked.path.startswith(self.prefixes):
            return Said(body=msgspec.json.encode(self._controlled(asked)))
        now = time.time()
        try:
            said = self._answered(asked, now)
        except Refusal as refusal:
            self._counts["refused"] += 1
            said = Said(refusal.status, refusal.body)
        return said._replace(delay=self._stall)

    def _answered(self, asked: Asked, now: float) -> Said:
        if asked.headers.get(b"authorization") != _LOGIN:
            raise Refusal(401, "UNAUTHORIZED")
        pieces = asked.path.strip("/").split("/")
        match asked.method, pieces:
            case "POST", ["v2", "Properties", owner, "Messages"]:
                kind, answer = "send", self._send
            case "GET", ["v2", "Properties", owner, "Messages"]:
                kind, answer = "search", self._search
            case "GET", ["v2", "Messages", _]:
                kind, owner, answer = "retrieve", PROPERTY, self._retrieve
            case "GET", ["v2", "Properties", owner, "Messages", _]:
                kind, answer = "retrieve", self._retrieve
            case _:
                raise Refusal(404, "NOT_FOUND")
        if owner != PROPERTY:
            raise Refusal(403, "FORBIDDEN")
        self._counts[kind] += 1
        if kind != "send":
            self._seconds[int(now)] += 1
        return answer(asked, now)

    def _send(self, asked: Asked, now: float) -> Said:
        given = read_json(asked.body)
        for name in ("To", "Text"):
            if not given.get(name):
                raise Refusal(400, "PARAMETER_REQUIRED", name)
        message = self._add(
            now, str(given.get("From") or "+61400000000"), str(given["To"]), str(given["Text"]),
            receipt=given.get("DeliveryReceipt") is not False,
        )  # fmt: skip
        self._sent.append(message)
        return Said(body=b'{"Message":%s}' % message.shown(now), drop=message.text.startswith(LOST))

    def _search(self, asked: Asked, now: float) -> Said:
        given = read_json(asked.body) | dict(parse_qsl(asked.query.decode("latin-1")))
        rows = self._messages.search(
            _whole(given, "Date_From", None), _whole(given, "Date_To", None),
            _word(given, "Status", _STATUSES), _word(given, "Direction", (TRANSMIT, RECEIVE)),
            _whole(given, "Results_Skip", 0), min(_whole(given, "Results_Count", RESULTS_MAX), RESULTS_MAX), now,
        )  # fmt: skip
        self._counts["rows"] += len(rows)
        said = Said(body=b'{"Messages":[%s]}' % b",".join([row.shown(now) for row in rows]))
        self._arrive_one(now)
        return said

    def _arrive_one(self, now: float) -> None:
        """Let a message arrive between this search and the next one, if a command has ordered that."""
        if self._arrive:
            self._arrive -= 1
            self._add(now, "+61400000001", "+61400000002", "it arrived between two asks")

    def _retrieve(self, asked: Asked, now: float) -> Said:
        message = self._messages.by_sid.get(asked.path.rpartition("/")[2])
        if message is None:
            raise Refusal(404, "MESSAGE_NOT_FOUND")
        return Said(body=b'{"Message":%s}' % message.shown(now))

    def _add(self, created: float, sender: str, recipient: str, text: str, **given: Any) -> Message:
        self._made += 1
        message = self.kind(self._made, created, sender, recipient, text, pace=self._pace, **given)
        self._messages.add(message)
        return message

    def _controlled(self, asked: Asked) -> Any:
        if asked.path == "/lives":
            return [(row.text, row.created, row.delivered) for row in self._sent[int(asked.query or b"0") :]]
        if asked.path == "/sids":
            return [row.sid for row in self._messages]
        given = read_json(asked.body)
        self._stall = float(given.get("stall", self._stall))
        self._arrive = int(given.get("arrive", self._arrive))
        if "history" in given:
            self._invent(**given["history"])
        seconds = sorted(self._seconds.items())
        return {"counts": self._counts, "seconds": seconds, "messages": len(self._messages), "lag": self.lag.said()}

    def _invent(self, count: int, since: float, until: float) -> None:
        """Messages of other applications; each tenth of them came in."""
        for number in range(count):
            created = since + (until - since) * number / count
            direction = TRANSMIT if (number + 1) % _INBOUND_EVERY else RECEIVE
            text, recipient = f"history {number}", f"+614{number % 10**8:08}"
            self._add(created, "+61400000009", recipient, text, direction=direction)


async def _main() -> None:
    low, high, share, after = map(float, sys.argv[1:5])
    provider = Provider(Pace(low, high, share, after))
    await serve(provider, provider.lag)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())
