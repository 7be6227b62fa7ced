"""The check before a run: the server is reachable, at the right path, speaks the dialect, and counts instants in seconds.

Without it, each of these mistakes would let a run fail or skip in a hundred places for one reason.
"""

from typing import Any, Final

from conformance.judge.target import Answer, Target

_MILLISECONDS: Final = 10**11
"""No instant in seconds is as large as this for three thousand years."""

_FAR: Final = 4102444800


class Misdirected(Exception):
    """The run would test another thing than the operator meant.

    `is_address` is true for a wrong address, and false for a wrong dialect or unit.
    """

    def __init__(self, sentence: str, *, is_address: bool) -> None:
        super().__init__(sentence)
        self.is_address = is_address


def first_look(target: Target) -> None:
    """Read the list once. Raises Misdirected with one sentence, and Unreachable."""
    answer = _listed(target)
    if answer.status == 404:
        where = target.messages.replace(target.account, "{account}").replace(target.property_sid or "\0", "{property}")
        raise Misdirected(f"{where} is 404: is the base address right, and does the account exist?", is_address=True)
    other = _other_dialect(target, answer)
    if other:
        raise Misdirected(f"the server answers in the dialect {other}: is --dialect right?", is_address=False)
    media = answer.headers.get("content-type", "")
    if answer.status == 200 and "html" in media:
        raise Misdirected(
            f"the list is answered with a web page ({media.partition(';')[0]}): is the base address right?",
            is_address=True,
        )
    if target.dialect == "properties-v2" and answer.status == 200:
        _check_unit(target, answer)


def _listed(target: Target) -> Answer:
    if target.dialect == "restcomm":
        return target.get(target.messages + ".json", {"PageSize": 1})
    return target.get(target.messages, {"Date_From": 0, "Date_To": _FAR, "Results_Count": 1})


def _other_dialect(target: Target, answer: Answer) -> str:
    """Return the name of the other dialect if the response has its shape, else an empty text."""
    body: Any = answer.json
    names = set(body) if isinstance(body, dict) else set()
    is_new = bool(names & {"Messages", "ResponseStatus"})
    is_old = bool(names & {"messages", "num_pages"}) or b"<RestcommResponse" in answer.body[:4096]
    if target.dialect == "restcomm" and is_new and not is_old:
        return "properties-v2"
    return "restcomm" if target.dialect == "properties-v2" and is_old and not is_new else ""


def _check_unit(target: Target, answer: Answer) -> None:
    """Raise Misdirected if the instants of the server are milliseconds. The document has seconds."""
    rows = answer.json.get("Messages") if isinstance(answer.json, dict) else None
    if not rows:
        later = target.get(target.messages, {"Date_From": 0, "Date_To": _FAR * 1000, "Results_Count": 1})
        rows = later.json.get("Messages") if isinstance(later.json, dict) else None
    created = rows[0].get("Created") if isinstance(rows, list) and rows and isinstance(rows[0], dict) else None
    if isinstance(created, int) and created > _MILLISECONDS:
        raise Misdirected(
            "the server's instants are milliseconds, where the document has seconds since the epoch", is_address=False
        )
