"""Laws of both dialects: the form of a response, the members of a message, and the messages of a list."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final, NamedTuple

from conformance.judge.survey import Skipped, Survey
from conformance.judge.target import Answer, Target

Row = dict[str, Any]


class Problem(NamedTuple):
    """A problem, with the expected and the seen value. None of them holds a phone number, text or credential."""

    why: str
    expected: str = ""
    seen: str = ""


Law = Callable[[Target, Survey, dict[str, Any]], Iterator[str | Problem]]
"""A law yields what is wrong, as a sentence or a Problem. If it yields nothing, the law holds."""

TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "link": lambda value: value is None or isinstance(value, str),
}
"""The JSON types by name. `link` is a URI, or null if there is no such page."""

SPELLED: Final = re.compile(r"[0-9]xx")


def has_status(status: int, wanted: int | str | list[int | str]) -> bool:
    """True if a status is the wanted one, one of several wanted ones, or in a wanted class such as `4xx`."""
    for one in wanted if isinstance(wanted, list) else [wanted]:
        if status == one or (isinstance(one, str) and status // 100 == int(one[0])):
            return True
    return False


def media_of(answer: Answer) -> str:
    """Return the media type without its parameters, such as a charset."""
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def answered(answer: Answer, wanted: dict[str, Any]) -> Iterator[str | Problem]:
    """Check a response: its status, media type, headers, XML, and the members of its JSON with their types.

    The wanted status is a number, a class, or a list of them.
    """
    statuses = wanted.get("status", 200)
    if not has_status(answer.status, statuses):
        yield Problem(f"the status is {answer.status}, not {statuses}", f"status {statuses}", f"status {answer.status}")
        return
    media = media_of(answer)
    if "media" in wanted and media != wanted["media"]:
        yield Problem(f"the content type is {media or 'not given'}, not {wanted['media']}", wanted["media"], media)
    for name, pattern in wanted.get("headers", {}).items():
        if not re.search(pattern, answer.headers.get(name, "")):
            yield f"the header {name} is missing or otherwise"
    if "xml" in wanted and not re.search(wanted["xml"], answer.body.decode("utf-8", "replace"), re.DOTALL):
        yield "the XML is otherwise"
    if "members" in wanted or "absent" in wanted:
        yield from members(answer.json, wanted)


def members(body: Any, wanted: dict[str, Any]) -> Iterator[str | Problem]:
    """Check the members of an object, by dotted name, with their types."""
    if not isinstance(body, dict):
        yield "the body is not a JSON object"
        return
    for name, kind in wanted.get("members", {}).items():
        value: Any = body
        for step in name.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if not TYPES[kind](value):
            yield Problem(f"{name} is not there as {kind}", kind, kind_of(value))
    yield from (f"{name} is there" for name in wanted.get("absent", []) if body.get(name) is not None)


def kind_of(value: Any) -> str:
    """Return the JSON type of a value, in a word."""
    return next((name for name, test in TYPES.items() if name != "link" and test(value)), "nothing")


def plain(value: Any) -> str:
    """Return a value as a report may show it: a word or a small number as it is, any other value as its JSON type."""
    text = str(value)
    return text if re.fullmatch(r"[A-Za-z-]{1,20}|-?[0-9]{1,7}", text) else kind_of(value)


def span(seconds: float) -> str:
    """Return a duration for a report: in seconds, or in days from two days on."""
    return f"{seconds:.0f} s" if seconds < 172_800 else f"{min(seconds / 86_400, 99_999):.0f} days"


def closed(answer: Answer) -> Iterator[Problem]:
    """Check that a response is a refusal."""
    if answer.is_good:
        yield Problem("it is answered as if it were allowed", "a refusal", f"status {answer.status}")


def field(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Every message has a member with the type, the pattern or the words that are given.

    A number may have a least (`at_least`) and a greatest value (`at_most`). With `optional` the member may be missing, and with `null` it
    may be null. `equals` names the only value that is allowed: the SID of the `account` or of the `property` under test.
    """
    name = given["field"]
    own = {"account": target.account, "property": target.property_sid}.get(given.get("equals", ""))
    for row in seen.rows:
        if name not in row or (row[name] is None and given.get("null")):
            if not given.get("optional"):
                yield f"{name} is missing in a message"
            continue
        value = row[name]
        if own is not None and value != own:
            yield f"{name} is that of another"
        if "type" in given and not TYPES[given["type"]](value):
            yield Problem(f"{name} is not {given['type']}", given["type"], kind_of(value))
        if "pattern" in given and not (isinstance(value, str) and re.fullmatch(given["pattern"], value)):
            yield f"{name} is not of the form that the document shows"
        if "one_of" in given and value not in given["one_of"]:
            yield Problem(f"{name} is none of the words of the document", ", ".join(given["one_of"]), plain(value))
        if "at_least" in given and not (TYPES["integer"](value) and value >= given["at_least"]):
            yield f"{name} is less than {given['at_least']}"
        if "at_most" in given and TYPES["integer"](value) and value > given["at_most"]:
            yield f"{name} is more than {given['at_most']}"


