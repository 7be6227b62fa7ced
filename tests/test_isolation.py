"""Two accounts before one store and one provider: neither sees, guesses or counts the other's messages, or learns anything private of
them."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

import pytest
import structlog

from conformance.twins.properties_v2 import PropertiesV2Twin, TwinAccount
from tests import kept as around
from tests.kept import HOOK, SECRET, Kept
from tests.names import named
from tests.stores import opened
from tests.twins import spoken
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.exchange import exchange
from translator.core.http.messages import Request, Response
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy, UrlRejected
from translator.shell.runtime.effect_runner import RequestContext

TOKENS = {"AC1": "front-token", "AC2": "zebra-other-token"}
NUMBER, TEXT, KEY = "15550107777", "zebra text", "zebra-key"


def two(work: Callable[[Kept], Coroutine[Any, Any, Any]], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the result of a test's work on two accounts that share a provider, each with its own account there."""
    back = spoken("properties-v2", "back")
    other = Account(
        Endpoint(spoken("restcomm"), "AC2", "", TOKENS["AC2"]), ConfiguredProvider("provider", back),
        Endpoint(back, "A2", "P2", "zebra-back"), False
    )  # fmt: skip
    monkeypatch.setattr(around, "Accounts", lambda entries: Accounts([*entries, other]))

    async def main() -> Any:
        async with opened("memory:") as store:
            world = Kept(store)
            behind = {"A1": TwinAccount("token", ("P1",)), "A2": TwinAccount("zebra-back", ("P2",))}
            world.provider.twin = PropertiesV2Twin(accounts=behind, clock=world.clock)
            return await work(world)

    return asyncio.run(main())


async def asked(
    world: Kept, account: str, path: str = "", *, of: str = "", key: str = "", **form: str
) -> tuple[int, Any, Response]:
    """Send one request with the credentials of `account`, at the messages of `of`; with a form it is a send."""
    login = b64encode(f"{account}:{TOKENS[account]}".encode()).decode()
    headers = [("authorization", f"Basic {login}"), ("content-type", "application/x-www-form-urlencoded")]
    headers += [("idempotency-key", key)] if key else []
    where, _, query = path.partition("?")
    target = f"/2012-04-24/Accounts/{of or account}/SMS/Messages{where}.json"
    request = Request("POST" if form else "GET", target, query, tuple(headers), urlencode(form).encode())
    reply = await world.driver.run(
        RequestContext("an-id"), exchange(world._accounts, world._limits, request, world.clock())
    )
    return reply.response.status, json.loads(reply.response.body), reply.response


def send(text: str = TEXT, hook: str = HOOK) -> dict[str, str]:
    return {"From": "15550100001", "To": NUMBER, "Body": text, "StatusCallback": hook}


def test_same_key_of_two_accounts_is_two_sends_with_their_own_callbacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work(world: Kept) -> Any:
        sent = [await asked(world, name, key=KEY, **send(f"of {name}", f"{HOOK}?{name}")) for name in TOKENS]
        for _ in range(4):
            await world.work_off(30)
        return sent, world.provider.texts, world.application.told

    sent, texts, told = two(work, monkeypatch)
    assert [status for status, _, _ in sent] == [200, 200]
    sids = {name: body["sid"] for name, (_, body, _) in zip(TOKENS, sent, strict=True)}
    assert sids["AC1"] != sids["AC2"] and sorted(texts) == ["of AC1", "of AC2"]
    assert {(call["AccountSid"], call["MessageSid"]) for call in told} == set(sids.items())


def test_account_cannot_tell_messages_of_others_from_missing_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work(world: Kept) -> None:
        _, first, _ = await asked(world, "AC1", **send())
        await asked(world, "AC2", **send("its own"))
        sid = first["sid"]
        invented = sid[:-4] + ("2222" if sid[-4:] != "2222" else "3333")
        found, absent = [await asked(world, "AC2", f"/{which}") for which in (sid, invented)]
        assert found[0] == absent[0] == 404
        assert json.dumps(found[1]).replace(sid, invented) == json.dumps(absent[1])
        theirs, nobodys = [await asked(world, "AC2", f"/{sid}", of=of) for of in ("AC1", "AC9")]
        assert theirs[0] == nobodys[0] >= 400 and theirs[1] == nobodys[1]
        _, listed, _ = await asked(world, "AC2")
        assert [row["body"] for row in listed["messages"]] == ["its own"]
        after, behind_none = [await asked(world, "AC2", f"?AfterSid={which}") for which in (sid, invented)]
        assert json.dumps(after[1]).replace(sid, invented) == json.dumps(behind_none[1])
        assert [row["sid"] for row in (await asked(world, "AC1"))[1]["messages"]] == [sid]

    two(work, monkeypatch)


def test_nothing_private_is_in_a_log_line_a_metric_or_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(world: Kept) -> list[str]:
        errors: list[str] = []
        sids: list[str] = []
        for fault in (
            "",
            "never left",
            "400",
            "404",
            "429",
            "no answer",
            "reset",
            "half an answer",
            "500",
            "302",
            "lost on its way",
        ):
            world.provider.fault = fault
            for name in TOKENS:
                status, body, response = await asked(world, name, key=f"{KEY}-{fault}", **send())
                if status >= 400:
                    errors.append(f"{response.body!r} {response.headers}")
                else:
                    sids.append(body["sid"])
        world.provider.fault, world.application.down = "", True
        for _ in range(3):
            await world.work_off(60)
        for form in (send(hook="http://10.0.0.1/zebra"), {**send(), "From": ""}, {**send(), "Body": ""}):
            status, _, response = await asked(world, "AC2", **form)
            assert status == 400
            errors.append(f"{response.body!r} {response.headers}")
        world.provider.search = Response(500, (), f"{NUMBER} {TEXT}".encode())
        _, _, response = await asked(world, "AC2", f"?To={NUMBER}")
        errors.append(f"{response.body!r} {response.headers}")
        assert len(errors) > 15 and sids
        return [*errors, world.meter.page().decode()]

    with structlog.testing.capture_logs() as logs:
        told = two(work, monkeypatch)
    assert logs
    private = (NUMBER, "zebra", "front-token", SECRET)
    for said in (*told, json.dumps(logs, default=str)):
        assert [value for value in private if value in said] == [], said[:500]


def test_rebound_name_is_checked_again_or_dialled_at_its_checked_address() -> None:
    answers = [["93.184.216.34"], ["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::ffff:127.0.0.1"]]

    async def resolve(host: str, port: int) -> list[str]:
        return answers.pop(0)

    async def main() -> None:
        vetting = CallbackUrlPolicy(resolve=resolve)
        for _ in range(10):
            assert (await vetting.resolve_target("http://a.example/x")).ip == "93.184.216.34", (
                "held, and not looked up anew"
            )
        vetting._found.clear()  # its time is over
        while answers:
            with pytest.raises(UrlRejected):
                await vetting.resolve_target("http://a.example/x")

    asyncio.run(main())
    with pytest.raises(UrlRejected):
        asyncio.run(CallbackUrlPolicy(resolve=named("169.254.169.254")).resolve_target("http://metadata.example/x"))
