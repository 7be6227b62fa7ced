"""A simulated provider that carries very many messages, and the reconciler before it, by a clock that a test sets.

Most messages are no send of a test: there are `rate` of them every second, computed when they are read. The messages that a test is
about are among them.
The bytes are those of the dialect. Time passes with every request, so that messages arrive between any two.
"""

import calendar
import time
from bisect import bisect_left, insort
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qs

from conformance.clock import ManualClock
from tests.twins import spoken
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.effects import Intent, Outcome
from translator.core.exchange import Limits
from translator.core.http.formats import json
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy
from translator.shell.delivery.journal import Patience, SendJournal
from translator.shell.delivery.receipt_urls import ReceiptUrls
from translator.shell.delivery.reconciler import Reconciler
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import EffectRunner
from translator.shell.runtime.single_flight_cache import SingleFlightCache
from translator.shell.store import Store
from translator.shell.store import sends as rows
from translator.shell.store.rows import SendRow
from translator.shell.store.sends import Begun, Times

NOW: Final = 1_790_000_000
_LETTERS: Final = str.maketrans("0123456789", "ABCDEFGHIJ")


@dataclass
class Special:
    """A message that a test is about. It is shown from `shown` on."""

    created: float
    text: str
    shown: float = 0.0
    recipient: str = "15550100005"
    sender: str = "15550100001"
    external_id: str | None = None
    number: int = 0


