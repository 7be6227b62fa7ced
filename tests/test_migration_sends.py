"""The sends of an account with two providers: each goes to one of them, and none of them twice."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tests.moving import Moving
from translator.core.effects import EffectGenerator, run_without_shell
from translator.core.errors import FaultRaised
from translator.core.http.messages import Failure
from translator.core.migration import MigrationRules
from translator.core.model import Draft
from translator.core.sending import Sending
from translator.shell.store import open_store

CANARY: Final = MigrationRules(stage="canary", allow=("+1555",))
OLD: Final = MigrationRules()
NEW: Final = MigrationRules(stage="new")


def moving(
    work: Callable[[Moving], Awaitable[Any]], rules: MigrationRules = OLD, *, ready: bool = True, **settings: Any
) -> Any:
    """Do some work with a proxy whose account moves. The process has begun, if `ready`."""

    async def main() -> Any:
        store = await open_store("memory:", "test", Path())
        world = Moving(store, rules, **settings)
        if ready:
            await world.recover()
        result = await work(world)
        await store.close()
        return result

    return asyncio.run(main())


async def go_to(world: Moving, stage: str) -> None:
    """Advance to a stage, and act on it."""
    while (after := await world.changed("advance")) is not None and after.stage != stage:
        pass
    await world.reread()


async def with_default_senders(world: Moving) -> None:
    """Give each home a default sender of its own, and begin again."""
    old = world.entry.old
    assert old is not None
    world.entry = world.entry._replace(
        behind=world.entry.behind._replace(sender="+15550100008"),
        old=old._replace(behind=old.behind._replace(sender="+15550100009")),
    )
    world.start()
    await world.recover()


# ---- the stage decides -----------------------------------------------------------------------------------------------


def test_a_send_goes_to_the_provider_of_the_stage_that_was_read() -> None:
    async def work(world: Moving) -> None:
        await world.post("one")
        await go_to(world, "new")
        await world.post("two")
        await world.changed("rollback")
        await world.post("three")  # the process has not read the stage again
        await world.reread()
        await world.post("four")
        assert world.old.texts == ["one", "four"]
        assert world.provider.texts == ["two", "three"]

    moving(work)


def test_in_a_canary_the_share_decides_by_recipient() -> None:
    async def work(world: Moving) -> None:
        await world.changed("set", 50.0)
        await world.reread()
        for number in range(40):
            await world.post(f"text {number}", to=f"1777010{number:04}")
            await world.post(f"again {number}", to=f"1777010{number:04}")
        assert 24 <= len(world.old.texts) <= 56
        for number in range(40):
            there = [f"text {number}" in one.texts for one in (world.old, world.provider)]
            assert there == [f"again {number}" in one.texts for one in (world.old, world.provider)]
            assert sum(there) == 1

    moving(work, MigrationRules(stage="canary"))


def test_a_stage_that_was_never_read_sends_nothing() -> None:
    async def work(world: Moving) -> None:
        assert (await world.post("one"))[0] == 503
        assert (world.old.asked, world.provider.asked, world.texts) == (0, 0, [])
        await world.recover()
        assert (await world.post("one"))[0] == 200

    moving(work, NEW, ready=False)


def test_the_default_sender_is_that_of_the_home() -> None:
    async def work(world: Moving) -> None:
        await with_default_senders(world)
        await world.post("one", sender="")
        await go_to(world, "new")
        await world.post("two", sender="")
        assert [row.sender.lstrip("+") for row in world.old.twin.messages] == ["15550100009"]
        assert [row.sender.lstrip("+") for row in world.provider.twin.messages] == ["15550100008"]

    moving(work, front="properties-v2")


# ---- a send that was made before goes first --------------------------------------------------------------------------


@pytest.mark.parametrize("sender", ["15550100001", ""])
@pytest.mark.parametrize("fault", ["no answer", "reset", "lost on its way"])
def test_an_equal_unknown_send_is_joined_at_any_home(sender: str, fault: str) -> None:
    async def work(world: Moving) -> None:
        await with_default_senders(world)
        world.old.fault = fault
        assert (await world.post("one", sender=sender))[0] == 504
        await go_to(world, "new")
        for _ in range(2):
            assert (await world.post("one", sender=sender))[0] == 504
        assert world.provider.asked == 0
        world.old.fault = ""
        await world.work_off(1)
        assert world.texts == ([] if fault == "lost on its way" else ["one"])
        assert world.provider.asked == 0, "an unknown send is searched for where it was asked"

    moving(work, front="properties-v2")


def test_an_unknown_send_at_the_new_provider_is_found_after_a_rollback() -> None:
    async def work(world: Moving) -> None:
        world.provider.fault = "no answer"
        assert (await world.post("one"))[0] == 504
        world.provider.fault = ""
        await world.changed("rollback")
        await world.reread()
        assert (await world.post("one"))[0] == 504
        assert world.old.asked == 0
        for _ in range(5):
            await world.work_off(30)
        assert (world.texts, world.provider.texts) == (["one"], ["one"])
        assert world.application.told, "its callbacks follow"
        assert world.old.asked == 0

    moving(work, NEW)


def test_a_key_replays_its_outcome_from_any_home() -> None:
    async def work(world: Moving) -> None:
        first = await world.post("one", key="k")
        await go_to(world, "new")
        assert await world.post("one", key="k") == first
        assert (await world.post("two", key="k"))[0] == 422
        world.provider.fault = "no answer"
        assert (await world.post("three", key="u"))[0] == 504
        await world.changed("rollback")
        await world.reread()
        assert (await world.post("three", key="u"))[0] == 504
        assert (world.old.texts, world.provider.texts) == (["one"], ["three"])

    moving(work)


def test_a_key_counts_even_if_its_provider_could_not_carry_the_send() -> None:
    """The old provider takes a schedule, and the new one has no counterpart for it."""

    async def work(world: Moving) -> None:
        later = int(world.clock()) + 3600
        first = await world.post("one", key="k", Schedule=later)
        assert first[0] == 200
        await go_to(world, "new")
        assert await world.post("one", key="k", Schedule=later) == first
        asked = world.old.asked
        status, body = await world.post("two", key="l", Schedule=later)
        assert (status, body["ResponseStatus"]["ErrorCode"]) == (400, "PARAMETER_NOT_SUPPORTED")
        assert (world.provider.asked, world.old.asked) == (0, asked)
        await world.changed("rollback")
        await world.reread()
        assert (await world.post("two", key="l", Schedule=later))[0] == 200, "the refused send left nothing behind"
        assert world.texts == ["one", "two"]

    moving(work, front="properties-v2", old="properties-v2")


# ---- batches ---------------------------------------------------------------------------------------------------------


def test_each_message_of_a_batch_has_a_home_of_its_own() -> None:
    async def work(world: Moving) -> None:
        rows = [
            {
                "From": "+15550100001",
                "To": f"+{'1555' if number % 3 else '1777'}01{number:05}",
                "Text": f"text {number}",
            }
            for number in range(10)
        ]
        world.provider.fault = "no answer"
        status, body = await world.batch(rows, key="k")
        assert status == 200
        outcomes = [one.get("ErrorCode", "sent") for one in body]
        assert outcomes == ["OUTCOME_UNKNOWN" if number % 3 else "sent" for number in range(10)]
        assert sorted(world.old.texts) == [f"text {number}" for number in range(0, 10, 3)]
        world.provider.fault = ""
        await world.changed("rollback")
        await world.reread()
        await world.batch(rows, key="k")
        assert sorted(world.texts) == sorted(row["Text"] for row in rows)

    moving(work, CANARY, front="properties-v2", old="properties-v2")


# ---- what it costs ---------------------------------------------------------------------------------------------------


def effects_of(steps: EffectGenerator) -> list[str]:
    """The names of the effects of a send whose provider request fails, so that its outcome stays unknown."""
    seen: list[str] = []

    def noted() -> EffectGenerator:
        sent: Any = None
        while True:
            want = steps.send(sent)
            seen.append(type(want).__name__)
            sent = yield want

    running = run_without_shell(noted(), {})
    want = next(running)
    with pytest.raises(FaultRaised, match="outcome-unknown"):
        running.send(tuple([Failure("timeout")] * len(want.requests)))
    return seen


def test_an_account_with_one_provider_asks_for_no_stage() -> None:
    async def work(world: Moving) -> None:
        draft = Draft(sender="+15550100001", recipient="+15550100005", text="x")
        common = ["RecordIntents", "ProviderRequests", "RecordOutcomes", "AwaitOutcomes", "CacheIncrement"]
        for entry, first in ((world.entry._replace(old=None), []), (world.entry, ["MigrationState"])):
            assert effects_of(Sending(entry, 1.0).one(msgspec.structs.replace(draft))) == [*first, *common]

    moving(work)
