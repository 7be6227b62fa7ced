"""A dialect as the back: writes the requests to a provider, and reads its answers."""

from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from translator.core.codegen import MessageReader, TableCodecs, members, uncarried
from translator.core.dialect import bounds
from translator.core.dialect.web_pages import A_PAGE, WRONG_ADDRESS, in_place_of_the_api, is_a_page
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.http.error_bodies import SHAPES, ProviderError
from translator.core.http.formats import form, lenient, text, waiting
from translator.core.http.formats import json as json_format
from translator.core.http.formats.media import media_of
from translator.core.http.messages import Headers, Request, Response
from translator.core.http.paths import Template
from translator.core.mapping import Table
from translator.core.model import Draft, Fault, Message
from translator.core.values.codecs.instants import LAST
from translator.core.values.codecs.numbers import PARTIES

_LONGEST_WAIT = 3600
_SLICES_KNOWN = 256
"""The number of slice requests that are cached, and of ranges with what they let through."""


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


class _Envelope(NamedTuple):
    """The constant part of a provider request. `path` needs a SID. `whole` is the path of a request without one. The headers depend on
    the body."""

    method: str
    path: Template
    whole: str
    bare: Headers
    json: Headers
    form: Headers


class BackVerbs:
    """The back of one dialect."""

    def __init__(self, table: Table, bindings: TableCodecs) -> None:
        self._table = table
        self._bindings = bindings
        self._reader = MessageReader(table, bindings)
        self._shape = SHAPES[table.errors.shape]
        self._media = next(offer.media for offer in table.formats.offers if offer.name == "json")
        self._envelopes: dict[tuple[str, ...], _Envelope] = {}
        send = table.operation("send")
        self._form = send.request == "form"
        self._members, self._uncarried = members(table, bindings), uncarried(table)
        self._sid = bindings.kind(next(row.kind for row in table.fields if row.of == ("sid",)))
        self.lower = next(row for row in table.filters if row.test == "lower-bound")
        self.upper = next(row for row in table.filters if row.test == "upper-bound")
        self._steps = (bindings.kind(self.lower.kind).step, bindings.kind(self.upper.kind).step)
        self._words = {row.attribute: row for row in table.filters if row.test == "word" and row.way == "both"}
        self._asked_before = lru_cache(_SLICES_KNOWN)(self._asked_for)
        self.lets_through = lru_cache(_SLICES_KNOWN)(self._let_through)
        self.slice = table.paging.slice
        self.order = "ascending" if table.sort.parameter else table.sort.default
        """The order of the provider's lists. A provider that can sort is asked for ascending."""
        self.get_scope = table.operation("get").scope
        self.in_pages = table.paging.unit == "pages"
        self.sid_member = next(row.json for row in table.fields if row.of == ("sid",))
        """The member of a row that has its SID. Every row of a list has it."""
        self.takes_our_id = any(row.our_id for row in table.send)
        """True if a message can carry an id of the proxy, by which it can be recognised."""
        self.untold = tuple(row.attribute for row in table.untold if row.attribute in Message.__struct_fields__)
        """The attributes of a draft that this provider is not told, although a message has them."""
        self.required = tuple(row.attribute for row in table.send if row.required)

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
        if self._form:
            return self._request(
                "send", account, prop, token, form_pairs=[(name, str(value)) for name, value in told.items()]
            )
        return self._request("send", account, prop, token, json_body=json_format.write(told))

    def write_get(self, sid: str, account: str, prop: str, token: str) -> Request:
        """Return the request that retrieves one message by its neutral SID."""
        return self._request("get", account, prop, token, sid=self._sid.writes_own(sid))

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
        opens = int(now) if pushed.until is None and self.upper.open_ahead is not None else 0
        query, body = self._asked_before(
            pushed.since, pushed.until, opens, pushed.status, pushed.direction, skip, count
        )
        return self._request("list", account, prop, token, query=query, json_body=body)

    def _asked_for(
        self, since: int | None, until: int | None, now: int, status: str | None, direction: str | None, skip: int, count: int
    ) -> tuple[str, bytes | None]:  # fmt: skip
        """Return the query and the JSON of a slice request. Results are cached, because a client that reads a list again causes the
        same requests."""
        rules = self._table.paging
        pairs: list[tuple[str, Any]] = []
        lower, upper = self.bounds(since, until, now)
        for row, instant in ((self.lower, lower), (self.upper, upper)):
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

    def bounds(self, since: int | None, until: int | None, now: float) -> tuple[int | None, int | None]:
        """Return the half-open range as this dialect's own two bounds, inclusive or not. Open ends become what the dialect requires.

        A bound outside the instants that can be written is left out if the dialect allows that. The first or last instant in its place
        could be read as one inside the range.
        """
        lower, upper = self.lower, self.upper
        first, last = lower.open, upper.open if upper.open_ahead is None else int(now) + upper.open_ahead
        if since is not None:
            begins = bounds.lower(since, lower.grain, inclusive=bool(lower.inclusive))
            begins = bounds.before(begins - lower.slack, self._steps[0])
            first = begins if begins >= 0 or lower.required else None
        if until is not None:
            ends = bounds.upper(until, upper.grain, inclusive=bool(upper.inclusive))
            ends = bounds.behind(ends + upper.slack, self._steps[1])
            last = ends if ends <= LAST or upper.required else None
        return first if first is None else max(first, 0), last if last is None else min(last, LAST)

    def _let_through(self, since: int | None, until: int | None) -> tuple[int | None, int | None]:
        """Return the half-open range that this dialect's bounds let through when they let through at least [since, until)."""
        lower, upper = self.lower, self.upper
        first, last = self.bounds(since, until, 0)
        if since is not None:
            since = (
                0 if first is None else bounds.since(first - lower.slack, lower.grain, inclusive=bool(lower.inclusive))
            )
        if until is not None and until <= LAST:
            inclusive = bool(upper.inclusive)
            until = LAST + 1 if last is None else bounds.until(last + upper.slack, upper.grain, inclusive=inclusive)
        return since, until

    def within(self, since: int | None, until: int | None) -> tuple[int | None, int | None]:
        """Return a range for which this dialect's bounds let nothing through that is outside [since, until)."""
        begins, ends = self.lets_through(since, until)
        if since is not None and begins != since:
            since += self.lower.grain + self._steps[0] + 2 * self.lower.slack
        if until is not None and ends != until:
            until -= self.upper.grain + self._steps[1] + 2 * self.upper.slack
        return since, until

    def _request(
        self, operation: str, account: str, prop: str, token: str, *, sid: str = "", query: str = "",
        json_body: bytes | None = None, form_pairs: list[tuple[str, str]] | None = None,
    ) -> Request:  # fmt: skip
        envelope = self._envelopes.get((operation, account, prop, token)) or self._envelope(
            operation, account, prop, token
        )
        path = envelope.path.fill(sid=sid) + self._table.routes.asks_extension if sid else envelope.whole
        if json_body is not None:
            return Request(envelope.method, path, query, envelope.json, json_body)
        if form_pairs is not None:
            return Request(envelope.method, path, query, envelope.form, form.write(form_pairs).encode("ascii"))
        return Request(envelope.method, path, query, envelope.bare)

    def _envelope(self, operation: str, account: str, prop: str, token: str) -> "_Envelope":
        """Return the constant part of all requests of one provider account for one operation. The configuration bounds their number."""
        row = self._table.operation(operation)
        path = Template(Template(row.path).fill(account=account, property=prop))
        credentials = b64encode(f"{account}:{token}".encode()).decode("ascii")
        bare: Headers = (("accept", self._media), ("authorization", f"Basic {credentials}"))
        made = _Envelope(
            row.method, path, path.template + self._table.routes.asks_extension, bare,
            json=(*bare, ("content-type", "application/json")),
            form=(*bare, ("content-type", "application/x-www-form-urlencoded")),
        )  # fmt: skip
        self._envelopes[operation, account, prop, token] = made
        return made

    # ------------------------------------------------------------------------------------------------- reading answers

    def read_message(self, operation: str, response: Response, now: float) -> Message:
        """Return the message of the answer to a send or a get. Raises FaultRaised for an error, MalformedProviderResponse if malformed."""
        self._accept_status(operation, response, now)
        try:
            return self._reader.one(self._body(response), now, sent=operation == "send")
        except MalformedProviderResponse as error:
            raise in_place_of_the_api(response, error) from None

    def read_slice(self, response: Response, now: float) -> Slice:
        """Return the rows of a list, including those that are Unread. Raises FaultRaised for an error, MalformedProviderResponse if
        malformed."""
        self._accept_status("list", response, now)
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

    def _accept_status(self, operation: str, response: Response, now: float) -> None:
        if 200 <= response.status <= 299:
            return
        if not 300 <= response.status <= 599:
            raise MalformedProviderResponse(f"status {response.status}")
        blame = self._blame(response)
        row = next(
            row
            for row in self._table.errors.reads
            if operation in row.operations
            and row.statuses[0] <= response.status <= row.statuses[1]
            and blame.code.endswith(row.code)
        )
        seconds = min(max(waiting.seconds_of(response.header("retry-after"), now) or 1, 1), _LONGEST_WAIT)
        raise FaultRaised(
            Fault(
                row.fault,
                parameter=next((own.attribute for own in self._table.send if own.name == blame.parameter), ""),
                retry_after=seconds if row.fault == "back-busy" else None,
                reason=A_PAGE if row.fault == "back-failed" and is_a_page(response) else "",
                log=f"the back answered {response.status}{WRONG_ADDRESS if is_a_page(response) else ''}",
            )
        )

    def _blame(self, response: Response) -> ProviderError:
        try:
            return self._shape.read(json_format.read(response.body))
        except MalformedProviderResponse:
            return ProviderError()
