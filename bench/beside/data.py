"""The data of the stub's responses and of the requests to the peers: invented messages, credentials, and the bytes of each request."""

import json
import random
from base64 import b64encode
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

ACCOUNT: Final = "AC" + "0123456789abcdef" * 2
TOKEN: Final = "9f" * 16
BACK_ACCOUNT: Final = "A1"
BACK_TOKEN: Final = "token"
PROPERTY: Final = "P1"
LOGIN: Final = "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
BACK_LOGIN: Final = "Basic " + b64encode(f"{BACK_ACCOUNT}:{BACK_TOKEN}".encode()).decode()
MESSAGES: Final = f"/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages"
ROWS: Final = 1000
FIRST: Final = 1_698_900_000
"""When the first row was created, in epoch seconds: 2 November 2023, inside `RANGE` by hours on both sides."""
RANGE: Final = "StartTime=2023-11-01T00%3A00%3A%02d&EndTime=2023-12-01&SortBy=DateCreated%3Aasc"
"""The time range of the product's list requests. Each connection has its own, or equal lists at the same moment would be read once."""

FORM: Final = {"From": "19876543212", "To": "13216549878"}
TEXT: Final = "Your code is %08d, do not tell anybody"
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
STATUSES: Final = {"Delivered": 70, "Submitted": 10, "Received": 12, "Failed": 5, "Processing": 3}
TEXTS: Final = (
    "Your parcel is on its way and will be with you tomorrow before noon.",
    'Reply STOP to hear no more of us, or "HELP".\nThank you.',
    "Your table for four is booked for Friday at eight, see https://example.com/tables/",
)
ACCENTS: Final = "Votre café vous attend à 8 h, 5 € le matin 😀"


def message(draw: random.Random, created: int, status: str) -> dict[str, Any]:
    """A message of the provider. One text in twenty is not ASCII."""
    text = ACCENTS if draw.random() < 0.05 else draw.choice(TEXTS) + f" {draw.randrange(10**6)}"
    row: dict[str, Any] = {
        "MessageSid": "M" + "".join(draw.choices(ALPHABET, k=31)), "AccountSid": BACK_ACCOUNT, "PropertySid": PROPERTY,
        "From": f"+614{draw.randrange(10**8):08}", "To": f"+614{draw.randrange(10**8):08}", "Text": text,
        "DeliveryReceipt": True, "NumSegments": 1 + len(text) // 153, "Status": status,
        "Direction": "Receive" if status == "Received" else "Transmit", "Scheduled": created, "Created": created,
    }  # fmt: skip
    if status in {"Delivered", "Submitted"} or (status == "Failed" and draw.random() < 0.5):
        row["Submitted"] = created + 2
    if status == "Delivered":
        row["Delivered"] = created + 2 + draw.randrange(1, 60)
    if status == "Received":
        row["Received"] = created + 1
    if status == "Failed":
        row["ErrorCode"] = draw.choice(["30003", "30005", "30008"])
    return row


def rows() -> list[dict[str, Any]]:
    """The messages of the list, oldest first; the same at every call."""
    draw = random.Random(20231102)
    statuses = draw.choices(list(STATUSES), list(STATUSES.values()), k=ROWS)
    return [message(draw, FIRST + number * 2000, status) for number, status in enumerate(statuses)]


def one() -> dict[str, Any]:
    """The message that a retrieve is answered with."""
    return message(random.Random(1), FIRST, "Delivered")


def sent() -> dict[str, Any]:
    """The message that a send is answered with, but for its SID."""
    row = message(random.Random(2), FIRST, "Processing")
    return row | {"From": "+" + FORM["From"], "To": "+" + FORM["To"]}


def write_answers(folder: Path) -> None:
    """Write the files that `stub.c` reads."""

    def encoded(value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    (folder / "one").write_bytes(encoded({"Message": one()}))
    (folder / "sent").write_bytes(encoded({"Message": sent()}))
    (folder / "rows").write_bytes(b"".join(encoded(row) + b"\n" for row in rows()))


def list_query(count: int, *, ranged: bool) -> str:
    """The query of the first page of so many. `ranged` adds the range with which the product can tell the total."""
    return f"Page=0&PageSize={count}" + (f"&{RANGE}" if ranged else "")


def front_request(kind: str, *, ranged: bool) -> bytes:
    """The bytes of a request as `load.c` takes them: `send`, `get`, `list50` or `list1000`."""
    head, body = f"Host: bench\r\nAuthorization: {LOGIN}\r\n", ""
    if kind == "send":
        body = urlencode(FORM) + "&Body=" + TEXT.replace(" ", "+")
        length = len(body) + 4  # the number that takes the place of %08d has eight digits
        line = f"POST {MESSAGES}.json"
        head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n"
    elif kind == "get":
        line = f"GET {MESSAGES}/SM{one()['MessageSid']}.json"
    else:
        line = f"GET {MESSAGES}.json?{list_query(int(kind.removeprefix('list')), ranged=ranged)}"
    return f"{line} HTTP/1.1\r\n{head}\r\n{body}".encode()


def back_request(kind: str) -> bytes:
    """The same kind of request as a peer sends it to the provider. It is for load and stub without a proxy between them."""
    head, body = f"Host: bench\r\nAuthorization: {BACK_LOGIN}\r\n", ""
    if kind == "send":
        draft = {"From": "+" + FORM["From"], "To": "+" + FORM["To"], "Text": TEXT, "DeliveryReceipt": True}
        body = json.dumps(draft, separators=(",", ":"))
        line = f"POST /v2/Properties/{PROPERTY}/Messages"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body) + 4}\r\n"
    elif kind == "get":
        line = f"GET /v2/Messages/{one()['MessageSid']}"
    else:
        line = f"GET /v2/Properties/{PROPERTY}/Messages?Results_Count={kind.removeprefix('list')}&Results_Skip=0"
    return f"{line} HTTP/1.1\r\n{head}\r\n{body}".encode()
