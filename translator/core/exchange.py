"""One request of a client, from its bytes to the bytes of its response.

               FRONT                          NEUTRAL                              BACK
    bytes ──▶ read_request   ──▶ Draft · SID · Query ──▶ plan ──▶ ProviderRequests ──▶ write_request ──▶ bytes
    bytes ◀── write_response ◀── Message · Page ◀── filter · sort · cut · count    ◀── read_response ◀── bytes

The exchange is a generator of effects (see `effects`). It yields `ProviderRequests`, which may go to a provider at the same time, and is
sent their answers. A failed request is an answer too. It yields `SingleFlight`, whose result other requests may share, and the effects of
`sending`. It returns the `Reply`. The shell drives it with sockets, tests drive it with a plain function.

The order of checks is defined only here: 401, 406, route (404, 405), 403, 413, then the content (400, 415). All but the last two need only
the head, which `admit` checks. A request that is refused for its head is refused before its body is read.
"""

from collections.abc import Generator, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from translator.core.accounts import Account, Accounts
from translator.core.dialect import Dialect
from translator.core.dialect.drafts import Batch
from translator.core.dialect.list_reader import Listed
from translator.core.dialect.routing import Located
from translator.core.effects import Effect, EffectGenerator, ProviderRequests, SingleFlight
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.http.messages import Request, Response
from translator.core.listing import Limits
from translator.core.losses import Losses
from translator.core.mapping.schema import READS
from translator.core.migrating import rendered
from translator.core.model import Draft, Fault, Message, Note, Notes, Page, SentMessage
from translator.core.reading import read_message, read_page
from translator.core.sending import KEY, Sending

__all__ = [
    "HEADERS",
    "Admission",
    "Effect",
    "Limits",
    "ProviderRequests",
    "Reply",
    "SingleFlight",
    "admit",
    "exchange",
    "failure",
]

