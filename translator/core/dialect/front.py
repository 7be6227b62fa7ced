"""A dialect as the front: reads the requests of clients, and writes the responses."""

from collections.abc import Callable
from typing import Any

from translator.core.codegen import MessageWriter, TableCodecs, message_writer, sort_key
from translator.core.dialect.drafts import Batch, DraftReader
from translator.core.dialect.list_reader import Listed, ListReader
from translator.core.dialect.page_members import PageMembers
from translator.core.dialect.response_form import ResponseForm
from translator.core.dialect.routing import Located, Routing
from translator.core.errors import FaultRaised
from translator.core.http.formats import json
from translator.core.http.messages import Request, Response
from translator.core.mapping import Table
from translator.core.model import Draft, Fault, Message, Notes, Page, SentMessage


class FrontVerbs:
    """The front of one dialect."""

    def __init__(self, table: Table, bindings: TableCodecs) -> None:
        self._table = table
        self._bindings = bindings
        self.routing = Routing(table)
        self._drafts = DraftReader(table, bindings)
        self._lists = ListReader(table, bindings)
        self._sid = bindings.kind(next(row.kind for row in table.fields if row.of == ("sid",)))
        self._responses = ResponseForm(table)
        self._pages = PageMembers(table, self._sid)
        self._answers: dict[str, tuple[int, str]] = {
            row.name: (row.status, row.member) for row in reversed(table.operations)
        }
        self._writers: dict[tuple[str, str], MessageWriter] = {
            (operation, offer.name): message_writer(table, bindings, operation, offer.name)
            for operation in ("send", "get", "list")
            for offer in table.formats.offers
        }
        self.graces = tuple((row.attribute, row.grace) for row in table.send if row.grace)
        """The instants of a draft that mean "now" if they are in the past by less than this number of seconds."""
        self.shown = frozenset(name for row in table.fields for name in row.of)
        """The attributes of a message that its answers have a place for."""

    # ----------------------------------------------------------------------------------------------- facts of the dialect

    @property
    def tells_methods(self) -> bool:
        """True if the front answers OPTIONS."""
        return self._table.routes.options == "answer"

    @property
    def in_pages(self) -> bool:
        """True if lists are counted in pages, and not in rows."""
        return self._table.paging.unit == "pages"

    @property
    def shows_total(self) -> bool:
        """True if a page has the total."""
        return any(row.value == "total" for row in self._table.paging.members)

    def parameter_of(self, attribute: str) -> str:
        """Return this front's name of a draft's attribute in a send, or an empty text."""
        return next((row.name for row in self._table.send if row.attribute == attribute), "")

    def sort_key(self, attribute: str) -> Callable[[Message], Any]:
        """Return the key by which a list is sorted, in this dialect's own words."""
        return sort_key(self._table, self._bindings, attribute)

    # ------------------------------------------------------------------------------------------------ reading requests

    def read_request(self, at: Located, request: Request, notes: Notes) -> Draft | Batch | str | Listed:
        """Return the draft to send, a batch, the neutral SID to get, or the list request. Raises FaultRaised."""
        if at.operation.name == "send":
            return self._drafts.one(at.operation, request, notes)
        if at.operation.name == "batch":
            return self._drafts.all(at.operation, request, notes)
        if at.operation.name == "list":
            return self._lists.read(at.operation, request, notes)
        return self.read_sid(at.values["sid"])

    def write_sid(self, sid: str) -> str:
        """Return a message's SID as this front shows it."""
        return str(self._sid.write(sid))

    def read_sid(self, shown: str) -> str:
        """Return the neutral SID for one of this dialect. A value that cannot be a SID is an unknown message. Raises FaultRaised."""
        try:
            return str(self._sid.read(shown))
        except ValueError:
            raise FaultRaised(Fault("unknown-message")) from None

    # ---------------------------------------------------------------------------------------------- writing responses

    def write_message(
        self, operation: str, message: Message, account: str, prop: str, form_name: str, notes: Notes,
        given: Draft | None = None,
    ) -> Response:  # fmt: skip
        """Return the response to a send or a get."""
        [shown] = self._writers[operation, form_name]([message], account, prop, given, notes)
        status, member = self._answers[operation]
        if form_name == "xml":
            return self._responses.xml(status, shown)
        return self._responses.json(status, json.under(member, shown) if member else shown.encode())

    def write_batch(self, outcomes: list[SentMessage | Fault], account: str, prop: str, notes: Notes) -> Response:
        """Return the response to a batch: the outcome of each entry, in order."""
        shown: list[str] = []
        for outcome in outcomes:
            if isinstance(outcome, Fault):
                shown.append(self._responses.entry(outcome))
            else:
                shown += self._writers["send", "json"]([outcome.message], account, prop, outcome.draft, notes)
        return self._responses.json(self._answers["batch"][0], json.array(shown))

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
        """Return the response to a list."""
        shown = self._writers["list", form_name](page.messages, account, prop, None, notes)
        status, member = self._answers["list"]
        if form_name == "xml":
            return self._responses.xml(status, self._responses.xml_list(shown))
        members = self._responses.write_json(self._pages.of(page, asked, at, path))
        return self._responses.json(status, json.with_array(members, member, shown))

    def write_fault(self, fault: Fault, form_name: str) -> Response:
        """Return the response for a failure, in this dialect's shape and the client's format."""
        return self._responses.fault(fault, form_name)
