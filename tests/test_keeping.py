"""No send twice, no callback lost: the proxy with its store before a simulated provider whose responses fail, in a process that dies."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

import httpx
import pytest
from sqlalchemy import Connection, text

from tests.kept import HOOK, Crash, Kept
from tests.stores import opened
from translator.core.accounts import Accounts
from translator.core.exchange import Limits
from translator.core.http.messages import Request, Response
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy
from translator.shell.delivery.journal import Patience
from translator.shell.delivery.receipt_urls import ROOT
from translator.shell.delivery.service import DeliveryService, DeliverySettings
from translator.shell.delivery.status_poller import Polling
from translator.shell.server.handler import Proxy
from translator.shell.store import delivery_admin, sends, subscriptions
from translator.shell.store.retention import Keep
from translator.shell.store.states import SendState

FRONTS = ("restcomm", "properties-v2")
EVENTS = {"restcomm": ["sent", "delivered"], "properties-v2": ["DeliveryReceiptReceived"]}


def kept(work: Callable[[Kept], Coroutine[Any, Any, Any]], front: str = "restcomm", **settings: Any) -> Any:
    """Return the result of a test's work on a proxy whose store is in memory."""

    async def main() -> Any:
        async with opened("memory:") as store:
            return await work(Kept(store, front, **settings))

    return asyncio.run(main())


def due_places(connection: Connection, now: float) -> list[str]:
    """The provider accounts with a subscription whose status is due to be polled."""
    places = "SELECT DISTINCT provider_account FROM callback_subscriptions WHERE next_check_at <= :now"
    return list(connection.execute(text(places), {"now": now}).scalars())


async def owed(world: Kept) -> dict[str, int]:
    return {**await world._real.read(sends.counted), **await world._real.read(delivery_admin.counted)}


# ---- callbacks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("front", FRONTS)
def test_a_status_is_told_as_it_comes(front: str) -> None:
    async def work(world: Kept) -> Any:
        status, body = await world.send("hello")
        sid, moments = world.sid(body), []
        for seconds in (0, 1, 2, 10, 60):
            await world.work_off(seconds)
            moments.append(world.application.events(sid))
        return status, moments, await owed(world)

    status, moments, left = kept(work, front)
    assert status == 200
    assert moments[0] == []
    assert moments[-1] == moments[-2] == EVENTS[front]
    assert left == {}


def test_the_sent_that_nobody_saw_is_told_before_delivered() -> None:
    async def work(world: Kept) -> Any:
        _, body = await world.send("hello")
        await world.work_off(1000)
        return world.application.told, world.sid(body)

    told, sid = kept(work)
    assert [one["MessageStatus"] for one in told] == ["sent", "delivered"]
    assert told[0] == {
        "MessageSid": sid, "MessageStatus": "sent", "AccountSid": "AC1", "From": "15550100001", "To": "15550100005", "Body": "hello",
    }  # fmt: skip


@pytest.mark.parametrize("front", FRONTS)
def test_nobody_is_told_who_did_not_ask(front: str) -> None:
    async def work(world: Kept) -> Any:
        await world.send("hello", hook="")
        asked = world.provider.asked
        await world.work_off(1000)
        return world.application.told, world.provider.asked - asked

    assert kept(work, front) == ([], 0)


def test_many_messages_are_looked_at_in_few_asks_and_a_few_by_themselves() -> None:
    async def work(world: Kept) -> Any:
        for number in range(50):
            await world.send(f"text {number}")
        world.clock.advance(100)
        before = world.provider.asked
        await world.tracker.round()
        many = world.provider.asked - before
        await world.work_off()
        told = len(world.application.told)
        await world.send("one more")
        before = world.provider.asked
        await world.tracker.round()
        return many, told, world.provider.asked - before

    assert kept(work) == (1, 100, 1), (
        "a slice that is short needs no second look: who is missing in it is looked for again"
    )


