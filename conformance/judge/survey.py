"""A survey of the messages that a server shows. It is read once, and the laws derive from it what further requests must return."""

from random import Random
from typing import Any, Final, NamedTuple

from conformance.judge.target import Answer, Target

MOST: Final = 3000
"""The maximum number of messages that are read."""

PAGE: Final[dict[str, int]] = {"restcomm": 1000, "properties-v2": 200}
"""The page size of a survey. The second document has a default of 200, and the first states no maximum."""

FAR: Final = 4102444800
"""2100-01-01, later than any message."""


class Skipped(Exception):
    """A law cannot be tested, for the given `reason`. `withheld` is true if the operator did not give the permission that it needs."""

    def __init__(self, reason: str, *, withheld: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.withheld = reason, withheld


class Unanswered(Skipped):
    """The server does not answer a list that the document has. This is a failure, unless it answers no list at all."""


class Survey(NamedTuple):
    """The messages of the account as the list shows them.

    `status`: the status of the first list.
    `page`: the object of the first list.
    `picked`: the same messages in the order in which they are chosen for a closer look.
    `is_whole`: true if these are all messages.
    """

    status: int
    page: dict[str, Any]
    rows: list[dict[str, Any]]
    picked: list[dict[str, Any]]
    is_whole: bool = True


def survey(target: Target, seed: int = 0) -> Survey:
    """Read the list as any client would. With seed 0 the first messages are picked. Raises Unreachable."""
    status, page, rows, is_whole = _survey_restcomm(target) if target.dialect == "restcomm" else _survey_v2(target)
    picked = Random(seed).sample(rows, len(rows)) if seed else rows
    return Survey(status, page, rows, picked, is_whole)


def _survey_restcomm(target: Target) -> tuple[int, dict[str, Any], list[dict[str, Any]], bool]:
    path, size = target.messages + ".json", PAGE["restcomm"]
    answer = target.get(path, {"PageSize": size})
    if not answer.is_good and answer.status != 401:
        target.kept["page size"] = size = 50
        answer = target.get(path, {"PageSize": size})
    page = answer.json if isinstance(answer.json, dict) else {}
    rows, total = shown(answer, "messages"), page.get("total")
    if not isinstance(total, int):
        return answer.status, page, rows, True
    number, size = 1, len(rows)
    while size and len(rows) < min(total, MOST):
        more = shown(target.get(path, {"PageSize": size, "Page": number}), "messages")
        if not more:
            break
        rows, number = rows + more, number + 1
    return answer.status, page, rows, total <= MOST


def _survey_v2(target: Target) -> tuple[int, dict[str, Any], list[dict[str, Any]], bool]:
    size, rows = PAGE["properties-v2"], list[dict[str, Any]]()
    first: Answer | None = None
    while len(rows) < MOST:
        query = {"Date_From": 0, "Date_To": FAR, "Results_Count": size}
        if rows:
            query["Results_Skip"] = len(rows)
        answer = target.get(target.messages, query)
        first = first or answer
        known = {row.get("MessageSid") for row in rows}
        more = shown(answer, "Messages")
        if not more or (rows and all(row.get("MessageSid") in known for row in more)):
            break
        rows += [row for row in more if not rows or row.get("MessageSid") not in known]
    assert first is not None
    return first.status, first.json if isinstance(first.json, dict) else {}, rows, len(rows) < MOST


def shown(answer: Answer, member: str) -> list[dict[str, Any]]:
    """Return the messages of a list, or nothing if the response is not a list."""
    found = answer.json.get(member) if isinstance(answer.json, dict) else None
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def rows_of(answer: Answer, member: str) -> list[dict[str, Any]]:
    """Return the messages of a list. Raises Unanswered if the response is not a list with status 200."""
    body = answer.json
    if answer.status != 200 or not isinstance(body, dict) or not isinstance(body.get(member), list):
        raise Unanswered(f"a list that the document has is not answered: status {answer.status}")
    return [row for row in body[member] if isinstance(row, dict)]
