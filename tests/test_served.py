"""The size that a back serves at once: never learnt from a message that arrived between two requests, noticed if it is real, and not
kept for good."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from conformance.clock import ManualClock
from conformance.twins.properties_v2 import stand_up as stand_up_new
from conformance.twins.restcomm import stand_up as stand_up_old
from tests.busy import BEGAN, KINDS, Busy, neutral
from tests.listing import MANY, NOW, Provider, ask, message, newest, page_of, world
from tests.twins import Shelled
from translator.core.accounts import Accounts
from translator.core.exchange import Limits
from translator.core.http.messages import Request
from translator.core.listing import slice_sizes
from translator.shell.observability.admin import PREFIX, Meter
from translator.shell.server.handler import Proxy


def later(number: int, first: int = 1000) -> list[Any]:
    """Messages that came after the provider's first ones, one a second."""
    return [message(first + at, BEGAN - 5000 + at) for at in range(number)]


def fill(busy: Busy, rows: list[Any]) -> None:
    """The provider has these, too."""
    donor = Busy(busy.kind, rows)
    busy.twin.load(donor.twin.messages)


# -------------------------------------------------------------------------------------------- the tests that showed F1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("asked", [{"SortBy": "From"}, {}])
def test_arrival_during_a_list_of_seven_costs_the_list_of_3008_nothing(kind: str, asked: dict[str, str]) -> None:
    """7 messages, and one arrives during the first list. Then there are 3,008: as many requests as in a process that saw no race."""
    busy = Busy(kind, [message(at, BEGAN - 9000 + at) for at in range(7)])
    busy.arrive([1], apart=True, at=BEGAN - 8000)
    reply = busy.world.play(ask(asked), NOW)
    assert (page_of(reply)["total"], [note.name for note in reply.notes]) in [(7, []), (8, [])]
    fill(busy, later(3000))
    asks = []
    for _ in ("after the race", "fresh"):
        busy.world.asked.clear()
        page = page_of(busy.world.play(ask({**asked, "SortBy": "To"}), NOW))
        assert page["total"] == 3008
        asks.append(busy.world.asks)
        busy.world.memory.clear()
    assert asks[0] == asks[1] <= -(-3008 // 199) + 3 + 1


@pytest.mark.parametrize(("kind", "most"), [("pages", 2), ("ascending", 2), ("descending", 2)])
def test_a_search_of_200_rows_takes_as_many_asks_after_a_race_as_before(kind: str, most: int) -> None:
    """The front of today shows no total: one request, and one more after a short slice."""
    busy = Busy(kind, [message(at, BEGAN - 9000 + at) for at in range(7)], new_front=True)
    busy.arrive([1, 1, 1], apart=True, at=BEGAN - 8000)
    busy.between(BEGAN - 9000, BEGAN)
    busy.calm()
    fill(busy, later(3000))
    busy.world.asked.clear()
    rows = busy.between(BEGAN - 5000, BEGAN - 4900)
    assert (len(rows), busy.world.asks) == (100, most)


@pytest.mark.parametrize("kind", KINDS)
def test_send_is_found_among_1500_after_an_arrival_between_two_requests(kind: str) -> None:
    """1 message, one arrives, then 1,500: today each search for a send ended `list-too-long`."""
    busy = Busy(kind, [message(0, BEGAN - 9000)], new_front=True)
    busy.arrive([1], apart=True, at=BEGAN - 8000)
    busy.between(BEGAN - 9000, BEGAN)
    rows = later(1500)
    fill(busy, rows)
    busy.world.asked.clear()
    found = busy.between(BEGAN - 9000, BEGAN, most=1000)
    assert {neutral(sms) for sms in busy.history(busy.came)} == {row.sid for row in found}
    assert len(found) == 1502
    assert busy.world.asks <= -(-1502 // 199) + 3 + 1


# ------------------------------------------------------------------------------------------- a back that does serve less


@pytest.mark.parametrize("kind", KINDS)
def test_back_that_serves_50_at_once_is_noticed_once_and_lists_stay_exact(kind: str) -> None:
    stock = [message(at, BEGAN - 9000 + at) for at in range(500)]
    busy = Busy(kind, stock, most=50)
    notes = []
    for asked in ({"SortBy": "From"}, {"SortBy": "To"}, {}, {"Page": 3}):
        busy.world.asked.clear()
        reply = busy.world.play(ask(asked), NOW)
        notes += [note.detail for note in reply.notes]
        assert page_of(reply)["total"] == 500
        assert (
            page_of(reply)["messages"]
            == [sms.sid for sms in busy.history(0)[::-1]][150 * bool(asked.get("Page")) :][:50]
        )
    assert notes == ["50 rows where 200 were asked for"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("arriving", [[1] * 9, [0, 1, 0, 2], [3, 3, 3]])
def test_a_back_that_serves_50_at_once_is_noticed_while_messages_arrive(kind: str, arriving: list[int]) -> None:
    busy = Busy(kind, [message(at, BEGAN - 9000 + at) for at in range(500)], most=50)
    busy.arrive(arriving, apart=True)
    reply, histories = busy.during(lambda: busy.world.play(ask({"SortBy": "From", "PageSize": 1000}), NOW))
    shown = page_of(reply)["messages"]
    assert {sms.sid for sms in histories[0]} <= set(shown) <= {sms.sid for sms in histories[-1]}
    assert len(shown) == len(set(shown))
    assert [note.detail for note in reply.notes] == ["50 rows where 200 were asked for"]


def clamped(provider: Provider, most: list[int]) -> Any:
    """The provider, which serves so many rows at once with each request in turn, and the last of these numbers from then on."""

    def answer(request: Request) -> Any:
        provider.twin.results_max = most.pop(0) if len(most) > 1 else most[0]
        return provider(request)

    return answer


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("total", [120, 500])
@pytest.mark.parametrize("first", [1, 2, 3, 5, 9])
def test_back_that_serves_less_for_a_while_loses_no_row(order: str, total: int, first: int) -> None:
    """A longer slice is no proof that the list ended where the shorter one did."""
    provider = Provider(MANY[:total], order)
    front = world(clamped(provider, [50] * first + [200]), order=order)
    page = page_of(front.play(ask({"SortBy": "From", "PageSize": 1000}), NOW))
    assert sorted(page["messages"]) == sorted(newest(0, total, MANY[:total]))


def test_the_full_size_is_asked_for_again_after_ten_minutes() -> None:
    provider = Provider(MANY[:500], most=100)
    front = world(provider)
    sizes, notes = [], []
    for at in (0, slice_sizes.LIFE - 1, slice_sizes.LIFE + 1, 2 * slice_sizes.LIFE + 2, 3 * slice_sizes.LIFE + 3):
        provider.twin.results_max = 100 if at < 2 * slice_sizes.LIFE else 200
        front.asked.clear()
        reply = front.play(ask({"SortBy": "From"}), NOW + at)
        assert page_of(reply)["total"] == 500
        sizes.append(max(_count(request) for batch in front.asked for request in batch))
        notes.append(len(reply.notes))
    assert sizes == [200, 100, 200, 200, 200]
    assert notes == [1, 0, 1, 0, 0]


def _count(request: Request) -> int:
    found = re.search(r"Results_Count=(\d+)", request.query)
    assert found
    return int(found[1])


def test_a_longer_slice_undoes_what_was_learnt_at_once() -> None:
    """One list began before another one learnt that 50 rows are served at once. It is served 200 after that."""
    provider = Provider(MANY[:900])
    front = world(provider)
    learnt: list[str] = []

    def answer(request: Request) -> Any:
        if len(front.asked) == 2 and not learnt:
            provider.twin.results_max = 50
            learnt.extend(note.name for note in beside.play(ask({"SortBy": "From"}), NOW).notes)
            provider.twin.results_max = 200
        return provider(request)

    front.answer = answer
    beside = world(provider, beside=front)
    front.play(ask({"SortBy": "To"}), NOW)
    assert learnt == ["back-serves-less"]
    front.asked.clear()
    front.play(ask({"SortBy": "Direction"}), NOW)
    assert _count(front.asked[0][0]) == 200


def test_a_range_of_one_status_teaches_nobody_what_a_back_serves() -> None:
    """Rows enter and leave it at any time. As many rows as before, although another row was after them, are no proof."""
    provider = Provider(MANY[:300], most=100)
    front = world(provider)
    assert [note.name for note in front.play(ask({"Status": "sent"}), NOW).notes] == ["back-serves-less"]
    front.asked.clear()
    front.play(ask({"SortBy": "To"}), NOW)
    assert _count(front.asked[0][0]) == 200


def test_the_memory_of_the_shell_forgets_it_too() -> None:
    provider, clock = Provider(MANY[:500], most=100), ManualClock(NOW)
    shelled = Shelled(world(provider), clock, Limits())
    sizes = []
    for _ in range(3):
        shelled.play(ask({"SortBy": "From"}))
        sizes.append(_count(shelled.world.asked[0][0]))
        clock.advance(slice_sizes.LIFE - 1)
    assert sizes == [200, 100, 200]


def test_a_clock_that_is_set_back_ends_what_was_learnt() -> None:
    known = slice_sizes.SliceSizes(50, NOW)
    assert [slice_sizes.at_once(200, known, NOW + at) for at in (-1, 0, 599, 600)] == [200, 50, 50, 200]
    assert (
        slice_sizes.at_once(200, None, NOW) == slice_sizes.at_once(200, slice_sizes.SliceSizes(None, NOW), NOW) == 200
    )


def test_what_each_back_is_asked_for_at_once_is_a_metric() -> None:
    provider, clock, meter = Provider(MANY[:500], most=100), ManualClock(NOW), Meter()
    front = world(provider)
    shelled = Shelled(front, clock, Limits())
    proxy = Proxy(Accounts([front.entry]), Limits(), {"provider": shelled}, meter=meter, clock=clock)

    async def listed() -> None:
        request = ask({"SortBy": "From"})
        transport = httpx.ASGITransport(proxy.application())
        async with httpx.AsyncClient(transport=transport, base_url="http://front") as client:
            answer = await client.get(f"{request.path}?{request.query}", headers=dict(request.headers))
        assert answer.status_code == 200

    line = f'{PREFIX}back_rows_served{{back="provider"}} '
    assert f"{line}200.0\n" in meter.page().decode()
    asyncio.run(listed())
    assert f"{line}100.0\n" in meter.page().decode()
    clock.advance(slice_sizes.LIFE)
    assert f"{line}200.0\n" in meter.page().decode()


# ------------------------------------------------------------------------------------------ the switch of the providers


@pytest.mark.parametrize("dialect", ["properties-v2", "restcomm"])
def test_provider_takes_arrivals_between_requests_as_a_command_over_http(dialect: str) -> None:
    """Nothing arrives after the first response, two messages after the second, and so on anew: an inbound and an outbound one."""
    made = {"account": "A1", "token": "t", "properties": ("P1",), "messages": 0, "seed": 1, "control": True}
    app = stand_up_new(**made) if dialect == "properties-v2" else stand_up_old(**made)  # type: ignore[arg-type]
    path = "/v2/Properties/P1/Messages?Date_From=0&Date_To=99999999999" if dialect == "properties-v2" else (
        "/2012-04-24/Accounts/A1/SMS/Messages.json?SortBy=DateCreated:asc"
    )  # fmt: skip
    member = "Messages" if dialect == "properties-v2" else "messages"

    async def told() -> list[int]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://twin", auth=("A1", "t")
        ) as client:

            async def count() -> int:
                return len((await client.get(path)).json()[member])

            before = await count()
            given = {"after": [0, 2], "repeat": True, "directions": ["inbound", "outbound"], "ago": 3600}
            assert (await client.post("/_twin/arrivals", json=given)).status_code == 200
            counts = [await count() - before for _ in range(5)]
            await client.post("/_twin/arrivals", json={"after": []})
            return [*counts, await count() - before, await count() - before]

    assert asyncio.run(told()) == [0, 0, 2, 2, 4, 4, 4]
