"""Messages that arrive at a twin between two asks: what a reader of a busy account meets.

    twin.arrivals = iter([[], [Arrival()], [Arrival("outbound"), Arrival(ago=3600)]])

After the first answered request nothing arrives, after the second one message comes in, after the third one is sent and another is
there that was created an hour before; then no more. `after` makes such an iterator from plain numbers.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Direction: TypeAlias = Literal["inbound", "outbound"]


class Arrival(NamedTuple):
    """One message that is created. `ago` is how many seconds before now it was created, so it may be outside of the range that is read.

    `place` is the property, or the account where the dialect has no properties; empty is the first one there is.
    """

    direction: Direction = "inbound"
    ago: float = 0.0
    text: str = "came meanwhile"
    place: str = ""


Arrivals: TypeAlias = Iterator[Sequence[Arrival]]
"""What arrives after each answered request, one element a request; nothing more arrives when it ends."""


def after(
    numbers: Iterable[int], directions: Sequence[Direction] = ("inbound",), *, ago: float = 0.0, repeat: bool = False
) -> Arrivals:
    """So many messages after each answered request, in turn of these directions. With `repeat` the numbers begin anew when they end."""
    turn = itertools.cycle(directions)
    return (
        [Arrival(next(turn), ago) for _ in range(number)]
        for number in (itertools.cycle(list(numbers)) if repeat else numbers)
    )


class BetweenAsks:
    """Middleware. When the answer to a request is worked out, and before any of it leaves, what is to arrive arrives.

    So whoever got an answer meets the new messages with the next request. Of several requests under way at once, each is answered at an
    instant of its own.
    """

    def __init__(self, app: ASGIApp, arrive: Callable[[], None]) -> None:
        self._app, self._arrive = app, arrive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._arrive()
            await send(message)

        await self._app(scope, receive, sent)
