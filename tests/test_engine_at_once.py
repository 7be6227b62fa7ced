"""Steps that the effect runner runs at the same time."""

import asyncio
from typing import Any

import pytest

from translator.core.effects import Concurrently, EffectGenerator, ProviderRequests
from translator.core.errors import FaultRaised
from translator.core.http.messages import Answer, Request, Response
from translator.core.model import Fault
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import EffectRunner, RequestContext
from translator.shell.runtime.single_flight_cache import SingleFlightCache

REQUEST = Request("GET", "/", "", ())


class Meeting:
    """A provider that answers as soon as the other one has its request too. `given_up` says that its answer is no longer awaited."""

    def __init__(self, parties: asyncio.Barrier) -> None:
        self._parties, self.given_up = parties, False

    async def ask(self, *_: object) -> Answer:
        try:
            await self._parties.wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        return Response(200, (), b"here")

    async def aclose(self) -> None:
        """Nothing is open."""


def _ask(back: str) -> EffectGenerator:
    [answer] = yield ProviderRequests(back, (REQUEST,))
    return back, answer.body


def _refuse() -> EffectGenerator:
    raise FaultRaised(Fault("back-failed"))
    yield


def _both(*steps: EffectGenerator) -> EffectGenerator:
    return (yield Concurrently(steps))


def _run(steps: EffectGenerator, parties: int) -> tuple[Any, dict[str, Meeting]]:
    async def main() -> tuple[Any, dict[str, Meeting]]:
        barrier = asyncio.Barrier(parties)
        backs = {name: Meeting(barrier) for name in ("new", "old")}
        runner = EffectRunner(backs, SingleFlightCache(), Meter())
        try:
            return await asyncio.wait_for(runner.run(RequestContext("x"), steps), 10), backs
        except FaultRaised as refused:
            return refused.fault.name, backs

    return asyncio.run(main())


def test_both_providers_are_asked_at_the_same_time() -> None:
    """Each answers only when the other has its request, so one after the other would never end."""
    result, _ = _run(_both(_ask("new"), _ask("old")), 2)
    assert result == (("new", b"here"), ("old", b"here"))


def test_if_steps_fail_the_others_have_ended_before_the_error_is_raised() -> None:
    result, backs = _run(_both(_ask("new"), _late_refusal()), 3)
    assert result == "back-failed"
    assert backs["new"].given_up


def _late_refusal() -> EffectGenerator:
    yield Concurrently(())
    return (yield from _refuse())


@pytest.mark.parametrize("steps", [0, 1])
def test_no_steps_and_single_steps_have_their_results(steps: int) -> None:
    result, _ = _run(_both(*[_ask("new")] * steps), 1)
    assert len(result) == steps
