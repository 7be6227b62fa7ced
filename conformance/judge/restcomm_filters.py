"""Filters and sorts of the old dialect, each alone and together with others."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any, Final

from conformance.judge.laws import Law, Problem, Row, exactly, is_number, most_telling, number, parts_of, plain
from conformance.judge.restcomm_lists import everything, page_of, rows_in, sids
from conformance.judge.survey import Skipped, Survey
from conformance.judge.target import Target

ISO: Final = "%Y-%m-%dT%H:%M:%S"
_DAY: Final = timedelta(days=1)


def created(row: Row) -> datetime:
    """Return the instant of date_created. Raises Skipped if it is unreadable."""
    found = instant(str(row.get("date_created")))
    if found is None:
        raise Skipped("date_created is not readable, which another requirement judges")
    return found


@lru_cache(10_000)
def instant(text: str) -> datetime | None:
    """Return the instant of a date of either form, in UTC, or None if it is unreadable."""
    try:
        found = datetime.fromisoformat(text) if text[:1].isdigit() else parsedate_to_datetime(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _asked_whole(seen: Survey) -> None:
    if not seen.is_whole:
        raise Skipped("the list is too long to be read whole")


def party(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A filter by sender or recipient keeps exactly the messages with that number. It may keep those that differ in the plus alone."""
    _asked_whole(seen)
    name, member = given["parameter"], given["field"]
    counts = Counter(
        str(row[member]) for row in seen.rows if row.get(member) and row[member] == str(row[member]).strip()
    )
    if not counts:
        raise Skipped("no message has what it needs")
    values = [value for value, _ in counts.most_common()]
    for value in dict.fromkeys([*values[:2], values[-1], *[one for one in values if not is_number(one)][:1]]):
        found, total = everything(target, **{name: value})
        least = [row for row in seen.rows if row.get(member) == value]
        most = [row for row in seen.rows if number(row.get(member)) == number(value)]
        yield from exactly(f"a filter by {name}", found, least, most, "sid")
        if total != len(found):
            yield Problem(f"total does not count what a filter by {name} keeps", str(len(found)), plain(total))


