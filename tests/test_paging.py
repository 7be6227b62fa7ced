"""Paging: a literal table of pages, worked out by hand from the seed's own example (34 messages at ten a page: num_pages 3)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.core.http import page_links
from translator.core.http.page_links import PageGeometry

# total, size, page: last page, start, end
TABLE = [
    (0, 1, 0, 0, 0, 0), (0, 10, 0, 0, 0, 0), (0, 50, 0, 0, 0, 0),
    (1, 1, 0, 1, 0, 0), (1, 1, 1, 1, 1, 1), (1, 10, 0, 0, 0, 0), (1, 50, 0, 0, 0, 0),
    (9, 1, 0, 9, 0, 0), (9, 1, 8, 9, 8, 8), (9, 1, 9, 9, 9, 9), (9, 10, 0, 0, 0, 8), (9, 50, 0, 0, 0, 8),
    (10, 1, 9, 10, 9, 9), (10, 10, 0, 1, 0, 9), (10, 10, 1, 1, 10, 10), (10, 50, 0, 0, 0, 9),
    (11, 1, 10, 11, 10, 10), (11, 10, 0, 1, 0, 9), (11, 10, 1, 1, 10, 10), (11, 50, 0, 0, 0, 10),
    (20, 1, 19, 20, 19, 19), (20, 10, 0, 2, 0, 9), (20, 10, 1, 2, 10, 19), (20, 10, 2, 2, 20, 20), (20, 50, 0, 0, 0, 19),
    (30, 1, 30, 30, 30, 30), (30, 10, 2, 3, 20, 29), (30, 10, 3, 3, 30, 30), (30, 50, 0, 0, 0, 29),
    (34, 1, 33, 34, 33, 33), (34, 10, 0, 3, 0, 9), (34, 10, 1, 3, 10, 19), (34, 10, 2, 3, 20, 29), (34, 10, 3, 3, 30, 33),
    (34, 50, 0, 0, 0, 33),
]  # fmt: skip


def _stretch(total: int, size: int, page: int) -> PageGeometry:
    return PageGeometry(
        page, size, total, 10000, len(range(total)[page * size : (page + 1) * size]), "/list", "", "SMlast"
    )


def _link(at: PageGeometry, page: int, follows: bool) -> str:
    return f"{at.path} page {page}{' after ' + at.last_sid if follows else ''}"


def _value(name: str, at: PageGeometry) -> Any:
    return page_links.VALUES[name](at, _link)


@pytest.mark.parametrize(("total", "size", "page", "last", "start", "end"), TABLE)
def test_a_page_says_where_it_is_in_its_list(total: int, size: int, page: int, last: int, start: int, end: int) -> None:
    at = _stretch(total, size, page)
    assert _value("last-page", at) == last
    assert (_value("first-index", at), _value("last-index", at)) == (start, end)
    assert [_value(name, at) for name in ("page", "size", "total", "limit", "path")] == [
        page,
        size,
        total,
        10000,
        "/list",
    ]
    assert _value("first-link", at) == "/list page 0"
    assert _value("last-link", at) == f"/list page {last}"
    assert _value("previous-link", at) == (f"/list page {page - 1}" if page else None)
    assert _value("next-link", at) == (f"/list page {page + 1} after SMlast" if page < last else None)


@given(st.integers(0, 300), st.integers(1, 60))
def test_following_next_from_the_first_page_shows_every_message_once(total: int, size: int) -> None:
    shown: list[int] = []
    page = 0
    while True:
        at = _stretch(total, size, page)
        if at.shown:
            shown += range(_value("first-index", at), _value("last-index", at) + 1)
        if _value("next-link", at) is None:
            break
        page += 1
    assert shown == list(range(total))
    assert page == page_links.last_page(total, size)
