"""Writes the log line of each request: its operation, its result, and the reason.

The line has names, counts and a duration, and never a phone number, a text, a token or a path. The line of a refused request adds the
account, the wrong parameter, and the reason.
"""

from typing import Any, Final

from translator.core.dialect.parameters import PLAIN_NAME
from translator.core.exchange import Reply
from translator.shell.observability.log import logger
from translator.shell.server.request import ServerRequest

_BROKEN: Final = 500
_PUBLIC: Final = frozenset({"invalid-parameter", "malformed-body", "page-out-of-range", "back-failed"})
"""The faults whose reasons never repeat input of the client."""


def log_request(call: ServerRequest, reply: Reply, seconds: float) -> None:
    """Write the line, as a warning if the operator should read it."""
    told: dict[str, Any] = {
        "method": call.method, "dialect": reply.dialect, "status": reply.response.status, "asks": reply.asks,
        "ms": int(seconds * 10_000) / 10, "request_id": call.id,
    }  # fmt: skip
    if reply.operation:
        told["operation"] = reply.operation
    if call.back:
        told["back"] = call.back
    if reply.fault:
        told |= _of_fault(call, reply)
    if reply.log:
        told["why"] = reply.log
    if reply.notes:
        told["notes"] = ",".join([f"{note.name}:{note.detail}".rstrip(":") for note in reply.notes])
    if reply.log or reply.response.status >= _BROKEN:
        logger().warning("request", **told)
    else:
        logger().info("request", **told)


def _of_fault(call: ServerRequest, reply: Reply) -> dict[str, str]:
    """Return the fields of a refusal that hold nothing private. A parameter that is not in `PLAIN_NAME` form may be a piece of a text."""
    told = {"fault": reply.fault}
    if call.account:
        told["account"] = call.account
    if PLAIN_NAME.fullmatch(reply.parameter):
        told["parameter"] = reply.parameter
    if reply.reason and reply.fault in _PUBLIC:
        told["reason"] = reply.reason.removeprefix(": ")
    return told
