"""The laws of a Properties/Messages v2 server, by the names that requirements use."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import msgspec

from conformance.judge import v2_searches, v2_sends
from conformance.judge.laws import SHARED, Law, Problem, Row, answered, closed, span
from conformance.judge.lives import life
from conformance.judge.survey import FAR, Skipped, Survey, shown
from conformance.judge.target import Answer, Target
from conformance.judge.texts import fitting, has_markup
from conformance.judge.v2_searches import searched, sids


def search(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A search, with a query or with JSON in its body, gets a response of the given form."""
    if "json" in given:
        body = msgspec.json.encode(given["json"])
        yield from answered(target.ask("GET", target.messages, body, content_type="application/json"), given)
    else:
        yield from answered(target.get(target.messages, given.get("query", {})), given)


def route(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A request to a path gets a response of the given form. It may have no credentials (`anonymous`) or wrong ones (`wrong`)."""
    path = given["path"].replace("{messages}", target.messages).replace("{base}", target.base)
    if "{sid}" in path:
        path = path.replace("{sid}", quote(str(seen.picked[0].get("MessageSid")), safe=""))
    method, login = given.get("method", "GET"), login_of(target, given)
    headers = given.get("request_headers", {})
    yield from answered(
        target.ask(method, path, anonymous=given.get("anonymous", False), login=login, **headers), given
    )


def login_of(target: Target, given: dict[str, Any]) -> tuple[str, str] | None:
    """Return the credentials that a requirement asks for, or None for the right ones.

    They are a wrong `token`, an `empty` one, only the `beginning` of the right one, or an `account` that does not exist.
    """
    return {
        "token": (target.account, f"not-{target.token}"), "account": ("A0000000000000000000000000000000", target.token),
        "empty": (target.account, ""), "beginning": (target.account, target.token[:-1]),
    }.get(given.get("wrong", ""))  # fmt: skip


def guarded(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A request with missing or wrong credentials sees neither a search nor a message."""
    paths = [f"{target.messages}?Date_From=0&Date_To={FAR}&Results_Count=5"]
    paths += [f"{target.base}/v2/Messages/{quote(str(row.get('MessageSid')), safe='')}" for row in seen.picked[:1]]
    for path in paths:
        yield from closed(target.ask("GET", path, anonymous="wrong" not in given, login=login_of(target, given)))


def got(target: Target, sid: Any, *, below: bool = False) -> Answer:
    """Return the response to a request for a message by its SID, with or without the property in the path (`below`)."""
    quoted = quote(str(sid), safe="")
    return target.get(f"{target.messages}/{quoted}" if below else f"{target.base}/v2/Messages/{quoted}")


def message_in(answer: Answer) -> Row | None:
    """Return the message of a retrieve, wrapped or bare, or None."""
    body = answer.json.get("Message", answer.json) if isinstance(answer.json, dict) else None
    return body if isinstance(body, dict) and "MessageSid" in body else None


def retrieve(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Messages by their SIDs, with or without the property in the path, are as the search shows them, member by member."""
    chosen: dict[Any, Row] = {}
    for row in sorted(seen.picked, key=lambda row: not has_markup(row.get("Text"))):
        chosen.setdefault((row.get("Status"), row.get("Direction")), row)
    for row in list(chosen.values())[:5]:
        answer = got(target, row.get("MessageSid"), below=given.get("below", False))
        if given.get("only") and answer.status in (404, 405):
            raise Skipped("the server does not answer a message by its SID")
        yield from answered(answer, given)
        found = message_in(answer)
        moving = (
            ("Status", "Submitted", "Delivered", "ErrorCode")
            if row.get("Status") in ("Processing", "Submitted")
            else ()
        )
        for name in row.keys() | (found or {}).keys():
            if found and name not in moving and name != "ExternalId" and found.get(name) != row.get(name):
                yield f"{name} of a message by its SID is another than the search shows"


def explained(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A message with one status has a member, in the search or by its SID. With `any` at least one such message has it."""
    failed = [row for row in seen.rows if row.get("Status") == given["status"]]
    if not failed:
        raise Skipped("no message has that status")
    if given.get("any") and any(row.get(given["field"]) is not None for row in failed):
        return
    for row in [row for row in failed if row.get(given["field"]) is None][:3]:
        if (message_in(got(target, row.get("MessageSid"))) or {}).get(given["field"]) is None:
            yield f"a message with the status {given['status']} has no {given['field']}"


def stamps(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """One instant of a message (`later`) is not before another (`earlier`)."""
    for row in seen.rows:
        earlier, later = row.get(given["earlier"]), row.get(given["later"])
        if isinstance(earlier, int) and isinstance(later, int) and later < earlier:
            yield Problem(f"{given['later']} is before {given['earlier']}", seen=f"{span(earlier - later)} before")


def segments(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """NumSegments is a whole number that the length of the text allows. A received message may have 0, as in the document's example."""
    for row in seen.rows:
        if "NumSegments" in row:
            is_outbound = row.get("Direction") == "Transmit"
            for problem in fitting(row["NumSegments"], str(row.get("Text")), "NumSegments", 0):
                if is_outbound or row["NumSegments"] != 0:
                    yield problem


def unknown(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A request for a SID that no message has gets a response of the given form."""
    yield from answered(got(target, f"M{'A' * 31}"), given)


def apart(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Two accounts, or two properties, see nothing of each other: not in a search, not by a SID, not below the other's path."""
    other = target.other
    if other is None or not other.property_sid:
        raise Skipped("it takes another account with its token, and a property of it", withheld=True)
    path = f"{target.messages_of(other.account, other.property_sid)}?Date_From=0&Date_To={FAR}&Results_Count=60"
    theirs = target.ask("GET", path, login=(other.account, other.token))
    if not theirs.is_good:
        raise Skipped("the other account's search is not answered")
    rows = shown(theirs, "Messages")
    if {row.get("MessageSid") for row in rows} & set(sids(seen.rows)):
        yield "a message of another property is in the search"
    for row in rows[:1]:
        found = searched(target, Direction=row.get("Direction"), Status=row.get("Status"))
        if row.get("MessageSid") in sids(found):
            yield "a message of another property is in a search by Status and Direction"
        if other.account != target.account and got(target, row.get("MessageSid")).is_good:
            yield Problem("a message of another account is shown by its SID", "a refusal", "status 200")
    if other.account != target.account:
        yield from closed(target.get(path))


LAWS: Final[dict[str, Law]] = {
    **SHARED, "life": life, **v2_searches.LAWS, **v2_sends.LAWS, "search": search, "route": route, "guarded": guarded, "retrieve": retrieve,
    "explained": explained, "stamps": stamps, "segments": segments, "unknown": unknown, "apart": apart,
}  # fmt: skip
