"""Sends: each draft becomes one provider request, and its outcome is reported as it is.

    draft ─▶ ready ─▶ RecordIntents ─┬▶ new ──▶ ProviderRequests ─▶ RecordOutcomes ─┬▶ sent, refused, not sent
                                     │                                              └▶ unknown ─┐
                                     ├▶ joined: equals an unknown send ─────────────────────────┴▶ AwaitOutcomes ─▶ sent, or unknown
                                     └▶ known, running, reused: by the client's own key

A send is recorded before the socket is used. An outcome is unknown if the first byte may have left, unless it is clearly sent or refused.
An unknown send is never requested again.
"""

from collections.abc import Sequence

import msgspec

from translator.core.accounts import Account
from translator.core.effects import (
    AwaitOutcomes,
    EffectGenerator,
    Intent,
    Outcome,
    ProviderRequests,
    Recorded,
    RecordIntents,
    RecordOutcomes,
    Sent,
)
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.http.messages import Answer, Failure, Request
from translator.core.listing import count_send, is_ours
from translator.core.migrating import present_stage
from translator.core.migration import MigrationStage
from translator.core.model import FAULTS, Draft, Fault, Message, SentMessage
from translator.core.prepared_send import PreparedSend, complete, prepared

KEY = "Idempotency-Key"
_LONGEST_KEY = 255
_LATER = 60
"""Seconds after which another callback may be accepted, if too many of the account are waiting."""


