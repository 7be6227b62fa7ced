"""The application of the drills, which receives callbacks."""

import asyncio
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


class Application:
    """The application that is called back. `pause` is seconds that it takes to answer."""

    def __init__(self) -> None:
        self.told: dict[str, list[str]] = {}
        self.pause = 0.0
        self.app = Starlette(routes=[Route("/hook", self._hook, methods=["POST"])])

    async def _hook(self, request: Request) -> Response:
        try:
            given = dict(parse_qsl((await request.body()).decode()))
        except ClientDisconnect:  # the proxy that called has died
            return PlainTextResponse("gone", 400)
        self.told.setdefault(given["Body"], []).append(given["MessageStatus"])
        await asyncio.sleep(self.pause)
        return PlainTextResponse("ok")
