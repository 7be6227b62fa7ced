"""A list after a message arrived between two provider requests of an earlier one."""

import time
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bench.traffic.lives import Pace
from bench.traffic.load import listing
from bench.traffic.verdicts import NEVER, Figure, Found, Options
from bench.traffic.worlds import World, say, world

FEW: Final = 7
MANY: Final = 3000
_PACE: Final = Pace(1.0, 2.0, 0.0, 0.0)
_PAGE: Final = 4000


class _Listed(NamedTuple):
    """A list of everything: its provider requests, infinity if there is no list, and the number of messages that it shows twice or not
    at all."""

    asks: float
    wrong: int
    status: int


async def asked(made: World, provider: int = 0) -> int:
    """The number of searches and of message retrievals at a provider so far."""
    counts = (await made.providers[provider].ask("/control"))["counts"]
    return int(counts.get("search", 0)) + int(counts.get("retrieve", 0))


async def _listed(made: World) -> _Listed:
    before, there = await asked(made), len(await made.provider.ask("/sids"))
    answer = await made.callers.ask(listing(_PAGE))
    asks = await asked(made) - before
    if answer.status != 200:
        return _Listed(NEVER, there, answer.status)
    sids = [message["sid"] for message in msgspec.json.decode(answer.body)["messages"]]
    # A message that arrived while the list was read may be in it or not.
    return _Listed(asks, max(0, there - len(set(sids))) + len(sids) - len(set(sids)), 200)


async def _after_a_few(made: World, *, race: bool) -> tuple[_Listed, _Listed]:
    """A list of a few messages, during which one arrives if `race` is true, and then a list of 3,000."""
    now, few = time.time(), FEW if race else FEW + 1
    await made.provider.ask("/control", history={"count": few, "since": now - 7200, "until": now - 7100})
    await made.start()
    await made.provider.ask("/control", arrive=int(race))
    small = await _listed(made)
    await made.provider.ask("/control", history={"count": MANY - FEW - 1, "since": now - 7000, "until": now - 10})
    return small, await _listed(made)


async def race_list(checkout: Path, options: Options) -> Found:
    """Count the provider requests of a list of 3,000 after one message arrived between two requests of an earlier list.

    The same without that message stands beside it.
    """
    async with world(checkout, [_PACE], pycache=options.pycache, dialect=options.provider) as made:
        plain = await _after_a_few(made, race=False)
    async with world(checkout, [_PACE], pycache=options.pycache, dialect=options.provider) as made:
        raced, notes = await _after_a_few(made, race=True), made.notes()
        await made.stop()
        await made.start()
        fresh = await _listed(made)
        await made.stop()
        await made.start()
        await made.provider.ask("/control", arrive=10_000)
        always = await _listed(made)
        await made.provider.ask("/control", arrive=0)
        after = await _listed(made)
    say(
        f"  without {plain}, with a race {raced}, in a fresh process {fresh}, with races all the time {always}, after them {after}"
    )
    bound = max(plain[1].asks, fresh.asks)
    wrong = sum(each.wrong for each in (*plain, *raced, fresh, always, after))
    figures = [
        Figure(f"asks of a list of {MANY:,} after a message arrived between two asks", raced[1].asks, "", bound, bound),
        Figure("the same where none arrived", plain[1].asks),
        Figure("the same in a fresh process", fresh.asks),
        Figure("asks while a message arrives between any two asks", always.asks, "", 2 * bound, bound + 2),
        Figure("asks after that, in the same process", after.asks, "", bound + 2, bound),
        Figure("messages that these lists show twice or not at all", float(wrong), "", 0, 0),
    ]
    lists = {"plain": plain, "raced": raced, "fresh": fresh, "always": always, "after": after}
    return Found(figures, {"lists": lists, "notes": notes})
