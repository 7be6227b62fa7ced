"""Writes the provider requests of a dialect. Their constant part is the same for all requests of an account."""

from base64 import b64encode
from typing import NamedTuple

from translator.core.http.formats import form
from translator.core.http.messages import Headers, Request
from translator.core.http.paths import Template
from translator.core.mapping import Table


class _Envelope(NamedTuple):
    """The constant part of a provider request. `path` needs a SID. `whole` is the path of a request without one. The headers depend on
    the body."""

    method: str
    path: Template
    whole: str
    bare: Headers
    json: Headers
    form: Headers


class RequestWriter:
    """Writes provider requests."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._media = next(offer.media for offer in table.formats.offers if offer.name == "json")
        self._envelopes: dict[tuple[str, ...], _Envelope] = {}

    def write(
        self, operation: str, account: str, prop: str, token: str, *, sid: str = "", query: str = "",
        json_body: bytes | None = None, form_pairs: list[tuple[str, str]] | None = None,
    ) -> Request:  # fmt: skip
        """Return a request. A `sid` goes into the path, `form_pairs` and `json_body` into the body."""
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
