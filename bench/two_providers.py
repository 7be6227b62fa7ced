"""Measures a list over two providers of 100,000 messages each, beside the same list over the old one alone.

A provider answers after 20 ms. It makes each row from its index, so that any number of messages takes no memory.
`python -m bench.two_providers` prints the table.
"""

import asyncio
import calendar
import statistics
import time
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlencode

from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.dialect import Dialect, dialect
from translator.core.exchange import Limits, Reply, exchange
from translator.core.http.messages import Answer, Request, Response
from translator.core.mapping import overlay
from translator.core.mapping.load import raw_tables
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import EffectRunner, RequestContext
from translator.shell.runtime.single_flight_cache import SingleFlightCache

MESSAGES: Final = 100_000
DELAY: Final = 0.02
FOLLOWING: Final = 10
"""The number of warm pages that are read after each cold one."""
MUST_COLD: Final = 1.6
MUST_WARM: Final = 1.1
NOW: Final = 1_700_000_000
START: Final = NOW - 4_000_000
PATH: Final = "/2012-04-24/Accounts/AC1/SMS/Messages.json"
ACCOUNTS: Final = {"properties-v2": ("A1", "P1"), "restcomm": ("AC9", "")}
_LETTERS: Final = "ABCDEFGHIJ"


class Indexed:
    """A simulated provider whose messages were created at these seconds, oldest first. `asked` counts its requests."""

    def __init__(self, name: str, created: Sequence[int], mark: str, delay: float = 0.0) -> None:
        self.name, self.created, self.mark, self.delay, self.asked = name, created, mark, delay, 0

    def sid(self, index: int) -> str:
        """The SID of the message at an index, as a restcomm front shows it."""
        digits = f"{index:08}"
        if self.name == "restcomm":
            return f"SM{self.mark.lower() * 24}{digits}"
        return "SMM" + self.mark * 23 + "".join(_LETTERS[int(digit)] for digit in digits)

    async def ask(self, request: Request, *_: object) -> Answer:
        """Answer one request after the delay."""
        await asyncio.sleep(self.delay)
        return self(request)

    async def aclose(self) -> None:
        """Nothing is open."""

    def __call__(self, request: Request) -> Response:
        self.asked += 1
        last = request.path.rpartition("/")[2].removesuffix(".json")
        if last != "Messages":
            return self._one(last)
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        if self.name == "restcomm":
            first, stop = _second(asked.get("StartTime")), _second(asked.get("EndTime"))
            begin = 0 if first is None else bisect_left(self.created, first)
            end = len(self.created) if stop is None else bisect_left(self.created, stop + 1)
            size = int(asked["PageSize"])
            skip = int(asked["Page"]) * size
        else:
            begin = bisect_left(self.created, int(asked["Date_From"]))
            end = bisect_left(self.created, int(asked["Date_To"]))
            size, skip = int(asked["Results_Count"]), int(asked["Results_Skip"])
        rows = ",".join([self._row(index) for index in range(begin, end)[skip : skip + size]])
        if self.name == "restcomm":
            head = f'"page":{skip // size},"num_pages":{(end - begin) // size},"page_size":{size},"total":{end - begin}'
            return Response(200, (), f'{{{head},"messages":[{rows}]}}'.encode())
        return Response(200, (), f'{{"Messages":[{rows}]}}'.encode())

    def _one(self, sid: str) -> Response:
        index = int("".join(str(_LETTERS.find(letter)) if letter in _LETTERS else letter for letter in sid[-8:]))
        if sid.removeprefix("SM") != self.sid(index).removeprefix("SM") or index >= len(self.created):
            return Response(404, (), b"{}")
        row = self._row(index)
        return Response(200, (), (row if self.name == "restcomm" else f'{{"Message":{row}}}').encode())

    def _row(self, index: int) -> str:
        created = self.created[index]
        if self.name == "restcomm":
            date = formatdate(created)
            return (
                f'{{"sid":"{self.sid(index)}","date_created":"{date}","date_updated":"{date}","account_sid":"AC9",'
                f'"from":"15550100001","to":"15550100005","body":"hello","status":"sent","direction":"outbound-api"}}'
            )
        return (
            f'{{"MessageSid":"{self.sid(index)[2:]}","AccountSid":"A1","PropertySid":"P1","From":"+15550100001","To":"+15550100005",'
            f'"Text":"hello","DeliveryReceipt":true,"NumSegments":1,"Status":"Submitted","Direction":"Transmit","Scheduled":{created},'
            f'"Created":{created},"Submitted":{created}}}'
        )


