"""Two processes between two providers, in any order of sends, faults, deaths, stages and gets. Each text is sent once, and has one home."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, ClassVar, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.effort import examples
from tests.moving import MAKE
from tests.replicas import Replica, Replicas
from translator.core.migration import MigrationRules, NotAllowed
from translator.shell.store import open_store, sends

FAULTS: Final = ("", "", "", "no answer", "reset", "half an answer", "500", "never left", "400", "lost on its way")
RULES: Final = MigrationRules(stage="render", percent=50.0, salt="s", allow=("+1555",))
TO: Final = ("15550100005", "17770100011", "17770100012", "17770100013")
ACTIONS: Final = (*MAKE, "set")
WHICH: Final = st.integers(0, 1)


class TwoReplicas(RuleBasedStateMachine):
    """One application, two processes on one store, and the two providers of the account."""

    front: ClassVar[str]
    old: ClassVar[str]

    @initialize()
    def stand_up(self) -> None:
        self.runner = asyncio.Runner()
        self.store = self._run(open_store("memory:", "test", Path()))
        self.world = Replicas(self.store, RULES, self.front, self.old)
        self._run(self.world.begin())
        self.sids: dict[str, str] = {}
        self.held: dict[str, tuple[Any, asyncio.Task[Any]]] = {}
        self.unknown: set[str] = set()
        self.number = 0

    def _run(self, work: Any) -> Any:
        return self.runner.run(work)

    def _text(self) -> str:
        self.number += 1
        return f"text {self.number}"

    def _answered(self, text: str, answer: tuple[int, Any]) -> None:
        if answer[0] == 200:
            sid = self.world.one.sid(answer[1])
            assert self.sids.setdefault(text, sid) == sid, "one key has one message"
        if answer[0] == 504:
            self.unknown.add(text)

    @rule(first=WHICH, then=st.lists(WHICH, max_size=3), faults=st.tuples(*[st.sampled_from(FAULTS)] * 2), to=st.sampled_from(TO),
          key=st.booleans())  # fmt: skip
    def send(self, first: int, then: list[int], faults: tuple[str, str], to: str, key: bool) -> None:
        """Send once, and again through any replica. Without an idempotency key the client repeats only while the outcome is unknown."""
        text = self._text()
        self.world.new.fault, self.world.old.fault = faults
        answer = self._run(self.world.both[first].post(text, to=to, key=text if key else ""))
        self._answered(text, answer)
        self.world.new.fault = self.world.old.fault = ""
        for which in then:
            if not key and answer[0] != 504:
                break
            answer = self._run(self.world.both[which].post(text, to=to, key=text if key else ""))
            self._answered(text, answer)

    @rule(which=WHICH, to=st.sampled_from(TO))
    def send_is_held(self, which: int, to: str) -> None:
        """A send whose provider does not answer yet. Other things happen meanwhile."""
        text, homes = self._text(), (self.world.new, self.world.old)

        async def begin() -> None:
            for home in homes:
                home.holds = True
                home.entered, home.go = asyncio.Event(), asyncio.Event()
            waits = [asyncio.create_task(home.entered.wait()) for home in homes]
            going = asyncio.create_task(self.world.both[which].post(text, to=to, key=text))
            await asyncio.wait([going, *waits], return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            for home in homes:
                home.holds = False
            self.held[text] = [home.go for home in homes], going

        self._run(begin())

    @precondition(lambda self: self.held)
    @rule(data=st.data(), end=st.sampled_from(["answered", "killed"]), again=WHICH)
    def held_send_ends(self, data: Any, end: str, again: int) -> None:
        """The response comes, or the process is gone. The client has seen nothing then, and sends again with its key."""
        text = data.draw(st.sampled_from(sorted(self.held)))
        going, task = self.held.pop(text)

        async def ended() -> Any:
            if end == "killed":
                task.cancel()
            for go in going:
                go.set()
            return (await asyncio.gather(task, return_exceptions=True))[0]

        answer = self._run(ended())
        if isinstance(answer, tuple):
            self._answered(text, answer)
        self._answered(text, self._run(self.world.both[again].post(text, key=text)))

    @rule(action=st.sampled_from(ACTIONS), percent=st.sampled_from([0.0, 50.0, 100.0]))
    def stage_changes(self, action: str, percent: float) -> None:
        with contextlib.suppress(NotAllowed):
            self._run(self.world.one.changed(action, percent if action == "set" else None))

    @rule(which=WHICH)
    def reads_again(self, which: int) -> None:
        self._run(self.world.both[which].reread())

    @rule(which=WHICH)
    def is_started_again(self, which: int) -> None:
        self._run(self.world.both[which].begin())

    @rule(to=st.sampled_from(TO))
    def rolls_back(self, to: str) -> None:
        """After the next read of each replica nothing is sent at the new provider."""
        self._run(self.world.one.changed("rollback"))
        for one in self.world.both:
            self._run(one.reread())
        before = len(self.world.new.rows)
        for one in self.world.both:
            text = self._text()
            self._answered(text, self._run(one.post(text, to=to)))
        assert len(self.world.new.rows) == before

    @rule(which=WHICH, seconds=st.sampled_from([0, 1, 7, 130, 1000]))
    def goes_on(self, which: int, seconds: int) -> None:
        self._run(self.world.both[which].work_off(seconds))

    @precondition(lambda self: self.sids)
    @rule(which=WHICH, data=st.data())
    def gets(self, which: int, data: Any) -> None:
        """A SID that a client was given answers, whatever stage the replica acts on."""
        self._shows(self.world.both[which], data.draw(st.sampled_from(sorted(self.sids))))

    def _shows(self, one: Replica, text: str) -> None:
        assert self._run(one.get(self.sids[text])) == (200, text), (one.known, text)

    @invariant()
    def each_text_is_sent_once(self) -> None:
        if hasattr(self, "world"):
            assert set(self.world.texts.values()) <= {1}, self.world.texts
            assert self.sids.keys() <= self.world.texts.keys()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self._run(self._drained())
        for _ in range(40):
            for one in self.world.both:
                self._run(one.work_off(300))
            if not self._untold():
                break
        assert self._untold() == {}
        assert self.world.one.application.by_text().keys() <= self.world.texts.keys(), (
            "a callback of a message that was never sent"
        )
        for one in self.world.both:
            self._run(one.begin())
            for text in self.sids:
                self._shows(one, text)
        self._run(self._each_is_settled_where_it_is())
        self._run(self.store.close())
        self.runner.close()

    async def _drained(self) -> None:
        for going, task in self.held.values():
            for go in going:
                go.set()
            await task

    def _untold(self) -> dict[str, list[str]]:
        wanted = ["sent", "delivered"] if self.front == "restcomm" else ["DeliveryReceiptReceived"]
        told = self.world.one.application.by_text()
        first = {text: list(dict.fromkeys(told.get(text, []))) for text in self.world.texts}
        return {text: words for text, words in first.items() if words != wanted}

    async def _each_is_settled_where_it_is(self) -> None:
        """The journal has each message at the provider that has it, and a SID has one home."""
        rows = await self.store.read(lambda connection: sends.listed(connection, ["sent"], 10_000))
        homes = {row.text: row.provider_account.partition("/")[0] for row in rows}
        for name, home in (("provider", self.world.new), ("old", self.world.old)):
            assert {text for _, text in home.rows} == {text for text, place in homes.items() if place == name}
        assert not {sid for sid, _ in self.world.new.rows} & {sid for sid, _ in self.world.old.rows}


def _case(front: str, old: str) -> Any:
    machine: Any = type("Machine", (TwoReplicas,), {"front": front, "old": old})
    case = machine.TestCase
    case.settings = settings(max_examples=examples(15), stateful_step_count=15, deadline=None)
    return case


TestToPropertiesV2FromRestcomm = _case("restcomm", "restcomm")
TestToPropertiesV2FromPropertiesV2 = _case("restcomm", "properties-v2")
TestToRestcommFromRestcomm = _case("properties-v2", "restcomm")
TestToRestcommFromPropertiesV2 = _case("properties-v2", "properties-v2")
