"""Application, proxy, back and receiver in any order, with faults and deaths: nothing twice, nothing lost, nothing out of order."""

import asyncio
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.effort import examples
from tests.kept import Crash, Kept
from translator.shell.store import open_store

FAULTS = ("", "", "no answer", "reset", "half an answer", "500", "503", "never left", "400", "lost on its way")


class Promises(RuleBasedStateMachine):
    """One application, and one proxy after another on the same store."""

    front: ClassVar[str]

    @initialize()
    def stand_up(self) -> None:
        self.runner = asyncio.Runner()
        self.store = self._run(open_store("memory:", "test", Path()))
        self.world = Kept(self.store, self.front)
        self.acknowledged: dict[str, str] = {}
        self.number = 0

    def _run(self, work: Any) -> Any:
        return self.runner.run(work)

    def _or_dies(self, work: Any) -> Any:
        """Return the result of the work. If the process dies, start another one and return None."""
        try:
            return self._run(work)
        except Crash:
            self.world.start()
            self._run(self.world.recover())
            return None

    @rule(fault=st.sampled_from(FAULTS), again=st.booleans(), key=st.booleans())
    def send(self, fault: str, again: bool, key: bool) -> None:
        """Send, and perhaps send again if the response is not 200, as an unchanged application does."""
        self.number += 1
        text = f"text {self.number}"
        self.world.provider.fault = fault
        for _ in range(1 + again):
            answered = self._or_dies(self.world.send(text, key=text if key else ""))
            if answered is not None and answered[0] == 200:
                self.acknowledged[text] = self.world.sid(answered[1])
                break
        self.world.provider.fault = ""

    @rule(steps=st.integers(1, 6), after=st.booleans())
    def will_die(self, steps: int, after: bool) -> None:
        """The process will die at one of its next steps."""
        at = self.world.steps.taken + steps
        self.world.steps.dies_before, self.world.steps.dies_after = (None, at) if after else (at, None)

    @rule()
    def is_killed(self) -> None:
        self.world.start()
        self._run(self.world.recover())

    @rule(seconds=st.sampled_from([0, 1, 7, 130, 1000]))
    def goes_on(self, seconds: int) -> None:
        self._or_dies(self.world.work_off(seconds))

    @rule(down=st.booleans())
    def receiver(self, down: bool) -> None:
        self.world.application.down = down

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        if hasattr(self, "world"):
            texts = self.world.provider.texts
            assert len(texts) == len(set(texts))
            assert set(self.acknowledged) <= set(texts)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.application.down = False
        self.is_killed()
        sids = {row.text if hasattr(row, "text") else row.body for row in self.world.provider.twin.messages}
        wanted = ["sent", "delivered"] if self.front == "restcomm" else ["DeliveryReceiptReceived"]
        for _ in range(40):
            self._run(self.world.work_off(600))
            if all(list(dict.fromkeys(self.world.application.by_text().get(text, []))) == wanted for text in sids):
                break
        for _ in range(2):  # a wrong or repeated callback would come now
            self._run(self.world.work_off(600))
        told = self.world.application.by_text()
        for text in sids:
            assert list(dict.fromkeys(told.get(text, []))) == wanted, (text, told.get(text))
        assert set(told) <= sids, "nobody is told of what was never sent"
        self._run(self.store.close())
        self.runner.close()


def _case(front: str) -> Any:
    machine: Any = type("Machine", (Promises,), {"front": front})
    case = machine.TestCase
    case.settings = settings(max_examples=examples(25), stateful_step_count=15, deadline=None)
    return case


TestRestcommInFront = _case("restcomm")
TestPropertiesV2InFront = _case("properties-v2")
