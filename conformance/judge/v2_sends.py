"""Sends of the new dialect: the response, the stored message, and the receipts. Each send is made once in a run."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from conformance.judge.awaiting import rest
from conformance.judge.inbox import Heard
from conformance.judge.laws import Law, Problem, Row, answered, closed
from conformance.judge.survey import Skipped, Survey
from conformance.judge.target import Answer, Target
from conformance.judge.texts import BODIES, TEXT, fitting
from conformance.judge.v2_searches import searched

SENDER: Final = "+61416240112"


class Sending(NamedTuple):
    """One send: its members, the response, and the newest messages of the property before and after."""

    members: dict[str, Any]
    answer: Answer
    before: list[Row]
    shown: list[Row]

    @property
    def message(self) -> Row:
        """The message of the response. Raises Skipped if the send did not succeed."""
        if not self.is_taken:
            raise Skipped("the send was not answered well, which another requirement judges")
        found: Row = self._said
        return found

    @property
    def is_taken(self) -> bool:
        """True if the response is a message."""
        return self.answer.is_good and isinstance(self._said, dict) and "MessageSid" in self._said

    @property
    def _said(self) -> Any:
        body = self.answer.json
        return body.get("Message", body) if isinstance(body, dict) else None

    @property
    def found(self) -> list[Row]:
        """The messages with this SID that a search shows."""
        return [row for row in self.shown if row.get("MessageSid") == self.message["MessageSid"]]


def sending(target: Target, seen: Survey, given: dict[str, Any]) -> Sending:
    """Return the send that `given` describes. It is made once in a run, and cached."""
    one = {"To": target.send_to, "Text": BODIES[given.get("text", "")], **given.get("members", {})}
    if "From" in given:
        one["From"] = target.sender or given["From"]
    if given.get("receipt"):
        if target.inbox is None:
            raise Skipped("it takes a receiver that the server can call", withheld=True)
        one |= {"DeliveryReceipt": True, "DeliveryReceiptWebhookUri": target.inbox.url(f"v2-{given['receipt']}")}
        one |= {} if given["receipt"] == "default" else {"DeliveryReceiptWebhookMethod": given["receipt"]}
    key = ("sending", msgspec.json.encode(one))
    if key not in target.kept:
        since = max((row["Created"] for row in seen.rows if isinstance(row.get("Created"), int)), default=0)
        before = searched(target, Date_From=since)
        answer = target.ask("POST", target.messages, msgspec.json.encode(one), content_type="application/json")
        target.kept[key] = Sending(one, answer, before, searched(target, Date_From=since))
    made: Sending = target.kept[key]
    return made


def send(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """One send gets a response of the given form. It goes to the permitted number."""
    answer = sending(target, seen, given).answer
    if answer.status in (404, 405):
        raise Skipped("the server has no sends, and the document has none")
    yield from answered(answer, given.get("answer", {}))


def batch(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A batch of two sends, of which the second has no text, gets two outcomes in the order of its entries."""
    one = {"To": target.send_to, "Text": TEXT, "From": target.sender or SENDER}
    body = msgspec.json.encode({"Messages": [one, {"To": target.send_to}]})
    path = target.messages.replace("/Messages", "/BatchMessages")
    answer = target.ask("POST", path, body, content_type="application/json")
    target.kept[("batch",)] = answer
    yield from answered(answer, given.get("answer", {}))
    found = answer.json
    if not isinstance(found, list) or len(found) != 2 or not all(isinstance(outcome, dict) for outcome in found):
        yield "a batch is not answered by an array of as many outcomes"
    elif "MessageSid" not in found[0] or "MessageSid" in found[1] or not isinstance(found[1].get("ErrorCode"), str):
        yield "the outcomes of a batch are not those of its entries, in order"


