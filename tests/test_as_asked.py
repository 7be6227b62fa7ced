"""Row 8 of fidelity, later on: a message is shown with the receipt that its send asked for, as long as the journal keeps that send."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import Connection

from tests.kept import Kept
from tests.stores import opened
from translator.core.exchange import Reply, exchange
from translator.core.http.messages import Request
from translator.core.losses import Losses
from translator.shell.runtime.effect_runner import RequestContext
from translator.shell.store import StoreUnavailable
from translator.shell.store import sends as rows
from translator.shell.store.schema import sends

PATH = "/v2/Properties/P1/Messages"
ASKED = (False, True, None)
"""The receipt values of three sends. The last send has none, and the proxy then requests a receipt."""


def kept(store_url: str, work: Callable[[Kept], Coroutine[Any, Any, Any]], front: str = "properties-v2") -> Any:
    """Run a test with a proxy over a store."""

    async def main() -> Any:
        async with opened(store_url) as store:
            return await work(Kept(store, front))

    return asyncio.run(main())


async def asked(world: Kept, method: str, path: str, query: str = "", body: bytes = b"") -> Reply:
    """The reply to a request of the application."""
    login = b64encode(b"A1:front-token").decode()
    headers = (("authorization", f"Basic {login}"), ("content-type", "application/json"))
    steps = exchange(
        world._accounts, world._limits, Request(method, path, query, headers, body), world.clock(), Losses()
    )
    reply: Reply = await world.driver.run(RequestContext("a-request"), steps)
    assert reply.response.status == 200, reply
    return reply


async def sent(world: Kept, receipt: bool | None) -> str:
    """Send a message: its SID."""
    members = {"From": "+15550100001", "To": "+15550100005", "Text": "x"}
    members |= {} if receipt is None else {"DeliveryReceipt": receipt}  # type: ignore[dict-item]
    world.clock.advance(1)
    reply = await asked(world, "POST", PATH, body=json.dumps(members).encode())
    return str(json.loads(reply.response.body)["Message"]["MessageSid"])


def _receipt(reply: Reply) -> bool:
    return bool(json.loads(reply.response.body)["Message"]["DeliveryReceipt"])


async def got(world: Kept, sid: str) -> Reply:
    return await asked(world, "GET", f"/v2/Messages/{sid}")


async def listed(world: Kept) -> list[bool]:
    """The receipts of all messages."""
    query = urlencode({"Date_From": 0, "Date_To": int(world.clock()) + 60})
    found = json.loads((await asked(world, "GET", PATH, query)).response.body)["Messages"]
    return [row["DeliveryReceipt"] for row in found]


def test_get_and_list_show_the_receipt_that_was_asked_for(store_url: str) -> None:
    async def work(world: Kept) -> Any:
        sids = [await sent(world, receipt) for receipt in ASKED]
        return [_receipt(await got(world, sid)) for sid in sids], await listed(world)

    assert kept(store_url, work) == ([False, True, True], [False, True, True])


def test_what_the_journal_no_longer_keeps_is_said_to_be_lost(store_url: str) -> None:
    async def work(world: Kept) -> Any:
        sid = await sent(world, receipt=False)

        def forget(connection: Connection) -> None:
            connection.execute(sends.delete())

        await world._real.write(forget)
        reply = await got(world, sid)
        return _receipt(reply), reply.lost, await listed(world)

    receipt, lost, shown = kept(store_url, work)
    assert (receipt, shown) == (True, [True])
    assert "fields.DeliveryReceipt" in lost


def test_a_store_that_is_down_keeps_no_message_from_being_shown(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(world: Kept) -> Any:
        sid = await sent(world, receipt=False)

        async def down(work: Any) -> Any:
            raise StoreUnavailable("OperationalError")

        monkeypatch.setattr(world.journal._store, "read", down)
        return _receipt(await got(world, sid)), await listed(world)

    assert kept(store_url, work) == (True, [True])


@pytest.mark.parametrize(("front", "reads"), [("properties-v2", 1), ("restcomm", 0)])
def test_a_list_takes_at_most_one_read_of_the_journal(
    store_url: str, front: str, reads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(world: Kept) -> Any:
        for number in range(5):
            await world.send(f"{number}", hook="")
        counted = 0
        read = world.journal._store.read

        async def counts(work: Any) -> Any:
            nonlocal counted
            counted += 1
            return await read(work)

        monkeypatch.setattr(world.journal._store, "read", counts)
        if front == "properties-v2":
            await listed(world)
            return counted
        login = b64encode(b"AC1:front-token").decode()
        request = Request(
            "GET", "/2012-04-24/Accounts/AC1/SMS/Messages.json", "", (("authorization", f"Basic {login}"),)
        )
        await world.driver.run(
            RequestContext("a-request"), exchange(world._accounts, world._limits, request, world.clock())
        )
        return counted

    assert kept(store_url, work, front) == reads


def test_a_message_of_another_place_is_no_message_of_this_one(store_url: str) -> None:
    async def work(world: Kept) -> Any:
        await sent(world, receipt=False)

        def found(connection: Connection) -> Any:
            [(place, sid)] = connection.execute(
                sends.select().with_only_columns(sends.c.provider_account, sends.c.sid)
            ).fetchall()
            here, there = (rows.messages_of(connection, where, [sid, "another"]) for where in (place, "elsewhere"))
            return [one.receipt for one in here.values()], there

        return await world._real.read(found)

    assert kept(store_url, work) == ([False], {})