@dataclass
class Crowd:
    """`rate` messages every second, and the special ones.

    `takes` is the number of seconds that pass with each request. `ahead` is the number of seconds by which its clock is ahead of ours.
    `sends` holds the sends that it got, and `lists` counts the requests for messages.
    """

    dialect: str
    clock: ManualClock
    rate: int = 0
    takes: float = 0.0
    ahead: float = 0.0
    failure: Failure | None = None
    stall: Callable[[], Coroutine[Any, Any, None]] | None = None
    specials: list[Special] = field(default_factory=list)
    asked: int = 0
    sends: list[bytes] = field(default_factory=list)
    _by_time: list[Special] = field(default_factory=list)

    def add(self, created: float, text: str, **more: Any) -> Special:
        """A message among the others, created then by our clock."""
        special = Special(created + self.ahead, text, number=len(self.specials), **more)
        self.specials.append(special)
        insort(self._by_time, special, key=lambda one: one.created)
        return special

    def sid(self, special: Special) -> str:
        """Its neutral SID."""
        return self._sid(1_000_000_000_000 + special.number)

    async def ask(self, request: Request, request_id: str, *_: object) -> Answer:
        """The answer to one request."""
        self.asked += 1
        if self.takes:
            self.clock.advance(self.takes)
        if self.stall is not None:
            await self.stall()
        if self.failure is not None:
            return self.failure
        if request.method == "POST" and b"15550100005" in (request.body or b""):
            self.sends.append(request.body or b"")
            return Failure("timeout", "deadline")
        last = request.path.rpartition("/")[2].removesuffix(".json")
        if last == "Messages":
            return Response(200, (), self._listed(request.query))
        for special in self.specials:
            if last.removeprefix("SM") == self._sid(1_000_000_000_000 + special.number):
                return Response(200, (), b'{"Message":' + self._written(special) + b"}")
        return Response(404)

    async def aclose(self) -> None:
        """Nothing is open."""

    # ---------------------------------------------------------------------------------------------------------- its rows

    @property
    def _now(self) -> float:
        return self.clock() + self.ahead

    def _in_second(self, second: int) -> list[int | Special]:
        """The messages of a second that the provider shows, in order."""
        so_far = max(0.0, min(1.0, self._now - second))
        found: list[tuple[float, int | Special]] = [
            (second + number / self.rate, second * self.rate + number) for number in range(int(self.rate * so_far))
        ]
        found += [(one.created, one) for one in self._special(second, second + 1)]
        return [one for _, one in sorted(found, key=lambda pair: pair[0])]

    def _special(self, since: float, until: float) -> list[Special]:
        """The special messages of a time window that the provider shows."""
        first, end = (bisect_left(self._by_time, at, key=lambda one: one.created) for at in (since, until))
        now = self._now
        return [one for one in self._by_time[first:end] if max(one.created, one.shown) <= now]

    def _between(self, since: int, until: int) -> int:
        """The number of messages of a time window that the provider shows."""
        now = self._now
        crowd = int((min(until, now) - min(since, now)) * self.rate)
        return crowd + len(self._special(since, until))

    def _slice(self, since: int, until: int, skip: int, count: int) -> list[int | Special]:
        at, found = 0, list[int | Special]()
        for second in range(since, min(until, int(self._now) + 1)):
            rows = self._between(second, second + 1)
            if at + rows > skip:
                found += self._in_second(second)[max(0, skip - at) :]
            at += rows
            if len(found) >= count:
                break
        return found[:count]

    def _listed(self, query: str) -> bytes:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        if self.dialect == "restcomm":
            since, until = _instant(asked["StartTime"]), _instant(asked["EndTime"]) + 1
            if "T" not in asked["EndTime"]:  # whole days, and the midnight behind them
                until += 86400
            size = int(asked["PageSize"])
            skip = int(asked["Page"]) * size
        else:
            since, until = int(asked["Date_From"]), int(asked["Date_To"])
            size, skip = int(asked["Results_Count"]), int(asked["Results_Skip"])
        shown = b",".join(map(self._written, self._slice(since, until, skip, size)))
        if self.dialect != "restcomm":
            return b'{"Messages":[' + shown + b"]}"
        total = self._between(since, until)
        head = f'"page":{skip // size},"num_pages":{max(0, -(-total // size) - 1)},"page_size":{size},"total":{total}'
        return b"{" + head.encode() + b',"messages":[' + shown + b"]}"

    def _sid(self, number: int) -> str:
        return f"{number:032x}" if self.dialect == "restcomm" else f"M{number:031d}".translate(_LETTERS)

    def _written(self, one: int | Special) -> bytes:
        if isinstance(one, int):
            return self._crowd_row(one)
        sid, created = self._sid(1_000_000_000_000 + one.number), int(one.created)
        if self.dialect == "restcomm":
            return json.write({
                "sid": f"SM{sid}", "date_created": formatdate(created), "date_updated": formatdate(created), "account_sid": "A1",
                "from": one.sender, "to": one.recipient, "body": one.text, "status": "sent", "direction": "outbound-api",
            })  # fmt: skip
        return json.write({
            "MessageSid": sid, "AccountSid": "A1", "PropertySid": "P1", "From": f"+{one.sender}", "To": f"+{one.recipient}",
            "Text": one.text, "NumSegments": 1, "Status": "Submitted", "Direction": "Transmit", "Created": created,
            "Scheduled": created, "Submitted": created, **({"ExternalId": one.external_id} if one.external_id else {}),
        })  # fmt: skip

    def _crowd_row(self, number: int) -> bytes:
        """A message that no test sent."""
        second, to = number // self.rate, f"1555{number % 10_000_000:07}"
        if self.dialect == "restcomm":
            date = _date(second)
            return (
                f'{{"sid":"SM{number:032x}","date_created":"{date}","date_updated":"{date}","account_sid":"A1","from":"15550100001",'
                f'"to":"{to}","body":"another","status":"sent","direction":"outbound-api"}}'
            ).encode()
        return (
            f'{{"MessageSid":"M{f"{number:031d}".translate(_LETTERS)}","AccountSid":"A1","PropertySid":"P1","From":"+15550100001",'
            f'"To":"+{to}","Text":"another","NumSegments":1,"Status":"Submitted","Direction":"Transmit","Created":{second},'
            f'"Scheduled":{second},"Submitted":{second}}}'
        ).encode()


@lru_cache(maxsize=4096)
def _date(second: int) -> str:
    return formatdate(second)


def _instant(written: str) -> int:
    return calendar.timegm(time.strptime(written, "%Y-%m-%dT%H:%M:%S" if "T" in written else "%Y-%m-%d"))


