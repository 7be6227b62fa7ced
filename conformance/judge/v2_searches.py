"""Searches of the new dialect: bounds, filters, counts and skips, each alone and together."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from conformance.judge.laws import Law, Problem, Row, exactly
from conformance.judge.survey import FAR, PAGE, Skipped, Survey, rows_of
from conformance.judge.target import Target

STATUSES: Final = ("Processing", "Submitted", "Delivered", "Failed", "Received")
DIRECTIONS: Final = ("Transmit", "Receive")
_SIZE: Final = PAGE["properties-v2"]


def page(target: Target, **query: Any) -> list[Row]:
    """Return the messages of one search. Without dates in the query it has no bounds. Raises Skipped."""
    asked = {"Date_From": 0, "Date_To": FAR, **query}
    return rows_of(target.get(target.messages, asked), "Messages")


def searched(target: Target, **query: Any) -> list[Row]:
    """Return all messages that a search finds."""
    rows: list[Row] = []
    while len(rows) < 3000:
        more = page(target, **query, Results_Count=_SIZE, **({"Results_Skip": len(rows)} if rows else {}))
        rows += more
        if len(more) < _SIZE:
            break
    return rows


def sids(rows: list[Row]) -> list[Any]:
    """Return the SIDs of messages, in their order."""
    return [row.get("MessageSid") for row in rows]


def when(row: Row) -> int:
    """Return the instant of Created. Raises Skipped if it is unreadable."""
    if not isinstance(row.get("Created"), int):
        raise Skipped("Created is not readable, which another requirement judges")
    return int(row["Created"])


def _whole(seen: Survey) -> None:
    if not seen.is_whole:
        raise Skipped("there are too many messages to be read whole")


def _exact(what: str, found: list[Row], wanted: list[Row]) -> Iterator[Problem]:
    yield from exactly(what, found, wanted, wanted, "MessageSid")


def filtered(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A filter by each word of the document keeps exactly the messages with that word."""
    _whole(seen)
    name = given["parameter"]
    for word in STATUSES if name == "Status" else DIRECTIONS:
        wanted = [row for row in seen.rows if row.get(name) == word]
        yield from _exact(f"a search with {name} {word}", searched(target, **{name: word}), wanted)


def bound(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Date_From includes a message created in its own second, and Date_To excludes it.

    Only messages with equal Scheduled and Created are tested. With `differ` only those whose two instants differ.
    """
    name, inside = given["parameter"], given["parameter"] == "Date_From"
    rows = [row for row in seen.picked if (row.get("Scheduled") != row.get("Created")) == given.get("differ", False)]
    if not rows:
        raise Skipped("no message has instants that tell")
    for row in (rows[0], rows[len(rows) // 2]):
        created = when(row)
        for moment, expected in ((created, inside), (created + 1, not inside)):
            found = page(
                target, **{"Date_From": created - 1, "Date_To": created + 2, name: moment, "Results_Count": _SIZE}
            )
            there = row.get("MessageSid") in sids(found)
            if there != expected and (len(found) < _SIZE or there):
                side = "inclusive" if inside else "exclusive"
                yield Problem(
                    f"{name} is not {side} to the second",
                    "inside" if expected else "outside",
                    "inside" if there else "outside",
                )


def between(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Searches over adjacent time windows find each message once, and no other message."""
    _whole(seen)
    moments = sorted(when(row) for row in seen.rows)
    cuts = [0, moments[len(moments) // 3], moments[-len(moments) // 3], FAR]
    found = [row for first, end in pairwise(cuts) for row in searched(target, Date_From=first, Date_To=end)]
    yield from _exact("the list in stretches of time", found, seen.rows)
    middle = searched(target, Date_From=cuts[1], Date_To=cuts[2])
    if any(not cuts[1] <= when(row) < cuts[2] for row in middle if row.get("Scheduled") == row.get("Created")):
        yield "a search shows messages outside of its dates"


def together(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """If all search filters are combined as in the document's example, each has its effect."""
    _whole(seen)
    moments = sorted(when(row) for row in seen.rows)
    ranges = {"Date_From": moments[len(moments) // 4], "Date_To": moments[-1] + 1} if given.get("dates") else {}
    for status, direction in (
        ("Delivered", "Transmit"),
        ("Received", "Transmit"),
        ("Delivered", "Receive"),
        ("Failed", "Transmit"),
    ):
        wanted = [
            row for row in seen.rows
            if row.get("Status") == status and row.get("Direction") == direction
            and ranges.get("Date_From", 0) <= when(row) < ranges.get("Date_To", FAR)
        ]  # fmt: skip
        found = searched(target, **ranges, Status=status, Direction=direction)
        yield from _exact(f"a search with Status {status} and Direction {direction}", found, wanted)


def sliced(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Results_Skip and Results_Count select from the messages that the filters keep."""
    for query in ({"Status": "Delivered"}, {"Direction": "Receive"}):
        whole = sids(searched(target, **query))
        for skip, count in ((0, 3), (2, 3), (max(len(whole) - 2, 1), 10)):
            found = sids(page(target, **query, Results_Count=count, Results_Skip=skip))
            if found != whole[skip : skip + count]:
                expected = f"{len(whole[skip : skip + count])} messages"
                yield Problem(
                    "Results_Skip and Results_Count do not count what the filter keeps",
                    expected,
                    f"{len(found)} messages",
                )


def count(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A search shows as many messages as Results_Count says, if there are that many."""
    for size in (1, 2, 5, 10, 60, 150, _SIZE):
        found = len(page(target, Results_Count=size))
        if found != min(size, len(seen.rows)):
            yield Problem(
                "a search does not show as many messages as it was asked for",
                str(min(size, len(seen.rows))),
                str(found),
            )


def default(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A search without Results_Count shows 200 messages, or all if there are fewer."""
    found = len(page(target))
    if found != min(200, len(seen.rows)):
        yield Problem("without Results_Count another number is shown", str(min(200, len(seen.rows))), str(found))


def skip(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Slices of any size follow each other without a gap: at the start of the list, and with `deep` at its end."""
    whole, length = sids(seen.rows), len(seen.rows)
    for size in (3, 7):
        places = range(0, min(length, size * 3), size)
        if given.get("deep"):
            places = range(max(length - size * 2, 0), length, size)
        tiled = [sid for place in places for sid in sids(page(target, Results_Count=size, Results_Skip=place))]
        wanted = whole[places[0] : places[-1] + size] if places else []
        if tiled != wanted:
            yield Problem(
                "stretches by Results_Skip do not make up the list", f"{len(wanted)} messages", f"{len(tiled)} messages"
            )


def paged(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Pages of one size show each message once."""
    _whole(seen)
    size = max(20, -(-len(seen.rows) // 5))
    shown = [
        row for place in range(0, len(seen.rows), size) for row in page(target, Results_Count=size, Results_Skip=place)
    ]
    yield from _exact("the list, page by page,", shown, seen.rows)


def ascending(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Messages are in ascending order of Created."""
    created = [when(row) for row in seen.rows]
    if created != sorted(created):
        yield "messages are not in ascending order of Created"


LAWS: Final[dict[str, Law]] = {
    "filtered": filtered, "bound": bound, "between": between, "together": together, "sliced": sliced, "count": count, "default": default,
    "skip": skip, "paged": paged, "ascending": ascending,
}  # fmt: skip