def conditional(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A member is there only in messages whose other member is one of some words."""
    for row in seen.rows:
        if row.get(given["field"]) is not None and row.get(given["of"]) not in given["words"]:
            yield Problem(
                f"{given['field']} is there although {given['of']} does not allow it",
                f"{given['of']} is one of {', '.join(given['words'])}", f"{given['of']} {plain(row.get(given['of']))}",
            )  # fmt: skip


def implies(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """If a member (`if`) is one of some `words`, another member (`then`) is restricted.

    It is one of some values (`one_of`), is none of some values (`none_of`), or is there at all (`present`).
    """
    for row in seen.rows:
        if row.get(given["if"]) not in given["words"]:
            continue
        value = row.get(given["then"])
        if given.get("present") and value is None:
            yield Problem(f"{given['then']} is missing although {given['if']} is {plain(row[given['if']])}")
        if ("one_of" in given and value not in given["one_of"]) or value in given.get("none_of", ()):
            yield Problem(
                f"{given['then']} does not go with {given['if']} {plain(row[given['if']])}", seen=plain(value)
            )


def unique(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """No two messages have the same value in a member."""
    most = Counter(str(row.get(given["field"])) for row in seen.rows).most_common(1)
    if most and most[0][1] > 1:
        yield Problem(f"{given['field']} is the same in several messages", "once", f"{most[0][1]} times")


def exactly(
    what: str, found: Collection[Row], least: Collection[Row], most: Collection[Row], sid: str
) -> Iterator[Problem]:
    """Check that a list shows each message of `least`, none that is not in `most`, and each once.

    `sid` is the name of the member that identifies a message.
    """
    shown = [str(row.get(sid)) for row in found]
    wanted, allowed = {str(row.get(sid)) for row in least}, {str(row.get(sid)) for row in most}
    expected = f"{len(wanted)} messages" + (f" to {len(allowed)}" if len(allowed) != len(wanted) else "")
    for is_wrong, said in (
        (set(shown) - allowed, "shows messages that do not belong there"),
        (wanted - set(shown), "leaves out messages that belong there"),
        (len(set(shown)) != len(shown), "shows a message twice"),
    ):
        if is_wrong:
            yield Problem(f"{what} {said}", expected, f"{len(shown)} messages")


def number(value: Any) -> str:
    """Return a phone number without its plus, which does not distinguish numbers. Any other value stays as it is."""
    text = str(value)
    return text[1:] if text[:1] == "+" else text


def is_number(value: Any) -> bool:
    """True if a value is a whole phone number, with or without a plus."""
    return re.fullmatch(r"\+?[0-9]{8,15}", str(value)) is not None


def parts_of(value: str, taken: Collection[str]) -> list[tuple[str, str]]:
    """Return numbers that share digits with a whole number but differ from it, each with its name.

    None of them is in `taken`.
    """
    digits = number(value)
    cut = [
        ("the beginning of a number", digits[:-1]), ("the last ten digits of a number", digits[-10:]), ("the end of a number", digits[1:]),
        ("the middle of a number", digits[2:-2]), ("a number with one digit more", digits + "7"),
    ]  # fmt: skip
    return [(name, part) for name, part in cut if part != digits and part not in taken]


def most_telling(rows: list[Row], *names: str) -> Row:
    """Return the message that distinguishes filters by these members best. Raises Skipped.

    Other messages share each of its values, but not all of them.
    """
    counts = {name: Counter(number(row.get(name)) for row in rows) for name in names}
    both = Counter(tuple(number(row.get(name)) for name in names) for row in rows)

    def telling(row: Row) -> tuple[int, int]:
        values = tuple(number(row.get(name)) for name in names)
        others = [counts[name][value] - both[values] for name, value in zip(names, values, strict=True)]
        return min(1, *others) * 1000 + min(both[values], 5), sum(others)

    usable = [row for row in rows if all(row.get(name) for name in names)]
    if not usable:
        raise Skipped("no message has what it needs")
    return max(usable, key=telling)


SHARED: Final[dict[str, Law]] = {"field": field, "conditional": conditional, "implies": implies, "unique": unique}
