"""Paging: the whole arithmetic of a page object.

A page of a list starts at index `skip` and holds up to `size` of `total` messages. `page` is its number counted from 0.
"""

from collections.abc import Callable
from typing import Final, NamedTuple


class PageGeometry(NamedTuple):
    """The position of a page in its list. `shown` is the number of messages on it. `last_sid` is the SID of the last one, as a link has
    it. `rest` is the query string that all links repeat. `more` says whether messages follow a page that follows an anchor. None: the
    page number decides."""

    page: int
    size: int
    total: int
    limit: int
    shown: int
    path: str
    rest: str
    last_sid: str
    more: bool | None = None


Link = Callable[[PageGeometry, int, bool], str]
"""Writes the address of another page. The arguments are this page, the other page's number, and whether that follows the last message
shown."""


def last_page(total: int, size: int) -> int:
    """Return the number of the last page, which is what the seed's example calls `num_pages`: 34 messages at 10 a page give 3.

    It is the floor, so if the size divides the total, the last page is empty.
    """
    return total // size


def first_index(at: PageGeometry) -> int:
    """Return the position of this page's first item in the overall list."""
    return at.page * at.size


def last_index(at: PageGeometry) -> int:
    """Return the position of this page's last item in the overall list, or that of the first if the page is empty."""
    return first_index(at) + max(at.shown - 1, 0)


def last_index_or_past(at: PageGeometry) -> int:
    """Count as the old server does: return the last position of a full page, but one past the last item on the last page."""
    if at.page == last_page(at.total, at.size):
        return first_index(at) + at.shown
    return first_index(at) + at.size - 1


def goes_on(at: PageGeometry) -> bool:
    """True if there is a next page. For a page that follows an anchor, the number is only a label. Such a page goes on while messages
    follow. It also goes on if it is full and its number is less than that of the last page."""
    by_number = at.page < last_page(at.total, at.size)
    return by_number if at.more is None else at.more or (by_number and at.shown == at.size)


VALUES: Final[dict[str, Callable[[PageGeometry, Link], int | str | None]]] = {
    "page": lambda at, _: at.page,
    "last-page": lambda at, _: last_page(at.total, at.size),
    "size": lambda at, _: at.size,
    "total": lambda at, _: at.total,
    "limit": lambda at, _: at.limit,
    "first-index": lambda at, _: first_index(at),
    "last-index": lambda at, _: last_index(at),
    "last-index-or-past": lambda at, _: last_index_or_past(at),
    "path": lambda at, _: at.path,
    "first-link": lambda at, link: link(at, 0, False),
    "previous-link": lambda at, link: link(at, at.page - 1, False) if at.page > 0 else None,
    "next-link": lambda at, link: link(at, at.page + 1, True) if goes_on(at) else None,
    "last-link": lambda at, link: link(at, last_page(at.total, at.size), False),
}
"""The values of a page object by the names that `[[paging.members]]` uses. None means that there is no such page."""
