"""The content of a mapping table: one closed type for each section, one attribute for each key of `mappings/README.md`.

Every row cites its source: exactly one of `seed` (a quotation), `known` (a fact of the references, in our words) and `inferred`.
"""

from typing import Literal, TypeAlias

import msgspec

Operation: TypeAlias = Literal["send", "get", "list"]
Way: TypeAlias = Literal["both", "read"]


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The attributes of every row and of every plain section: its source."""

    seed: str = ""
    known: str = ""
    inferred: str = ""


class DialectName(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    title: str


class Routes(Row, frozen=True, kw_only=True):
    root: str
    prefixes: tuple[str, ...]
    extension_at: Literal["any-segment", "nowhere"]
    asks_extension: str
    trailing_slash: bool
    options: Literal["answer", "refuse"]


class OperationRow(Row, frozen=True, kw_only=True):
    name: Literal["send", "batch", "get", "list"]
    method: Literal["GET", "POST"]
    path: str
    request: Literal["form", "json", "query", "query-and-json"]
    status: int
    scope: Literal["account", "property"]
    member: str = ""
    most: int = 0
    large: bool = False


READS = frozenset({"get", "list"})
"""The operations that change nothing at the provider. Work that only reads may be dropped, and a send may not."""


class Credentials(Row, frozen=True, kw_only=True):
    scheme: Literal["basic"]
    realm: str


class Offer(Row, frozen=True, kw_only=True):
    name: Literal["json", "xml"]
    media: str
    extension: str
    accept: str


class Formats(Row, frozen=True, kw_only=True):
    default: Literal["json", "xml"]
    escape: Literal["ascii", "utf-8"]
    nulls: Literal["absent", "written"]
    offers: tuple[Offer, ...]


class Xml(Row, frozen=True, kw_only=True):
    root: str
    message: str
    list: str
    fault: str


NO_XML = Xml(root="", message="", list="", fault="")
"""The section of a dialect without XML. It is never written."""

Write: TypeAlias = Literal["copy", "copy-only", "latest", "first", "entry", "given", "fixed", "path", "nothing"]


class FieldRow(Row, frozen=True, kw_only=True):
    json: str
    write: Write
    kind: str = ""
    xml: str = ""
    xml_empty: bool = False
    xml_text: str = ""
    shown: tuple[Operation, ...] = msgspec.field(default=("send", "get", "list"), name="in")
    of: tuple[str, ...] = ()
    own: str = ""
    text: str = ""
    required: bool = False
    statuses: tuple[str, ...] = ()
    unsaid: Literal["", "segments"] = ""


class ReadRow(Row, frozen=True, kw_only=True):
    attribute: str
    json: str = ""
    kind: str = ""
    fixed: bool | None = None
    directions: tuple[str, ...]
    statuses: tuple[str, ...]


class WordRow(Row, frozen=True, kw_only=True):
    wire: str
    word: str
    way: Way = "both"
    field: str = ""
    test: Literal["", "present", "absent", "later-than-now"] = ""


class ErrorWordRow(Row, frozen=True, kw_only=True):
    code: str
    text: str
    unknown: bool = False


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    status: tuple[WordRow, ...]
    direction: tuple[WordRow, ...]
    error: tuple[ErrorWordRow, ...] = ()


class Parameters(Row, frozen=True, kw_only=True):
    names: Literal["exact", "any-case"]
    odd_case: Literal["refuse", "ignore"]
    unfiltered: Literal["refuse", "ignore"] = "refuse"
    unknown: Literal["count", "refuse"]


class SendRow(Row, frozen=True, kw_only=True):
    name: str
    attribute: str
    kind: str
    carries: tuple[str, ...] = ()
    required: bool = False
    default: bool | None = None
    depends: str = msgspec.field(default="", name="with")
    our_id: bool = False
    grace: int = 0


class UntoldRow(Row, frozen=True, kw_only=True):
    attribute: str


class CallParameter(Row, frozen=True, kw_only=True):
    name: str
    of: str = ""
    kind: str = ""
    text: str = ""
    statuses: tuple[str, ...] = ()


class CallEvent(Row, frozen=True, kw_only=True):
    status: str
    needs: str = ""
    ends: bool


class Calls(Row, frozen=True, kw_only=True):
    address: str
    unless: str = ""
    never_to: tuple[str, ...] = ()
    events: tuple[CallEvent, ...]
    parameters: tuple[CallParameter, ...]


NO_CALLS = Calls(address="", events=(), parameters=())
"""The section of a dialect without callbacks."""


class FilterRow(Row, frozen=True, kw_only=True):
    name: str
    attribute: str = ""
    test: Literal["equals", "tail", "contains", "word", "lower-bound", "upper-bound", "refused"]
    kind: str = ""
    way: Way = "both"
    inclusive: bool | None = None
    grain: int = 1
    slack: int = 0
    required: bool = False
    open: int | None = None
    open_ahead: int | None = None


class SortKey(Row, frozen=True, kw_only=True):
    name: str
    attribute: str
    offered: bool = True


class Sort(Row, frozen=True, kw_only=True):
    default: Literal["ascending", "descending", "unknown"]
    parameter: str = ""
    separator: str = ""
    ascending: str = ""
    descending: str = ""
    unsaid: Literal["", "ascending", "descending"] = ""
    unknown: Literal["", "refuse", "ignore"] = ""
    keys: tuple[SortKey, ...] = ()


PageValue: TypeAlias = Literal[
    "page", "last-page", "size", "total", "limit", "first-index", "last-index", "last-index-or-past",
    "path", "first-link", "previous-link", "next-link", "last-link",
]  # fmt: skip


class PageMember(Row, frozen=True, kw_only=True):
    json: str
    value: PageValue
    as_: Literal["", "integer", "string"] = msgspec.field(default="", name="as")


class Paging(Row, frozen=True, kw_only=True):
    position: str
    unit: Literal["pages", "rows"]
    first: int
    size: str
    size_default: int
    size_max: int
    slice: int
    limit: str = ""
    limit_default: int = 0
    after: str = ""
    no_page: Literal["", "text-null", "null"] = ""
    members: tuple[PageMember, ...] = ()


class FaultRow(Row, frozen=True, kw_only=True):
    fault: str
    status: int
    text: str
    code: str = ""


class FaultRead(Row, frozen=True, kw_only=True):
    operations: tuple[Operation, ...]
    statuses: tuple[int, int]
    fault: str
    code: str = ""
    name: str = ""


class Errors(Row, frozen=True, kw_only=True):
    shape: Literal["message", "response-status"]
    faults: tuple[FaultRow, ...]
    reads: tuple[FaultRead, ...]


class Setting(Row, frozen=True, kw_only=True):
    name: str
    side: Literal["front", "back"]
    cell: str
    words: dict[str, str | bool | int] = {}


class Profile(Row, frozen=True, kw_only=True):
    name: str
    side: Literal["front", "back"]
    switches: dict[str, str | int] = {}


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One dialect, whole: the sections of `mappings/<dialect>.toml` in their order."""

    dialect: DialectName
    routes: Routes
    operations: tuple[OperationRow, ...]
    credentials: Credentials
    formats: Formats
    xml: Xml | None = None
    fields: tuple[FieldRow, ...]
    reads: tuple[ReadRow, ...]
    words: Words
    parameters: Parameters
    send: tuple[SendRow, ...]
    untold: tuple[UntoldRow, ...] = ()
    calls: Calls | None = None
    filters: tuple[FilterRow, ...]
    sort: Sort
    paging: Paging
    errors: Errors
    settings: tuple[Setting, ...] = ()
    profiles: tuple[Profile, ...] = ()

    def operation(self, name: str) -> OperationRow:
        """Return the first row of an operation, which is the one that a provider is asked for."""
        return next(row for row in self.operations if row.name == name)

    def fault(self, name: str) -> FaultRow:
        """Return the row that defines the response for a fault."""
        return next(row for row in self.errors.faults if row.fault == name)
