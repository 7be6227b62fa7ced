"""Status callbacks: it computes from the clock which are due, and delivers each once.

sent ──▶ delivered | undelivered | failed
failed                                       and no delivery event after it
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode, urlsplit

import httpx

from conformance.twins.restcomm.life import Sms, Step

CALLBACK_TIMEOUT: Final = 6.0
"""The timeout of an attempt, in seconds. There is no second attempt."""

FORM_TYPE: Final = "application/x-www-form-urlencoded; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Callback:
    """One status callback before it is sent: the URL as the application gave it, and the parameters."""

    method: Literal["GET", "POST"]
    url: str
    parameters: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"Callback({self.method}, {self.message_sid}, {dict(self.parameters)['MessageStatus']})"

    @property
    def message_sid(self) -> str:
        return dict(self.parameters)["MessageSid"]

    def request(self, client: httpx.AsyncClient) -> httpx.Request:
        """Return the request: a form for POST, or for GET the parameters after the query that the URL may have."""
        encoded = urlencode(self.parameters)
        if self.method == "POST":
            headers = {"Content-Type": FORM_TYPE}
            return client.build_request("POST", self.url, content=encoded, headers=headers, timeout=CALLBACK_TIMEOUT)
        parts = urlsplit(self.url)
        query = f"{parts.query}&{encoded}" if parts.query else encoded
        return client.build_request("GET", parts._replace(query=query).geturl(), timeout=CALLBACK_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of a callback: the receiver's HTTP status, or None if there was no response."""

    callback: Callback
    status: int | None


class CallbackBook:
    """The callbacks of messages. Each callback is returned once."""

    def __init__(self) -> None:
        self._owing: list[tuple[Sms, int]] = []

    def owe(self, sms: Sms) -> None:
        """Add a message. "StatusCallback is not applicable to messages addressed to CPaaS Clients." """
        if sms.status_callback and not sms.to_client:
            self._owing.append((sms, 1))

    def due(self, now: float) -> list[Callback]:
        """Return the callbacks of events up to `now` (epoch seconds) that were not returned before, in order of time."""
        due: list[tuple[float, Callback]] = []
        still_owing: list[tuple[Sms, int]] = []
        for sms, handed_out in self._owing:
            reached = [step for step in sms.steps[handed_out:] if step.at <= now]
            due += [(step.at, callback(sms, step)) for step in reached]
            if handed_out + len(reached) < len(sms.steps):
                still_owing.append((sms, handed_out + len(reached)))
        self._owing = still_owing
        return [event for _, event in sorted(due, key=lambda entry: entry[0])]


def callback(sms: Sms, step: Step) -> Callback:
    """Return the callback of one event. Its parameters are those of the table "Status Callback HTTP Parameters", in its order.

    ErrorCode is there "only […] if an error occurred".
    """
    parameters = [("MessageSid", sms.sid), ("MessageStatus", str(step.status))]
    if step.error_code is not None:
        parameters.append(("ErrorCode", str(step.error_code)))
    parameters += [
        ("AccountSid", sms.account),
        ("From", sms.sender),
        ("To", sms.recipient),
        ("Body", sms.body),
    ]
    return Callback(sms.status_callback_method, sms.status_callback or "", tuple(parameters))


async def deliver(callbacks: Iterable[Callback], client: httpx.AsyncClient) -> list[Attempt]:
    """Send each callback once. Callbacks of one message are sent in turn, and those of different messages at the same time."""
    by_message: dict[str, list[Callback]] = {}
    for event in callbacks:
        by_message.setdefault(event.message_sid, []).append(event)

    async def in_order(events: list[Callback]) -> list[Attempt]:
        return [Attempt(event, await _attempt(event, client)) for event in events]

    attempts = await asyncio.gather(*(in_order(events) for events in by_message.values()))
    return [attempt for of_message in attempts for attempt in of_message]


async def _attempt(event: Callback, client: httpx.AsyncClient) -> int | None:
    """Return the status of the response, whose body is ignored, or None if the receiver was not reached in time."""
    try:
        return (await client.send(event.request(client))).status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
