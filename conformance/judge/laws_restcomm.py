"""What an Accounts/SMS/Messages server must do, by the names that requirements use."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any, Final
from urllib.parse import quote, urlencode

from conformance.judge.laws import Law, Problem, answered, each, number, only_with
from conformance.judge.survey import Skipped, Survey, rows_of
from conformance.judge.target import Answer, Target

_MEMBER: Final = "messages"


def _list(target: Target, **query: Any) -> Answer:
    return target.get(target.messages + ".json", query)


def _page(target: Target, **query: Any) -> dict[str, Any]:
    answer = _list(target, **query)
    rows_of(answer, _MEMBER)
    page: dict[str, Any] = answer.json
    return page


def _sids(page: dict[str, Any]) -> list[Any]:
    return [row.get("sid") for row in page[_MEMBER]]


def _created(row: dict[str, Any]) -> datetime:
    try:
        return parsedate_to_datetime(str(row.get("date_created"))).astimezone(UTC)
    except ValueError:
        raise Skipped("date_created is not readable, which another requirement judges") from None


def route(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A request to some path: any method, headers and query; `{sid}` is a message that the server shows."""
    path = given.get("path", "{messages}.json").replace("{messages}", target.messages).replace("{base}", target.base)
    if "{sid}" in path:
        path = path.replace("{sid}", quote(str(seen.picked[0].get("sid")), safe=""))
    if given.get("query"):
        path += "?" + urlencode(given["query"])
    headers = given.get("request_headers", {})
    yield from answered(
        target.ask(given.get("method", "GET"), path, anonymous=given.get("anonymous", False), **headers), given
    )


