"""Messages that arrive at a simulated provider between two requests, as in a busy account.

    twin.arrivals = iter([[], [Arrival()], [Arrival("outbound"), Arrival(ago=3600)]])

Nothing arrives after the first answered request, and one message comes in after the second one. After the third one a message is sent,
and another one is there that was created an hour before. Then no more arrive. `after` makes such an iterator from plain numbers.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Direction: TypeAlias = Literal["inbound", "outbound"]


class Arrival(NamedTuple):
    """One message that is created. Its creation is `ago` seconds before now, so it may be outside the time window of a list.

    `place` is the property, or the account if the dialect has no properties. If it is empty, the first one is used.
    """

    direction: Direction = "inbound"
    ago: float = 0.0
    text: str = "came meanwhile"
    place: str = ""


Arrivals: TypeAlias = Iterator[Sequence[Arrival]]
"""The arrivals after each answered request, one element a request. Nothing more arrives when the iterator ends."""


def after(
    numbers: Iterable[int], directions: Sequence[Direction] = ("inbound",), *, ago: float = 0.0, repeat: bool = False
) -> Arrivals:
    """Return arrivals of `numbers` messages after each answered request. The directions take turns.

    With `repeat` the numbers start again when they end.
    """
    turn = itertools.cycle(directions)
    return (
        [Arrival(next(turn), ago) for _ in range(number)]
        for number in (itertools.cycle(list(numbers)) if repeat else numbers)
    )


class BetweenAsks:
    """Middleware that lets messages arrive when the response to a request is ready, and before its first byte is sent.

    So a client that has its response meets the new messages with its next request. Each of several requests in flight is answered at its
    own instant.
    """

    def __init__(self, app: ASGIApp, arrive: Callable[[], None]) -> None:
        self._app, self._arrive = app, arrive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._arrive()
            await send(message)

        await self._app(scope, receive, sent)
