"""What a server holds, as far as it shows it: read once, so that laws can derive what must hold of the rest."""

from random import Random
from typing import Any, Final, NamedTuple

from conformance.judge.target import Answer, Target

MOST: Final = 3000
"""How many messages are looked at."""

PAGE: Final[dict[str, int]] = {"restcomm": 1000, "properties-v2": 200}
"""How many messages are asked for at once: the second document names 200 as its default, the first names no most."""

FAR: Final = 4102444800
"""2100-01-01, later than any message."""


class Skipped(Exception):
    """A law cannot be judged; `reason` says why. `withheld` says that whoever runs the suite did not allow what it takes."""

    def __init__(self, reason: str, *, withheld: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.withheld = reason, withheld


class Unanswered(Skipped):
    """A list that the document has is not answered: a failure, unless no list is answered at all."""


class Survey(NamedTuple):
    """The status of the first list, its object, the messages of the account, and the same in the order in which some are picked to be
    looked at more closely. `is_whole` says whether those are all."""

    status: int
    page: dict[str, Any]
    rows: list[dict[str, Any]]
    picked: list[dict[str, Any]]
    is_whole: bool = True


def survey(target: Target, seed: int = 0) -> Survey:
    """Read the list, as every application would; seed 0 picks the first messages. Raises Unreachable."""
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
    """The messages of a list, as far as it is one."""
    found = answer.json.get(member) if isinstance(answer.json, dict) else None
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def rows_of(answer: Answer, member: str) -> list[dict[str, Any]]:
    """The messages of a list that was answered well. Raises Unanswered where it was not."""
    body = answer.json
    if answer.status != 200 or not isinstance(body, dict) or not isinstance(body.get(member), list):
        raise Unanswered(f"a list that the document has is not answered: status {answer.status}")
    return [row for row in body[member] if isinstance(row, dict)]
