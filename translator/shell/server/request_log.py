"""The line of the log that each request is: what was asked, what came of it, and why.

No number, text, token or path is in it: names, counts, a duration and, where a request was refused, whose it was, which parameter was
wrong, and what was wrong with it.
"""

from typing import Any, Final

from translator.core.dialect.parameters import PLAIN_NAME
from translator.core.exchange import Reply
from translator.shell.observability.log import logger
from translator.shell.server.request import ServerRequest

_BROKEN: Final = 500
_PUBLIC: Final = frozenset({"invalid-parameter", "malformed-body", "page-out-of-range", "back-failed"})
"""The faults whose reasons never repeat what a caller wrote."""


def log_request(call: ServerRequest, reply: Reply, seconds: float) -> None:
    """Write the line: a warning where the operator should read it."""
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
    """What a person needs to know of a refusal, as far as it is in no way private. A name that no document has may be a piece of a text."""
    told = {"fault": reply.fault}
    if call.account:
        told["account"] = call.account
    if PLAIN_NAME.fullmatch(reply.parameter):
        told["parameter"] = reply.parameter
    if reply.reason and reply.fault in _PUBLIC:
        told["reason"] = reply.reason.removeprefix(": ")
    return told
