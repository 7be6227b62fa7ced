"""An effect runner whose effects a test answers."""

import asyncio
from typing import Any

from translator.core.effects import Effect, EffectGenerator, ProviderRequests

ASK = ProviderRequests("back", ())


class Driver:
    """Performs effects. Each takes until `go` is set. `begun` counts the effects."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = 0

    async def __call__(self, steps: EffectGenerator, want: Effect) -> Any:
        self.begun += 1
        assert want is ASK
        await self.go.wait()
        try:
            steps.send(())
        except StopIteration as done:
            return done.value
        raise AssertionError("the steps of these tests want one thing")