HEADERS: Final = frozenset({"accept", "authorization", "content-encoding", "content-type", KEY.lower()})
"""Every header of a request that is read here or by a dialect."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """The response, and the facts about it for the operator. `fault` is a name of `model.FAULTS`, or empty. `parameter` and `reason`
    belong to it.

    `total` says how a list was counted: `exact`, `capped`, or `partial` if rows are left out. It is empty for other operations. `lost` are
    the ids of the mapping rows at which the response lost something, if losses were requested.
    """

    response: Response
    notes: tuple[Note, ...] = ()
    log: str = ""
    asks: int = 0
    fault: str = ""
    operation: str = ""
    dialect: str = ""
    total: str = ""
    lost: tuple[str, ...] = ()
    parameter: str = ""
    reason: str = ""


class Admission(NamedTuple):
    """The result of reading the head of a request. `spoken` is the front, `form_name` the format of the response. `at` is the route.
    `entries` are the accounts that the credentials open there. `fault` is the reason of a refusal; without it there are a route and at
    least one account."""

    spoken: Dialect
    form_name: str
    at: Located | None
    entries: tuple[Account, ...]
    fault: Fault | None

    @property
    def operation(self) -> str:
        """The operation of the request, or empty."""
        return "" if self.at is None else self.at.operation.name

    @property
    def is_large(self) -> bool:
        """True if the body may be large: `messages.LARGE` times the usual limit."""
        return self.at is not None and self.at.operation.large

    @property
    def only_reads(self) -> bool:
        """True if the operation changes nothing at the provider."""
        return self.at is not None and self.at.operation.name in READS

    def refusal(self, fault: Fault) -> Reply:
        """Return the response for a fault. A fault without a name is not an error: it reports the methods of a path to an OPTIONS
        request."""
        if fault.name:
            response = self.spoken.front.write_fault(fault, self.form_name)
        else:
            response = Response(200, (("allow", ", ".join(_methods(fault.allow))),))
        return Reply(
            response, (), fault.log, 0, fault.name, self.operation, self.spoken.name,
            parameter=fault.parameter, reason=fault.reason,
        )  # fmt: skip


def admit(accounts: Accounts, request: Request) -> Admission:
    """Check the head of a request. The body is not read, and need not have arrived."""
    spoken = accounts.dialect_of(request.path)
    routing = spoken.front.routing
    form_name, acceptable = routing.negotiate(request)
    entries = accounts.authenticate(spoken.name, request.header("authorization"))
    if not entries:
        return Admission(spoken, form_name, None, (), Fault("unauthenticated"))
    if not acceptable:
        return Admission(spoken, form_name, None, entries, Fault("not-acceptable"))
    try:
        at = routing.locate(request)
    except FaultRaised as refused:
        fault = refused.fault
        if request.method == "OPTIONS" and fault.name == "method-not-allowed" and spoken.front.tells_methods:
            fault = fault._replace(name="")
        return Admission(spoken, form_name, None, entries, fault)
    entries = tuple([entry for entry in entries if _opens(entry, at)])
    return Admission(spoken, form_name, at, entries, None if entries else Fault("forbidden"))


def exchange(
    accounts: Accounts, limits: Limits, request: Request, now: float, losses: Losses | None = None,
    admission: Admission | None = None,
) -> Generator[Effect, Any, Reply]:  # fmt: skip
    """Run the whole exchange. Any input gets a response in the front's own shape. `losses` finds what the response lost; None skips
    that. `admission` is the result of `admit`, if the head was checked before."""
    admission = admission or admit(accounts, request)
    if admission.fault is None and request.body is None:
        admission = admission._replace(fault=Fault("too-large"))
    if admission.fault is not None or admission.at is None:
        return admission.refusal(admission.fault or Fault("internal"))
    course = _Exchange(limits, request, now, admission, admission.at, losses)
    spoken, form_name = admission.spoken, admission.form_name
    fault = Fault("")
    try:
        response = yield from course.steps()
    except FaultRaised as refused:
        fault = refused.fault
    except MalformedProviderResponse as error:
        fault = Fault("back-failed", reason=error.reason, log=error.what)
    if fault.name:
        response = spoken.front.write_fault(fault, form_name)
    return Reply(
        response, tuple(course.notes.items), fault.log, course.notes.asks, fault.name, course.operation, spoken.name,
        course.total, course.lost, fault.parameter, fault.reason,
    )  # fmt: skip


def _methods(routed: Sequence[str]) -> list[str]:
    """Return the methods of a path, including the implied HEAD and OPTIONS."""
    return [*routed, *(["HEAD"] if "GET" in routed else []), "OPTIONS"]


def failure(accounts: Accounts, request: Request, fault: str, retry_after: int | None = None) -> Reply:
    """Return the response to a request that the shell gave up or did not begin, in the front's shape and format."""
    spoken = accounts.dialect_of(request.path)
    form_name, _ = spoken.front.routing.negotiate(request)
    return Reply(
        spoken.front.write_fault(Fault(fault, retry_after=retry_after), form_name), fault=fault, dialect=spoken.name
    )


