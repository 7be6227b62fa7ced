"""A simulated provider with very many messages, the status poller before it, and a clock that a test sets.

Nothing here waits and nothing opens a socket, so ten minutes of traffic take seconds. The tests run the real store, status poller and
core. The provider is a plain function that speaks the bytes of either dialect.
Each step is a second: messages are sent, and every `poll` seconds the status poller does a round.
Two things are measured: the time from the end of a message at the provider to the row of its delivery, and the number of requests of
each round.

`python -m tests.simulated` runs the whole of ten minutes at 100 messages a second, on both dialects.
"""

import asyncio
import random
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from sqlalchemy import Connection, text

from conformance.clock import ManualClock
from tests.kept import HOOK
from tests.stores import opened
from tests.twins import spoken
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.effects import Intent, Outcome
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.core.model import CallbackTarget, Message
from translator.shell.delivery.status_poller import Polling, StatusPoller
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import EffectRunner
from translator.shell.runtime.single_flight_cache import SingleFlightCache
from translator.shell.store import Store, StoreUnavailable
from translator.shell.store.interface import Result
from translator.shell.store.sends import Begun, Times

START: Final = 1_790_000_000
NEVER: Final = 10**12
_LETTERS: Final = str.maketrans("0123456789", "ABCDEFGHIJ")
_WORDS: Final = {
    "properties-v2": ("Processing", "Submitted", "Delivered"),
    "restcomm": ("sending", "sent", "delivered"),
}

Delays = Callable[[random.Random], float]
"""Seconds from a message's creation to its delivery, drawn for each message; NEVER is none."""


def quick(draw: random.Random) -> float:
    """The time that most handsets take: one to five seconds, or ten to forty."""
    return draw.uniform(1, 5) if draw.random() < 0.5 else draw.uniform(10, 40)


def late(share: float, slow: Delays) -> Delays:
    """Most handsets are quick; this share of them is not."""
    return lambda draw: slow(draw) if draw.random() < share else quick(draw)


class Row(NamedTuple):
    """A message at the provider: its SID as the provider writes it, and the instants at which it was created, submitted and delivered."""

    sid: str
    created: int
    sent_at: float
    ended_at: float


class SimulatedProvider:
    """Messages of one account, in the order of their creation. `asked` counts requests.

    If `search` is set, it is the response to every list. If `failure` is set, it is the response to every request.
    `stall` is awaited before every response. `between` is called after every request, as if something happened between two of them.
    """

    def __init__(self, dialect: str, clock: ManualClock) -> None:
        self.dialect, self.clock, self.asked, self.lists = dialect, clock, 0, 0
        self.rows: list[Row] = []
        self._created: list[int] = []
        self._by_sid: dict[str, Row] = {}
        self.search: Response | None = None
        self.failure: Failure | None = None
        self.stall: Callable[[], Coroutine[Any, Any, None]] | None = None
        self.between: Callable[[], None] = lambda: None
        self.serves = 10**9
        self.ahead = 0
        """Seconds by which the provider's clock is ahead of ours."""

    def create(self, delay: float, sent_after: float = 1.0) -> Row:
        """A message is created now, submitted and delivered so many seconds later."""
        number = len(self.rows)
        sid = f"{number:032x}" if self.dialect == "restcomm" else f"M{number:031d}".translate(_LETTERS)
        now = self.clock()
        row = Row(sid, int(now) + self.ahead, now + sent_after, now + delay)
        self.rows.append(row)
        self._created.append(row.created)
        self._by_sid[sid] = row
        return row

    def forget(self, sid: str) -> None:
        """A message is gone."""
        row = self._by_sid.pop(sid)
        place = self.rows.index(row)
        del self.rows[place], self._created[place]

    async def ask(self, request: Request, request_id: str, *_: object) -> Answer:
        """The answer to one request."""
        self.asked += 1
        if self.stall is not None:
            await self.stall()
        if self.failure is not None:
            return self.failure
        last = request.path.rpartition("/")[2].removesuffix(".json")
        if last != "Messages":
            row = self._by_sid.get(last.removeprefix("SM") if self.dialect == "restcomm" else last)
            body = None if row is None else self._written(row)
            answer = Response(404) if body is None else Response(200, (), self._one(body))
        else:
            self.lists += 1
            answer = self.search or Response(200, (), self._listed(request.query))
        self.between()
        return answer

    async def aclose(self) -> None:
        """Nothing is open."""

    def _one(self, body: str) -> bytes:
        return (body if self.dialect == "restcomm" else f'{{"Message":{body}}}').encode()

    def _listed(self, query: str) -> bytes:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        if self.dialect == "restcomm":
            first, until = _instant(asked["StartTime"]), _instant(asked["EndTime"]) + 1
            size = min(int(asked["PageSize"]), self.serves)
            skip, word = int(asked["Page"]) * size, None
        else:
            first, until = int(asked["Date_From"]), int(asked["Date_To"])
            size, skip, word = (
                min(int(asked["Results_Count"]), self.serves),
                int(asked["Results_Skip"]),
                asked.get("Status"),
            )
        begin, end = bisect_left(self._created, first), bisect_left(self._created, until)
        if word is None:
            found: Iterator[Row] = iter(self.rows[begin:end][skip : skip + size])
        else:
            found = iter([row for row in self.rows[begin:end] if self._word(row) == word][skip : skip + size])
        rows = ",".join(map(self._written, found))
        if self.dialect == "restcomm":
            total = end - begin
            head = (
                f'"page":{skip // size},"num_pages":{max(0, -(-total // size) - 1)},"page_size":{size},"total":{total}'
            )
            return f'{{{head},"messages":[{rows}]}}'.encode()
        return f'{{"Messages":[{rows}]}}'.encode()

    def _word(self, row: Row) -> str:
        now = self.clock()
        return _WORDS[self.dialect][(now >= row.sent_at) + (now >= row.ended_at)]

    def _written(self, row: Row) -> str:
        word, now = self._word(row), self.clock()
        if self.dialect == "restcomm":
            created = _written_date(row.created)
            latest = row.ended_at if now >= row.ended_at else row.sent_at if now >= row.sent_at else row.created
            return (
                f'{{"sid":"SM{row.sid}","date_created":"{created}","date_updated":"{_written_date(int(latest))}","account_sid":"A1",'
                f'"from":"15550100001","to":"15550100005","body":"hello","status":"{word}","direction":"outbound-api"}}'
            )
        submitted = f',"Submitted":{int(row.sent_at)}' if now >= row.sent_at else ""
        delivered = f',"Delivered":{int(row.ended_at)}' if now >= row.ended_at else ""
        return (
            f'{{"MessageSid":"{row.sid}","AccountSid":"A1","PropertySid":"P1","From":"+15550100001","To":"+15550100005","Text":"hello",'
            f'"DeliveryReceipt":true,"NumSegments":1,"Status":"{word}","Direction":"Transmit","Scheduled":{row.created},'
            f'"Created":{row.created}{submitted}{delivered}}}'
        )


