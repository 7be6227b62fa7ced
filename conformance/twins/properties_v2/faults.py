"""The error object. Every refusal of the service is a ResponseStatus, whatever its cause.

The vendor's error page prints the codes PARAMETER_REQUIRED and FORBIDDEN. The others follow their pattern and were never seen:
PARAMETER_INVALID, UNAUTHORIZED, MESSAGE_NOT_FOUND, NOT_FOUND, METHOD_NOT_ALLOWED, INTERNAL_ERROR.
"""

from collections.abc import Mapping

from starlette.responses import JSONResponse

REALM = "properties-v2"


class Fault(Exception):
    """A refusal. `fields` names the bad parameters in their documented spelling. Values are never repeated."""

    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields


def required(*fields: str) -> Fault:
    """Return a 400 for one or more required parameters that are missing."""
    return Fault(400, "PARAMETER_REQUIRED", f"Required and not given: {', '.join(fields)}", fields)


def invalid(field: str, reason: str) -> Fault:
    """Return a 400 for a parameter with an impossible value."""
    return Fault(400, "PARAMETER_INVALID", f"{field}: {reason}", (field,))


def unreadable(reason: str) -> Fault:
    """Return a 400 for a body that cannot be read, so that no parameter is at fault."""
    return Fault(400, "PARAMETER_INVALID", f"The body {reason}")


def answer(fault: Fault, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the response of a fault. A 401 always has the Basic challenge, because some clients send credentials only after it."""
    status: dict[str, object] = {"ErrorCode": fault.code, "Message": fault.message}
    if fault.fields:
        status["Errors"] = [
            {"ErrorCode": fault.code, "FieldName": name, "Message": fault.message} for name in fault.fields
        ]
    challenge = {"WWW-Authenticate": f'Basic realm="{REALM}"'} if fault.status == 401 else {}
    return JSONResponse({"ResponseStatus": status}, fault.status, {**(headers or {}), **challenge})
