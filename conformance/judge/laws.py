"""Laws that both dialects have: what an answer looks like, what a member of a message is, what a filter keeps."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from conformance.judge.survey import Survey
from conformance.judge.target import Answer, Target


class Problem(NamedTuple):
    """What is wrong, with what was expected and what was seen, none of them with a phone number, text or credential."""

    why: str
    expected: str = ""
    seen: str = ""


Law = Callable[[Target, Survey, dict[str, Any]], Iterator[str | Problem]]
"""A law yields what is wrong, as a sentence or a Problem; nothing is that it holds."""

TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def answered(answer: Answer, wanted: dict[str, Any]) -> Iterator[str | Problem]:
    """Status (one, or one of several), media type, headers that match, members of the JSON with their types."""
    statuses = wanted.get("status", 200)
    if answer.status not in (statuses if isinstance(statuses, list) else [statuses]):
        yield Problem(f"the status is {answer.status}, not {statuses}", f"status {statuses}", f"status {answer.status}")
        return
    media = answer.headers.get("content-type", "")
    if "media" in wanted and media != wanted["media"]:
        yield f"the content type is {media or 'not given'}, not {wanted['media']}"
    for name, pattern in wanted.get("headers", {}).items():
        if not re.search(pattern, answer.headers.get(name, "")):
            yield f"the header {name} is missing or otherwise"
    if "xml" in wanted and not re.search(wanted["xml"], answer.body.decode("utf-8", "replace"), re.DOTALL):
        yield "the XML is otherwise"
    if "members" in wanted or "absent" in wanted:
        yield from members(answer.json, wanted)


def members(body: Any, wanted: dict[str, Any]) -> Iterator[str]:
    """The members of an object, by dotted name, with their types."""
    if not isinstance(body, dict):
        yield "the body is not a JSON object"
        return
    for name, kind in wanted.get("members", {}).items():
        value: Any = body
        for step in name.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if not TYPES[kind](value):
            yield f"{name} is not there as {kind}"
    yield from (f"{name} is there" for name in wanted.get("absent", []) if name in body)


def each(rows: list[dict[str, Any]], given: dict[str, Any]) -> Iterator[str]:
    """A member of every message: its type, a pattern, or one of some words; `optional` where it may be missing."""
    name = given["field"]
    for row in rows:
        if name not in row or (row[name] is None and given.get("null")):
            if not given.get("optional"):
                yield f"{name} is missing in a message"
            continue
        value = row[name]
        if "type" in given and not TYPES[given["type"]](value):
            yield f"{name} is not {given['type']}"
        if "pattern" in given and not (isinstance(value, str) and re.fullmatch(given["pattern"], value)):
            yield f"{name} is not of the form that the document shows"
        if "one_of" in given and value not in given["one_of"]:
            yield f"{name} is none of the words of the document"
        if "at_least" in given and not (TYPES["integer"](value) and value >= given["at_least"]):
            yield f"{name} is less than {given['at_least']}"


def only_with(rows: list[dict[str, Any]], given: dict[str, Any]) -> Iterator[str]:
    """A member that is there only in messages whose other member is one of some words."""
    for row in rows:
        if row.get(given["field"]) is not None and row.get(given["of"]) not in given["words"]:
            yield f"{given['field']} is there although {given['of']} does not allow it"


def number(value: Any) -> str:
    """A phone number without its plus, which does not distinguish numbers; anything else as it is."""
    text = str(value)
    return text[1:] if text[:1] == "+" else text
