"""The receiver of callbacks in the drills, and the callbacks that it got."""

import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


class Call(NamedTuple):
    """A callback: the moment (monotonic seconds), the text and the status that it tells of, and the HTTP status of its answer."""

    at: float
    text: str
    status: str
    answer: int


class Receiver:
    """The application that receives callbacks. `refuses` takes a text and a status, and says if their first callback is answered with
    500."""

    def __init__(self, refuses: Callable[[str, str], bool] = lambda text, status: False) -> None:
        self.calls: list[Call] = []
        self._refuses = refuses
        self._refused: set[tuple[str, str]] = set()
        self.app = Starlette(routes=[Route("/hook", self._hook, methods=["POST"])])

    async def _hook(self, request: Request) -> Response:
        try:
            given = dict(parse_qsl((await request.body()).decode()))
        except ClientDisconnect:
            return PlainTextResponse("gone", 400)
        name = given["Body"], given["MessageStatus"]
        answer = 500 if self._refuses(*name) and name not in self._refused else 200
        self._refused.add(name)
        self.calls.append(Call(time.monotonic(), *name, answer))
        return PlainTextResponse("x", answer)

    @property
    def told(self) -> dict[str, list[str]]:
        """The statuses of each text whose callbacks were answered with 200, in the order in which they came."""
        found: dict[str, list[str]] = {}
        for call in self.calls:
            if call.answer == 200:
                found.setdefault(call.text, []).append(call.status)
        return found