def kept(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A search shows a message with the values that were sent. Each member of `fields` has the same name in both."""
    made = sending(target, seen, given)
    if not made.found:
        yield "what was sent is not found by a search"
    for row in made.found:
        for name in given["fields"]:
            wanted, value = made.members[name], row.get(name)
            if value != wanted:
                expected, found = (_sized(given) for given in (wanted, value))
                yield Problem(f"{name} of a message that was sent is another", expected, found)


def sent_as(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A search shows a sent message with one of some words in a member."""
    for row in sending(target, seen, given).found:
        if row.get(given["field"]) not in given["words"]:
            yield Problem(f"{given['field']} of a message that was sent is another", ", ".join(given["words"]))


def _sized(value: Any) -> str:
    return f"{len(value)} characters" if isinstance(value, str) else str(value)


def once(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A search finds a sent message once, and it is the only message that the send left."""
    made = sending(target, seen, given)
    if len(made.found) != 1:
        yield Problem("what was sent is not found once by a search", "once", f"{len(made.found)} times")
    known = {row.get("MessageSid") for row in made.before}
    new = [row for row in made.shown if row.get("MessageSid") not in known and row.get("Text") == made.members["Text"]]
    if len(new) > 1:
        yield Problem("one send left several messages", "1 message", f"{len(new)} messages")


def segmented(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """NumSegments of a sent message is the number of segments of its text."""
    made = sending(target, seen, given)
    for row in made.found:
        yield from fitting(row.get("NumSegments"), made.members["Text"], "NumSegments")


def stranger(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A send with a wrong token is refused."""
    body = msgspec.json.encode({"To": target.send_to, "Text": TEXT, "From": target.sender or SENDER})
    login = (target.account, f"not-{target.token}")
    yield from closed(target.ask("POST", target.messages, body, login=login, content_type="application/json"))


def receipt(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """The webhook of a delivery receipt is called by the `method`, with the `parameters`, and `once`."""
    made = sending(target, seen, given)
    calls = _told(target, seen, given)
    if not calls:
        yield Problem("the webhook of a delivery receipt is not called", "a call", "none")
        return
    if "method" in given and {one.method for one in calls} != {given["method"]}:
        yield Problem("the webhook is called by another method", given["method"], calls[0].method)
    if given.get("once") and len(calls) > 1:
        yield Problem("a delivery receipt is told more than once", "once", f"{len(calls)} times")
    wanted = {
        "Event": "Message.DeliveryReceiptReceived", "Message.Sid": made.message["MessageSid"], "Message.To": made.members["To"],
        "Account.Sid": target.account, "Property.Sid": target.property_sid, "Message.Text": made.members["Text"],
    }  # fmt: skip
    for name in given.get("parameters", []):
        if any(one.parameters.get(name) != wanted[name] for one in calls):
            yield f"{name} is told otherwise, or not at all"


def _told(target: Target, seen: Survey, given: dict[str, Any]) -> list[Heard]:
    """Return the receipts for a send. Raises Skipped if its message is not at rest in time and none came.

    The sends of all requirements that wait for receipts are made first. They share one wait: until each message is at rest.
    """
    if "told" not in target.kept:
        assert target.inbox is not None
        made = {f"v2-{one['receipt']}": sending(target, seen, one) for one in (*target.awaited, given)}
        names = [name for name, one in made.items() if one.is_taken]
        found = rest(target, [partial(_rested, target, made[name]) for name in names], 3)
        heard = {name: target.inbox.heard(name) for name in names}
        target.kept["told"] = {
            name: heard[name] for name, rested in zip(names, found, strict=True) if rested or heard[name]
        }
    told: list[Heard] | None = target.kept["told"].get(f"v2-{given['receipt']}")
    if told is None:
        raise Skipped("the message was not delivered in the time that is waited")
    return told


def _rested(target: Target, made: Sending) -> int:
    """Return 1 if the message is at rest, else 0."""
    path = f"{target.base}/v2/Messages/{quote(str(made.message['MessageSid']), safe='')}"
    body = target.get(path).json
    found = body.get("Message", body) if isinstance(body, dict) else {}
    return int(isinstance(found, dict) and found.get("Status") in ("Delivered", "Failed"))


LAWS: Final[dict[str, Law]] = {
    "send": send, "batch": batch, "kept": kept, "sent-as": sent_as, "once": once, "segmented": segmented, "stranger": stranger,
    "receipt": receipt,
}  # fmt: skip
