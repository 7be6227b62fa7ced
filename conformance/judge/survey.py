"""What a server holds, as far as it shows it: read once, so that laws can derive what must hold of the rest."""

from random import Random
from typing import Any, NamedTuple

from conformance.judge.target import Answer, Target

MOST = 60
"""How many messages are looked at."""


class Skipped(Exception):
    """A law cannot be judged; `reason` says why. `withheld` says that whoever runs the suite did not allow what it takes."""

    def __init__(self, reason: str, *, withheld: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.withheld = reason, withheld


class Survey(NamedTuple):
    """The status of the first list, its object, the newest messages that it shows, and the same in the order in which some are picked to be
    looked at more closely."""

    status: int
    page: dict[str, Any]
    rows: list[dict[str, Any]]
    picked: list[dict[str, Any]]


def survey(target: Target, seed: int = 0) -> Survey:
    """List once, as every application would; seed 0 picks the first messages. Raises Unreachable."""
    if target.dialect == "restcomm":
        answer = target.get(target.messages + ".json", {"PageSize": MOST})
        member = "messages"
    else:
        answer = target.get(target.messages, {"Date_From": 0, "Date_To": 4102444800, "Results_Count": MOST})
        member = "Messages"
    page = answer.json if isinstance(answer.json, dict) else {}
    found = page.get(member)
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    picked = Random(seed).sample(rows, len(rows)) if seed else rows
    return Survey(answer.status, page, rows, picked)


def rows_of(answer: Answer, member: str) -> list[dict[str, Any]]:
    """The messages of a list that was answered well. Raises Skipped where it was not, since another requirement judges that."""
    body = answer.json
    if answer.status != 200 or not isinstance(body, dict) or not isinstance(body.get(member), list):
        raise Skipped("a list that it needs is not answered")
    return [row for row in body[member] if isinstance(row, dict)]