class Sought:
    """A store with unknown sends, and the reconciler between it and simulated providers. The first of `backs` speaks `dialect`."""

    def __init__(
        self, store: Store, dialect: str = "properties-v2", *, backs: int = 1, rate: int = 0, limits: Limits | None = None,
        patience: Patience | None = None, timeout: float = 10.0, **settings: Any,
    ) -> None:  # fmt: skip
        self.store, self.clock = store, ManualClock(NOW)
        self.steady = ManualClock(0)
        self._numbers = count()
        self._settings = (limits or Limits(), patience or Patience(), timeout)
        front = "restcomm" if dialect == "properties-v2" else "properties-v2"
        whose = ("A1", "P1") if dialect == "properties-v2" else ("A1", "")
        ours = ("AC1", "") if front == "restcomm" else ("AC1", "P9")
        spoken_back = spoken(dialect, "back", **settings)
        names = [f"provider{number}" for number in range(backs)]
        self.crowds = {name: Crowd(dialect, self.clock, rate) for name in names}
        self.crowd = self.crowds["provider0"]
        self.entries = [
            Account(
                Endpoint(spoken(front), f"{ours[0]}{number}", ours[1], "front-token"), ConfiguredProvider(name, spoken_back),
                Endpoint(spoken_back, *whose, "token"), shared=False,
            )
            for number, name in enumerate(names)
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start a process on the rows of the store."""
        limits, patience, timeout = self._settings
        self.meter = Meter()
        accounts = Accounts(self.entries)
        self.journal = SendJournal(
            self.store, accounts, CallbackUrlPolicy(), ReceiptUrls("", ()), patience, clock=self.clock
        )
        self.driver = EffectRunner(self.crowds, SingleFlightCache(clock=self.steady), self.meter, self.journal)
        self.seeker = Reconciler(
            self.store, accounts, self.driver, limits, patience, self.meter, timeout=timeout, tell=self.journal.tell,
            clock=self.clock, steady=self.steady,
        )  # fmt: skip

    async def unknown(
        self,
        text: str,
        *,
        back: int = 0,
        made: float | None = None,
        sender: str = "+15550100001",
        patience: float = 60.0,
    ) -> str:
        """Record an unknown send, made now or at `made`. Returns its id."""
        [id_] = await self.all_unknown([text], back=back, made=made, sender=sender, patience=patience)
        return id_

    async def all_unknown(
        self,
        texts: list[str],
        *,
        back: int = 0,
        made: float | None = None,
        sender: str = "+15550100001",
        patience: float = 60.0,
    ) -> list[str]:
        """Record many unknown sends at once. Returns their ids."""
        entry, now = self.entries[back], self.clock() if made is None else made
        ids = await self.under_way(texts, entry, now, sender, patience)
        await self.store.settle([Outcome(id_, "unknown") for id_ in ids], self.clock())
        return ids

    async def under_way(
        self, texts: list[str], entry: Account, made: float, sender: str = "+15550100001", patience: float = 60.0
    ) -> list[str]:
        """Record sends whose response has not come. Returns their ids."""
        begun = [
            Begun(f"send-{next(self._numbers):06}", entry.place, Intent(entry.name, sender, "+15550100005", text))
            for text in texts
        ]  # fmt: skip
        await self.store.record(begun, Times(made, patience, 0.0))
        return [one.id for one in begun]

    async def look(self, seconds: float = 0.0) -> int:
        """Let time pass, then reconcile every due send, once a provider account. Returns the number of provider requests."""
        self.pass_by(seconds)
        before = sum(crowd.asked for crowd in self.crowds.values())
        await self.seeker.round()
        await self.seeker.finished()
        return sum(crowd.asked for crowd in self.crowds.values()) - before

    def pass_by(self, seconds: float) -> None:
        """Time passes on all clocks."""
        self.clock.advance(seconds)
        self.steady.advance(seconds)

    async def sids(self, ids: list[str]) -> list[str | None]:
        """The SID of the message that each send was found to be; None if it was not found."""
        found = await self.store.read(lambda connection: rows.outcomes(connection, ids))
        return [outcome.message.sid if outcome.message is not None else None for outcome in found]

    async def row(self, id_: str) -> SendRow:
        """A send as it stands in the store."""
        row = await self.store.read(lambda connection: rows.shown(connection, id_))
        assert row is not None
        return row
