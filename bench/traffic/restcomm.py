"""The simulated provider as one that speaks the Restcomm SMS API: `python -m bench.traffic.restcomm LOW HIGH SLOW_SHARE SLOW_AFTER`.

It is written from the vendor's document. `StartTime` and `EndTime` are both inclusive and to the second. A list has pages in place of
slices, and `total` tells its length. `Limit` cuts it, at 10,000 if the request names no limit.
As at the old server, messages of one second are newest first in either order, and a page beyond the last is 400. All else, `/control`
included, is as in `bench.traffic.provider`.
"""

import asyncio
import re
import sys
from base64 import b64encode
from calendar import timegm
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from hashlib import blake2b
from time import strptime
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
import uvloop

from bench.traffic.lives import Pace
from bench.traffic.messages import DELIVERED, RECEIVE, RECEIVED, SUBMITTED, Message
from bench.traffic.provider import ACCOUNT, LOST, TOKEN, Provider, Refusal
from bench.traffic.serving import Asked, Said, serve

PAGE_SIZE, LIMIT = 50, 10_000
"""The page size and the limit of a list that names none."""

_LOGIN: Final = b"Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode())
_PATH: Final = re.compile(r"(?:/restcomm|/api)?/2012-04-24/Accounts/([^/]+)/SMS/Messages(?:/([^/]+?))?(?:\.json)?")
_TEXT: Final = msgspec.json.Encoder()
_FOREVER: Final = 2**40


@lru_cache(4096)
def _date(second: int) -> bytes:
    return formatdate(second).replace("-0000", "+0000").encode()


class RestcommMessage(Message):
    """A message as this dialect shows it."""

    __slots__ = ()

    def __init__(self, number: int, created: float, sender: str, recipient: str, text: str, **given: Any) -> None:
        super().__init__(number, created, sender, recipient, text, **given)
        self.sid = "SM" + blake2b(number.to_bytes(16, "big"), digest_size=16).hexdigest()
        self.head = b'"account_sid":"%s","from":%s,"to":%s,"body":%s,"direction":"%s","api_version":"2012-04-24"' % (
            ACCOUNT.encode(), *(_TEXT.encode(word.removeprefix("+")) for word in (sender, recipient)), _TEXT.encode(text),
            b"incoming" if self.direction == RECEIVE else b"outbound-api",
        )  # fmt: skip

    def shown(self, now: float) -> bytes:
        """The message at a moment, as JSON, as a list has it."""
        if self._last is not None:
            return self._last
        status, updated, sent = self.status(now), self.second, b""
        word = {SUBMITTED: b"sent", DELIVERED: b"delivered", RECEIVED: b"received"}.get(status, b"sending")
        if status in (SUBMITTED, DELIVERED):
            updated = int(self.delivered if status == DELIVERED else self.submitted)
            sent = (
                b',"date_sent":"%s"'
                % datetime.fromtimestamp(int(self.submitted), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z").encode()
            )
        body = b'{"sid":"%s","date_created":"%s","date_updated":"%s"%s,"status":"%s",%s}' % (
            self.sid.encode(), _date(self.second), _date(updated), sent, word, self.head,
        )  # fmt: skip
        if status in (DELIVERED, RECEIVED):
            self._last = body  # nothing of it changes any more
        return body


def _refused(status: int, why: str) -> Refusal:
    refusal = Refusal(status, "")
    refusal.body = msgspec.json.encode({"message": why})
    return refusal


def _moment(given: dict[str, str], name: str, default: int) -> int:
    """Read a date, which means its midnight, or a date with a time of day, as epoch seconds in UTC."""
    value = given.get(name)
    if value is None:
        return default
    try:
        return timegm(strptime(value.removesuffix("Z"), "%Y-%m-%dT%H:%M:%S" if "T" in value else "%Y-%m-%d"))
    except ValueError:
        raise _refused(400, f"{name} is no date") from None


def _count(given: dict[str, str], name: str, default: int, least: int) -> int:
    value = given.get(name, str(default))
    if not value.isdecimal() or int(value) < least:
        raise _refused(400, f"{name} is no number of at least {least}")
    return int(value)


class RestcommProvider(Provider):
    """One account."""

    kind = RestcommMessage
    prefixes = ("/2012-04-24/", "/restcomm/", "/api/")

    def _answered(self, asked: Asked, now: float) -> Said:
        path = _PATH.fullmatch(asked.path)
        if asked.headers.get(b"authorization") != _LOGIN:
            raise _refused(401, "no login")
        if path is None or path[1] != ACCOUNT:
            raise _refused(404, "not here")
        kind = "send" if asked.method == "POST" else "retrieve" if path[2] else "search"
        self._counts[kind] += 1
        if kind != "send":
            self._seconds[int(now)] += 1
        if kind == "retrieve":
            return self._one(path[2], now)
        given = dict(
            parse_qsl((asked.body if kind == "send" else asked.query).decode("latin-1"), keep_blank_values=True)
        )
        return self._made_of(given, now) if kind == "send" else self._page(given, now)

    def _made_of(self, given: dict[str, str], now: float) -> Said:
        for name in ("From", "To", "Body"):
            if not given.get(name):
                raise _refused(400, f"{name} can not be null.")
        message = self._add(now, given["From"], given["To"], given["Body"])
        self._sent.append(message)
        return Said(body=message.shown(now), drop=message.text.startswith(LOST))

    def _one(self, sid: str, now: float) -> Said:
        message = self._messages.by_sid.get(sid)
        if message is None:
            raise _refused(404, "no such message")
        segments = b'"num_segments":1,' if message.direction != RECEIVE else b""
        return Said(body=b"{" + segments + message.shown(now)[1:])

    def _page(self, given: dict[str, str], now: float) -> Said:
        if foreign := {"From", "To", "Body", "Status", "AfterSid"} & {*given}:
            raise _refused(400, f"this simulation does not filter by {min(foreign)}")
        field, _, way = given.get("SortBy", "DateCreated:desc").partition(":")
        if field != "DateCreated":
            raise _refused(400, "this simulation sorts by date alone")
        size, page = _count(given, "PageSize", PAGE_SIZE, 1), _count(given, "Page", 0, 0)
        first, last = _moment(given, "StartTime", 0), _moment(given, "EndTime", _FOREVER) + 1
        there = self._messages.count(first, last)
        total = min(there, _count(given, "Limit", LIMIT, 1))
        if page > total // size:
            raise _refused(400, f"Page {page} is beyond the last page")
        rows = self._messages.newest_of_a_second_first(
            first, last, page * size, min(size, max(0, total - page * size)), descending=way.lower() == "desc"
        )
        self._counts["rows"] += len(rows)
        head = b'"page":%d,"num_pages":%d,"page_size":%d,"total":%d' % (page, total // size, size, total)
        said = Said(body=b'{%s,"messages":[%s]}' % (head, b",".join([row.shown(now) for row in rows])))
        self._arrive_one(now)
        return said


async def _main() -> None:
    low, high, share, after = map(float, sys.argv[1:5])
    provider = RestcommProvider(Pace(low, high, share, after))
    await serve(provider, provider.lag)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())
