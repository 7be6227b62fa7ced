"""The refusal of a request."""

from collections.abc import Mapping


class Refusal(Exception):
    """The response has the `status` and the words of `message`, in the negotiated format."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