def field(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A member of every message."""
    yield from each(seen.rows, given)


def conditional(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A member that only some messages may have."""
    yield from only_with(seen.rows, given)


def same(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A message by its SID is the one that the list shows."""
    row = seen.picked[0]
    answer = target.get(f"{target.messages}/{quote(str(row.get('sid')), safe='')}.json")
    yield from answered(answer, given)
    names = ("sid", "date_created", "from", "to", "body", "direction")
    if isinstance(answer.json, dict) and any(answer.json.get(name) != row.get(name) for name in names):
        yield "a message by its SID is another than the list shows"


def own_uri(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A message's uri leads to it."""
    for row in seen.picked[:3]:
        uri = str(row.get("uri"))
        suffix = re.sub(r"^/?(?:api/|restcomm/)?", "", uri)
        answer = target.get(f"{target.base}/{suffix}", accept="application/json")
        if not isinstance(answer.json, dict) or answer.json.get("sid") != row.get("sid"):
            yield "the uri of a message does not lead to it"


def party(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A filter by sender or recipient keeps exactly the messages with that number."""
    name, member = given["parameter"], given["field"]
    for value in sorted({str(row.get(member)) for row in seen.rows})[:3]:
        page = _page(target, **{name: value}, PageSize=1000)
        if any(number(row.get(member)) != number(value) for row in page[_MEMBER]):
            yield f"a filter by {name} shows messages of another number"
        kept = set(_sids(page))
        if any(number(row.get(member)) == number(value) and row.get("sid") not in kept for row in seen.rows):
            yield f"a filter by {name} leaves out messages of that number"
        if page.get("total") != len(page[_MEMBER]) and len(page[_MEMBER]) < 1000:
            yield f"total does not count what a filter by {name} keeps"


def bound(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A bound is inclusive to the second, in UTC; given to the day, it is that midnight."""
    name = given["parameter"]
    for row in seen.picked[:3]:
        created = _created(row)
        outside = created + timedelta(seconds=1 if name == "StartTime" else -1)
        if given.get("day"):
            midnight = created.replace(hour=0, minute=0, second=0)
            written = midnight.strftime("%Y-%m-%d")
            instants = [(written, (created >= midnight) if name == "StartTime" else (created <= midnight))]
        else:
            instants = [(created.strftime("%Y-%m-%dT%H:%M:%S"), True), (outside.strftime("%Y-%m-%dT%H:%M:%S"), False)]
        for written, expected in instants:
            near = {"StartTime": (created - timedelta(days=2)), "EndTime": created + timedelta(days=2)}
            query: dict[str, Any] = {key: value.strftime("%Y-%m-%dT%H:%M:%S") for key, value in near.items()}
            page = _page(target, **{**query, name: written, "PageSize": 1000})
            if (row.get("sid") in _sids(page)) != expected:
                yield f"{name} {'leaves out a message' if expected else 'shows a message outside'} at its very bound"


def ordered(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A sort by an attribute, one way or the other; nothing asked is newest first."""
    query = {"SortBy": given["sort"]} if "sort" in given else {}
    rows = _page(target, **query, PageSize=60)[_MEMBER]
    if given["field"] == "date_created":
        values: list[Any] = [_created(row) for row in rows]
    else:
        values = [str(row.get(given["field"])) for row in rows]
    if values != sorted(values, reverse=given.get("descending", False)):
        yield "messages are not in the order that was asked for"


def ties(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Messages that a sort finds equal are newest first, whichever way it goes."""
    for direction in ("asc", "desc"):
        rows = _page(target, SortBy=f"{given['sort']}:{direction}", PageSize=60)[_MEMBER]
        for before, after in pairwise(rows):
            if before.get(given["field"]) == after.get(given["field"]) and _created(before) < _created(after):
                yield "messages that are equal to the sort are not newest first"


def arithmetic(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """num_pages is the number of the last page: the whole part of total by page_size."""
    for size in (1, 7, 10, 50):
        page = _page(target, PageSize=size)
        total, last = page.get("total"), page.get("num_pages")
        if not isinstance(total, int) or last != total // size:
            yield "num_pages is not the number of the last page"
        if page.get("page_size") != size or page.get("page") != 0:
            yield "page or page_size is not what was asked for"


def positions(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """start and end are the places of the first and the last message of a page."""
    for number_, size in ((0, 5), (1, 5), (0, 60)):
        page = _page(target, Page=number_, PageSize=size)
        shown = len(page[_MEMBER])
        if str(page.get("start")) != str(number_ * size):
            yield "start is not the place of the first message"
        if shown and str(page.get("end")) != str(number_ * size + shown - 1):
            yield "end is not the place of the last message"


def totals(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """total is the same on every page, and as many messages as the pages show."""
    first = _page(target, PageSize=20)
    total = first.get("total")
    if not isinstance(total, int) or total > 2000:
        raise Skipped("the list is too long to be read for this")
    shown = list(_sids(first))
    for number_ in range(1, total // 20 + 1):
        page = _page(target, Page=number_, PageSize=20)
        if page.get("total") != total:
            yield "total differs from page to page"
        shown += _sids(page)
    if len(shown) != total:
        yield "the pages do not show as many messages as total says"
    if len(set(shown)) != len(shown):
        yield "a message is on two pages"


def past(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """The page after the last one."""
    last = _page(target, PageSize=10).get("num_pages")
    if not isinstance(last, int):
        raise Skipped("num_pages is not readable, which another requirement judges")
    yield from answered(_list(target, PageSize=10, Page=last + 1), given)


def links(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A link of the page object leads to the page that its name says, with the size and the list kept."""
    name = given["link"]
    start = 1 if name == "previous_page_uri" else 0
    page = _page(target, Page=start, PageSize=3) if seen.page.get("total", 0) > 6 else None
    if page is None:
        raise Skipped("the list is too short for this")
    uri = str(page.get(name))
    wanted = {"first_page_uri": 0, "previous_page_uri": 0, "next_page_uri": 1, "last_page_uri": page.get("num_pages")}[
        name
    ]
    path, _, query = uri.partition("?")
    if not query or f"Page={wanted}&" not in f"{query}&" or "PageSize=3" not in query:
        yield f"{name} does not name its page"
        return
    path = path if path.startswith(target.base) else target.base + path
    answer = target.get(f"{path}?{query}", accept="application/json")
    expected = _sids(_page(target, Page=wanted, PageSize=3))
    found = answer.json.get(_MEMBER) if isinstance(answer.json, dict) else None
    if not isinstance(found, list) or [row.get("sid") for row in found] != expected:
        yield f"{name} does not lead to its page"


def ends(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Where there is no previous or no next page, the text null stands."""
    first = _page(target, PageSize=1000)
    if first.get("previous_page_uri") != "null":
        yield "previous_page_uri of the first page is not the text null"
    if first.get("num_pages") == 0 and first.get("next_page_uri") != "null":
        yield "next_page_uri of the last page is not the text null"


def limit(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Limit is the most that a list has in all, and is echoed."""
    for most in (1, 3):
        page = _page(target, Limit=most, PageSize=2)
        if page.get("limit") != most:
            yield "limit is not the one that was asked for"
        if page.get("total") != min(most, seen.page.get("total", 0)):
            yield "total is not cut at Limit"


def unknown(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    yield from answered(target.get(f"{target.messages}/SM{'0' * 31}f.json"), given)


def send(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """One send to the number that there is leave for, and what its answer looks like."""
    form = {
        "From": given.get("From", "19876543212"),
        "To": target.send_to,
        "Body": given.get("Body", "Conformance test"),
    }
    form = {name: value for name, value in form.items() if name not in given.get("without", [])}
    body = urlencode(form).encode()
    answer = target.ask(
        "POST", target.messages + given.get("suffix", ".json"), body, content_type="application/x-www-form-urlencoded"
    )
    yield from answered(answer, given)
    if isinstance(answer.json, dict) and answer.status == 200:
        for name, value in given.get("equals", {}).items():
            if answer.json.get(name) != value:
                yield f"{name} is not as the document's example has it"
        if given.get("found"):
            again = target.get(f"{target.messages}/{quote(str(answer.json.get('sid')), safe='')}.json")
            if not isinstance(again.json, dict) or again.json.get("body") != form["Body"]:
                yield "what was sent is not found by its SID"


LAWS: Final[dict[str, Law]] = {
    "route": route, "field": field, "conditional": conditional, "same": same, "own-uri": own_uri, "party": party, "bound": bound,
    "ordered": ordered, "ties": ties, "arithmetic": arithmetic, "positions": positions, "totals": totals, "past": past,
    "links": links, "ends": ends, "limit": limit, "unknown": unknown, "send": send,
}  # fmt: skip
