"""Tests of the home of a message: the provider of an account that has it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.exchanges import NOW, dialects
from tests.homes import account
from translator.core.accounts import Account, Accounts, by_shape
from translator.core.effects import JOURNAL, ProviderRequests, Sent, run_without_shell, unjournalled
from translator.core.exchange import Limits, Reply, exchange
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.core.migration import MigrationRules, MigrationStage
from translator.core.model import Message

HEX = "5dd70f7ea54e47f1a49749debeec3f7f"
"""The digits of the SID in the example response of the restcomm document."""

BARE = "MJGPVTNSWHJ35HGQTGABFE27TXFSSUZI"
"""The first SID in the example response of the Properties document."""

PAIRS = [(new, old) for new in ("properties-v2", "restcomm") for old in ("properties-v2", "restcomm")]


def row(dialect: str, sid: str, place: str) -> bytes:
    """A message as a provider shows it."""
    if dialect == "properties-v2":
        return json.dumps({
            "MessageSid": sid, "AccountSid": f"A-{place}", "PropertySid": "S1", "From": "+15550100001", "To": "+15550100002",
            "Text": "x", "Status": "Delivered", "Direction": "Transmit", "Created": NOW - 60,
        }).encode()  # fmt: skip
    return json.dumps({
        "sid": sid, "account_sid": f"A-{place}", "from": "+15550100001", "to": "+15550100002", "body": "x",
        "status": "delivered", "direction": "outbound-api", "date_created": "Tue, 14 Nov 2023 22:12:20 +0000",
        "date_updated": "Tue, 14 Nov 2023 22:12:20 +0000", "date_sent": "Tue, 14 Nov 2023 22:12:20 +0000",
    }).encode()  # fmt: skip


class World:
    """Two providers, a journal and a cache. `asked` are the providers in the order in which they were asked."""

    def __init__(self, entry: Account, has: Mapping[str, str], journal: Mapping[str, str] | None = None) -> None:
        self.entry, self.has, self.journal = entry, has, journal or {}
        self.down: set[str] = set()
        self.asked: list[str] = []
        self.memory: dict[Any, Any] = {}
        self.stage = MigrationStage("canary", is_crossed=True)

    def get(self, sid: str) -> Reply:
        front = self.entry.front
        path = (
            f"/2012-04-24/Accounts/AC1/SMS/Messages/{sid}.json"
            if front.dialect.name == "restcomm"
            else f"/v2/Properties/S9/Messages/{sid}"
        )
        headers = {"authorization": "Basic QUMxOnQ="}
        request = Request("GET", path, "", tuple(headers.items()), b"")
        steps = run_without_shell(
            exchange(Accounts([self.entry]), Limits(), request, NOW), self.memory, self._journal, lambda _: self.stage
        )
        sent: Any = None
        while True:
            try:
                want: ProviderRequests = steps.send(sent)
            except StopIteration as done:
                reply: Reply = done.value
                return reply
            sent = tuple(self._answer(want.back, one) for one in want.requests)

    def _journal(self, want: Any) -> Any:
        assert isinstance(want, JOURNAL)
        if not isinstance(want, Sent):
            return unjournalled(want)
        name = want.place.partition("/")[0]
        return {sid: _sent(sid) for sid in want.sids if self.journal.get(sid) == name}

    def _answer(self, back: str, request: Request) -> Answer:
        self.asked.append(back)
        if back in self.down:
            return Failure("timeout", "")
        home = next(one for one in self.entry.homes if one.back.name == back)
        sid = request.path.rpartition("/")[2].removesuffix(".json")
        if self.has.get(sid) == back:
            return Response(200, (("content-type", "application/json"),), row(home.back.dialect.name, sid, back))
        return Response(404, (("content-type", "application/json"),), b'{"message": "not found"}')


def _sent(sid: str) -> Message:
    return Message(sid=sid, sender="", recipient="", text="", status="queued", direction="outbound-api", created=NOW)


def own(dialect: str, letter: str = "") -> str:
    """A SID as providers of this dialect make them."""
    if dialect == "properties-v2":
        return BARE[: 32 - len(letter)] + letter.upper()
    return "SM" + HEX[: 32 - len(letter)] + letter.lower()


def shown(front: str, dialect: str, sid: str) -> str:
    """A provider's SID as the front shows it."""
    spoken = dialects()
    neutral = spoken[dialect].front.read_sid(sid)
    return spoken[front].front.write_sid(neutral)


@pytest.mark.parametrize("front", ["restcomm", "properties-v2"])
@pytest.mark.parametrize(("new", "old"), [pair for pair in PAIRS if pair[0] != pair[1]])
@pytest.mark.parametrize("home", ["new", "old"])
def test_the_shape_of_a_sid_names_the_provider(front: str, new: str, old: str, home: str) -> None:
    dialect = new if home == "new" else old
    world = World(account(front, new, old), {own(dialect): home})
    assert world.get(shown(front, dialect, own(dialect))).response.status == 200
    assert world.asked == [home]


