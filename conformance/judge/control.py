"""Controls the simulated provider behind the server under test: its clock, received messages and an invented history."""

import json
from typing import Any

from conformance.judge.target import Transport, Unreachable


class TwinFault(Exception):
    """The simulated provider could not do what it was told. This says nothing about the server in front of it."""


class Control:
    """The control of one simulated provider. `transport` leads to one that was started with `--control`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def turn(self, seconds: float) -> None:
        """Let time pass at the simulated provider."""
        self._tell("clock", seconds=seconds)

    def receive(self, sender: str, recipient: str, text: str) -> None:
        """Let the simulated provider receive a message."""
        self._tell("receive", **{"from": sender, "to": recipient, "text": text})

    def invent(self, messages: int, seed: int) -> None:
        """Load an invented history into the simulated provider."""
        self._tell("invent", messages=messages, seed=seed)

    def _tell(self, what: str, **given: Any) -> None:
        answer = self._transport(
            "POST", f"/_twin/{what}", {"content-type": "application/json"}, json.dumps(given).encode()
        )
        if answer.status in {404, 405}:
            raise Unreachable(f"it is no twin that can be told what to do: {answer.status}")
        if answer.status != 200:
            raise TwinFault(f"{what} was answered {answer.status}: {answer.body[:200].decode('utf-8', 'replace')}")
