"""A dialect as the front: reading what an application asks, and writing what it is answered."""

from collections.abc import Callable
from typing import Any, NamedTuple

from translator import paging, routes
from translator.compile import Bindings, MessageWriter, message_writer, sort_key
from translator.dialect.listing import QueryReader
from translator.dialect.parameters import Given, entries_of, pairs_of
from translator.errors import Refused
from translator.faults import SHAPES
from translator.formats import form, xml
from translator.formats import json as json_format
from translator.kinds import numbers
from translator.model import Draft, Fault, Message, Notes, Page, Query
from translator.tables import Table
from translator.tables.schema import NO_XML, OperationRow, SendRow
from translator.wire import Headers, Request, Response


class Located(NamedTuple):
    """Where a request arrived: its operation, the values in its path, and how the path was written."""

    operation: OperationRow
    values: dict[str, str]
    spelling: routes.Spelling


class Listed(NamedTuple):
    """A list as it was asked for: the neutral query, and the pairs that its links repeat."""

    query: Query
    pairs: tuple[tuple[str, str], ...]


class Batch(NamedTuple):
    """Several drafts of one request, each with an outcome of its own; what cannot be meant is its fault already."""

    entries: tuple[Draft | Fault, ...]


class FrontVerbs:
    """One dialect's front."""

    def __init__(self, table: Table, bindings: Bindings) -> None:
        self._table = table
        self._xml_names = table.xml or NO_XML
        self._bindings = bindings
        self._templates = [(row, routes.Template(row.path)) for row in table.operations]
        self._media: dict[str, str] = {offer.name: offer.media for offer in table.formats.offers}
        self._offers: dict[str, str] = {
            offer.extension: offer.name for offer in table.formats.offers if offer.extension
        }
        self._queries = QueryReader(table, bindings)
        self.in_pages = table.paging.unit == "pages"
        self.shows_total = any(row.value == "total" for row in table.paging.members)
        self._shape = SHAPES[table.errors.shape]
        self._write_json = json_format.write_ascii if table.formats.escape == "ascii" else json_format.write
        self._writers: dict[tuple[str, str], MessageWriter] = {
            (operation, form_name): message_writer(table, bindings, operation, form_name)
            for operation in ("send", "get", "list")
            for form_name in self._media
        }

    # ------------------------------------------------------------------------------------------------------- routing

    def split(self, path: str) -> routes.Path | None:
        """A path taken apart, or None where it is not one of this dialect's."""
        table = self._table.routes
        extensions = tuple(self._offers) if table.extension_at == "any-segment" else ()
        if path.endswith("/") and not table.trailing_slash:
            return None
        return routes.split(path, root=table.root, prefixes=table.prefixes, extensions=extensions)

    def owns(self, path: str) -> bool:
        """Whether a path lies below this dialect's root, behind one of its prefixes."""
        table = self._table.routes
        return any(f"{path}/".startswith(f"{prefix}{table.root}/") for prefix in table.prefixes)

    def negotiate(self, request: Request) -> tuple[str, bool]:
        """The format of the answer, and whether the caller accepts it: by the path, else by Accept, else the default."""
        formats = self._table.formats
        if self._table.routes.extension_at == "any-segment":
            pieces = request.path.split("/")
            for extension, name in self._offers.items():
                if any(piece.endswith(extension) for piece in pieces):
                    return name, True
        accept = (request.header("accept") or "").lower()
        if not accept or len(formats.offers) == 1:
            return formats.default, True
        for offer in formats.offers:
            if offer.accept in accept:
                return offer.name, True
        return formats.default, "*" in accept

    def locate(self, request: Request) -> Located:
        """The operation that a request means. Raises Refused: no such route, or not that method."""
        path = self.split(request.path)
        if path is None:
            raise Refused(Fault("no-route"))
        allowed: list[str] = []
        for row, template in self._templates:
            values = template.match(path.segments)
            if values is not None:
                if row.method == request.method:
                    return Located(row, values, path.spelling)
                allowed.append(row.method)
        if allowed:
            raise Refused(Fault("method-not-allowed", allow=tuple(dict.fromkeys(allowed))))
        raise Refused(Fault("no-route"))

    # ------------------------------------------------------------------------------------------------ reading requests

    def is_large(self, method: str, path: str) -> bool:
        """Whether a request's body may be large: as many times as `wire.LARGE` says."""
        try:
            return self.locate(Request(method, path)).operation.large
        except Refused:
            return False

    def read_request(self, at: Located, request: Request, notes: Notes) -> Draft | Batch | str | Listed:
        """A draft to send, several, the neutral SID to get, or the list asked for. Raises Refused."""
        if at.operation.name == "send":
            return self._read_draft(pairs_of(request, at.operation), notes)
        if at.operation.name == "batch":
            entries = entries_of(request, at.operation)
            return Batch(tuple(self._read_entry(entry, notes) for entry in entries))
        if at.operation.name == "list":
            given = Given(self._table.parameters, self._queries.names, pairs_of(request, at.operation), notes)
            return Listed(self._queries.read(given, notes), tuple(given.pairs))
        return self.read_sid(at.values["sid"])

    def read_sid(self, shown: str) -> str:
        """A SID of this dialect as the neutral one; what cannot be one is an unknown message. Raises Refused."""
        kind = next(row.kind for row in self._table.fields if row.of == ("sid",))
        try:
            return str(self._bindings.kind(kind).read(shown))
        except ValueError:
            raise Refused(Fault("unknown-message")) from None

    def _read_entry(self, entry: list[form.Pair] | Fault, notes: Notes) -> Draft | Fault:
        if isinstance(entry, Fault):
            return entry
        try:
            return self._read_draft(entry, notes)
        except Refused as refused:
            return refused.fault

    def _read_draft(self, pairs: list[form.Pair], notes: Notes) -> Draft:
        rows = self._table.send
        given = Given(self._table.parameters, [row.name for row in rows], pairs, notes)
        for row in rows:
            if given.values.get(row.name) == "" or given.values.get(row.name) is None:
                given.values.pop(row.name, None)
                if row.required:
                    raise Refused(Fault("missing-parameter", row.name))
        draft = Draft(as_given={})
        for row in rows:
            if row.name not in given.values:
                continue
            value = given.read(row.name, self._bindings.kind(row.kind), notes)
            if row.carries:
                draft.as_given[row.attribute] = given.values[row.name]
                _refuse_party(row, value)
            setattr(draft, row.attribute, value)
        for row in rows:
            if row.depends and getattr(draft, row.depends) is None:
                setattr(draft, row.attribute, None)
        return draft

    def parameter_of(self, attribute: str) -> str:
        """This front's name of what a draft's attribute is called in a send; empty where it has none."""
        return next((row.name for row in self._table.send if row.attribute == attribute), "")

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
        row = self._table.operation(operation)
        if form_name == "xml":
            return self._xml(row.status, shown)
        return self._json(row.status, {row.member: shown} if row.member else shown)

    def write_batch(
        self, outcomes: list[tuple[Draft, Message] | Fault], account: str, prop: str, notes: Notes
    ) -> Response:
        """The answer to a batch: the outcome of each entry, in order."""
        shown: list[Any] = []
        for outcome in outcomes:
            if isinstance(outcome, Fault):
                text, code = self._said(outcome)
                shown.append(self._shape.entry(text, code, outcome.parameter))
            else:
                draft, message = outcome
                shown += self._writers["send", "json"]([message], account, prop, draft, notes)
        return self._json(self._table.operation("batch").status, shown)

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
        row = self._table.operation("list")
        if form_name == "xml":
            return self._xml(row.status, xml.element(self._xml_names.list, "".join(shown)))
        members = self._page_members(page, asked, at, path)
        return self._json(row.status, {**members, row.member: shown})

    def _page_members(self, page: Page, asked: Listed, at: Located, path: str) -> dict[str, Any]:
        rules = self._table.paging
        sid_row = next(row for row in self._table.fields if row.of == ("sid",))
        last = self._bindings.kind(sid_row.kind).write(page.messages[-1].sid) if page.messages else ""
        rest = tuple(pair for pair in asked.pairs if pair[0] not in self._queries.page_names)
        base = path.rstrip("/")
        stretch = paging.Stretch(
            page=page.skip // page.count, size=page.count, total=page.total, limit=page.limit or 0,
            shown=len(page.messages), path=base, rest=rest, last_sid=last,
        )  # fmt: skip
        members: dict[str, Any] = {}
        no_page = "null" if rules.no_page == "text-null" else None
        for row in rules.members:
            found = paging.value(row.value, stretch, self._link)
            if row.value == "path" and at.spelling.extension:
                found = base.replace(at.spelling.extension, "")
            members[row.json] = no_page if found is None else str(found) if row.as_ == "string" else found
        return members

    def _link(self, at: paging.Stretch, page: int, follows: bool) -> str:
        rules = self._table.paging
        pairs = [(rules.position, str(page + rules.first)), (rules.size, str(at.size))]
        if follows and at.last_sid:
            pairs.append((rules.after, at.last_sid))
        pairs.append((rules.limit, str(at.limit)))
        return f"{at.path}?{form.write([*pairs, *at.rest])}"

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
            answer = self._json(row.status, self._shape.write(text, row.code, fault.parameter))
        return answer._replace(headers=(*answer.headers, *headers))

    def _said(self, fault: Fault) -> tuple[str, str]:
        """The text and the code of a failure."""
        row = self._table.fault(fault.name)
        return row.text.replace("{parameter}", fault.parameter).replace("{reason}", fault.reason), row.code

    def _json(self, status: int, value: Any) -> Response:
        return Response(status, self._typed("json"), self._write_json(value))

    def _xml(self, status: int, content: str) -> Response:
        return Response(status, self._typed("xml"), xml.document(self._xml_names.root, content))

    def _typed(self, form_name: str) -> Headers:
        return (("content-type", self._media[form_name]),)


def _refuse_party(row: SendRow, neutral: str) -> None:
    """Refuse a sender or recipient of a sort that this parameter does not take."""
    if (party := numbers.party(neutral)) not in row.carries:
        raise Refused(Fault("invalid-parameter", row.name, f"has to be a {' or a '.join(row.carries)}, not a {party}"))