@pytest.mark.parametrize("search", [Response(400), Response(200, (), b"<html>"), Response(200, (), b'{"Messages": 5}')])
def test_messages_are_polled_singly_if_the_list_is_unreadable(
    search: Response, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work(world: Kept) -> Any:
        for number in range(8):
            await world.send(f"text {number}")
        world.clock.advance(100)
        world.provider.search = search
        before = world.provider.asked
        await world.tracker.round()
        asked = world.provider.asked - before
        await world.work_off()
        return asked, len(world.application.told)

    assert kept(work) == (9, 16)
    assert "poll-search-failed" in capsys.readouterr().out


def test_a_message_that_is_never_heard_of_again_is_not_looked_at_for_ever() -> None:
    async def work(world: Kept) -> Any:
        _, body = await world.send("hello")
        world.provider.twin._store.__init__()
        asks = []
        for _ in range(10):
            before = world.provider.asked
            for _ in range(4):
                await world.work_off(10_800)
            asks.append(world.provider.asked - before)
        return asks, world.application.events(world.sid(body)), world.meter.page().decode()

    asks, told, page = kept(work)
    assert asks[0] > asks[-2] == asks[-1] == 0
    assert told == []
    assert 'sms_translator_callbacks_total{outcome="unheard"} 1.0' in page


@pytest.mark.parametrize("front", FRONTS)
def test_a_receipt_only_means_go_and_look(front: str) -> None:
    async def work(world: Kept) -> Any:
        keeper_path = []
        _, body = await world.send("hello")
        [row] = await world._real.read(lambda connection: sends.listed(connection, tuple(SendState), 9))
        address = world.receipts.address(row.id)
        assert address.startswith(f"https://us.example{ROOT}")
        path = address.removeprefix("https://us.example")
        keeper_path.append(world.receipts.send_of(path))
        await world.work_off()
        await world._real.write(lambda connection: subscriptions.check_now(connection, row.id, world.clock()))
        forged = [world.receipts.send_of(forgery) for forgery in (path[:-1] + "x", f"{ROOT}{row.id}", f"{ROOT}.", ROOT)]
        return keeper_path == [row.id], forged, world.application.events(world.sid(body)), world.provider

    signed, forged, told, provider = kept(work, front, public_url="https://us.example")
    assert signed
    assert forged == [None] * 4
    assert told == [], "a receipt is not believed: the message is looked at"
    assert provider.dialect != front


# ---- a back's possible responses to a send --------------------------------------------------------------------------

LEFT = ("no answer", "reset", "half an answer", "500", "503", "302", "408")
"""Ways in which a send fails although the message was made."""


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("fault", LEFT)
def test_failed_send_that_was_made_is_found_reported_and_not_resent(front: str, fault: str) -> None:
    async def work(world: Kept) -> Any:
        world.provider.fault = fault
        status, _ = await world.send("hello")
        again, _ = await world.send("hello")
        world.provider.fault = ""
        await world.work_off(1)
        found, _ = await world.send("hello", hook="")
        for _ in range(5):
            await world.work_off(20)
        told = [one.get("MessageStatus", "DeliveryReceiptReceived") for one in world.application.told]
        return status, again, found, told, world.provider.texts, await owed(world)

    status, again, found, told, texts, left = kept(work, front)
    assert (status, again) == (504, 504), "who tries again joins, and hears the same"
    assert found == 200
    assert told == EVENTS[front], "two who joined are one message, and are told once"
    assert texts == ["hello", "hello"], "after it was found an equal text is a new message, and it is the only one"
    assert left == {}


@pytest.mark.parametrize("fault", ["never left", "400", "404", "429"])
def test_a_send_that_was_not_made_says_so_and_can_be_made_again(fault: str) -> None:
    async def work(world: Kept) -> Any:
        world.provider.fault = fault
        failed, _ = await world.send("hello", key="k" if fault != "400" else "")
        world.provider.fault = ""
        status, _ = await world.send("hello", key="k")
        return failed, status, world.provider.texts, await owed(world)

    failed, status, texts, left = kept(work)
    assert failed == {"never left": 502, "400": 400, "404": 502, "429": 503}[fault]
    assert (status, texts, left) == (200, ["hello"], {})


def test_lost_send_becomes_unresolved_and_nothing_is_invented() -> None:
    async def work(world: Kept) -> Any:
        world.provider.fault = "lost on its way"
        status, _ = await world.send("hello")
        world.provider.fault = ""
        for _ in range(20):
            await world.work_off(200)
        before = await owed(world)
        [row] = await world._real.read(lambda connection: sends.listed(connection, (SendState.UNRESOLVED,), 9))
        again, _ = await world.send("hello")
        return (
            status,
            before,
            row.text,
            again,
            world.provider.texts,
            world.application.told,
            world.meter.page().decode(),
        )

    status, before, text, again, texts, told, page = kept(work, give_up=3600.0)
    assert (status, before, text) == (504, {"unresolved": 1}, "hello")
    assert (again, texts, told) == (200, ["hello"], [])
    assert 'sms_translator_sends_total{outcome="unresolved"} 1.0' in page


def test_a_caller_is_kept_for_a_while_and_hears_what_is_found_meanwhile() -> None:
    async def work(world: Kept) -> Any:
        world.provider.fault = "no answer"
        waiting = asyncio.create_task(world.send("hello"))
        for _ in range(500):
            if (await owed(world)).get("unknown"):
                break
            await asyncio.sleep(0.01)
        joining = asyncio.create_task(world.send("hello"))
        await asyncio.sleep(0.05)
        world.provider.fault = ""
        await world.work_off(1)
        (first, one), (second, other) = await waiting, await joining
        return first, second, world.sid(one) == world.sid(other), world.provider.texts

    assert kept(work, wait=30.0) == (200, 200, True, ["hello"])


def test_two_messages_that_could_be_it_are_none() -> None:
    async def work(world: Kept) -> Any:
        world.provider.fault = "no answer"
        await world.send("hello")
        world.provider.fault = ""
        world.provider.another("hello")
        for _ in range(3):
            await world.work_off(30)
        return await owed(world), world.application.told

    assert kept(work) == ({"unknown": 1}, [])


def test_two_equal_sends_of_which_one_can_be_told_are_both_told() -> None:
    async def work(world: Kept) -> Any:
        world.provider.fault = "no answer"
        await world.send("hello")
        world.clock.advance(200)
        await world.send("hello")
        world.provider.fault = ""
        for _ in range(6):
            await world.work_off(30)
        return await owed(world), sorted(told["MessageStatus"] for told in world.application.told)

    assert kept(work) == ({}, ["delivered", "delivered", "sent", "sent"])


def test_an_id_of_ours_tells_equal_messages_apart() -> None:
    async def work(world: Kept) -> Any:
        world.provider.fault = "no answer"
        await world.send("hello")
        world.provider.fault = ""
        world.provider.another("hello")
        for _ in range(6):
            await world.work_off(30)
        return await owed(world), [told["MessageStatus"] for told in world.application.told]

    assert kept(work, external_id=True) == ({}, ["sent", "delivered"])


def test_an_id_of_ours_that_no_message_carries_claims_none() -> None:
    async def work(world: Kept) -> Any:
        world.provider.fault = "lost on its way"
        await world.send("hello")
        world.provider.fault = ""
        world.provider.another("hello")
        await world.work_off(30)
        return await owed(world), world.application.told

    assert kept(work, external_id=True) == ({"unknown": 1}, [])


def test_a_message_that_is_known_to_be_another_send_is_not_taken_for_it() -> None:
    async def work(world: Kept) -> Any:
        await world.send("hello")
        world.provider.fault = "lost on its way"
        await world.send("hello")
        world.provider.fault = ""
        await world.work_off(30)
        return await owed(world)

    assert kept(work) == {"unknown": 1}


def test_message_is_found_also_if_the_provider_replaced_its_sender() -> None:
    async def work(world: Kept) -> Any:
        world.provider.fault = "no answer"
        await world.send("hello", sender="OTPApp")
        world.provider.fault = ""
        for _ in range(4):
            await world.work_off(30)
        return world.provider.twin.messages[-1].sender, [told["From"] for told in world.application.told]

    sender, told = kept(work)
    assert sender.startswith("+"), "the provider leased a number, since this recipient takes no letters"
    assert told == [sender[1:]] * 2


@pytest.mark.parametrize(("resend", "texts"), [(0.0, []), (600.0, ["hello"])])
def test_a_send_is_made_again_only_by_the_operators_word_and_once(resend: float, texts: list[str]) -> None:
    async def work(world: Kept) -> Any:
        world.provider.fault = "lost on its way"
        await world.send("hello")
        world.provider.fault = ""
        moments = []
        for _ in range(12):
            await world.work_off(100)
            moments.append(len(world.provider.texts))
        return moments, world.provider.texts, [told["MessageStatus"] for told in world.application.told]

    moments, sent, told = kept(work, resend=resend)
    assert sent == texts
    assert moments[:5] == [0] * 5, "not before its time"
    assert told == (["sent", "delivered"] if texts else [])


@pytest.mark.parametrize("shown", ["hello ", "hell", "“hello”"])
def test_a_send_is_not_made_again_where_a_message_could_be_it(shown: str) -> None:
    """A provider may show a text trimmed, or with other quotes. A message to the same recipient that no other send has taken may be the
    send."""

    async def work(world: Kept) -> Any:
        world.provider.fault = "lost on its way"
        await world.send("hello")
        world.provider.fault = ""
        world.provider.another(shown)
        for _ in range(12):
            await world.work_off(100)
        return world.provider.texts

    assert kept(work, resend=600.0) == [shown]


def test_other_send_to_the_same_recipient_is_not_taken_for_the_unknown_one() -> None:
    async def work(world: Kept) -> Any:
        world.provider.fault = "lost on its way"
        await world.send("hello")
        world.provider.fault = ""
        await world.send("goodbye")
        for _ in range(12):
            await world.work_off(100)
        return world.provider.texts

    assert kept(work, resend=600.0) == ["goodbye", "hello"]


def test_what_is_made_again_and_lost_again_is_not_made_a_third_time() -> None:
    async def work(world: Kept) -> Any:
        world.provider.fault = "lost on its way"
        await world.send("hello")
        posts = []
        for _ in range(20):
            await world.work_off(300)
            posts.append(len([call for call in world.provider.twin.calls if call.method == "POST"]))
        return world.provider.texts, await owed(world), world.meter.page().decode()

    texts, left, page = kept(work, resend=600.0, give_up=3600.0)
    assert (texts, left) == ([], {"unresolved": 1})
    assert 'sms_translator_sends_total{outcome="resent"} 1.0' in page


def test_the_same_key_is_the_same_send() -> None:
    async def work(world: Kept) -> Any:
        first, one = await world.send("hello", key="k")
        second, other = await world.send("hello", key="k")
        third, _ = await world.send("something else", key="k")
        return first, second, third, one == other, world.provider.texts

    assert kept(work) == (200, 200, 422, True, ["hello"])


def test_an_address_that_leads_inside_is_refused_and_nothing_is_sent() -> None:
    async def work(world: Kept) -> Any:
        status, body = await world.send("hello", hook="http://a.example:22/x")
        return status, body, world.provider.texts, await owed(world)

    status, body, texts, left = kept(work)
    assert (status, texts, left) == (400, [], {})
    assert body == {
        "message": "The value of StatusCallback has a port that is not called: 22; those that are called are 80, 443, 8080, 8443."
    }


# ---- the process dies ------------------------------------------------------------------------------------------------


async def _live(world: Kept) -> None:
    """A whole life: a send, and everything that follows from it."""
    await world.send("hello")
    for _ in range(4):
        await world.work_off(30)


def _steps_of_a_life(front: str) -> int:
    async def work(world: Kept) -> int:
        await _live(world)
        return world.steps.taken

    return int(kept(work, front))


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_process_that_dies_at_any_step_sends_nothing_twice_or_forgets(front: str, after: bool) -> None:
    for number in range(1, _steps_of_a_life(front) + 1):

        async def work(world: Kept, number: int = number) -> Any:
            world.steps.dies_before, world.steps.dies_after = (None, number) if after else (number, None)
            acknowledged = False
            try:
                status, _ = await world.send("hello")
                acknowledged = status == 200
                for _ in range(4):
                    await world.work_off(30)
            except Crash:
                pass
            world.start()
            await world.recover()
            for _ in range(8):
                await world.work_off(70)
            return (
                acknowledged,
                world.provider.texts,
                [told.get("MessageStatus", "r") for told in world.application.told],
            )

        acknowledged, texts, told = kept(work, front)
        assert len(texts) <= 1, f"step {number}"
        assert not acknowledged or texts == ["hello"], f"step {number}"
        wanted = ["sent", "delivered"] if front == "restcomm" else ["r"]
        if texts:
            assert list(dict.fromkeys(told)) == wanted, f"step {number}: {told}"
            assert len(told) <= len(wanted) + 1, "only the call under way is made again"
        else:
            assert told == []


def test_the_hook_of_the_tests_is_public() -> None:
    assert HOOK.startswith("http://a.example")


def test_a_store_that_is_down_lets_nothing_leave() -> None:
    async def work(world: Kept) -> Any:
        store: Any = world.journal._store
        store.is_down = lambda: True
        status, body = await world.send("hello")
        store.is_down = lambda: False
        again, _ = await world.send("hello")
        return status, body, again, world.provider.texts

    status, body, again, texts = kept(work)
    assert (status, again, texts) == (503, 200, ["hello"])
    assert "cannot write down" in body["message"]


def test_a_store_that_goes_down_under_a_send_keeps_its_intent() -> None:
    async def work(world: Kept) -> Any:
        store: Any = world.journal._store
        writes = iter(range(100))
        store.is_down = lambda: next(writes) > 0
        status, _ = await world.send("hello")
        store.is_down = lambda: False
        for _ in range(4):
            await world.work_off(40)
        return status, world.provider.texts, [told["MessageStatus"] for told in world.application.told]

    assert kept(work) == (504, ["hello"], ["sent", "delivered"])


@pytest.mark.parametrize("front", FRONTS)
def test_back_calls_the_url_that_it_got_and_a_forged_one_is_unknown(front: str) -> None:
    async def main() -> Any:
        async with opened("memory:") as store:
            world = Kept(store, front, public_url="https://us.example/")
            keeping = DeliverySettings(CallbackUrlPolicy(), world.receipts, Patience(), Polling(), Keep(1.0))
            keeper = DeliveryService(
                world.journal._store, Accounts([world.entry]), Limits(), keeping, world.meter, clock=world.clock
            )
            asked: list[bytes] = []
            ask = world.provider.ask

            async def overheard(request: Request, request_id: str, *_: object) -> Any:
                asked.append(request.body or b"")
                return await ask(request, request_id)

            world.provider.ask = overheard  # type: ignore[method-assign]
            await world.send("hello")
            told = re.search(r"https://us[.]example(/receipts/[A-Za-z0-9_.-]+)", unquote_plus(asked[0].decode()))
            assert told is not None, "the provider is asked to call us, and not the application"
            assert "a.example" not in unquote_plus(asked[0].decode())
            app = Proxy(Accounts([world.entry]), Limits(), {}, receipts=keeper.take_receipt).application()
            await world.work_off()
            waiting = await store.read(partial(due_places, now=world.clock()))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://us.example") as client:
                forged = await client.post(told[1][:-1] + "*", content=b"MessageStatus=delivered")
                still = await store.read(partial(due_places, now=world.clock()))
                good = [await client.request(method, told[1]) for method in ("POST", "GET")]
            now = await store.read(partial(due_places, now=world.clock()))
            return waiting, forged.status_code, still, [answer.status_code for answer in good], len(now)

    assert asyncio.run(main()) == ([], 404, [], [200, 200], 1)