def plus(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A filter by a number finds the same messages with a plus and without."""
    values = [str(row[given["field"]]) for row in seen.rows if is_number(row.get(given["field"]))]
    if not values:
        raise Skipped("no message has a phone number there")
    one = number(values[0])
    if set(sids(everything(target, **{given["parameter"]: one})[0])) != set(
        sids(everything(target, **{given["parameter"]: "+" + one})[0])
    ):
        yield f"a filter by {given['parameter']} finds other messages with a plus than without"


def part(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A filter by a part of a number, or by a number with more digits, shows no message of that number."""
    name, member = given["parameter"], given["field"]
    numbers = Counter(str(row.get(member)) for row in seen.rows if is_number(row.get(member)))
    if not numbers:
        raise Skipped("no message has a phone number there")
    taken = {number(value) for value in numbers}
    for said, value in parts_of(numbers.most_common(1)[0][0], taken):
        found = rows_in(page_of(target, **{name: value}, PageSize=10))
        if any(number(row.get(member)) != value for row in found):
            yield Problem(
                f"a filter by {name} with {said} shows messages of another number",
                "no message",
                f"{len(found)} or more",
            )


def _within(rows: list[Row], first: datetime | None, last: datetime | None) -> list[Row]:
    return [row for row in rows if (first is None or created(row) >= first) and (last is None or created(row) <= last)]


def bound(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A bound is inclusive to the second, in UTC. If it has only a day, it is that midnight."""
    name = given["parameter"]
    for instant in _days(seen.rows) if given.get("day") else _instants(seen):
        written = instant.strftime("%Y-%m-%d" if given.get("day") else ISO)
        query: dict[str, Any] = {name: written}
        if not seen.is_whole:
            other, way = ("EndTime", 1) if name == "StartTime" else ("StartTime", -1)
            query[other] = (instant + way * _DAY).strftime(ISO)
        found, _ = everything(target, **query)
        first, last = (datetime.strptime(query[key], ISO if "T" in query[key] else "%Y-%m-%d").replace(tzinfo=UTC)
                       if key in query else None for key in ("StartTime", "EndTime"))  # fmt: skip
        wanted = _within(seen.rows, first, last)
        yield from exactly(
            f"a list from {name} on" if name == "StartTime" else "a list to EndTime", found, wanted, wanted, "sid"
        )


def _instants(seen: Survey) -> list[datetime]:
    """Return instants of messages, and the seconds beside one."""
    moments = sorted({created(row) for row in seen.rows})
    middle = moments[len(moments) // 2]
    picked = created(seen.picked[0])
    return list(dict.fromkeys([middle, middle + timedelta(seconds=1), middle - timedelta(seconds=1), picked]))


def _days(rows: list[Row]) -> list[datetime]:
    """Return midnights near messages: before the earliest time of day, before and after the latest one, and one between."""

    def midnight(moment: datetime) -> datetime:
        return moment.replace(hour=0, minute=0, second=0, microsecond=0)

    moments = sorted((created(row) for row in rows), key=lambda moment: moment - midnight(moment))
    chosen = [
        midnight(moments[0]),
        midnight(moments[-1]),
        midnight(moments[-1]) + _DAY,
        midnight(moments[len(moments) // 2]),
    ]
    return list(dict.fromkeys(chosen))


def between(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Two bounds keep the messages from the first to the second. Two equal bounds keep the messages of that second."""
    _asked_whole(seen)
    moments = sorted(created(row) for row in seen.rows)
    third = len(moments) // 3
    for first, last in ((moments[third], moments[-third - 1]), (moments[third], moments[third])):
        found, total = everything(target, StartTime=first.strftime(ISO), EndTime=last.strftime(ISO))
        wanted = _within(seen.rows, first, last)
        yield from exactly("a list from StartTime to EndTime", found, wanted, wanted, "sid")
        if total != len(found):
            yield Problem("total does not count what lies between two bounds", str(len(found)), plain(total))


def _kept(row: Row, wanted: list[str]) -> Callable[[Row], bool]:
    names = [name for name in ("From", "To") if name in wanted]
    return lambda other: all(number(other.get(name.lower())) == number(row.get(name.lower())) for name in names)


def together(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """If parameters are combined as in the document's examples, each has its effect."""
    _asked_whole(seen)
    wanted, names = given["parameters"], [name.lower() for name in given["parameters"] if name in ("From", "To")]
    row = most_telling(seen.rows, *names) if names else seen.rows[len(seen.rows) // 2]
    rows = [other for other in seen.rows if _kept(row, wanted)(other)]
    filters = {name: row[name.lower()] for name in ("From", "To") if name in wanted}
    for place, (first, last) in enumerate(_ranges(row, seen.rows) if "StartTime" in wanted else [(None, None)]):
        times = (
            {} if first is None or last is None else {"StartTime": first.strftime(ISO), "EndTime": last.strftime(ISO)}
        )
        expected = _within(rows, first, last)
        sorts = ("DateCreated:asc", "DateCreated:desc")[: 1 if place else 2] if "SortBy" in wanted else ("",)
        for sort in sorts:
            query = {**filters, **times, **({"SortBy": sort} if sort else {})}
            yield from _exact(target, query, expected, is_paged="Page" in wanted and not place)


def _ranges(row: Row, rows: list[Row]) -> list[tuple[datetime | None, datetime | None]]:
    """Return three ranges: one with every message, one that ends before this message, and one that begins after it."""
    moments = [created(one) for one in rows]
    beside = timedelta(seconds=1)
    return [(min(moments), max(moments)), (min(moments), created(row) - beside), (created(row) + beside, max(moments))]


def _exact(target: Target, query: dict[str, Any], expected: list[Row], *, is_paged: bool) -> Iterator[str | Problem]:
    what = f"a list with {', '.join(query)}"
    found, total = everything(target, **query)
    yield from exactly(what, found, expected, expected, "sid")
    if total != len(expected):
        yield Problem(f"total does not count what {what} keeps", str(len(expected)), plain(total))
    moments = [created(row) for row in found]
    if "SortBy" in query and moments != sorted(moments, reverse="desc" in query["SortBy"]):
        yield f"{what} is not in the order that was asked for"
    if is_paged:
        paged: list[Row] = []
        for place in range(min(2, -(-len(expected) // 2))):
            paged += rows_in(page_of(target, **query, Page=place, PageSize=2))
        if [created(row) for row in paged] != moments[:4]:
            yield Problem(f"{what} is not cut into its pages", str(min(len(expected), 4)), str(len(paged)))


def _kind(value: str) -> tuple[str, int, bool] | None:
    """Return the kind of a value, or None. Every order of characters sorts two values of one kind alike.

    A kind is digits of one length, or words of small letters.
    """
    if number(value).isdecimal():
        return "digits", len(value), value[:1] == "+"
    return ("words", 0, False) if re.fullmatch(r"[a-z]+(-[a-z]+)?", value) else None


def ordered(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A list is sorted by an attribute, ascending or descending. Without `sort` the default order is tested.

    Values are compared only if every order of characters agrees on them. Messages with equal values have to be adjacent.
    """
    query = {"SortBy": given["sort"]} if "sort" in given else {}
    rows = everything(target, **query)[0]
    if seen.is_whole and query:
        yield from exactly("a sorted list", rows, seen.rows, seen.rows, "sid")
    descending = given.get("descending", False)
    if given["field"] == "date_created":
        moments = [created(row) for row in rows]
        if moments != sorted(moments, reverse=descending):
            yield "messages are not in the order that was asked for"
        return
    runs = [value for value, _ in groupby(str(row.get(given["field"])) for row in rows)]
    if len(set(runs)) != len(runs):
        yield "messages with the same value do not stand together"
    kinds = [(value, _kind(value)) for value in runs]
    for kind in {kind for _, kind in kinds if kind is not None}:
        values = [value for value, own in kinds if own == kind]
        if values != sorted(values, reverse=descending):
            yield "messages are not in the order that was asked for"
            return


def sorted_whole(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A sort orders the whole list, not each page."""
    _asked_whole(seen)
    for sort, descending in (("DateCreated:asc", False), ("DateCreated:desc", True)):
        moments = sorted((created(row) for row in seen.rows), reverse=descending)
        for place in range(min(2, -(-len(moments) // 5))):
            found = [created(row) for row in rows_in(page_of(target, SortBy=sort, PageSize=5, Page=place))]
            if found != moments[place * 5 : place * 5 + 5]:
                yield "a page of a sorted list is not the stretch of the list that it should be"


def ties(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Messages that a sort finds equal are newest first, in either direction."""
    for direction in ("asc", "desc"):
        rows = everything(target, SortBy=f"{given['sort']}:{direction}")[0]
        for before, after in pairwise(rows):
            if before.get(given["field"]) == after.get(given["field"]) and created(before) < created(after):
                yield "messages that are equal to the sort are not newest first"
                return


LAWS: Final[dict[str, Law]] = {
    "party": party, "plus": plus, "part": part, "bound": bound, "between": between, "together": together, "ordered": ordered,
    "sorted-whole": sorted_whole, "ties": ties,
}  # fmt: skip
