"""Lists of the old dialect: pages, their arithmetic, the links between them, and Limit."""

from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote, urlsplit

from conformance.judge.laws import Law, Problem, Row, answered, exactly, plain
from conformance.judge.survey import PAGE, Skipped, Survey, rows_of
from conformance.judge.target import Answer, Target

MEMBER: Final = "messages"
ENDS: Final = (None, "", "null")
"""The values of a link if there is no such page."""

_SIZES: Final = (1, 7, 10, 50)
_MOST_PAGES: Final = 60


def listed(target: Target, **query: Any) -> Answer:
    """Return the response to a list request in JSON."""
    return target.get(target.messages + ".json", query)


def page_of(target: Target, **query: Any) -> dict[str, Any]:
    """Return a page. Raises Skipped if the response is not a list."""
    answer = listed(target, **query)
    rows_of(answer, MEMBER)
    page: dict[str, Any] = answer.json
    return page


def rows_in(page: dict[str, Any]) -> list[Row]:
    """Return the messages of a page."""
    return [row for row in page[MEMBER] if isinstance(row, dict)]


def everything(target: Target, **query: Any) -> tuple[list[Row], Any]:
    """Return all messages of a list, and the total that its first page states."""
    size = target.kept.get("page size", PAGE["restcomm"])
    page = page_of(target, **query, PageSize=size)
    rows, total, number = rows_in(page), page.get("total"), 1
    size = len(rows)
    while size and isinstance(total, int) and len(rows) < min(total, 3000):
        more = rows_in(page_of(target, **query, PageSize=size, Page=number))
        if not more:
            break
        rows, number = rows + more, number + 1
    return rows, total


def sids(rows: list[Row]) -> list[Any]:
    """Return the SIDs of messages, in their order."""
    return [row.get("sid") for row in rows]


def total_of(seen: Survey) -> int:
    """Return the total of the whole list. Raises Skipped if it is unreadable."""
    total = seen.page.get("total")
    if not isinstance(total, int):
        raise Skipped("total is not readable, which another requirement judges")
    return total


def reached(target: Target, uri: str) -> str:
    """Return the path and query of a URI of the server, below the base address under test."""
    parts = urlsplit(uri)
    path = f"/{parts.path.lstrip('/')}"
    before, version, rest = path.partition("/2012-04-24/")
    query = f"?{parts.query}" if parts.query else ""
    return f"{target.base}{version}{rest if version else before}{query}"


def follow(target: Target, uri: Any) -> dict[str, Any] | None:
    """Return the page that a link leads to, or None if it leads to none."""
    answer = target.get(reached(target, str(uri)), accept="application/json")
    is_page = answer.is_good and isinstance(answer.json, dict) and isinstance(answer.json.get(MEMBER), list)
    return answer.json if is_page else None


