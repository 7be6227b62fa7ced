"""The error object: every refusal of the service, whatever its cause, is a ResponseStatus.

Codes that the vendor's error page prints: PARAMETER_REQUIRED, FORBIDDEN. Formed after the same pattern, and never seen:
PARAMETER_INVALID, UNAUTHORIZED, MESSAGE_NOT_FOUND, NOT_FOUND, METHOD_NOT_ALLOWED, INTERNAL_ERROR.
"""

from collections.abc import Mapping

from starlette.responses import JSONResponse

REALM = "properties-v2"


class Fault(Exception):
    """A refusal. `fields` names the bad parameters in their documented spelling; no value is ever repeated."""

    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields


def required(*fields: str) -> Fault:
    """400: one or more parameters that must be there are not."""
    return Fault(400, "PARAMETER_REQUIRED", f"Required and not given: {', '.join(fields)}", fields)


def invalid(field: str, reason: str) -> Fault:
    """400: a parameter whose value cannot be meant."""
    return Fault(400, "PARAMETER_INVALID", f"{field}: {reason}", (field,))


def unreadable(reason: str) -> Fault:
    """400: a body that is not what it should be, so that no parameter can be blamed."""
    return Fault(400, "PARAMETER_INVALID", f"The body {reason}")


def answer(fault: Fault, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The fault on the wire. A 401 always carries the Basic challenge: some clients log in only when challenged."""
    status: dict[str, object] = {"ErrorCode": fault.code, "Message": fault.message}
    if fault.fields:
        status["Errors"] = [
            {"ErrorCode": fault.code, "FieldName": name, "Message": fault.message} for name in fault.fields
        ]
    challenge = {"WWW-Authenticate": f'Basic realm="{REALM}"'} if fault.status == 401 else {}
    return JSONResponse({"ResponseStatus": status}, fault.status, {**(headers or {}), **challenge})