class Sending:
    """The sends of one request. `key` is the client's idempotency key, or empty. `content` is a digest of the request. `asks` counts
    the provider requests."""

    def __init__(self, entry: Account, now: float, key: str = "", content: str = "") -> None:
        if len(key) > _LONGEST_KEY or not key.isprintable():
            raise FaultRaised(Fault("invalid-parameter", KEY, f"has to be at most {_LONGEST_KEY} printable characters"))
        self._entry, self._name, self._now = entry, entry.name, now
        self._key, self._content = key, content
        self.asks = 0

    def one(self, draft: Draft) -> EffectGenerator:
        """Send one draft, and return its SentMessage. Raises FaultRaised. It does what `all` does for several, without the lists."""
        ready = self._prepared(draft, None if self._entry.old is None else (yield from self._stage()))
        if isinstance(ready, Fault):
            raise FaultRaised(ready)
        [recorded] = yield RecordIntents((self._intent(ready, 0),))
        outcome: Outcome | None = recorded.outcome
        if recorded.state == "new":
            if ready.fault is not None:
                outcome = Outcome(recorded.id, "never-left", fault=ready.fault)
            else:
                self.asks += 1
                [answer] = yield ProviderRequests(ready.home.back.name, (self._request(ready, recorded),), self._name)
                outcome = self._read(recorded.id, answer, ready)
            yield RecordOutcomes((outcome,))
        if recorded.state == "joined" or (outcome is not None and outcome.state == "unknown"):
            [outcome] = yield AwaitOutcomes((recorded.id,))
        if self._entry.old is None or recorded.state == "new":
            yield count_send(ready.home)
        else:
            for home in self._entry.homes:
                yield count_send(home)
        told = self._told(ready, recorded, outcome)
        if isinstance(told, Fault):
            raise FaultRaised(told)
        return told

    def all(self, drafts: Sequence[Draft | Fault]) -> EffectGenerator:
        """Send each draft by itself, as many at once as a list may request. A draft that fails does not stop the others."""
        wide = min([home.back.in_flight for home in self._entry.homes])
        outcomes: list[SentMessage | Fault] = []
        for at in range(0, len(drafts), wide):
            try:
                outcomes += yield from self._some(drafts[at : at + wide], at)
            except FaultRaised as refused:
                if not at:
                    raise
                # Earlier drafts are already sent, so the request as a whole must not be reported as failed.
                some = drafts[at : at + wide]
                outcomes += [one if isinstance(one, Fault) else refused.fault for one in some]
        for home in self._entry.homes:
            yield count_send(home)
        return outcomes

    def _some(self, drafts: Sequence[Draft | Fault], at: int) -> EffectGenerator:
        stage = None if self._entry.old is None else (yield from self._stage())
        ready = [self._prepared(draft, stage) for draft in drafts]
        meant = [(number, one) for number, one in enumerate(ready) if isinstance(one, PreparedSend)]
        found: dict[int, SentMessage | Fault] = {}
        if meant:
            records = yield RecordIntents(tuple(self._intent(one, at + number) for number, one in meant))
            standing = [(number, one, recorded) for (number, one), recorded in zip(meant, records, strict=True)]
            outcomes = yield from self._outcomes([(one, recorded) for _, one, recorded in standing])
            for (number, one, recorded), outcome in zip(standing, outcomes, strict=True):
                found[number] = self._told(one, recorded, outcome)
        return [one if isinstance(one, Fault) else found[number] for number, one in enumerate(ready)]

    def _outcomes(self, standing: Sequence[tuple[PreparedSend, Recorded]]) -> EffectGenerator:
        """Return the outcome of each send, by the journal's id, or None for a send that never began."""
        new = [(one, recorded) for one, recorded in standing if recorded.state == "new"]
        outcomes: dict[str, Outcome] = {
            recorded.id: recorded.outcome for _, recorded in standing if recorded.outcome is not None
        }
        if new:
            settled = [Outcome(recorded.id, "never-left", fault=one.fault) for one, recorded in new if one.fault]
            for home in self._entry.homes:
                there = [(one, recorded) for one, recorded in new if one.home is home and one.fault is None]
                settled += yield from self._asked(home, there)
            yield RecordOutcomes(tuple(settled))
            outcomes.update((outcome.id, outcome) for outcome in settled)
        joined = [recorded.id for _, recorded in standing if recorded.state == "joined"]
        unsure = [id_ for id_, outcome in outcomes.items() if outcome.state == "unknown"]
        if waiting := tuple(dict.fromkeys([*unsure, *joined])):
            outcomes.update((outcome.id, outcome) for outcome in (yield AwaitOutcomes(waiting)))
        return [outcomes.get(recorded.id) for _, recorded in standing]

    def _asked(self, home: Account, sends: Sequence[tuple[PreparedSend, Recorded]]) -> EffectGenerator:
        """Request these sends at one provider, all at once, and return their outcomes."""
        if not sends:
            return []
        requests = tuple([self._request(one, recorded) for one, recorded in sends])
        self.asks += len(requests)
        answers = yield ProviderRequests(home.back.name, requests, self._name)
        return [
            self._read(recorded.id, answer, one) for (one, recorded), answer in zip(sends, answers, strict=True)
        ]  # fmt: skip

    def again(self, id_: str, draft: Draft) -> EffectGenerator:
        """Request an unknown send once more at the provider of the account, and record the outcome. Only the operator's setting `resend`
        causes this. For a send at the old provider the account is that home, so no stage is asked."""
        ready = PreparedSend(draft, None, self._entry)
        requests = (self._request(ready, Recorded(id_, "new")),)
        [answer] = yield ProviderRequests(self._entry.back.name, requests, self._name)
        yield RecordOutcomes((self._read(id_, answer, ready),))

    # --------------------------------------------------------------------------------------- before the provider request

    def _stage(self) -> EffectGenerator:
        """Return the present stage of the migration. Raises FaultRaised if it is not known, because any provider could be the wrong one."""
        stage: MigrationStage = yield from present_stage(self._entry)
        if not stage.is_known:
            why = "the stage of the migration could not be read from the store yet"
            raise FaultRaised(Fault("store-down", retry_after=1, log=why))
        return stage

    def _prepared(self, draft: Draft | Fault, stage: MigrationStage | None) -> PreparedSend | Fault:
        return draft if isinstance(draft, Fault) else prepared(self._entry, draft, stage, self._now)

    def _intent(self, ready: PreparedSend, number: int) -> Intent:
        draft = ready.draft
        key = f"{self._key}/{number}" if self._key else ""
        return Intent(
            self._name, draft.sender or "", draft.recipient or "", draft.text or "", ready.wish, key, self._content,
            ready.place, ready.same_sender, ready.choice,
        )  # fmt: skip

    def _request(self, ready: PreparedSend, recorded: Recorded) -> Request:
        draft, back, behind = ready.draft, ready.home.back.dialect, ready.home.behind
        if recorded.receipt:
            back.calls.ask(draft, recorded.receipt)
        if back.back.facts.takes_our_id and draft.external_id is None:
            draft.external_id = recorded.id
        return back.back.write_send(draft, behind.account, behind.property, behind.token)

    # ---------------------------------------------------------------------------------------- after the provider request

    def _read(self, id_: str, answer: Answer, ready: PreparedSend) -> Outcome:
        """Return the outcome that an answer gives a send. After the first byte, an answer that is not clear leaves the outcome unknown."""
        if isinstance(answer, Failure):
            why = f"the send failed: {answer.kind} {answer.detail}"
            if answer.kind == "never-left":
                return Outcome(id_, "never-left", fault=Fault("back-unreachable", log=why))
            return Outcome(id_, "unknown", fault=Fault("outcome-unknown", log=why))
        try:
            message = ready.home.back.dialect.back.read_message("send", answer, self._now)
        except MalformedProviderResponse as error:
            return Outcome(id_, "unknown", fault=Fault("outcome-unknown", log=error.what))
        except FaultRaised as refused:
            fault = self._in_front_terms(refused.fault)
            return Outcome(id_, "unknown" if fault.name == "outcome-unknown" else "refused", fault=fault)
        if not is_ours(message, ready.home):
            why = "the back answered with a message of another account or property"
            return Outcome(id_, "unknown", fault=Fault("outcome-unknown", log=why))
        complete(message, ready)
        return Outcome(id_, "sent", message)

    def _told(self, ready: PreparedSend, recorded: Recorded, outcome: Outcome | None) -> SentMessage | Fault:
        """Return the result of one send for the client."""
        if recorded.state == "reused":
            return Fault("key-reused", KEY)
        if recorded.state == "running":
            return Fault("key-running", KEY)
        if recorded.state in ("forbidden", "owed"):
            name = self._entry.front.dialect.front.parameter_of(self._entry.front.dialect.calls.parameter)
            if recorded.state == "owed":
                return Fault("callbacks-owed", name, retry_after=_LATER)
            return Fault("invalid-parameter", name, recorded.reason, log=recorded.remedy)
        if outcome is not None and outcome.message is not None:
            return SentMessage(ready.draft, outcome.message, ready.place)
        return (outcome and outcome.fault) or Fault("outcome-unknown", log="nothing is known of the send yet")

    def _in_front_terms(self, fault: Fault) -> Fault:
        """Return a provider's refusal of a draft in the front's terms. It names the parameter if both dialects have it."""
        name = self._entry.front.dialect.front.parameter_of(fault.parameter) if fault.parameter else ""
        if fault.name == "refused-message" and name:
            return fault._replace(name="refused-parameter", parameter=name)
        return fault._replace(parameter="")