def _second(written: str | None) -> int | None:
    return None if written is None else calendar.timegm(time.strptime(written, "%Y-%m-%dT%H:%M:%S"))


def _back(name: str) -> Dialect:
    file, raw = next((file, raw) for file, raw in raw_tables().items() if raw["dialect"]["name"] == name)
    return dialect(file, overlay(raw, "back", {}, "bench"))


BACKS: Final = {name: _back(name) for name in ACCOUNTS}
FRONT: Final = dialect("restcomm.toml", overlay(raw_tables()["restcomm.toml"], "front", {}, "bench"))


def account(new: Indexed, old: Indexed | None) -> Account:
    """An account at one provider or at two, whose names are `new` and `old`."""
    side = Endpoint(FRONT, "AC1", "", "front-token")
    homes = [
        Account(side, ConfiguredProvider(name, BACKS[home.name]), Endpoint(BACKS[home.name], *ACCOUNTS[home.name], "token"), False)
        for name, home in (("new", new), ("old", old))
        if home is not None
    ]  # fmt: skip
    return homes[0] if old is None else homes[0]._replace(old=homes[1])


def request(asked: Mapping[str, object]) -> Request:
    """A list request at the restcomm front."""
    token = b64encode(b"AC1:front-token").decode()
    return Request("GET", PATH, urlencode({"Limit": 10**7, **asked}), (("authorization", f"Basic {token}"),))


class Proxy:
    """An account behind the effect runner, with a cache of its own."""

    def __init__(self, new: Indexed, old: Indexed | None = None) -> None:
        self.accounts = Accounts([account(new, old)])
        backs = {"new": new} if old is None else {"new": new, "old": old}
        self._runner = EffectRunner(backs, SingleFlightCache(), Meter())

    async def list(self, asked: Mapping[str, int]) -> float:
        """Read one list, and return the seconds that it took."""
        began = time.perf_counter()
        steps = exchange(self.accounts, Limits(), request(asked), NOW + 0.5)
        reply: Reply = await self._runner.run(RequestContext("bench"), steps)
        if reply.response.status != 200:
            raise ValueError(f"the list was answered {reply.response.status}: {reply.log}")
        return time.perf_counter() - began


class Figure(NamedTuple):
    """The seconds of one list over one provider and over two, cold and warm."""

    name: str
    cold: tuple[float, float]
    warm: tuple[float, float]

    @property
    def ratios(self) -> tuple[float, float]:
        """Two providers beside one, cold and warm."""
        return self.cold[1] / self.cold[0], self.warm[1] / self.warm[0]


LISTS: Final[dict[str, dict[str, int]]] = {
    "first page": {"PageSize": 50},
    "page 1,000 of 50 rows": {"PageSize": 50, "Page": 1000},
    "page 1,900 of 50 rows": {"PageSize": 50, "Page": 1900},
}


async def _figure(name: str, dialects: tuple[str, str], rounds: int) -> Figure:
    step = (NOW - START) // MESSAGES
    new = Indexed(dialects[0], [START + number * step for number in range(MESSAGES)], "N", DELAY)
    old = Indexed(dialects[1], [START + 7 + number * step for number in range(MESSAGES)], "A", DELAY)
    asked = LISTS[name]
    first = asked.get("Page", 0)
    cold, warm = [], []
    for homes in ((old,), (new, old)):
        times, pages = [], []
        for _ in range(rounds):
            proxy = Proxy(*homes)
            times.append(await proxy.list(asked))
            pages += [await proxy.list({**asked, "Page": first + number}) for number in range(1, FOLLOWING + 1)]
        cold.append(statistics.median(times))
        warm.append(statistics.median(pages))
    return Figure(name, (cold[0], cold[1]), (warm[0], warm[1]))


def measure(rounds: int = 3) -> list[Figure]:
    """Measure each list on an account that moves from restcomm to properties-v2, beside the account before it moved."""
    return [asyncio.run(_figure(name, ("properties-v2", "restcomm"), rounds)) for name in LISTS]


def main() -> int:
    """Print the table, and return 1 if a ratio is larger than it may be."""
    good = True
    for figure in measure():
        cold, warm = figure.ratios
        good &= cold <= MUST_COLD and warm <= MUST_WARM
        print(
            f"{figure.name:24} one {figure.cold[0] * 1000:6.0f} ms, two {figure.cold[1] * 1000:6.0f} ms: {cold:.2f} (at most {MUST_COLD});"
            f" the next page {figure.warm[0] * 1000:5.0f} ms, {figure.warm[1] * 1000:5.0f} ms: {warm:.2f} (at most {MUST_WARM})"
        )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
