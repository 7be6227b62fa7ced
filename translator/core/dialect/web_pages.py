"""Web pages where an API was asked: nothing of the kind is at that address, or something stands in front of it."""

from typing import Final

from translator.core.errors import MalformedProviderResponse
from translator.core.http.messages import Response

A_PAGE: Final = ": a web page answered in place of its API"
"""What a caller is told behind "the provider failed to handle the request"."""

WRONG_ADDRESS: Final = " with a web page in place of its API: is `url` of the back right?"
"""What the operator reads behind the status."""


def is_a_page(response: Response) -> bool:
    """Whether a web page answered."""
    return "html" in (response.header("content-type") or "").lower()


def in_place_of_the_api(response: Response, error: MalformedProviderResponse) -> MalformedProviderResponse:
    """What is said of an answer that cannot be read: that it is a web page, where it is one."""
    return (
        MalformedProviderResponse(f"the back answered {response.status}{WRONG_ADDRESS}", A_PAGE)
        if is_a_page(response)
        else error
    )
