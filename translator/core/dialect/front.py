"""A dialect as the front: reading what an application asks, and writing what it is answered."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from translator.core.codegen import MessageWriter, TableCodecs, message_writer, sort_key
from translator.core.dialect.drafts import Batch, DraftReader
from translator.core.dialect.lists import QueryReader
from translator.core.dialect.parameters import Given, pairs_of, query_pairs, refuse_unread
from translator.core.dialect.routing import Located, Routing
from translator.core.errors import FaultRaised
from translator.core.http import page_links
from translator.core.http.error_bodies import SHAPES
from translator.core.http.formats import form, json, xml
from translator.core.http.messages import Headers, Request, Response
from translator.core.mapping import Table
from translator.core.mapping.schema import NO_XML, OperationRow
from translator.core.model import Draft, Fault, Message, Note, Notes, Page, Query, SentMessage

_QUERIES_KNOWN: Final = 256
_LONGEST_KNOWN: Final = 512
"""How many query strings of lists are remembered with what they mean, and of how many characters."""


class Listed(NamedTuple):
    """A list as it was asked for: the neutral query, and what its links repeat of it, as a link has it. `clamped` says that more messages
    a page were asked for than are shown, `limited` that the caller itself has limited the list."""

    query: Query
    repeated: str = ""
    clamped: bool = False
    limited: bool = False


class FrontVerbs:
    """One dialect's front."""

    def __init__(self, table: Table, bindings: TableCodecs) -> None:
        self._table = table
        self._xml_names = table.xml or NO_XML
        self._bindings = bindings
        self.routing = Routing(table)
        self._drafts = DraftReader(table, bindings)
        self._queries = QueryReader(table, bindings)
        self._sid = bindings.kind(next(row.kind for row in table.fields if row.of == ("sid",)))
        self._parameters = {row.attribute: row.name for row in reversed(table.send)}
        self._answers: dict[str, tuple[int, str]] = {
            row.name: (row.status, row.member) for row in reversed(table.operations)
        }
        self._typed: dict[str, Headers] = {
            offer.name: (("content-type", offer.media),) for offer in table.formats.offers
        }
        self._listed_before = lru_cache(_QUERIES_KNOWN)(self._listed_by)
        rules = table.paging
        self._links = any(row.value.endswith("-link") for row in rules.members)
        self._link_names = (form.quoted(rules.position), form.quoted(rules.size), form.quoted(rules.after))
        self.tells_methods = table.routes.options == "answer"
        """Whether OPTIONS is answered."""
        self.graces = tuple((row.attribute, row.grace) for row in table.send if row.grace)
        """The instants of a draft that mean now where they are past by less than so many seconds."""
        self.in_pages = table.paging.unit == "pages"
        self.shown = frozenset(name for row in table.fields for name in row.of)
        """The attributes of a message that its answers have a place for."""
        self.shows_total = any(row.value == "total" for row in table.paging.members)
        self._members = tuple(
            (row.json, page_links.VALUES[row.value], row.as_ == "string", row.value == "path")
            for row in table.paging.members
        )
        self._limit_member = next((row.json for row in rules.members if row.value == "limit"), "")
        self._no_page = "null" if table.paging.no_page == "text-null" else None
        self._shape = SHAPES[table.errors.shape]
        self._write_json = json.write_ascii if table.formats.escape == "ascii" else json.write
        self._writers: dict[tuple[str, str], MessageWriter] = {
            (operation, form_name): message_writer(table, bindings, operation, form_name)
            for operation in ("send", "get", "list")
            for form_name in self._typed
        }

    # ------------------------------------------------------------------------------------------------ reading requests

    def read_request(self, at: Located, request: Request, notes: Notes) -> Draft | Batch | str | Listed:
        """A draft to send, several, the neutral SID to get, or the list asked for. Raises Refused."""
        if at.operation.name == "send":
            return self._drafts.one(at.operation, request, notes)
        if at.operation.name == "batch":
            return self._drafts.all(at.operation, request, notes)
        if at.operation.name == "list":
            return self._read_list(at.operation, request, notes)
        return self.read_sid(at.values["sid"])

    def _read_list(self, operation: OperationRow, request: Request, notes: Notes) -> Listed:
        """The list asked for. Who looks for news asks the same again and again: such a query is read once."""
        if operation.request == "query" and request.body:
            refuse_unread(request, self._table.parameters, self._queries.known, notes)
        if operation.request != "query" or len(request.query) > _LONGEST_KNOWN:
            return self._listed(pairs_of(request, operation), notes)
        listed, noticed = self._listed_before(request.query)
        notes.items += noticed
        if isinstance(listed, Fault):
            raise FaultRaised(listed)
        return listed

    def _listed_by(self, query: str) -> tuple[Listed | Fault, tuple[Note, ...]]:
        """The list that a query string asks for, or why it is refused, and what was noticed of it."""
        notes = Notes()
        try:
            listed = self._listed(query_pairs(query), notes)
        except FaultRaised as refused:
            return refused.fault, tuple(notes.items)
        return listed, tuple(notes.items)

    def _listed(self, pairs: list[form.Pair], notes: Notes) -> Listed:
        queries, limit = self._queries, self._table.paging.limit
        given = Given(self._table.parameters, queries.known, pairs, notes, queries.unfiltered)
        query = queries.read(given, notes)
        clamped, limited = queries.clamps(given), limit in given.values
        if not self._links:
            return Listed(query, "", clamped, limited)
        kept = [pair for pair in given.pairs if pair[0] not in queries.page_names]
        kept = [(limit, str(query.limit)), *kept] if query.limit is not None else kept
        return Listed(query, form.write(kept), clamped, limited)

    def write_sid(self, sid: str) -> str:
        """A message's SID as this front shows it."""
        return str(self._sid.write(sid))

    def read_sid(self, shown: str) -> str:
        """A SID of this dialect as the neutral one; what cannot be one is an unknown message. Raises Refused."""
        try:
            return str(self._sid.read(shown))
        except ValueError:
            raise FaultRaised(Fault("unknown-message")) from None

    def parameter_of(self, attribute: str) -> str:
        """This front's name of what a draft's attribute is called in a send; empty where it has none."""
        return self._parameters.get(attribute, "")

    def sort_key(self, attribute: str) -> Callable[[Message], Any]:
        """What a list sorted by an attribute compares, in this dialect's own words."""
        return sort_key(self._table, self._bindings, attribute)

    # ------------------------------------------------------------------------------------------------ writing answers

    def write_message(
        self, operation: str, message: Message, account: str, prop: str, form_name: str, notes: Notes,
        given: Draft | None = None,
    ) -> Response:  # fmt: skip
        """The answer to a send or a get."""
        [shown] = self._writers[operation, form_name]([message], account, prop, given, notes)
        status, member = self._answers[operation]
        if form_name == "xml":
            return self._xml(status, shown)
        return self._json(status, json.under(member, shown) if member else shown.encode())

    def write_batch(self, outcomes: list[SentMessage | Fault], account: str, prop: str, notes: Notes) -> Response:
        """The answer to a batch: the outcome of each entry, in order."""
        shown: list[str] = []
        for outcome in outcomes:
            if isinstance(outcome, Fault):
                text, code = self._said(outcome)
                shown.append(self._write_json(self._shape.entry(text, code, outcome.parameter)).decode())
            else:
                shown += self._writers["send", "json"]([outcome.message], account, prop, outcome.draft, notes)
        return self._json(self._answers["batch"][0], json.array(shown))

    def write_page(
        self,
        page: Page,
        asked: Listed,
        at: Located,
        path: str,
        account: str,
        prop: str,
        form_name: str,
        notes: Notes,
    ) -> Response:
        """The answer to a list."""
        shown = self._writers["list", form_name](page.messages, account, prop, None, notes)
        status, member = self._answers["list"]
        if form_name == "xml":
            return self._xml(status, xml.element(self._xml_names.list, "".join(shown)))
        members = self._write_json(self._page_members(page, asked, at, path))
        return self._json(status, json.with_array(members, member, shown))

    def _page_members(self, page: Page, asked: Listed, at: Located, path: str) -> dict[str, Any]:
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
        return f"{at.path}?{position}={page + self._table.paging.first}&{size}={at.size}{behind}{rest}"

    def write_fault(self, fault: Fault, form_name: str) -> Response:
        """A failure, in this dialect's shape and the caller's format."""
        row = self._table.fault(fault.name)
        text, _ = self._said(fault)
        headers: list[tuple[str, str]] = []
        if fault.name == "unauthenticated":
            headers.append(("www-authenticate", f'Basic realm="{self._table.credentials.realm}"'))
        if fault.allow:
            headers.append(("allow", ", ".join(fault.allow)))
        if fault.retry_after is not None:
            headers.append(("retry-after", str(fault.retry_after)))
        if form_name == "xml":
            answer = self._xml(row.status, xml.element(self._xml_names.fault, xml.text(text)))
        else:
            answer = self._json(row.status, self._write_json(self._shape.write(text, row.code, fault.parameter)))
        return answer.replace(headers=(*answer.headers, *headers))

    def _said(self, fault: Fault) -> tuple[str, str]:
        """The text and the code of a failure."""
        row = self._table.fault(fault.name)
        return row.text.replace("{parameter}", fault.parameter).replace("{reason}", fault.reason), row.code

    def _json(self, status: int, body: bytes) -> Response:
        return Response(status, self._typed["json"], body)

    def _xml(self, status: int, content: str) -> Response:
        return Response(status, self._typed["xml"], xml.document(self._xml_names.root, content))
