"""The laws of an Accounts/SMS/Messages server, by the names that requirements use."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urlencode

from conformance.judge import restcomm_filters, restcomm_lists, restcomm_messages, restcomm_sends
from conformance.judge.laws import SHARED, Law, Problem, answered, closed
from conformance.judge.lives import life
from conformance.judge.restcomm_lists import everything, sids
from conformance.judge.restcomm_messages import got
from conformance.judge.survey import Skipped, Survey, shown
from conformance.judge.target import Target


def route(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A request of any method, headers and query gets a response of the given form. `{sid}` in its path is a message on the list."""
    path = given.get("path", "{messages}.json").replace("{messages}", target.messages).replace("{base}", target.base)
    if "{sid}" in path:
        path = path.replace("{sid}", quote(str(seen.picked[0].get("sid")), safe=""))
    if given.get("query"):
        path += "?" + urlencode(given["query"])
    headers = given.get("request_headers", {})
    method, login = given.get("method", "GET"), login_of(target, given)
    yield from answered(
        target.ask(method, path, anonymous=given.get("anonymous", False), login=login, **headers), given
    )


def login_of(target: Target, given: dict[str, Any]) -> tuple[str, str] | None:
    """Return the credentials that a requirement asks for, or None for the right ones.

    They are a wrong `token`, an `empty` one, only the `beginning` of the right one, or an `account` that does not exist.
    """
    nobody = (
        "AC00000000000000000000000000000000" if target.dialect == "restcomm" else "A0000000000000000000000000000000"
    )
    return {
        "token": (target.account, f"not-{target.token}"), "account": (nobody, target.token), "empty": (target.account, ""),
        "beginning": (target.account, target.token[:-1]),
    }.get(given.get("wrong", ""))  # fmt: skip


def guarded(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A request with missing or wrong credentials sees neither the list nor a message."""
    anonymous = "wrong" not in given
    paths = [target.messages + ".json"]
    paths += [f"{target.messages}/{quote(str(seen.picked[0].get('sid')), safe='')}.json"] if seen.picked else []
    for path in paths:
        yield from closed(target.ask("GET", path, anonymous=anonymous, login=login_of(target, given)))


def apart(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Two accounts see nothing of each other: not in the list, not by a SID, not below the other's path."""
    other = target.other
    if other is None:
        raise Skipped("it takes another account with its token", withheld=True)
    login, path = (other.account, other.token), target.messages_of(other.account, "")
    theirs = target.ask("GET", f"{path}.json?PageSize=60", login=login)
    if not theirs.is_good:
        raise Skipped("the other account's list is not answered")
    rows = shown(theirs, "messages")
    if {row.get("sid") for row in rows} & set(sids(seen.rows)):
        yield "a message of another account is on the list"
    if rows:
        yield from _hidden(target, rows[0].get("sid"))
        for name in ("From", "To"):
            found, _ = everything(target, **{name: rows[0].get(name.lower())})
            if rows[0].get("sid") in sids(found):
                yield f"a filter by {name} shows a message of another account"
    yield from closed(target.get(path + ".json", {"PageSize": 60}))


def _hidden(target: Target, sid: Any) -> Iterator[Problem]:
    answer = got(target, sid)
    if answer.is_good:
        yield Problem("a message of another account is shown by its SID", "a refusal", f"status {answer.status}")


LAWS: Final[dict[str, Law]] = {
    **SHARED, "life": life, **restcomm_lists.LAWS, **restcomm_filters.LAWS, **restcomm_messages.LAWS, **restcomm_sends.LAWS,
    "route": route, "guarded": guarded, "apart": apart,
}  # fmt: skip