def as_asked(entry: Account, messages: Sequence[Message]) -> EffectGenerator:
    """Return the messages of an account with the attributes that their sends asked for and that the provider is not told. It would show
    something else. A message whose send the journal does not keep is returned as the provider shows it."""
    names = [name for name in entry.back.dialect.back.facts.untold if name in entry.front.dialect.front.shown]
    sids = tuple([message.sid for message in messages if message.direction != "inbound"]) if names else ()
    if not sids:
        return messages
    kept = (yield Sent(entry.place, sids)) or {}
    shown = [_with(message, kept.get(message.sid), names) for message in messages]
    return shown if any(one is not other for one, other in zip(shown, messages, strict=True)) else messages


def _with(message: Message, sent: Message | None, names: Sequence[str]) -> Message:
    """A message with these attributes as they were when it was sent; itself where they are the same. It may be shown to others too, and
    is not changed."""
    values = {name: getattr(sent, name) for name in names if getattr(sent, name, None) is not None}
    differing = {name: value for name, value in values.items() if value != getattr(message, name)}
    return msgspec.structs.replace(message, **differing) if differing else message


def is_final(fault: Fault) -> bool:
    """True if the same request would be refused again. Such a fault is kept for the idempotency key."""
    return FAULTS[fault.name] == "caller"
