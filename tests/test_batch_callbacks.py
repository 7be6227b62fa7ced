"""The callback URL policy checks each draft of a batch, over a socket. A failure before a send is recorded is never an unknown send."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from tests.kept import Kept
from tests.stores import on
from tests.test_connection import Caller, Place, place
from translator.core.exchange import Limits
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy
from translator.shell.server.handler import Proxy
from translator.shell.store import Store

PATH = "/v2/Properties/P1/BatchMessages"
LOGIN = b64encode(b"A1:front-token").decode()
PUBLIC, PRIVATE = "93.184.216.34", "10.0.0.1"
MAY_BE_PERMITTED = "leads to an address that is not public; whoever runs this server can permit it"


class Wanted(NamedTuple):
    """The webhook of a draft, and why it is refused; empty if it is not."""

    webhook: str
    why: str = ""


DRAFTS = (
    Wanted("http://public.example/hook"),
    Wanted("http://inside.example/hook", MAY_BE_PERMITTED),
    Wanted("http://xn--a-ecp.example/hook"),  # decoding this host name fails
    Wanted("http://b\u00fccher.example/hook"),
    Wanted(""),
    Wanted("http://[fe80::1%25eth0]/hook", MAY_BE_PERMITTED),
    Wanted("http://public.example:22/hook", "has a port that is not called: 22; those that are called are 80, 443, 8080, 8443"),
    Wanted("http://missing.example/hook"),  # it may resolve later
    Wanted("http://\u2028.example/hook", "has to be an absolute http or https address"),
)  # fmt: skip


async def resolve(host: str, port: int) -> Sequence[str]:
    if host.startswith("missing"):
        raise OSError("no such name")
    return [PRIVATE if host.startswith("inside") else PUBLIC]


def batch(webhooks: Sequence[str]) -> bytes:
    """A batch as it goes over the wire. The text of a draft is its number."""
    drafts = [
        {"From": "+15550100001", "To": "+15550100005", "Text": str(number)}
        | ({"DeliveryReceiptWebhookUri": webhook} if webhook else {})
        for number, webhook in enumerate(webhooks)
    ]
    body = json.dumps({"Messages": drafts}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {LOGIN}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def served(policy: CallbackUrlPolicy, work: Callable[[Kept, Caller], Coroutine[Any, Any, Any]], **knobs: Any) -> Any:
    """Run the work of a test at a server of the proxy that has this policy and a store."""

    async def main(store: Store) -> Any:
        kept = Kept(store, "properties-v2")
        kept.journal._vetting = policy
        under = Proxy(kept._accounts, Limits(), {"provider": kept.provider}, scribe=kept.journal, **knobs)
        at: Place
        async with place(handle=under.handle) as at, at.caller() as caller:
            return await asyncio.wait_for(work(kept, caller), 60)

    return on("memory:", main)


def test_each_draft_of_a_batch_has_its_own_verdict_on_its_callback() -> None:
    async def work(kept: Kept, caller: Caller) -> Any:
        await caller.say(batch([one.webhook for one in DRAFTS]))
        return await caller.answer(), kept.provider.texts

    answer, sent = served(CallbackUrlPolicy(resolve=resolve), work)
    told = json.loads(answer.body)
    assert answer.status == 200
    for number, (one, outcome) in enumerate(zip(DRAFTS, told, strict=True)):
        if one.why:
            assert (outcome["ErrorCode"], "MessageSid" in outcome) == ("PARAMETER_INVALID", False), one
            assert outcome["Message"].startswith("The value of DeliveryReceiptWebhookUri"), one
            assert one.why in outcome["Message"], one
        else:
            assert outcome.get("Text") == str(number), (one, outcome)
    assert sorted(sent) == [str(number) for number, one in enumerate(DRAFTS) if not one.why]


def test_a_batch_whose_every_callback_is_refused_sends_nothing() -> None:
    async def work(kept: Kept, caller: Caller) -> Any:
        await caller.say(batch(["http://inside.example/hook"] * 3))
        return await caller.answer(), kept.provider.asked

    answer, asked = served(CallbackUrlPolicy(resolve=resolve), work)
    assert [one["ErrorCode"] for one in json.loads(answer.body)] == ["PARAMETER_INVALID"] * 3
    assert asked == 0


def test_a_defect_of_the_policy_is_no_unknown_send() -> None:
    """The policy fails at the second draft, whatever the reason. Nothing was recorded, so nothing was sent."""

    async def broken(host: str, port: int) -> Sequence[str]:
        if host.startswith("second"):
            raise ZeroDivisionError
        return [PUBLIC]

    async def work(kept: Kept, caller: Caller) -> Any:
        await caller.say(batch(["http://first.example/hook", "http://second.example/hook"]))
        return await caller.answer(), kept.provider.asked

    answer, asked = served(CallbackUrlPolicy(resolve=broken), work)
    assert (answer.status, asked) == (500, 0)
    assert json.loads(answer.body)["ResponseStatus"]["ErrorCode"] == "INTERNAL_ERROR"


def test_a_deadline_before_a_send_is_recorded_makes_no_unknown_send() -> None:
    async def silent(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async def work(kept: Kept, caller: Caller) -> Any:
        await caller.say(batch(["http://slow.example/hook"]))
        answer = await caller.answer()
        await asyncio.sleep(0.05)
        return answer, kept.provider.asked

    answer, asked = served(CallbackUrlPolicy(resolve=silent), work, deadline=0.2)
    assert (answer.status, asked) == (504, 0)
    assert json.loads(answer.body)["ResponseStatus"]["ErrorCode"] == "TIMEOUT"


def test_names_of_a_batch_are_resolved_at_the_same_time() -> None:
    """Each lookup waits until all of them have begun. One after the other, they would wait for seconds each."""
    running: set[str] = set()
    all_begun = asyncio.Event()
    most = 0

    async def together(host: str, port: int) -> Sequence[str]:
        nonlocal most
        running.add(host)
        most = max(most, len(running))
        if most == 3:
            all_begun.set()
        try:
            await all_begun.wait()
        finally:
            running.discard(host)
        return [PUBLIC]

    async def work(kept: Kept, caller: Caller) -> Any:
        await caller.say(batch([f"http://name{number}.example/hook" for number in range(3)]))
        return await caller.answer()

    answer = served(CallbackUrlPolicy(resolve=together), work)
    assert ([one.get("Text") for one in json.loads(answer.body)], most) == (["0", "1", "2"], 3)
