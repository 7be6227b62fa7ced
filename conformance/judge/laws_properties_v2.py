"""What a Properties/Messages v2 server must do, by the names that requirements use."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import msgspec

from conformance.judge.laws import Law, Problem, answered, each, only_with
from conformance.judge.survey import Skipped, Survey, rows_of
from conformance.judge.target import Target

FAR: Final = 4102444800
"""2100-01-01, later than any message."""


def _search(target: Target, **query: Any) -> list[dict[str, Any]]:
    asked = {"Date_From": 0, "Date_To": FAR, **query}
    return rows_of(target.get(target.messages, asked), "Messages")


def search(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A search with a query, or with JSON in its body, and what its answer looks like."""
    if "json" in given:
        body = msgspec.json.encode(given["json"])
        yield from answered(target.ask("GET", target.messages, body, content_type="application/json"), given)
    else:
        yield from answered(target.get(target.messages, given.get("query", {})), given)


def route(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A request to some path, with or without credentials."""
    path = given["path"].replace("{messages}", target.messages).replace("{base}", target.base)
    yield from answered(target.ask(given.get("method", "GET"), path, anonymous=given.get("anonymous", False)), given)


def field(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A member of every message."""
    yield from each(seen.rows, given)


def conditional(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A member that only some messages may have."""
    yield from only_with(seen.rows, given)


def filtered(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A filter by a word keeps the messages with that word, and all of them that the first page shows."""
    name = given["parameter"]
    words = sorted({str(row.get(name)) for row in seen.rows})
    for word in words:
        last = max(int(row["Created"]) for row in seen.rows) + 1
        first = min(int(row["Created"]) for row in seen.rows)
        found = _search(target, Date_From=first, Date_To=last, Results_Count=200, **{name: word})
        if any(row.get(name) != word for row in found):
            yield f"a search with {name} shows messages of another {name}"
        kept = {row.get("MessageSid") for row in found}
        if len(found) < 200 and any(row.get(name) == word and row.get("MessageSid") not in kept for row in seen.rows):
            yield f"a search with {name} leaves out messages that have it"


def bound(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Whether a message created in the very second of a bound is inside."""
    for row in seen.picked[:5]:
        created = int(row["Created"])
        edges = {"Date_From": {"Date_From": created}, "Date_To": {"Date_To": created}}
        beyond = {"Date_From": {"Date_From": created + 1}, "Date_To": {"Date_To": created + 1}}
        inside = given["parameter"] == "Date_From"
        for query, expected in ((edges, inside), (beyond, not inside)):
            chosen = query[given["parameter"]]
            near = {"Date_From": created - 1, "Date_To": created + 2, **chosen, "Results_Count": 200}
            found = _search(target, **near)
            there = any(shown.get("MessageSid") == row.get("MessageSid") for shown in found)
            if there != expected and (len(found) < 200 or there):
                yield f"{given['parameter']} is not {'inclusive' if inside else 'exclusive'} to the second"


def count(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """No more messages than Results_Count."""
    for size in (1, 2, 5):
        if len(_search(target, Results_Count=size)) != min(size, len(seen.rows)):
            yield "a search does not show as many messages as it was asked for"


def skip(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Stretches of any size stand one behind another."""
    last = max(int(row["Created"]) for row in seen.rows) + 1
    whole = [row.get("MessageSid") for row in _search(target, Date_To=last, Results_Count=20)]
    for size in (1, 3, 7):
        tiled = [
            row.get("MessageSid")
            for start in range(0, len(whole), size)
            for row in _search(target, Date_To=last, Results_Count=size, Results_Skip=start)
        ]
        if tiled[: len(whole)] != whole:
            yield "stretches by Results_Skip do not make up the list"


def ascending(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    created = [row.get("Created", 0) for row in seen.rows]
    if created != sorted(created):
        yield "messages are not in ascending order of Created"


def stamps(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Instants of one message that cannot be the other way round."""
    for row in seen.rows:
        earlier, later = row.get(given["earlier"]), row.get(given["later"])
        if earlier is not None and later is not None and later < earlier:
            yield f"{given['later']} is before {given['earlier']}"


def retrieve(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """One message by its SID, with or without the property in the path."""
    sid = quote(str(seen.picked[0].get("MessageSid")), safe="")
    path = f"{target.messages}/{sid}" if given.get("below") else f"{target.base}/v2/Messages/{sid}"
    answer = target.get(path)
    yield from answered(answer, given)
    shown = answer.json.get("Message") if isinstance(answer.json, dict) else None
    if isinstance(shown, dict) and any(
        shown.get(name) != seen.picked[0].get(name) for name in ("MessageSid", "Text", "Created")
    ):
        yield "a retrieve shows another message than the search did"


def unknown(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    yield from answered(target.get(f"{target.base}/v2/Messages/M{'A' * 31}"), given)


def send(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """One send, or a batch, to the number that there is leave for."""
    if target.dialect != "properties-v2":
        raise Skipped("it is of another dialect")
    one = {"To": target.send_to, "Text": "Conformance test", **given.get("members", {})}
    if "From" in given:
        one["From"] = given["From"]
    path = target.messages.replace("/Messages", "/BatchMessages") if given.get("batch") else target.messages
    body = msgspec.json.encode({"Messages": [one, {"To": target.send_to}]} if given.get("batch") else one)
    answer = target.ask("POST", path, body, content_type="application/json")
    yield from answered(answer, given.get("answer", {}))
    if given.get("batch"):
        found = answer.json
        if not isinstance(found, list) or len(found) != 2:
            yield "a batch is not answered by an array of as many outcomes"
        elif "MessageSid" not in found[0] or "MessageSid" in found[1] or not isinstance(found[1].get("ErrorCode"), str):
            yield "the outcomes of a batch are not those of its entries, in order"


LAWS: Final[dict[str, Law]] = {
    "search": search,
    "route": route,
    "field": field,
    "conditional": conditional,
    "filtered": filtered,
    "bound": bound,
    "count": count,
    "skip": skip,
    "ascending": ascending,
    "stamps": stamps,
    "retrieve": retrieve,
    "unknown": unknown,
    "send": send,
}
