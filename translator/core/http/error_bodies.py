"""Error bodies: the few shapes in which dialects show a failure, each with its write and its read.

A shape writes the object of a JSON body, and reads one from a provider. The read gives the code and the name of the parameter at fault,
both empty if the body does not say them. A body that cannot be read says nothing. Then the status alone decides.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple


class ProviderError(NamedTuple):
    """The content of a provider's error body: its code, and the provider's own name of the parameter at fault."""

    code: str = ""
    parameter: str = ""


class ErrorBody(NamedTuple):
    """A shape. `write` makes a whole body. `entry` makes the object for one failed message among others. Both take text, code and
    parameter."""

    write: Callable[[str, str, str], dict[str, Any]]
    read: Callable[[Any], ProviderError]
    entry: Callable[[str, str, str], dict[str, Any]]


def _write_message(text: str, code: str, parameter: str) -> dict[str, Any]:  # noqa: ARG001 - every shape is called alike
    return {"message": text}


def _write_response_entry(text: str, code: str, parameter: str) -> dict[str, Any]:  # noqa: ARG001 - as the others
    return {"ErrorCode": code, "Message": text}


def _read_message(body: Any) -> ProviderError:  # noqa: ARG001 - the shape has no code and no parameter
    return ProviderError()


def _write_response_status(text: str, code: str, parameter: str) -> dict[str, Any]:
    status: dict[str, Any] = {"ErrorCode": code, "Message": text}
    if parameter:
        status["Errors"] = [{"FieldName": parameter}]
    return {"ResponseStatus": status}


def _read_response_status(body: Any) -> ProviderError:
    status = body.get("ResponseStatus") if isinstance(body, dict) else None
    if not isinstance(status, dict):
        return ProviderError()
    code, errors = status.get("ErrorCode"), status.get("Errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    name = first.get("FieldName") if isinstance(first, dict) else None
    return ProviderError(code if isinstance(code, str) else "", name if isinstance(name, str) else "")


SHAPES: Final[dict[str, ErrorBody]] = {
    "message": ErrorBody(_write_message, _read_message, _write_message),
    "response-status": ErrorBody(_write_response_status, _read_response_status, _write_response_entry),
}
"""Every error shape, by the name that `[errors] shape` uses."""