def arithmetic(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """num_pages is the number of pages, or the number of the last page counted from 0, by the same rule for every page size.

    With `floor` it is the whole part of total by page_size.
    """
    rules: dict[str, Callable[[int, int], int]] = {
        "floor": lambda total, size: total // size,
        "count": lambda total, size: -(-total // size),
        "last": lambda total, size: max(total - 1, 0) // size,
        "count, at least one": lambda total, size: max(-(-total // size), 1),
    }
    possible = ["floor"] if given.get("floor") else list(rules)
    for size in _SIZES:
        page = page_of(target, PageSize=size)
        total, pages = page.get("total"), page.get("num_pages")
        if not isinstance(total, int):
            raise Skipped("total is not readable, which another requirement judges")
        expected = " or ".join(str(number) for number in sorted({rules[name](total, size) for name in possible}))
        possible = [name for name in possible if rules[name](total, size) == pages]
        if not possible:
            yield Problem(
                f"num_pages is not the number of pages of {size}, by the rule of the other sizes",
                expected,
                plain(pages),
            )
            return


def echoed(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """`page` and `page_size` are those of the request."""
    for query in ({"PageSize": 7}, {"PageSize": 10}, *([{"PageSize": 3, "Page": 1}] if total_of(seen) > 3 else [])):
        page = page_of(target, **query)
        for name, wanted in (("page", query.get("Page", 0)), ("page_size", query["PageSize"])):
            if page.get(name) != wanted and name == given["member"]:
                yield Problem(f"{name} is not the one that was asked for", str(wanted), plain(page.get(name)))


def sized(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A page has the requested number of messages, if the list is long enough."""
    for size in (*_SIZES, 100, 200):
        if size > 50 and not listed(target, PageSize=size).is_good:
            continue  # the document states no maximum, so a server may have one
        found = rows_in(page_of(target, PageSize=size))
        wanted = min(size, total_of(seen))
        if len(found) != wanted:
            yield Problem(f"a page of {size} has another number of messages", str(wanted), str(len(found)))


def positions(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """start and end are the positions of the first and the last message of a page. With `last` the last page is tested."""
    total = total_of(seen)
    asked = [(0, 7), (1, 7), (0, target.kept.get("page size", PAGE["restcomm"]))]
    if given.get("last"):
        asked = [((total - 1) // size, size) for size in (7, 10) if total]
    for place, size in asked:
        if place * size >= max(total, 1):
            continue
        page = page_of(target, Page=place, PageSize=size) if place else page_of(target, PageSize=size)
        shown = len(page[MEMBER])
        if str(page.get("start")) != str(place * size):
            yield Problem("start is not the place of the first message", str(place * size), plain(page.get("start")))
        if shown and str(page.get("end")) != str(place * size + shown - 1):
            yield Problem(
                "end is not the place of the last message", str(place * size + shown - 1), plain(page.get("end"))
            )


def totals(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """total is the same on every page, and equals the number of messages on all pages.

    A long list is read only in its first and its last pages.
    """
    total = total_of(seen)
    size = min(max(7, -(-total // 4)), PAGE["restcomm"])
    last = max(total - 1, 0) // size
    places = range(last + 1) if last < 8 else (0, 1, 2, last - 1, last)
    shown: list[Row] = []
    for place in places:
        page = page_of(target, Page=place, PageSize=size) if place else page_of(target, PageSize=size)
        if page.get("total") != total:
            yield Problem("total differs from page to page", str(total), plain(page.get("total")))
        wanted, found = min(size, total - place * size), rows_in(page)
        if len(found) != wanted:
            yield Problem("a page does not have as many messages as its place allows", str(wanted), str(len(found)))
        shown += found
    if len(places) == last + 1:
        yield from exactly("the list, page by page,", shown, seen.rows, seen.rows, "sid")
    elif len(set(sids(shown))) != len(shown):
        yield "a message is on two pages"


def past(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A page after the last one is empty (`empty`), or gets a response of the given form, such as a refusal."""
    answer = listed(target, PageSize=10, Page=total_of(seen) // 10 + 1)
    if given.get("empty"):
        if answer.is_good and rows_in(page_of(target, PageSize=10, Page=total_of(seen) // 10 + 1)):
            yield "a page past the last one shows messages"
        return
    yield from answered(answer, given)


def links(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A link of the page object leads to the page that its name says. It keeps the page size, and the filter or sort of `beside`."""
    name, (query, _) = given["link"], _asked(given.get("beside", ""), seen)
    total = len(everything(target, **query)[0]) if query else total_of(seen)
    size = next((one for one in (3, 4, 5, 7) if total % one), 3) if query else 3  # so that the last page is not empty
    if total < 4 or (not query and total <= 9):
        raise Skipped("the list is too short for this")
    page = page_of(target, **query, Page=1, PageSize=size)
    if page.get(name) in ENDS:
        yield f"{name} is not there"
        return
    last = [total // size, (total - 1) // size]
    wanted = {"first_page_uri": [0], "previous_page_uri": [0], "next_page_uri": [2]}.get(name, last)
    answer = target.get(reached(target, str(page[name])), accept="application/json")
    found = answer.json.get(MEMBER) if isinstance(answer.json, dict) else None
    places = [place for place in dict.fromkeys(wanted) if place * size < total]
    pages = [rows_in(page_of(target, **query, Page=place, PageSize=size)) for place in places]
    possible = [set(sids(rows)) for rows in pages] + ([set()] if total % size == 0 and name == "last_page_uri" else [])
    if not isinstance(found, list) or {row.get("sid") for row in found if isinstance(row, dict)} not in possible:
        yield Problem(
            f"{name} does not lead to its page", f"page {' or '.join(map(str, wanted))}", f"status {answer.status}"
        )


def own_path(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """`uri` and the links of a page lead to the account's messages."""
    page = page_of(target, PageSize=3, **({"Page": 1} if total_of(seen) > 3 else {}))
    for name in ("uri", "first_page_uri", "next_page_uri", "previous_page_uri", "last_page_uri"):
        path = urlsplit(str(page.get(name))).path.removesuffix("/").removesuffix(".json")
        if page.get(name) not in ENDS and not path.endswith(f"/Accounts/{quote(target.account)}/SMS/Messages"):
            yield f"{name} is not that of the account's messages"


def chain(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """next_page_uri, followed to the end, shows the whole list once. It keeps the filter, sort or Limit of `beside`."""
    query, rows = _asked(given.get("beside", ""), seen)
    least, _ = everything(target, **query)
    if given.get("beside") == "Limit":
        least = rows[: query["Limit"]]
    size = max(2, -(-len(least) // 3))
    page = page_of(target, **query, PageSize=size)
    shown, steps = rows_in(page), 1
    while page.get("next_page_uri") not in ENDS and steps < _MOST_PAGES and len(shown) < 3000:
        after = follow(target, page["next_page_uri"])
        if after is None:
            yield "next_page_uri leads to no page"
            return
        page = after
        shown, steps = shown + rows_in(page), steps + 1
        if len(shown) > len(least) + size:
            break
    most = seen.rows if given.get("beside") == "Limit" else least
    yield from exactly("the list by next_page_uri", shown, least[:0] if most is seen.rows else least, most, "sid")
    if len(shown) != len(least):
        yield Problem(
            "next_page_uri does not lead through the list", f"{len(least)} messages", f"{len(shown)} messages"
        )
    if given.get("beside") == "SortBy" and sids(shown) != sids(least):
        yield "next_page_uri loses the sort"


def _asked(beside: str, seen: Survey) -> tuple[dict[str, Any], list[Row]]:
    """Return the parameters for `beside`, and the messages of the list."""
    if beside == "SortBy":
        return {"SortBy": "DateCreated:asc"}, seen.rows
    if beside == "Limit":
        if len(seen.rows) < 6:
            raise Skipped("the list is too short for this")
        return {"Limit": 5}, seen.rows
    if not beside:
        return {}, seen.rows
    member = beside.lower()
    values = [row.get(member) for row in seen.rows if row.get(member)]
    chosen = max(set(values), key=lambda value: (values.count(value) < len(values), values.count(value)), default=None)
    if chosen is None or values.count(chosen) < 3:
        raise Skipped("no number has enough messages")
    return {beside: chosen}, seen.rows


def ends(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """If there is no previous or no next page, its link is the text null. With `any` it may also be null, empty or missing."""
    first = page_of(target, PageSize=target.kept.get("page size", PAGE["restcomm"]))
    allowed = ENDS if given.get("any") else ("null",)
    if first.get("previous_page_uri") not in allowed:
        yield (
            "previous_page_uri of the first page leads somewhere"
            if given.get("any")
            else "previous_page_uri is not the text null"
        )
    if first.get("num_pages") == 0 and first.get("next_page_uri") not in allowed:
        yield "next_page_uri of the last page is not the text null"


def limit(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Limit is the maximum length of the whole list (`shown`). Without `shown` its echo and the total are tested."""
    for most in (1, 3):
        page = page_of(target, Limit=most, PageSize=10)
        wanted = min(most, total_of(seen))
        if len(page[MEMBER]) != wanted and given.get("shown"):
            yield Problem(f"a list with Limit {most} shows another number", str(wanted), str(len(page[MEMBER])))
        if page.get("limit") != most and not given.get("shown"):
            yield Problem("limit is not the one that was asked for", str(most), plain(page.get("limit")))
        if page.get("total") != wanted and not given.get("shown"):
            yield Problem("total is not cut at Limit", str(wanted), plain(page.get("total")))


LAWS: Final[dict[str, Law]] = {
    "arithmetic": arithmetic, "echoed": echoed, "sized": sized, "positions": positions, "totals": totals, "past": past, "links": links,
    "own-path": own_path, "chain": chain, "ends": ends, "limit": limit,
}  # fmt: skip
