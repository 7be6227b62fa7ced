"""Sends of the old dialect: the response, the stored message, and the callbacks. Each send is made once in a run."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from conformance.judge.awaiting import rest
from conformance.judge.inbox import Heard
from conformance.judge.laws import Law, Problem, Row, answered, closed, has_status, number, plain
from conformance.judge.restcomm_lists import everything, listed, rows_in
from conformance.judge.restcomm_messages import alike, got
from conformance.judge.survey import Skipped, Survey, rows_of
from conformance.judge.target import Answer, Target
from conformance.judge.texts import BODIES, TEXT, fitting

SENDER: Final = "19876543212"
_MEDIA: Final = "application/x-www-form-urlencoded"
_NEWEST: Final = {"SortBy": "DateCreated:desc", "PageSize": 60}
EVENTS: Final = ("sent", "failed", "delivered", "undelivered")


class Sending(NamedTuple):
    """One send: its form, the response, the message by its SID right after, and the newest messages before and after."""

    form: dict[str, str]
    answer: Answer
    after: Answer
    before: list[Row]
    shown: list[Row]

    @property
    def message(self) -> Row:
        """The message of the response. Raises Skipped if the send did not succeed."""
        if not self.answer.is_good or not isinstance(self.answer.json, dict):
            raise Skipped("the send was not answered well, which another requirement judges")
        return self.answer.json


def sending(target: Target, given: dict[str, Any]) -> Sending:
    """Return the send that `given` describes. It is made once in a run, and cached."""
    form = {"From": target.sender or SENDER, "To": target.send_to, "Body": BODIES[given.get("text", "")]}
    if given.get("callback"):
        if target.inbox is None:
            raise Skipped("it takes a receiver that the server can call", withheld=True)
        form["StatusCallback"] = target.inbox.url(f"restcomm-{given['callback']}")
        form |= {} if given["callback"] == "default" else {"StatusCallbackMethod": given["callback"]}
    form = {name: value for name, value in form.items() if name not in given.get("without", [])}
    key = ("sending", tuple(sorted(form.items())))
    if key not in target.kept:
        before = rows_in(_page(target))
        answer = target.ask("POST", target.messages + ".json", urlencode(form).encode(), content_type=_MEDIA)
        sid = answer.json.get("sid") if isinstance(answer.json, dict) and answer.is_good else None
        after = got(target, sid) if sid else answer
        target.kept[key] = Sending(form, answer, after, before, rows_in(_page(target)))
    made: Sending = target.kept[key]
    return made


def _page(target: Target) -> dict[str, Any]:
    answer = listed(target, **_NEWEST)
    rows_of(answer, "messages")
    page: dict[str, Any] = answer.json
    return page


def send(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """One send gets a response of the given form. `one_of` has the words that a member may have."""
    made = sending(target, given)
    yield from answered(made.answer, given)
    if not made.answer.is_good or not isinstance(made.answer.json, dict):
        return
    for name, words in given.get("one_of", {}).items():
        if made.answer.json.get(name) not in words:
            yield Problem(
                f"{name} of the answer to a send is another", ", ".join(words), plain(made.answer.json.get(name))
            )


def refused(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A send that must not be accepted is refused, and leaves no message."""
    made = sending(target, given)
    if has_status(made.answer.status, given["status"]):
        if {row.get("sid") for row in made.shown} - {row.get("sid") for row in made.before}:
            yield "a send that was refused is on the list all the same"
        return
    yield Problem(
        "a send that lacks what is required is not refused", f"status {given['status']}", f"status {made.answer.status}"
    )


