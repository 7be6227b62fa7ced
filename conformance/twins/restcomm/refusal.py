"""An answer that is not the one asked for."""

from collections.abc import Mapping


class Refusal(Exception):
    """The request is answered with `status` and the words of `message`, in the format that was negotiated."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
