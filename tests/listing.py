"""Lists of messages at a simulated provider of either dialect, and the requests for their pages."""

import json
from base64 import b64encode
from functools import cache
from typing import Any
from urllib.parse import urlencode

from conformance.twins.properties_v2 import MessageRow, PropertiesV2Twin, TwinAccount
from conformance.twins.restcomm import RestcommTwin
from conformance.twins.restcomm.life import Sms as OldSms
from conformance.twins.restcomm.life import Step
from tests.naive import Sms
from tests.twins import World, call, spoken
from translator.core.exchange import Reply
from translator.core.http.messages import Answer, Request

PROPERTY = "S1234567890ABCDE1234567890ABCDEF"
PATH = "/2012-04-24/Accounts/AC1/SMS/Messages"
START = 1_600_000_000 // 86400 * 86400 + 86400 - 3
"""Three seconds before a midnight, so that a date and its neighbours are met too."""
NOW = 1_700_000_000.5
STATUSES = {
    "sending": ("Processing", {}), "sent": ("Submitted", {"submitted": START}), "failed": ("Failed", {}),
    "delivered": ("Delivered", {"submitted": START, "delivered": START}), "received": ("Received", {"received": START}),
    "undelivered": ("Failed", {"submitted": START}), "queued": ("Processing", {"scheduled": int(NOW) + 60}),
}  # fmt: skip
FRONTS = {"seed": spoken("restcomm"), "open-source": spoken("restcomm", profile="open-source")}
BACKS = {
    (size, order): spoken("properties-v2", "back", page_max=size, search_order=order)
    for size in (1, 2, 3, 7, 200)
    for order in ("ascending", "descending", "unknown")
}


def sid_of(number: int) -> str:
    return "M" + "A" * 23 + f"{number:08}".translate(str.maketrans("0123456789", "ABCDEFGHIJ"))


def row_of(sms: Sms) -> MessageRow:
    """The message as the provider has it."""
    status, stamps = STATUSES[sms.status]
    plus = {True: "+", False: ""}
    sender, recipient = (plus[len(number) > 6 and number.isdigit()] + number for number in (sms.sender, sms.recipient))
    members: dict[str, Any] = {"scheduled": sms.created, **stamps}
    return MessageRow(
        sid=sms.sid.removeprefix("SM"), account_sid="A1", property_sid=PROPERTY, sender=sender, recipient=recipient,
        text=sms.body, delivery_receipt=False, segments=1, status=status, created=sms.created,
        direction="Transmit" if sms.direction == "outbound-api" else "Receive", **members,
    )  # fmt: skip


def message(number: int, created: int, **members: str) -> Sms:
    plain = {
        "sender": "15550100001", "recipient": "15550100002", "body": "t", "status": "sent", "direction": "outbound-api"
    }  # fmt: skip
    return Sms("SM" + sid_of(number), created, **{**plain, **members})


class Provider:
    """The simulated provider with a store of messages. `most` is the largest slice that it serves."""

    def __init__(
        self, messages: list[Sms], order: str = "ascending", most: int = 200, shows_owner: bool = True
    ) -> None:
        self.twin = PropertiesV2Twin(
            accounts={"A1": TwinAccount("back-token", (PROPERTY,))}, clock=lambda: NOW, results_max=most,
            order="descending" if order == "descending" else "ascending", show_owner=shows_owner,
        )  # fmt: skip
        self.twin.load(row_of(sms) for sms in messages)

    def __call__(self, request: Request) -> Answer:
        return call(self.twin.app, request)


def world(provider: Any, *, profile: str = "seed", size: int = 200, order: str = "ascending", **more: Any) -> World:
    return World(FRONTS[profile], BACKS[size, order], provider, properties=("", PROPERTY), **more)


ENTRY = World(FRONTS["seed"], BACKS[200, "ascending"], None, properties=("", PROPERTY)).entry  # type: ignore[arg-type]