@lru_cache(4096)
def _written_date(instant: int) -> str:
    return formatdate(instant)


def _instant(written: str) -> int:
    import calendar

    return calendar.timegm(time.strptime(written, "%Y-%m-%dT%H:%M:%S"))


class Overseen:
    """A store that counts its work: the rows of each read, and the number of writes. `fails` is the number of the write that fails."""

    shared = False

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads: list[int] = []
        self.writes = 0
        self.fails: int | None = None
        self.record, self.settle, self.close = store.record, store.settle, store.close

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        found = await self._store.read(work)
        many: Any = found[0] if isinstance(found, tuple) else found
        self.reads.append(len(many) if isinstance(many, list) else 1)
        return found

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        self.writes += 1
        if self.writes == self.fails:
            raise StoreUnavailable("OperationalError")
        return await self._store.write(work)


@dataclass
class Measured:
    """The figures of a run: seconds from the time at which an end was knowable to its delivery, and the requests of each round."""

    delays: list[float] = field(default_factory=list)
    asks: list[int] = field(default_factory=list)
    untold: int = 0

    def share(self, seconds: float) -> float:
        """The share of all knowable ends that had a delivery within so many seconds."""
        return sum(delay <= seconds for delay in self.delays) / max(1, len(self.delays) + self.untold)