class _Exchange:
    """The state of one exchange."""

    def __init__(
        self, limits: Limits, request: Request, now: float, admission: Admission, at: Located, losses: Losses | None
    ) -> None:
        self.limits, self.request, self.now = limits, request, now
        self.form_name, self.at, self.entries = admission.form_name, at, admission.entries
        self.notes, self.losses = Notes(), losses
        self.lost: tuple[str, ...] = ()
        self.operation, self.total = at.operation.name, ""

    def steps(self) -> EffectGenerator:
        """Return the steps of the operation. Raises FaultRaised."""
        at, entries = self.at, self.entries
        front = entries[0].front.dialect.front
        asked = front.read_request(at, self.request, self.notes)
        if isinstance(asked, Draft):
            return self._send(entries[0], asked)
        if isinstance(asked, Batch):
            return self._send_all(entries[0], asked)
        if isinstance(asked, Listed):
            return self._list(entries[0], at, asked)
        return self._get(entries, asked)

    def _lose(self, entry: Account, operation: str, shown: Sequence[Message | SentMessage | Fault]) -> None:
        """Note the losses of the response that shows these messages, if losses were requested."""
        if self.losses is not None:
            front, back = entry.front.dialect, entry.back.dialect
            made = [one for one in shown if not isinstance(one, Fault)]
            try:
                lost = self.losses.of(front, back, operation, made, self.now, self.form_name)
                self.lost = tuple(dict.fromkeys((*self.lost, *lost)))
            except Exception as error:  # noqa: BLE001 - any error here must not hide the response, because a send was made
                self.notes.add("losses-unknown", type(error).__name__)

    # ---------------------------------------------------------------------------------------------------------- send

    def _send(self, entry: Account, draft: Draft) -> EffectGenerator:
        front, sending = entry.front, self._sending(entry)
        if entry.old is not None:
            yield from rendered(entry, draft)
        try:
            carried: SentMessage = yield from sending.one(draft)
        finally:
            self.notes.asks += sending.asks
        if self.losses is not None:
            self._lose(entry.home_at(carried.place) or entry, "send", (carried,))
        return front.dialect.front.write_message(
            "send", carried.message, front.account, front.property, self.form_name, self.notes, carried.draft
        )

    def _send_all(self, entry: Account, batch: Batch) -> EffectGenerator:
        front, sending = entry.front, self._sending(entry)
        if entry.old is not None:
            for draft in batch.entries:
                if isinstance(draft, Draft):
                    yield from rendered(entry, draft)
        try:
            outcomes = yield from sending.all(batch.entries)
        finally:
            self.notes.asks += sending.asks
        if self.losses is not None:
            carried = [one for one in outcomes if isinstance(one, SentMessage)]
            for home in entry.homes:
                self._lose(home, "send", [one for one in carried if (entry.home_at(one.place) or entry) is home])
        return front.dialect.front.write_batch(outcomes, front.account, front.property, self.notes)

    def _sending(self, entry: Account) -> Sending:
        key = self.request.header(KEY.lower()) or ""
        return Sending(entry, self.now, key, _digest(self.request) if key else "")

    # ----------------------------------------------------------------------------------------------------------- get

    def _get(self, entries: tuple[Account, ...], sid: str) -> EffectGenerator:
        for entry in entries:
            found = yield from read_message(entry, sid, self.limits, self.now, self.notes)
            if found is not None:
                (home, message), front = found, entry.front
                self._lose(home, "get", (message,))
                return front.dialect.front.write_message(
                    "get", message, front.account, front.property, self.form_name, self.notes
                )
        raise FaultRaised(Fault("unknown-message"))

    # ---------------------------------------------------------------------------------------------------------- list

    def _list(self, entry: Account, at: Located, asked: Listed) -> EffectGenerator:
        front = entry.front
        page, by_home = yield from read_page(entry, asked.query, self.limits, self.now, self.notes)
        self.total = _counted(page, asked)
        for home, messages in by_home:
            self._lose(home, "list", messages)
        return front.dialect.front.write_page(
            page, asked, at, self.request.path, front.account, front.property, self.form_name, self.notes
        )


def _counted(page: Page, asked: Listed) -> str:
    """Return how a list was counted. It is partial if rows are left out, and capped if it was cut without a limit in the request."""
    if page.left_out:
        return "partial"
    cut = page.cut and not asked.limited
    return "capped" if page.capped or cut or (asked.clamped and len(page.messages) == page.count) else "exact"


def _opens(entry: Account, at: Located) -> bool:
    """True if the account and the property of a path are those of the account."""
    front = entry.front
    return at.values.get("account", front.account) == front.account and (
        at.values.get("property", front.property) == front.property
    )


def _digest(request: Request) -> str:
    """Return a digest of the parts that two requests with one key must have in common."""
    return sha256(f"{request.path}?{request.query}\n".encode() + (request.body or b"")).hexdigest()
