"""A list as the restcomm document has it, written as plainly as can be: filter, sort, cut. The proxy is compared with it.

It imports nothing of the proxy, and knows one thing that a server would not: all messages, in the order in which they came.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote_plus


class Sms(NamedTuple):
    """A message as the document would show it: numbers without their plus, the document's words, seconds since the epoch."""

    sid: str
    created: int
    sender: str
    recipient: str
    body: str
    status: str
    direction: str


class Refusal(Exception):
    """400; if the page is past the last one, it says so."""


def seconds(text: str, *, until: bool) -> float:
    """A date or a date and time, UTC. Rounded to the second that still lies inside the range."""
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC).timestamp()


def listing(messages: list[Sms], asked: dict[str, str], path: str, *, old: bool = False) -> dict[str, Any]:
    """The page object of a list, with the SIDs of its messages. `messages` stand in the order in which they came.

    `old` answers as the old server does, whose source differs from the document in places.
    """
    kept = [message for message in messages if _matches(message, asked, old=old)]
    kept = _sorted(kept, asked.get("SortBy", ""), old=old)
    page, size, limit = (
        int(asked.get("Page", 0)),
        int(asked.get("PageSize", 50)),
        int(asked.get("Limit", 10**9 if old else 10000)),
    )
    total = min(limit, len(kept))
    places = [place for place, message in enumerate(kept) if message.sid == asked.get("AfterSid")]
    if page > total // size and not places:
        raise Refusal("past the last page")
    start = places[0] + 1 if places else page * size
    # By its page number, a walk has shown part of the first Limit messages, however many arrived in front of them
    # meanwhile. It has not shown more than stand there.
    left = max(0, limit - min(page * size, start))
    shown = kept[start : start + min(size, left)]
    if not places:
        shown = kept[:limit][start : start + size]
    last = total // size
    goes_on = page < last
    if places:
        goes_on = bool(kept[start + len(shown) :] and left > len(shown)) or (goes_on and len(shown) == size)
    filters = "".join(f"&{name}={quote_plus(value)}" for name, value in asked.items() if name not in _PAGING)

    def link(to: int, after: str = "") -> str:
        anchor = f"&AfterSid={after}" if after else ""
        kept = "" if old and "Limit" not in asked else f"&Limit={limit}"
        return f"{path}.json?Page={to}&PageSize={size}{anchor}{kept}{filters}"

    found = {
        "page": page,
        "num_pages": last,
        "page_size": size,
        "total": total,
        "limit": limit,
        "start": str(page * size),
        "end": str(_end(page, size, last, len(shown), old=old)),
        "uri": path,
        "first_page_uri": link(0),
        "previous_page_uri": link(page - 1) if page else "null",
        "next_page_uri": link(page + 1, shown[-1].sid if shown else "") if goes_on else "null",
        "last_page_uri": link(last),
        "messages": [message.sid for message in shown],
    }
    if old and "Limit" not in asked:
        del found["limit"]  # the old server has none
    return found


_PAGING = ("Page", "PageSize", "Limit", "AfterSid")


def _end(page: int, size: int, last: int, shown: int, *, old: bool) -> int:
    if old:
        return page * size + shown if page == last else (page + 1) * size - 1
    return page * size + (shown - 1 if shown else 0)


def _matches(message: Sms, asked: dict[str, str], *, old: bool) -> bool:
    for name, value in (("From", message.sender), ("To", message.recipient)):
        if name in asked:
            wanted = asked[name].removeprefix("+")
            if old and not _like(value, wanted):
                return False
            if not old and value != wanted:
                return False
    if "Body" in asked and asked["Body"] not in message.body:
        return False
    if "Status" in asked and asked["Status"] != message.status:
        return False
    if "StartTime" in asked:
        start = seconds(asked["StartTime"], until=False)
        if message.created < (start // 86400 * 86400 if old else start):
            return False
    if "EndTime" in asked:
        end = seconds(asked["EndTime"], until=True)
        if old:
            end = end // 86400 * 86400 + 86400
        if message.created > end:
            return False
    return True


def _like(value: str, pattern: str) -> bool:
    """SQL's LIKE with a `%` in front, by trying everything."""
    if not pattern:
        return True  # the `%` in front reaches as far as it wants, so the pattern may end anywhere only if it is at the end
    return any(_fits(value[at:], pattern) for at in range(len(value) + 1))


def _fits(value: str, pattern: str) -> bool:
    if not pattern:
        return not value
    if pattern[0] == "%":
        return any(_fits(value[at:], pattern[1:]) for at in range(len(value) + 1))
    return bool(value) and pattern[0] in ("_", value[0]) and _fits(value[1:], pattern[1:])


def _sorted(messages: list[Sms], sort_by: str, *, old: bool) -> list[Sms]:
    """Newest first among equals, whatever the direction; the default is newest first altogether."""
    newest_first = messages[::-1]
    newest_first.sort(key=lambda message: -message.created)
    attribute, _, direction = sort_by.partition(":")
    direction = direction.lower()
    columns = {"From": "sender", "To": "recipient", "Direction": "direction", "Status": "status"}
    if old:
        columns["Body"] = "body"
    if attribute == "DateCreated":
        return newest_first if direction == "desc" else newest_first[::-1]
    if attribute not in columns:
        if attribute and not old:
            raise Refusal
        return newest_first
    values = sorted({getattr(message, columns[attribute]) for message in messages}, reverse=direction == "desc")
    return [message for value in values for message in newest_first if getattr(message, columns[attribute]) == value]
