"""A dialect as the back: writes the requests to a provider, and reads its answers."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from translator.core.codegen import MessageReader, TableCodecs, members, uncarried
from translator.core.dialect.error_reader import ErrorReader
from translator.core.dialect.request_writer import RequestWriter
from translator.core.dialect.time_bounds import TimeBounds
from translator.core.dialect.web_pages import in_place_of_the_api
from translator.core.errors import MalformedProviderResponse
from translator.core.http.formats import form, lenient, text
from translator.core.http.formats import json as json_format
from translator.core.http.formats.media import media_of
from translator.core.http.messages import Request, Response
from translator.core.mapping import Table
from translator.core.model import Draft, Message
from translator.core.values.codecs.numbers import PARTIES

_SLICES_KNOWN = 256
"""The number of slice requests that are cached."""


class Pushed(NamedTuple):
    """The part of a query that the provider applies: `since` <= Created < `until`, and its words for status and direction. Its bounds
    may let more through (see `lets_through`). `statuses` and `directions` are the neutral words that pass the filters; None is no
    constraint."""

    since: int | None = None
    until: int | None = None
    status: str | None = None
    direction: str | None = None
    statuses: frozenset[str] | None = None
    directions: frozenset[str] | None = None


class Slice(NamedTuple):
    """The result of a slice request. `size` is the page size that the provider reports, and `last` its last page number of that size,
    or None."""

    rows: Sequence[Message]
    size: int | None = None
    last: int | None = None


class BackFacts(NamedTuple):
    """The facts of a table about its sends and rows.

    is_form: True if a send is a form.
    sid_member: The member of a row that has its SID. Every row of a list has it.
    takes_our_id: True if a message can carry an id of the proxy, by which it can be recognised.
    untold: The attributes of a draft that this provider is not told, although a message has them.
    required: The attributes of a draft that a send must have.
    """

    is_form: bool
    sid_member: str
    takes_our_id: bool
    untold: tuple[str, ...]
    required: tuple[str, ...]


def _facts(table: Table) -> BackFacts:
    return BackFacts(
        is_form=table.operation("send").request == "form",
        sid_member=next(row.json for row in table.fields if row.of == ("sid",)),
        takes_our_id=any(row.our_id for row in table.send),
        untold=tuple(row.attribute for row in table.untold if row.attribute in Message.__struct_fields__),
        required=tuple(row.attribute for row in table.send if row.required),
    )


class BackVerbs:
    """The back of one dialect."""

    def __init__(self, table: Table, bindings: TableCodecs) -> None:
        self._table = table
        self._bindings = bindings
        self._reader = MessageReader(table, bindings)
        self._requests = RequestWriter(table)
        self._errors = ErrorReader(table)
        self._members, self._uncarried = members(table, bindings), uncarried(table)
        self._sid = bindings.kind(next(row.kind for row in table.fields if row.of == ("sid",)))
        self._words = {row.attribute: row for row in table.filters if row.test == "word" and row.way == "both"}
        self._asked_before = lru_cache(_SLICES_KNOWN)(self._asked_for)
        self.facts = _facts(table)
        self.times = TimeBounds(table, bindings)

    # ----------------------------------------------------------------------------------------------- facts of the dialect

    @property
    def slice(self) -> int:
        """The number of rows that one slice request asks for."""
        return self._table.paging.slice

    @property
    def order(self) -> str:
        """The order of the provider's lists. A provider that can sort is asked for ascending."""
        return "ascending" if self._table.sort.parameter else self._table.sort.default

    @property
    def in_pages(self) -> bool:
        """True if lists are counted in pages, and not in rows."""
        return self._table.paging.unit == "pages"

    @property
    def get_scope(self) -> str:
        """The scope of a get: `account` or `property`."""
        return self._table.operation("get").scope

    @property
    def sid_member(self) -> str:
        """See `BackFacts`."""
        return self.facts.sid_member

    @property
    def takes_our_id(self) -> bool:
        """See `BackFacts`."""
        return self.facts.takes_our_id

    def lets_through(self, since: int | None, until: int | None) -> tuple[int | None, int | None]:
        """See `TimeBounds.lets_through`."""
        return self.times.lets_through(since, until)

    # ------------------------------------------------------------------------------------------------ writing requests

    def uncarried(self, draft: Draft) -> tuple[str, str] | None:
        """Return the first attribute of a draft that this provider cannot be told, and why, or None if it can carry the draft."""
        found = self._uncarried(draft)
        if found is None:
            return None
        attribute, party = found
        return (
            attribute,
            f"the provider does not carry a {PARTIES[party]} here"
            if party
            else "the provider has no counterpart for it",
        )

    def write_send(self, draft: Draft, account: str, prop: str, token: str) -> Request:
        """Return the request that sends a draft. A default of the table is sent even if the draft has no value."""
        told = self._members(draft)
        if self.facts.is_form:
            return self._requests.write(
                "send", account, prop, token, form_pairs=[(name, str(value)) for name, value in told.items()]
            )
        return self._requests.write("send", account, prop, token, json_body=json_format.write(told))

    def write_get(self, sid: str, account: str, prop: str, token: str) -> Request:
        """Return the request that retrieves one message by its neutral SID."""
        return self._requests.write("get", account, prop, token, sid=self._sid.writes_own(sid))

    def push(self, attribute: str, allowed: frozenset[str]) -> tuple[str, frozenset[str]] | None:
        """Return the filter word for a set of neutral statuses or directions, and the neutral words that it lets through, which may be
        more. None means that this provider has no such filter, or that no single word covers the set."""
        row = self._words.get(attribute)
        if row is None:
            return None
        words = self._bindings.status if attribute == "status" else self._bindings.direction
        found = words.write_constraint(allowed)
        return None if found is None else (found, words.stands_for[found])

    def write_slice(
        self, pushed: Pushed, skip: int, count: int, account: str, prop: str, token: str, now: float
    ) -> Request:
        """Return the request for up to `count` messages from index `skip` of those that `pushed` lets through.

        If the dialect requires a bound that the query does not have, its row says which. If it counts in pages, `skip` is a multiple of
        `count`.
        """
        opens = int(now) if pushed.until is None and self.times.upper.open_ahead is not None else 0
        query, body = self._asked_before(
            pushed.since, pushed.until, opens, pushed.status, pushed.direction, skip, count
        )
        return self._requests.write("list", account, prop, token, query=query, json_body=body)

    def _asked_for(
        self, since: int | None, until: int | None, now: int, status: str | None, direction: str | None, skip: int, count: int
    ) -> tuple[str, bytes | None]:  # fmt: skip
        """Return the query and the JSON of a slice request. Results are cached, because a client that reads a list again causes the
        same requests."""
        rules = self._table.paging
        pairs: list[tuple[str, Any]] = []
        lower, upper = self.times.bounds(since, until, now)
        for row, instant in ((self.times.lower, lower), (self.times.upper, upper)):
            if instant is not None:
                pairs.append((row.name, self._bindings.kind(row.kind).write(instant)))
        for attribute, word in (("status", status), ("direction", direction)):
            if word is not None:
                pairs.append((self._words[attribute].name, word))
        pairs.append((rules.size, count))
        pairs.append((rules.position, (skip // count if rules.unit == "pages" else skip) + rules.first))
        if rules.limit:
            pairs.append((rules.limit, max(skip + count, rules.limit_default)))
        if self._table.sort.parameter:
            key = next(key.name for key in self._table.sort.keys if key.attribute == "created")
            pairs.append((self._table.sort.parameter, f"{key}{self._table.sort.separator}{self._table.sort.ascending}"))
        where = self._table.operation("list").request
        query = form.write([(name, str(value)) for name, value in pairs]) if where != "json" else ""
        return query, json_format.write(dict(pairs)) if where in ("json", "query-and-json") else None

    # ------------------------------------------------------------------------------------------------- reading answers

    def read_message(self, operation: str, response: Response, now: float) -> Message:
        """Return the message of the answer to a send or a get. Raises FaultRaised for an error, MalformedProviderResponse if malformed."""
        self._errors.accept(operation, response, now)
        try:
            return self._reader.one(self._body(response), now, sent=operation == "send")
        except MalformedProviderResponse as error:
            raise in_place_of_the_api(response, error) from None

    def read_slice(self, response: Response, now: float) -> Slice:
        """Return the rows of a list, including those that are Unread. Raises FaultRaised for an error, MalformedProviderResponse if
        malformed."""
        self._errors.accept("list", response, now)
        try:
            return Slice(*self._reader.many(self._body(response), now))
        except MalformedProviderResponse as error:
            raise in_place_of_the_api(response, error) from None

    @staticmethod
    def _body(response: Response) -> bytes:
        """Return the body in UTF-8. It is converted if the provider declares another known charset."""
        content_type = response.header("content-type") or ""
        if "charset" not in content_type:
            return response.body
        try:
            charset = text.known_charset(media_of(content_type).charset)
        except text.UnknownCharset:
            return response.body
        return response.body if charset == text.UTF_8 else lenient.as_utf8(response.body, charset)[0]