class Simulation:
    """The tracker before a simulated provider. `front` is the dialect of the application."""

    store: Any

    def __init__(self, store: Store, front: str, *, poll: float = 5.0, asks: int = 20, name: str = "provider") -> None:
        self.store, self.poll = Overseen(store), poll
        self.clock = ManualClock(START)
        behind = "properties-v2" if front == "restcomm" else "restcomm"
        self.provider = SimulatedProvider(behind, self.clock)
        self.dialects = spoken(front), spoken(behind, "back")
        self.entry = self.entry_at(name)
        self.polling = Polling(poll, asks)
        self.meter = Meter()
        self.measured = Measured()
        self._draw = random.Random(7)
        self._made: dict[str, Row] = {}
        self._told = self._sent = 0
        self.set_by = 0.0
        """Seconds by which the wall clock was set forward since the process began. `clock` is the steady one."""
        self.restart({name: self.provider}, [self.entry])

    def entry_at(self, back: str, account: str = "AC1", prop: str = "") -> Account:
        """An account of the application whose messages the provider of that name carries."""
        front, behind = self.dialects
        whose = ("A1", "P1") if behind.name == "properties-v2" else ("A1", "")
        sides = Endpoint(front, account, prop, "front-token"), Endpoint(behind, *whose, "token")
        return Account(sides[0], ConfiguredProvider(back, behind), sides[1], shared=False)

    def restart(self, backs: dict[str, Any], entries: list[Account]) -> None:
        """Start a process on the rows of the store."""
        self.accounts = Accounts(entries)
        self.driver = EffectRunner(backs, SingleFlightCache(clock=self.clock), self.meter)
        self.tracker = StatusPoller(
            self.store, self.accounts, self.driver, self.polling, self.meter, clock=self.clock, wall=self.wall
        )  # fmt: skip

    def wall(self) -> float:
        """The time of the machine's clock, which the rows of sends carry."""
        return self.clock() + self.set_by

    async def send(self, rows: list[Row], entry: Account | None = None) -> list[str]:
        """Record that the proxy has sent these messages, with a subscription for each. Returns the journal's ids."""
        entry, now = entry or self.entry, self.wall()
        ids = [f"{entry.back.name[:4]}{entry.front.account}{self._sent + number}" for number in range(len(rows))]
        self._sent += len(rows)
        begun = [
            Begun(
                id_,
                entry.place,
                Intent(entry.name, "+15550100001", "+15550100005", id_, CallbackTarget(HOOK, "POST")),
            )
            for id_ in ids
        ]
        await self.store.record(begun, Times(now, 60.0, 120.0))
        await self.store.settle([Outcome(id_, "sent", _as_sent(row)) for id_, row in zip(ids, rows, strict=True)], now)
        self._made.update(zip(ids, rows, strict=True))
        return ids

    async def traffic(self, seconds: int, a_second: int, delays: Delays, *, looked: bool = True) -> None:
        """Send so many messages a second for so long, and do all due work after each second."""
        for _ in range(seconds):
            rows = [self.provider.create(delays(self._draw)) for _ in range(a_second)]
            if rows:
                await self.send(rows)
            self.clock.advance(1)
            if looked and self.clock() % self.poll == 0:
                await self.round()

    async def round(self) -> None:
        """Do one round of the status poller, and measure the delays of the callbacks that it queued."""
        before = self.provider.asked
        await self.tracker.round()
        self.measured.asks.append(self.provider.asked - before)
        for id_, send in await self.store.read(self._new_ends):
            self._told = id_
            self.measured.delays.append(self.clock() - self._made[send].ended_at)
            del self._made[send]

    def count_untold(self) -> int:
        """The number of ends that the provider knows now and that have no delivery yet."""
        self.measured.untold = sum(row.ended_at <= self.clock() for row in self._made.values())
        return self.measured.untold

    def _new_ends(self, connection: Connection) -> Any:
        ends = (
            "SELECT d.id, s.send_id FROM callback_deliveries d JOIN callback_subscriptions s ON s.id = d.subscription_id"
            " WHERE d.id > :told AND d.event = 'delivered' ORDER BY d.id"
        )
        return connection.execute(text(ends), {"told": self._told}).all()


def _as_sent(row: Row) -> Message:
    return Message(
        sid=row.sid, sender="+15550100001", recipient="+15550100005", text="hello", status="sending", direction="outbound-api",
        created=row.created,
    )  # fmt: skip


def simulated(work: Callable[[Simulation], Coroutine[Any, Any, Any]], front: str = "restcomm", **settings: Any) -> Any:
    """Return the result of a test's work on a simulation whose store is in memory."""

    async def main() -> Any:
        async with opened("memory:") as store:
            return await work(Simulation(store, front, **settings))

    return asyncio.run(main())


async def drill(world: Simulation, seconds: int, slow: float, a_second: int = 100) -> Measured:
    """Run so many seconds of traffic until the last handset has answered. Five of a hundred handsets answer only after `slow` seconds."""
    await world.traffic(seconds, a_second, late(0.05, lambda _: slow))
    await world.traffic(int(slow) + 60, 0, quick)
    world.count_untold()
    return world.measured


def main() -> None:
    """Print the figures of the whole drill on both dialects."""
    for front in ("restcomm", "properties-v2"):
        began = time.monotonic()
        measured = simulated(lambda world: drill(world, 600, 900.0), front)
        shares = ", ".join(f"{measured.share(within):.4%} within {within} s" for within in (8, 15, 60))
        print(
            f"{front}: {len(measured.delays)} told, {measured.untold} not; {shares}; at most {max(measured.asks)} asks a round"
        )
        print(f"    in {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
