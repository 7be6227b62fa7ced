"""Concurrent reads of a run: verdicts, exchanges and requests are those of a run that sends one after the other."""

from collections.abc import Sequence
from threading import Event, Lock, current_thread, main_thread
from typing import Any

import pytest

from conformance.cli import judging
from conformance.faults.table import known
from conformance.faults.wrong import Fault, Wrong, target
from conformance.judge.memory import Memory
from conformance.judge.requirements import DIALECTS, load
from conformance.judge.run import Verdict, run
from conformance.judge.target import Answer, StoppedBySafety, Target, Unreachable
from tests.conformance_commands import judged

SECONDS = 30


class Watched:
    """A server that answers one request at a time, and remembers how many were under way at once.

    The requests of threads wait until two of them are under way.
    """

    def __init__(self, dialect: str) -> None:
        self.server = Wrong(dialect, known(dialect), Fault())
        self.lock, self.met = Lock(), Event()
        self.running = self.most = 0

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
            if self.running > 1:
                self.met.set()
        if current_thread() is not main_thread():
            assert self.met.wait(SECONDS)
        with self.lock:
            self.running -= 1
            return self.server.ask(method, path, headers, body)


def watched(dialect: str, at_once: int) -> tuple[Target, Watched]:
    there = Watched(dialect)
    where = target(there.server)
    where.transport, where.at_once = there, at_once
    return where, there


def plain(verdicts: Sequence[Verdict]) -> list[Any]:
    """The part that may not depend on the order of the responses."""
    return [one._replace(seconds=0.0, asked=tuple(asked._replace(number=0) for asked in one.asked)) for one in verdicts]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_reads_at_once_find_the_same_with_as_many_requests(dialect: str) -> None:
    alone, one = watched(dialect, 1)
    together, several = watched(dialect, 4)
    assert plain(run(together, load(dialect))) == plain(run(alone, load(dialect)))
    assert together.requests == alone.requests
    assert together.server == alone.server
    assert (one.most, several.most > 1, several.most <= 4) == (1, True, True)


def test_verdicts_are_shown_in_the_order_of_the_requirements() -> None:
    where, _ = watched("restcomm", 4)
    shown = list[str]()
    run(where, load("restcomm"), lambda verdict: shown.append(verdict.requirement.id))
    alone, _ = watched("restcomm", 1)
    expected = list[str]()
    run(alone, load("restcomm"), lambda verdict: expected.append(verdict.requirement.id))
    assert shown == expected


def test_a_server_that_goes_away_meanwhile_ends_the_run() -> None:
    where, there = watched("restcomm", 4)

    def gone(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if current_thread() is not main_thread():
            raise Unreachable("ConnectionResetError")
        return there(method, path, headers, body)

    where.transport = gone
    with pytest.raises(Unreachable):
        run(where, load("restcomm"))


def test_what_reads_for_another_thread_may_not_send() -> None:
    where, there = watched("restcomm", 4)
    with pytest.raises(StoppedBySafety):
        where.reader().ask("POST", where.messages, b"To=1")
    assert there.most == 0


def test_a_failure_because_messages_came_meanwhile_is_judged_again() -> None:
    """While one list is read, a message is sent there. The run reads the list again, and finds nothing wrong."""
    where, there = watched("restcomm", 4)
    came = Event()

    def arriving(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        answer = there(method, path, headers, body)
        if current_thread() is not main_thread() and "From=" in path and not came.is_set():
            came.set()
            with there.lock:
                media = {**headers, "content-type": "application/x-www-form-urlencoded"}
                form = b"From=19876543212&To=15550100009&Body=meanwhile"
                assert there.server.ask("POST", where.messages + ".json", media, form).is_good
        return answer

    where.transport = arriving
    reads = [one for one in load("restcomm") if one.needs in ("", "message") and one.level != "ambiguous"]
    verdicts = run(where, reads)
    assert came.is_set()
    assert [(one.requirement.id, one.why) for one in verdicts if one.outcome in ("failed", "broken")] == []


def test_what_could_not_be_asked_is_not_remembered() -> None:
    memory: Memory[int] = Memory()

    def broken() -> int:
        raise Unreachable("ConnectionResetError")

    with pytest.raises(Unreachable):
        memory.recall("question", broken)
    assert memory.recall("question", lambda: 1) == (1, False)
    assert memory.recall("question", broken) == (1, True)
    memory.forget()
    assert memory.recall("question", lambda: 2) == (2, False)


@pytest.mark.parametrize(("rate", "at_once"), [("0", 4), ("5", 1)])
def test_only_a_run_without_a_rate_asks_at_once(monkeypatch: pytest.MonkeyPatch, rate: str, at_once: int) -> None:
    found = list[int]()

    def seen(where: Target) -> None:
        found.append(where.at_once)
        raise Unreachable("none")

    monkeypatch.setattr(judging, "first_look", seen)
    assert judged("http://127.0.0.1:1", "--rate", rate).returncode == 10
    assert found == [at_once]