@pytest.mark.parametrize(("new", "old"), [pair for pair in PAIRS if pair[0] != pair[1]])
def test_a_failing_other_provider_does_not_matter_to_a_known_shape(new: str, old: str) -> None:
    world = World(account("restcomm", new, old), {own(old): "old"})
    world.down = {"new"}
    assert world.get(shown("restcomm", old, own(old))).response.status == 200


@pytest.mark.parametrize("home", ["new", "old"])
@pytest.mark.parametrize("dialect", ["properties-v2", "restcomm"])
def test_the_journal_names_the_provider_if_the_shapes_are_equal(dialect: str, home: str) -> None:
    sid = own(dialect)
    neutral = dialects()[dialect].front.read_sid(sid)
    world = World(account("restcomm", dialect, dialect), {sid: home}, {neutral: home})
    assert world.get(shown("restcomm", dialect, sid)).response.status == 200
    assert world.asked == [home]


@pytest.mark.parametrize("dialect", ["properties-v2", "restcomm"])
def test_the_providers_are_asked_newest_first_and_the_answer_is_remembered(dialect: str) -> None:
    sid = own(dialect)
    world = World(account("restcomm", dialect, dialect), {sid: "old"})
    for asked in (["new", "old"], ["old"], ["old"]):
        world.asked.clear()
        assert world.get(shown("restcomm", dialect, sid)).response.status == 200
        assert world.asked == asked


@pytest.mark.parametrize("down", ["new", "old"])
@pytest.mark.parametrize("dialect", ["properties-v2", "restcomm"])
def test_a_provider_that_fails_is_never_an_unknown_message(dialect: str, down: str) -> None:
    world = World(account("restcomm", dialect, dialect), {})
    world.down = {down}
    reply = world.get(shown("restcomm", dialect, own(dialect)))
    assert (reply.response.status, reply.fault) == (504, "back-timeout")


@pytest.mark.parametrize(("new", "old"), PAIRS)
def test_a_message_that_no_provider_has_is_unknown(new: str, old: str) -> None:
    world = World(account("restcomm", new, old), {})
    for dialect in {new, old}:
        assert world.get(shown("restcomm", dialect, own(dialect))).fault == "unknown-message"


@pytest.mark.parametrize(
    ("stage", "asked"),
    [
        (MigrationStage("old"), "old"),
        (MigrationStage("render"), "old"),
        (MigrationStage("old", is_crossed=True), "newold"),
        (MigrationStage("canary", is_crossed=True), "newold"),
        (MigrationStage("new", is_crossed=True), "newold"),
        (MigrationStage("done", is_crossed=True), "newold"),
    ],
)
def test_the_stage_names_the_providers_that_a_get_asks(stage: MigrationStage, asked: str) -> None:
    """A rollback from a later stage hides no message of the new provider."""
    world = World(account("restcomm", "restcomm", "restcomm"), {})
    world.stage = stage
    assert world.get(own("restcomm")).fault == "unknown-message"
    assert "".join(world.asked) == asked


@pytest.mark.parametrize("history", ["copied", "none"])
def test_an_old_sid_is_unknown_after_the_end_if_its_history_is_not_kept(history: Any) -> None:
    entry = account("restcomm", "properties-v2", "restcomm")
    world = World(entry._replace(migration=MigrationRules(history=history)), {own("restcomm"): "old"})
    world.stage = MigrationStage("done", is_crossed=True)
    assert world.get(own("restcomm")).fault == "unknown-message"
    assert world.asked == ["new"]


def test_a_sid_of_the_other_shape_is_found_by_the_journal() -> None:
    """An old provider that is a proxy itself shows the other dialect's SIDs inside its own form."""
    sid = "SM" + BARE
    world = World(account("restcomm", "properties-v2", "restcomm"), {sid: "old"}, {BARE: "old"})
    assert world.get(sid).response.status == 200
    assert world.asked == ["new", "old"]


def test_an_account_without_an_old_provider_asks_once_and_reads_no_journal() -> None:
    entry = account("restcomm", "properties-v2", "restcomm")._replace(old=None)
    world = World(entry, {BARE: "new"})
    assert world.get("SM" + BARE).response.status == 200
    assert world.asked == ["new"]


@pytest.mark.parametrize(("new", "old"), PAIRS)
def test_shapes_are_disjoint_exactly_if_the_dialects_differ(new: str, old: str) -> None:
    entry = account("restcomm", new, old)
    sids = [dialects()[name].front.read_sid(own(name, letter)) for name in (new, old) for letter in ("", "A", "B")]
    assert {by_shape(entry.homes, sid) is not None for sid in sids} == {new != old}
