"""Providers whose rows are odd: members that are missing, of another type, or out of range."""

import json
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

from tests.listing import OLD_BACK, PROPERTY, START, message, old_provider, old_sid
from tests.naive import Sms
from tests.twins import World, call, spoken
from translator.core.exchange import Reply
from translator.core.http.messages import Answer, Request, Response

STOCK = [
    message(
        number,
        START + number // 2,
        sender=f"1555010{number:04}",
        status=status,
        direction=direction,
        body=f"text {number}",
    )
    for number, (status, direction) in enumerate(
        [("sent", "outbound-api"), ("delivered", "outbound-api"), ("received", "incoming")] * 4
    )
]

ODD = 5
"""Which row is the odd one: neither the first nor the last."""

_MEMBERS = {
    "properties-v2": [
        "MessageSid", "AccountSid", "PropertySid", "From", "To", "Text", "DeliveryReceipt", "NumSegments", "Status", "Direction",
        "Scheduled", "Created", "Submitted", "Delivered", "Received", "ErrorCode", "ExternalId", "New",
    ],
    "restcomm": [
        "sid", "date_created", "date_updated", "date_sent", "account_sid", "from", "to", "body", "status", "direction", "error_code",
        "error_message", "num_segments", "api_version", "uri", "New",
    ],
}  # fmt: skip
GONE = object()
"""The member is not there at all."""

WHOLE = ""
"""In place of a member's name: the whole row is the value."""


class Odd:
    """A provider with one odd member in one of its rows. `sid` is that row's own."""

    def __init__(self, provider: Any, sid: str, member: str, value: Any) -> None:
        self._provider, self._sid, self._member, self._value = provider, sid, member, value

    def __call__(self, request: Request) -> Answer:
        answer: Response = self._provider(request)
        body = json.loads(answer.body)
        name = next(
            (name for name in ("Messages", "messages", "Message") if isinstance(body, dict) and name in body), ""
        )
        if isinstance(body.get(name), list):
            body[name] = [self._made_odd(row) for row in body[name]]
        elif name:
            body[name] = self._made_odd(body[name])
        else:
            body = self._made_odd(body)
        return answer.replace(body=json.dumps(body).encode())

    def _made_odd(self, row: Any) -> Any:
        if self._sid not in (row.get("MessageSid"), row.get("sid")):
            return row
        if self._member == WHOLE:
            return None if self._value is GONE else self._value
        if self._value is GONE:
            return {name: value for name, value in row.items() if name != self._member}
        return {**row, self._member: self._value}


FRONT = spoken("properties-v2")
OLD_ACCOUNT = ("A1", "AC9")


def old_world(member: str, value: Any, **more: Any) -> World:
    """properties-v2 in front, and a back with the odd row."""
    twin = old_provider(STOCK)

    def provider(request: Request) -> Answer:
        return call(twin.app, request)

    odd = Odd(provider, old_sid(STOCK[ODD]), member, value)
    return World(FRONT, OLD_BACK, odd, accounts=OLD_ACCOUNT, properties=(PROPERTY, ""), **more)


def search(asked: dict[str, Any]) -> Request:
    token = b64encode(b"A1:front-token").decode()
    query = urlencode({"Date_From": START - 10, "Date_To": START + 1000, **asked})
    return Request("GET", f"/v2/Properties/{PROPERTY}/Messages", query, (("authorization", f"Basic {token}"),))


def rows_of(reply: Reply) -> list[dict[str, Any]]:
    assert reply.response.status == 200, (reply.response, reply.log)
    body = json.loads(reply.response.body)
    found: list[dict[str, Any]] = body.get("messages", body.get("Messages"))
    return found


def others(rows: list[dict[str, Any]], odd: str) -> list[dict[str, Any]]:
    """All rows but the odd one, which may even have another SID."""
    return [row for row in rows if row.get("sid", row.get("MessageSid")) in KNOWN - {odd}]


def _v2_sid(sms: Sms) -> str:
    """The SID of an old provider as properties-v2 shows it."""
    return str(FRONT.front._sid.write(old_sid(sms).removeprefix("SM")))


KNOWN = {sms.sid for sms in STOCK} | {_v2_sid(sms) for sms in STOCK}
