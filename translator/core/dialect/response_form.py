"""The form of a front's responses: JSON or XML, and the shape of its errors."""

from collections.abc import Iterable

from translator.core.http.error_bodies import SHAPES
from translator.core.http.formats import json as json_format
from translator.core.http.formats import xml as xml_format
from translator.core.http.messages import Headers, Response
from translator.core.mapping import Table
from translator.core.mapping.schema import NO_XML
from translator.core.model import Fault


class ResponseForm:
    """Writes the responses of one dialect."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._xml_names = table.xml or NO_XML
        self._typed: dict[str, Headers] = {
            offer.name: (("content-type", offer.media),) for offer in table.formats.offers
        }
        self._shape = SHAPES[table.errors.shape]
        self.write_json = json_format.write_ascii if table.formats.escape == "ascii" else json_format.write

    def entry(self, fault: Fault) -> str:
        """Return a failure as an entry of a batch, in JSON."""
        text, code = self._said(fault)
        return self.write_json(self._shape.entry(text, code, fault.parameter)).decode()

    def xml_list(self, shown: Iterable[str]) -> str:
        """Return the element of a list."""
        return xml_format.element(self._xml_names.list, "".join(shown))

    def fault(self, fault: Fault, form_name: str) -> Response:
        """Return the response for a failure, in this dialect's shape and the client's format."""
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
            answer = self.xml(row.status, xml_format.element(self._xml_names.fault, xml_format.text(text)))
        else:
            answer = self.json(row.status, self.write_json(self._shape.write(text, row.code, fault.parameter)))
        return answer.replace(headers=(*answer.headers, *headers))

    def _said(self, fault: Fault) -> tuple[str, str]:
        """Return the text and the code of a failure."""
        row = self._table.fault(fault.name)
        return row.text.replace("{parameter}", fault.parameter).replace("{reason}", fault.reason), row.code

    def json(self, status: int, body: bytes) -> Response:
        """Return a JSON response."""
        return Response(status, self._typed["json"], body)

    def xml(self, status: int, content: str) -> Response:
        """Return an XML response. `content` is what the root element holds."""
        return Response(status, self._typed["xml"], xml_format.document(self._xml_names.root, content))
