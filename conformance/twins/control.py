"""The control of a simulated provider: it advances the clock, lets messages come in, and loads an invented history.

    POST /_twin/clock    {"seconds": 5}                          time passes
    POST /_twin/receive  {"from": …, "to": …, "text": …}         a message comes in
    POST /_twin/invent   {"messages": 100, "seed": 7}            an invented past
    POST /_twin/arrivals {"after": [0, 1, 2], "repeat": true,    so many messages arrive after each answered request: none after
                          "directions": ["outbound"], "ago": 5}  the first, one after the second, two after the third, and anew

The control is off by default. It is for loopback, and asks for no credentials.
"""

import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from conformance.twins.arrivals import Arrivals, after

ROOT = "/_twin"


class TurnedClock:
    """The system clock, plus the seconds by which `turn` has advanced it."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self._ahead

    def turn(self, seconds: float) -> None:
        """Move forward. Raises ValueError for a negative number of seconds."""
        if seconds < 0:
            raise ValueError("a clock does not run backwards")
        self._ahead += seconds


def controlled(
    app: ASGIApp,
    clock: TurnedClock,
    receive: Callable[[str, str, str], Any],
    invent: Callable[[int, int], None],
    arrive: Callable[[Arrivals], None],
) -> ASGIApp:
    """Return the application of a simulated provider with the control in front of it."""

    async def turned(request: Request) -> Response:
        clock.turn(float((await request.json())["seconds"]))
        return JSONResponse({"now": clock()})

    async def received(request: Request) -> Response:
        given = await request.json()
        receive(given["from"], given["to"], given["text"])
        return JSONResponse({})

    async def invented(request: Request) -> Response:
        given = await request.json()
        invent(int(given["messages"]), int(given["seed"]))
        return JSONResponse({})

    async def arriving(request: Request) -> Response:
        given = await request.json()
        numbers = [int(number) for number in given["after"]]
        directions = tuple(given.get("directions", ("inbound",)))
        arrive(after(numbers, directions, ago=float(given.get("ago", 0)), repeat=bool(given.get("repeat"))))
        return JSONResponse({})

    routes = [("/arrivals", arriving), ("/clock", turned), ("/receive", received), ("/invent", invented)]
    control = [Route(ROOT + path, told, methods=["POST"]) for path, told in routes]
    return Starlette(routes=[*control, Mount("/", app)])
