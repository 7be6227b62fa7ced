"""An application for callbacks. It prints each one, and answers 200."""

from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

PATH = "/callback"


def receiver(say: Callable[[str], None]) -> Starlette:
    """Return a receiver of status callbacks and delivery receipts at `PATH`.

    `say` gets one line for each: the status or event, and the SID.
    """

    async def told(request: Request) -> PlainTextResponse:
        given = dict(request.query_params)
        given.update(dict(parse_qsl((await request.body()).decode("utf-8", "replace"))))
        what = given.get("MessageStatus") or given.get("Event") or "something"
        sid = given.get("MessageSid") or given.get("Message.Sid") or ""
        say(f"# called back: {what} {sid}")
        return PlainTextResponse("ok")

    return Starlette(routes=[Route(PATH, told, methods=["GET", "POST"])])
