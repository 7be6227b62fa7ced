"""The law of a message's life. It needs a simulated provider whose clock the suite can advance."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from conformance.clients import Client, Failed, PropertiesV2Client, RestcommClient
from conformance.judge.laws import Problem
from conformance.judge.survey import Skipped, Survey
from conformance.judge.target import Target

_SECONDS = 1
_MOST = 60


def life(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A message that is sent goes through the statuses that its document describes, in their order, and never back."""
    try:
        yield from _lived(target, given)
    except (KeyError, TypeError, AttributeError, Failed):
        yield "a message that was sent is not answered as an application reads it"


def _lived(target: Target, given: dict[str, Any]) -> Iterator[str | Problem]:
    client: Client = RestcommClient(target) if target.dialect == "restcomm" else PropertiesV2Client(target)
    sid = client.send(target.send_to.lstrip("+"), "Conformance test")
    if sid is None:
        raise Skipped("a send is not answered well, which another requirement judges")
    ranks: list[str] = []
    for _ in range(_MOST):
        shown = client.get(sid)
        if shown is None:
            raise Skipped("a message that was sent is not answered by its SID, which another requirement judges")
        if not ranks or ranks[-1] != shown.status:
            ranks.append(shown.status)
        if shown.status == given["ends"]:
            break
        target.let_pass(_SECONDS)
    words = given["statuses"]
    if any(word not in words for word in ranks):
        yield "a message shows a status that is no part of its life"
    elif any(words.index(one) > words.index(other) for one, other in pairwise(ranks)):
        yield "a status went back"
    elif ranks[-1] != given["ends"]:
        yield f"a message does not come to {given['ends']}"