def represented(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """The response to a send, and the message by its SID, have the values that were sent.

    `fields` maps a member to the parameter of the form. `alike` names members that are the same in both.
    """
    made = sending(target, given)
    said, found = made.message, made.after.json
    if not isinstance(found, dict) or not made.after.is_good:
        yield Problem("what was sent is not found by its SID", "the message", f"status {made.after.status}")
        return
    for member, parameter in given.get("fields", {}).items():
        wanted = made.form[parameter]
        for place, body in (("the answer to a send", said), ("a message that was sent", found)):
            value = body.get(member)
            if number(value) != number(wanted):
                yield Problem(
                    f"{member} of {place} is another than was sent",
                    f"{len(wanted)} characters",
                    f"{len(str(value))} characters",
                )
    for member in given.get("alike", []):
        if not alike(member, said.get(member), found.get(member)):
            yield f"{member} of a message that was sent is another than its answer had"


def once(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A sent message is on the list once, and is the only message that the send left there."""
    made = sending(target, given)
    sid, text = made.message.get("sid"), made.form["Body"]
    shown = made.shown
    if sid not in {row.get("sid") for row in shown}:
        shown = everything(target)[0]
    found = [row for row in shown if row.get("sid") == sid]
    if len(found) != 1:
        yield Problem("what was sent is not on the list once", "once", f"{len(found)} times")
    known = {row.get("sid") for row in (*made.before, *seen.rows)} | _others(target, sid)
    new = [row for row in shown if row.get("sid") not in known and row.get("body") == text]
    if len(new) > 1:
        yield Problem("one send left several messages", "1 message", f"{len(new)} messages")
    if found and (found[0].get("body") != text or number(found[0].get("to")) != number(made.form["To"])):
        yield "what was sent is on the list otherwise"


def _others(target: Target, sid: Any) -> set[Any]:
    """Return the SIDs of the other messages that this run has sent."""
    made = [one for one in target.kept.values() if isinstance(one, Sending) and isinstance(one.answer.json, dict)]
    return {one.answer.json.get("sid") for one in made} - {sid}


def stranger(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A send with a wrong token is refused."""
    form = urlencode({"From": target.sender or SENDER, "To": target.send_to, "Body": TEXT}).encode()
    login = (target.account, f"not-{target.token}")
    path = target.messages + ".json"
    yield from closed(target.ask("POST", path, form, login=login, content_type=_MEDIA))


def segmented(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """num_segments of a sent message is the number of segments of its text, if it is there."""
    made = sending(target, given)
    found = made.after.json
    if isinstance(found, dict) and made.message and found.get("num_segments") is not None:
        yield from fitting(found["num_segments"], made.form["Body"], "num_segments")


def told(target: Target, given: dict[str, Any]) -> list[Heard]:
    """Return the callbacks for a send. Raises Skipped if its message is not at rest in time and none came.

    The sends of all requirements that wait for callbacks are made first. They share one wait: until each message is at rest and its
    callbacks are there.
    """
    if "told" not in target.kept:
        assert target.inbox is not None
        made = {f"restcomm-{one['callback']}": sending(target, one) for one in (*target.awaited, given)}
        names = [name for name, one in made.items() if one.answer.is_good and isinstance(one.answer.json, dict)]
        found = rest(target, [partial(_rested, target, made[name], name) for name in names], 4)
        heard = {name: target.inbox.heard(name) for name in names}
        target.kept["told"] = {
            name: heard[name] for name, rested in zip(names, found, strict=True) if rested or heard[name]
        }
    calls: list[Heard] | None = target.kept["told"].get(f"restcomm-{given['callback']}")
    if calls is None:
        raise Skipped("the message was not sent in the time that is waited")
    return calls


def _rested(target: Target, made: Sending, name: str) -> int:
    """Return 0 if the message is not at rest, 2 if a callback has told its final status, else 1."""
    assert target.inbox is not None
    body = got(target, made.message.get("sid")).json
    status = body.get("status") if isinstance(body, dict) else None
    if status not in ("delivered", "undelivered", "failed"):
        return 0
    return 2 if status in [one.parameters.get("MessageStatus") for one in target.inbox.heard(name)] else 1


def callback(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """The callbacks of a send agree with the document.

    They have the `method`, and one parameter (`field`) as it was sent. Their statuses are documented words (`words`) in `order`, each
    `once`. With `ending` one of them tells the final status.
    """
    if target.send_to.lower().startswith("client:"):
        raise Skipped("a StatusCallback is not applicable to messages addressed to clients", withheld=True)
    made = sending(target, given)
    calls = told(target, given)
    statuses = [one.parameters.get("MessageStatus", "") for one in calls]
    if not calls:
        yield Problem("the StatusCallback is not called", "an event", "none")
        return
    if "method" in given and {one.method for one in calls} != {given["method"]}:
        yield Problem("the StatusCallback is called by another method", given["method"], calls[0].method)
    if "field" in given:
        yield from _field_told(target, made, calls, given["field"])
    if given.get("words") and set(statuses) - set(EVENTS):
        yield Problem(
            "MessageStatus is none of the words of the document",
            ", ".join(EVENTS),
            ", ".join(map(plain, statuses))[:60],
        )
    if given.get("order") and not _in_order(statuses):
        yield Problem(
            "events are not in the order of the document", "sent, then delivered", ", ".join(map(plain, statuses))[:60]
        )
    if given.get("ending") and (ended := _status(target, made)) in EVENTS[1:] and ended not in statuses:
        yield Problem("how the message ended is not told", ended, ", ".join(map(plain, statuses))[:60])
    if given.get("once") and (len(set(statuses)) != len(statuses) or len(statuses) > 2):
        yield Problem("an event is told more than once", "each once", ", ".join(map(plain, statuses))[:60])


def _status(target: Target, made: Sending) -> str:
    body = got(target, made.message.get("sid")).json
    return str(body.get("status")) if isinstance(body, dict) else ""


def _in_order(statuses: list[str]) -> bool:
    """True if the statuses are sent and at most one final status after it, or failed alone."""
    kinds = list(dict.fromkeys(statuses))
    return kinds in (["failed"], ["sent"]) or (len(kinds) == 2 and kinds[0] == "sent" and kinds[1] in EVENTS[1:])


def _field_told(target: Target, made: Sending, calls: list[Heard], name: str) -> Iterator[Problem]:
    if name == "ErrorCode":
        for one in calls:
            if one.parameters.get(name) and one.parameters.get("MessageStatus") not in ("failed", "undelivered"):
                yield Problem("ErrorCode is told although no error occurred")
        return
    wanted = {"MessageSid": str(made.message.get("sid")), "AccountSid": target.account}.get(name) or made.form[name]
    if any(number(one.parameters.get(name)) != number(wanted) for one in calls):
        yield Problem(f"{name} is told otherwise, or not at all", f"{len(wanted)} characters")


LAWS: Final[dict[str, Law]] = {
    "send": send, "refused": refused, "represented": represented, "once": once, "stranger": stranger, "segmented": segmented,
    "callback": callback,
}  # fmt: skip
