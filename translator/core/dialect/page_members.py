"""Writes the members of a page beside its messages: numbers, links and paths."""

from typing import Any

from translator.core.dialect.list_reader import Listed
from translator.core.dialect.routing import Located
from translator.core.http import page_links
from translator.core.http.formats import form
from translator.core.mapping import Table
from translator.core.model import Page
from translator.core.values.codecs import Codec


class PageMembers:
    """The members of one dialect's pages. `sid` is the codec of SIDs."""

    def __init__(self, table: Table, sid: Codec) -> None:
        rules = table.paging
        self._first, self._sid = rules.first, sid
        self._link_names = (form.quoted(rules.position), form.quoted(rules.size), form.quoted(rules.after))
        self._members = tuple(
            (row.json, page_links.VALUES[row.value], row.as_ == "string", row.value == "path") for row in rules.members
        )
        self._limit_member = next((row.json for row in rules.members if row.value == "limit"), "")
        self._no_page = "null" if rules.no_page == "text-null" else None

    def of(self, page: Page, asked: Listed, at: Located, path: str) -> dict[str, Any]:
        """Return the members of a page by their names."""
        last = page.last or (page.messages[-1].sid if page.messages else "")
        last = self._sid.write(last) if last else ""
        base = path.rstrip("/")
        stretch = page_links.PageGeometry(
            page=page.skip // page.count, size=page.count, total=page.total, limit=page.limit or 0,
            shown=len(page.messages) + page.left_out, path=base, rest=asked.repeated, last_sid=form.quoted(last), more=page.more,
        )  # fmt: skip
        members: dict[str, Any] = {}
        for name, write, is_text, is_path in self._members:
            if name == self._limit_member and page.limit is None:
                continue
            found = write(stretch, self._link)
            if is_path and at.spelling.extension:
                found = base.replace(at.spelling.extension, "")
            members[name] = self._no_page if found is None else str(found) if is_text else found
        return members

    def _link(self, at: page_links.PageGeometry, page: int, follows: bool) -> str:
        position, size, after = self._link_names
        behind = f"&{after}={at.last_sid}" if follows and at.last_sid else ""
        rest = f"&{at.rest}" if at.rest else ""
        return f"{at.path}?{position}={page + self._first}&{size}={at.size}{behind}{rest}"
