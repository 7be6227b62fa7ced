"""Faults in the responses of a server, and in the callbacks that it makes."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from conformance.faults.edits import edited
from conformance.faults.honest import Call
from conformance.faults.wrong import (
    Fault,
    Question,
    Row,
    Wrong,
    is_json,
    member_of,
    pairs,
    rewritten,
    sid_of,
    what,
)
from conformance.judge.target import Answer


def rows_in(server: Wrong, body: Any, kind: str) -> list[Row]:
    """Return the messages of a response."""
    if not isinstance(body, dict):
        return []
    if kind == "list":
        return [row for row in body.get(member_of(server), []) if isinstance(row, dict)]
    row = body.get("Message", body)
    return [row] if sid_of(server) in row else []


def _is_meant(row: Row, given: dict[str, Any], place: int) -> bool:
    """True if the fault applies to this message.

    `where` has members with their possible values. `each` selects every n-th message.
    """
    return (
        all(row.get(name) in values for name, values in given.get("where", {}).items())
        and place % given.get("each", 1) == 0
    )


def message(given: dict[str, Any]) -> Fault:
    """Change a `member` of messages, or leave it out (`drop`).

    `on` names the responses that have the fault: `list`, `get`, `send`. With `without_xml` the server sends no XML, which would
    contradict.
    """
    kinds = given.get("on", ["list", "get"])

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        kind = what(server, question)
        if given.get("without_xml") and "xml" in answer.headers.get("content-type", ""):
            return Answer(406, {"content-type": "application/json"}, b"{}")
        if kind not in kinds or not answer.is_good or not is_json(answer):
            return answer
        body = msgspec.json.decode(answer.body)
        for place, row in enumerate(rows_in(server, body, kind)):
            if _is_meant(row, given, place):
                _change(row, given)
        return rewritten(answer, body)

    return Fault(answered=answered)


def _change(row: Row, given: dict[str, Any]) -> None:
    name = given["member"]
    if given.get("drop"):
        row.pop(name, None)
    elif "rename" in given:
        if name in row:
            row[given["rename"]] = row.pop(name)
    elif "swap" in given:
        row[name], row[given["swap"]] = row.get(given["swap"]), row.get(name)
    elif "copy" in given:
        row[name] = row.get(given["copy"])
    elif name in row or "to" in given:
        row[name] = edited(row.get(name), given)


def page(given: dict[str, Any]) -> Fault:
    """Change a `member` of the object of a list. `rule` names how it is computed; `links` change the query of a URI."""

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        body = msgspec.json.decode(answer.body) if is_json(answer) and answer.is_good else None
        if what(server, question) != "list" or not isinstance(body, dict) or not _is_page(question, body, given):
            return answer
        name = given["member"]
        if "rule" in given:
            body[name] = RULES[given["rule"]](body)
        elif "drop_from_link" in given or "set_in_link" in given:
            body[name] = _linked(body.get(name), given)
        else:
            _change(body, given)
        return rewritten(answer, body)

    return Fault(answered=answered)


def _is_page(question: Question, body: Row, given: dict[str, Any]) -> bool:
    """True if the fault applies to this page: the `last` one, a `later` one, or one requested with a parameter."""
    asked = dict(pairs(question))
    is_last = body.get("next_page_uri") == "null" or (body.get("page", 0) + 1) * body.get("page_size", 1) >= body.get(
        "total", 0
    )
    return (
        (not given.get("last") or is_last)
        and (not given.get("later") or int(asked.get("Page", "0")) > 0)
        and (given.get("with_parameter", "Page") in asked or "with_parameter" not in given)
        and given.get("lacks", "") not in asked
    )


def _linked(uri: Any, given: dict[str, Any]) -> Any:
    if not isinstance(uri, str) or uri == "null":
        return uri
    plain, _, query = uri.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name not in given.get("drop_from_link", [])]
    changed = {**dict(kept), **{name: str(value) for name, value in given.get("set_in_link", {}).items()}}
    return f"{plain}?{urlencode(changed)}"


RULES: Final[dict[str, Callable[[Row], Any]]] = {
    "one more than there are": lambda page: -(-page["total"] // page["page_size"]) + 1,
    "one less than there are": lambda page: max(page["total"] // page["page_size"] - 1, 0),
    "the messages of the page": lambda page: len(page["messages"]),
    "one more than the messages": lambda page: page["total"] + 1,
    "one less than the messages": lambda page: max(page["total"] - 1, 0),
    "the page size": lambda page: page["page_size"],
    "the pages": lambda page: page["num_pages"],
    "always one": lambda _: 1,
    "end, exclusive": lambda page: str(int(page["end"]) + 1),
    "the end of a full page": lambda page: str(int(page["start"]) + page["page_size"] - 1),
    "the place on the page": lambda page: str(len(page["messages"]) - 1),
    "start from one": lambda page: str(int(page["start"]) + 1),
    "the page number": lambda page: str(page["page"]),
    "no next page": lambda _: "null",
    "no next page after the second": lambda page: "null" if page["page"] >= 1 else page["next_page_uri"],
    "the first page": lambda page: page["first_page_uri"],
    "the page itself": lambda page: page["first_page_uri"].replace("Page=0", f"Page={page['page']}", 1),
    "nothing for null": lambda page: None if page["next_page_uri"] == "null" else page["next_page_uri"],
    "pages": lambda page: -(-page["total"] // page["page_size"]),
    "last page": lambda page: max(page["total"] - 1, 0) // page["page_size"],
    "the first page, if there is none": lambda page: page["first_page_uri"],
}


def rows(given: dict[str, Any]) -> Fault:
    """Change the messages of a list: `lose` one, `double` one, `swap` two, or `reverse` all.

    `at` is the index of the message. `later` selects later pages only.
    """

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        body = msgspec.json.decode(answer.body) if is_json(answer) and answer.is_good else None
        if what(server, question) != "list" or not isinstance(body, dict):
            return answer
        asked = dict(pairs(question))
        is_later = int(asked.get("Page", "0") or 0) > 0 or int(asked.get("Results_Skip", "0") or 0) > 0
        found = body.get(member_of(server), [])
        if not found or (given.get("later") and not is_later) or not set(asked).issuperset(given.get("has", [])):
            return answer
        body[member_of(server)] = _moved(found, given)
        return rewritten(answer, body)

    return Fault(answered=answered)


def _moved(found: list[Any], given: dict[str, Any]) -> list[Any]:
    at = given.get("at", 0) % len(found)
    if given["do"] == "lose":
        return found[:at] + found[at + 1 :]
    if given["do"] == "double":
        return [*found[: at + 1], *found[at:]]
    if given["do"] == "swap":
        return [*found[:at], *found[at : at + 2][::-1], *found[at + 2 :]]
    return found[::-1]


def status(given: dict[str, Any]) -> Fault:
    """Replace one status (`was`) of a response by another (`status`), and nothing else. `body` replaces the body too."""

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        if what(server, question) not in given["on"] or answer.status != given["was"]:
            return answer
        if not set(dict(pairs(question))).issuperset(given.get("has", [])):
            return answer
        return Answer(given["status"], answer.headers, given["body"].encode() if "body" in given else answer.body)

    return Fault(answered=answered)


def words(given: dict[str, Any]) -> Fault:
    """Replace some text of a response: `find` by `put`. `media` changes the content type."""

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        if what(server, question) not in given["on"] or given.get("in_media", "json") not in answer.headers.get(
            "content-type", ""
        ):
            return answer
        if given.get("accept", "") not in dict(question.headers).get("accept", ""):
            return answer
        headers = {**answer.headers, **({"content-type": given["media"]} if "media" in given else {})}
        return Answer(
            answer.status, headers, answer.body.replace(given.get("find", "\0").encode(), given.get("put", "").encode())
        )

    return Fault(answered=answered)


def null_where_unset(given: dict[str, Any]) -> Fault:
    """Set a `member` that a message does not have to null."""

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        if what(server, question) not in ("list", "get") or not answer.is_good or not is_json(answer):
            return answer
        body = msgspec.json.decode(answer.body)
        for row in rows_in(server, body, what(server, question)):
            row.setdefault(given["member"], None)
        return rewritten(answer, body)

    return Fault(answered=answered)


def calls(given: dict[str, Any]) -> Fault:
    """Change the callbacks that a server makes.

    It makes none (`none`), each twice (`double`), not those of some statuses (`without`), or all by another `method`.
    Or it changes or drops a `parameter`.
    """

    def told(made: list[Call]) -> list[Call]:
        found = [_called(one, given) for one in made]
        statuses = [dict(one.parameters).get("MessageStatus") for one in found]
        if given.get("do") == "none":
            return []
        if given.get("do") == "double":
            return [one for one in found for _ in range(2)]
        return [
            one
            for one, status in zip(found, statuses, strict=True)
            if status is None or status not in given.get("without", [])
        ]

    return Fault(told=told)


def _called(one: Call, given: dict[str, Any]) -> Call:
    held = dict(one.parameters)
    if "parameter" in given and one.method == given.get("only_method", one.method):
        name = given["parameter"]
        if given.get("drop"):
            held.pop(name, None)
        else:
            held[name] = str(edited(held.get(name, ""), given))
    return Call(given.get("method", one.method), one.url, tuple(held.items()))


ANSWERING: Final[dict[str, Callable[[dict[str, Any]], Fault]]] = {
    "message": message, "page": page, "rows": rows, "status": status, "words": words, "calls": calls,
    "null where unset": null_where_unset,
}  # fmt: skip
