"""Reads the error responses of a provider."""

from translator.core.dialect.web_pages import A_PAGE, WRONG_ADDRESS, is_a_page
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.http.error_bodies import SHAPES, ProviderError
from translator.core.http.formats import json as json_format
from translator.core.http.formats import waiting
from translator.core.http.messages import Response
from translator.core.mapping import Table
from translator.core.model import Fault

_LONGEST_WAIT = 3600


class ErrorReader:
    """Reads the error responses of one dialect."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._shape = SHAPES[table.errors.shape]

    def accept(self, operation: str, response: Response, now: float) -> None:
        """Return if a response is a success. Raises FaultRaised for an error, MalformedProviderResponse for another status."""
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
