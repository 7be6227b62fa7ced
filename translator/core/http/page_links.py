"""Paging: the arithmetic of a page object. All of it is here, and nothing else is.

A stretch of a list starts at index `skip` and holds up to `size` of `total` messages. `page` is its number counted from 0.
"""

from collections.abc import Callable
from typing import Final, NamedTuple


class PageGeometry(NamedTuple):
    """Where a page is in its list. `shown` is how many messages it holds, `last_sid` that of the last of them, and `rest` what all links
    repeat, both as a link has them.
    `more` says of a page that follows a message whether others follow its last one; None: its number decides."""

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
"""Writes the address of another page: of which stretch, which page, and whether it follows the last message shown."""


def last_page(total: int, size: int) -> int:
    """The number of the last page, which is what the seed's example calls `num_pages`: 34 messages at 10 a page give 3.

    It is the floor, so a total that the size divides has an empty last page.
    """
    return total // size


def first_index(at: PageGeometry) -> int:
    """The position in the overall list of the first item in this page."""
    return at.page * at.size


def last_index(at: PageGeometry) -> int:
    """The position in the overall list of the last item in this page; that of the first where the page is empty."""
    return first_index(at) + max(at.shown - 1, 0)


def last_index_or_past(at: PageGeometry) -> int:
    """As the old server counts: the last position that a full page has, but one past the last item on the last page."""
    if at.page == last_page(at.total, at.size):
        return first_index(at) + at.shown
    return first_index(at) + at.size - 1


def goes_on(at: PageGeometry) -> bool:
    """Whether there is a next page. One that follows a message is only labelled by its number: it goes on while messages follow, and
    ends where a page by that number would, if it is full until there."""
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
"""The values of a page object by the names that `[[paging.members]]` uses; None is "there is no such page"."""