def ask(asked: dict[str, Any], suffix: str = ".json") -> Request:
    return to(f"{PATH}{suffix}?{urlencode(asked)}")


def to(link: str) -> Request:
    path, _, query = link.partition("?")
    token = b64encode(b"AC1:front-token").decode()
    return Request("GET", path, query, (("authorization", f"Basic {token}"),))


def sending() -> Request:
    token = b64encode(b"AC1:front-token").decode()
    form = ("content-type", "application/x-www-form-urlencoded")
    sent = b"From=15550100001&To=15550100002&Body=x"
    return Request("POST", PATH + ".json", "", (("authorization", f"Basic {token}"), form), sent)


def page_of(reply: Reply) -> dict[str, Any]:
    assert reply.response.status == 200, (reply.response, reply.log)
    page: dict[str, Any] = json.loads(reply.response.body)
    page["messages"] = [shown["sid"] for shown in page["messages"]]
    return page


MANY = [message(number, START + number // 3) for number in range(20_000)]


@cache
def hundred_thousand() -> list[Sms]:
    """As many messages as the documented cost of a list names. They continue `MANY`."""
    return MANY + [message(number, START + number // 3) for number in range(20_000, 100_000)]


def newest(start: int, count: int, of: list[Sms] = MANY) -> list[str]:
    return [sms.sid for sms in of[::-1][start : start + count]]


def stored(rows: list[tuple[int, str, str, str, str, str]]) -> list[Sms]:
    """Messages in the order in which they came: Created never goes back."""
    return [Sms("SM" + sid_of(number), *row) for number, row in enumerate(sorted(rows, key=lambda row: row[0]))]


V2 = spoken("properties-v2")
OLD_BACK = spoken("restcomm", "back")


def old_provider(messages: list[Sms], **knobs: Any) -> RestcommTwin:
    """The same messages at a simulated Restcomm, with SIDs of its own."""
    twin = RestcommTwin(accounts={"AC9": "back-token"}, clock=lambda: NOW, **knobs)
    twin.load(
        OldSms(
            sid=old_sid(sms), account="AC9", sender=sms.sender, recipient=sms.recipient, body=sms.body, created=float(sms.created),
            direction="incoming" if sms.direction == "incoming" else "outbound-api", steps=(_step(sms),),
        )
        for sms in messages
    )  # fmt: skip
    return twin


def _old_number(sms: Sms) -> int:
    return int.from_bytes(sms.sid.encode()[-8:], "big")


def old_sid(sms: Sms) -> str:
    return f"SM{_old_number(sms):032x}"


def _step(sms: Sms) -> Step:
    stamped = float(sms.created) if sms.status in ("sent", "delivered", "undelivered", "received") else None
    error = {"failed": 30008, "undelivered": 30005}.get(sms.status)
    return Step(float(sms.created), sms.status, sent=stamped, error_code=error)  # type: ignore[arg-type]


OLD_BACKS = {
    "seed": OLD_BACK,
    "open-source": spoken("restcomm", "back", profile="open-source"),
    "open-source, utc": spoken("restcomm", "back", profile="open-source", zone="utc"),
}


def before_old(front: Any, server: tuple[str, Any, str], messages: list[Sms], size: int = 200) -> World:
    """A front before a server of the old dialect, which may serve fewer rows at once than the request wants."""
    bounds, zone, profile = server
    twin = old_provider(messages, bounds=bounds, zone=zone, page_size_max=size)
    accounts, properties = (("A1", "AC9"), (PROPERTY, "")) if front is V2 else (("AC1", "AC9"), ("", ""))
    return World(
        front, OLD_BACKS[profile], lambda request: call(twin.app, request), accounts=accounts, properties=properties
    )


def _search(since: int, until: int, **asked: Any) -> Request:
    token = b64encode(b"A1:front-token").decode()
    query = urlencode({"Date_From": since, "Date_To": until, **asked})
    return Request("GET", f"/v2/Properties/{PROPERTY}/Messages", query, (("authorization", f"Basic {token}"),))
