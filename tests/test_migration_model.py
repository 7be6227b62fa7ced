"""An account between two providers, with faults, deaths and changes of the stage in any order: nothing is sent twice."""

import asyncio
from pathlib import Path
from typing import Any, ClassVar, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.effort import examples
from tests.kept import Crash
from tests.moving import MAKE, Moving
from translator.core.effects import MigrationState
from translator.core.migration import MigrationRules, NotAllowed
from translator.shell.store import open_store

FAULTS: Final = (
    "",
    "",
    "",
    "no answer",
    "reset",
    "half an answer",
    "500",
    "503",
    "never left",
    "400",
    "lost on its way",
)
RULES: Final = MigrationRules(
    stage="canary",
    percent=40.0,
    salt="s",
    allow=("+1555",),
    pins={"+15550100007": "new"},
    cut_over=1_790_000_000 + 5000,
)
ACTIONS: Final = (*MAKE, "set", "nothing")


class Moves(RuleBasedStateMachine):
    """One application, and one process after another on the same store, between two providers."""

    front: ClassVar[str]
    old: ClassVar[str]

    @initialize()
    def stand_up(self) -> None:
        self.runner = asyncio.Runner()
        self.store = self.runner.run(open_store("memory:", "test", Path()))
        self.world = Moving(self.store, RULES, self.front, self.old)
        self.runner.run(self.world.recover())
        self.acknowledged: set[str] = set()
        self.number = 0

    def _or_dies(self, work: Any) -> Any:
        """Return the result of some work, or None. If the process dies, another one starts."""
        try:
            return self.runner.run(work)
        except Crash:
            self.world.start()
            self.runner.run(self.world.recover())
            return None

    def _change(self, action: str, percent: float) -> None:
        """A person changes the stage, if the stage allows it."""
        try:
            if action != "nothing":
                self.runner.run(self.world.changed(action, percent if action == "set" else None))
        except NotAllowed:
            pass

    def _known(self) -> str:
        """The stage that the process acts on."""
        stage = self.world.migrations.stage(MigrationState(self.world.entry.name, RULES))
        return stage.stage if stage.is_known else ""

    @rule(
        at_new=st.sampled_from(FAULTS),
        at_old=st.sampled_from(FAULTS),
        to=st.sampled_from(["15550100005", "17770100011", "17770100012", "17770100013"]),
        sender=st.sampled_from(["15550100001", "15550100007"]),
        key=st.booleans(),
        between=st.lists(
            st.tuples(st.sampled_from(ACTIONS), st.sampled_from([0.0, 40.0, 100.0]), st.booleans()), max_size=3
        ),
    )
    def send(
        self, at_new: str, at_old: str, to: str, sender: str, key: bool, between: list[tuple[str, float, bool]]
    ) -> None:
        """A send. Until it is answered with 200 the application tries again, and the stage changes between two tries."""
        self.number += 1
        text = f"text {self.number}"
        self.world.provider.fault, self.world.old.fault = at_new, at_old
        for action, percent, reread in [*between, ("nothing", 0.0, False)]:
            stage, before = self._known(), len(self.world.provider.texts)
            answered = self._or_dies(self.world.post(text, to=to, sender=sender, key=text if key else ""))
            assert stage not in ("old", "render") or len(self.world.provider.texts) == before
            if answered is not None and answered[0] == 200:
                self.acknowledged.add(text)
                break
            self._change(action, percent)
            if reread:
                self._or_dies(self.world.reread())
        self.world.provider.fault = self.world.old.fault = ""

    @rule(action=st.sampled_from(ACTIONS), percent=st.sampled_from([0.0, 40.0, 100.0]))
    def changes(self, action: str, percent: float) -> None:
        self._change(action, percent)

    @rule()
    def reads_again(self) -> None:
        self._or_dies(self.world.reread())

    @rule()
    def rolls_back(self) -> None:
        """After the next read nothing goes to the new provider."""
        self._change("rollback", 0.0)
        self._or_dies(self.world.reread())
        assert self._known() == "old"

    @rule(steps=st.integers(1, 6), after=st.booleans())
    def will_die(self, steps: int, after: bool) -> None:
        """The process will die at one of its next steps."""
        at = self.world.steps.taken + steps
        self.world.steps.dies_before, self.world.steps.dies_after = (None, at) if after else (at, None)

    @rule()
    def is_killed(self) -> None:
        self.world.start()
        self.runner.run(self.world.recover())

    @rule(seconds=st.sampled_from([0, 1, 7, 130, 1000]))
    def goes_on(self, seconds: int) -> None:
        self._or_dies(self.world.work_off(seconds))

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        if hasattr(self, "world"):
            texts = self.world.texts
            assert len(texts) == len(set(texts))
            assert self.acknowledged <= set(texts)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.is_killed()
        texts = set(self.world.texts)
        wanted = ["sent", "delivered"] if self.front == "restcomm" else ["DeliveryReceiptReceived"]
        for _ in range(40):
            self.runner.run(self.world.work_off(600))
            if all(list(dict.fromkeys(self.world.application.by_text().get(text, []))) == wanted for text in texts):
                break
        told = self.world.application.by_text()
        for text in texts:
            assert list(dict.fromkeys(told.get(text, []))) == wanted, (text, told.get(text))
        assert set(told) <= texts, "nobody is told of what was never sent"
        self.runner.run(self.store.close())
        self.runner.close()


def _case(front: str, old: str) -> Any:
    machine: Any = type("Machine", (Moves,), {"front": front, "old": old})
    case = machine.TestCase
    case.settings = settings(max_examples=examples(25), stateful_step_count=15, deadline=None)
    return case


TestRestcommInFront = _case("restcomm", "restcomm")
TestPropertiesV2InFront = _case("properties-v2", "properties-v2")
