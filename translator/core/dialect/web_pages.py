"""Detects a web page in place of an API response: the address is wrong, or another server is in front of the API."""

from typing import Final

from translator.core.errors import MalformedProviderResponse
from translator.core.http.messages import Response

A_PAGE: Final = ": a web page answered in place of its API"
"""The text for the client, after "the provider failed to handle the request"."""

WRONG_ADDRESS: Final = " with a web page in place of its API: is `url` of the back right?"
"""The text for the operator, after the status."""


def is_a_page(response: Response) -> bool:
    """True if the response is a web page."""
    return "html" in (response.header("content-type") or "").lower()


def in_place_of_the_api(response: Response, error: MalformedProviderResponse) -> MalformedProviderResponse:
    """Return the error for an unreadable response. If the response is a web page, the error says so."""
    return (
        MalformedProviderResponse(f"the back answered {response.status}{WRONG_ADDRESS}", A_PAGE)
        if is_a_page(response)
        else error
    )
