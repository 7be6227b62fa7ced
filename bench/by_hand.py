"""The peer of the translation benchmark: the same translation written by hand with msgspec, and no table anywhere.

It does what the product does with a list of messages, check for check: SIDs, numbers, words, dates, error codes, ASCII output. It shares
nothing with the product but the two libraries.
"""

import codecs
import time
from typing import Any

import msgspec

STATUS = {"Submitted": "sent", "Delivered": "delivered", "Received": "received"}
DIRECTION = {"Transmit": "outbound-api", "Receive": "incoming"}
ERRORS = {
    30001: "Queue overflow", 30002: "Account suspended", 30003: "Unreachable destination handset", 30004: "Message blocked",
    30005: "Unknown destination handset", 30006: "Landline or unreachable carrier", 30007: "Carrier violation",
    30008: "Unknown error", 30009: "Missing segment", 30010: "Message price exceeds max price",
    30090: "No Response received for SMPP Request",
}  # fmt: skip
CLOCK = [f"{minute // 60:02}:{minute % 60:02}:" for minute in range(1440)]
SECOND = [f"{second:02} +0000" for second in range(60)]
MILLIS = [f"{second:02}.000Z" for second in range(60)]
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class BackMessage(msgspec.Struct, gc=False):
    MessageSid: str
    From: str
    To: str
    Text: str
    Status: str
    Direction: str
    Created: int
    AccountSid: str | None = None
    PropertySid: str | None = None
    DeliveryReceipt: bool | None = None
    NumSegments: int | None = None
    Scheduled: int | None = None
    Submitted: int | None = None
    Delivered: int | None = None
    Received: int | None = None
    ErrorCode: str | None = None


class BackList(msgspec.Struct, gc=False):
    Messages: list[BackMessage]


class FrontMessage(msgspec.Struct, gc=False, omit_defaults=True, rename={"sender": "from"}):
    sid: str
    date_created: str
    date_updated: str
    date_sent: str | None = None
    account_sid: str | None = None
    sender: str | None = None
    to: str | None = None
    body: str | None = None
    status: str | None = None
    direction: str | None = None
    error_code: int | None = None
    error_message: str | None = None
    api_version: str | None = None
    uri: str | None = None


class Days(dict[int, str]):
    def __missing__(self, day: int) -> str:
        at = time.gmtime(day * 86400)
        self[day] = text = f"{DAYS[at.tm_wday]}, {at.tm_mday} {MONTHS[at.tm_mon - 1]} {at.tm_year} "
        return text


class IsoDays(dict[int, str]):
    def __missing__(self, day: int) -> str:
        self[day] = text = time.strftime("%Y-%m-%dT", time.gmtime(day * 86400))
        return text


days = Days()
iso_days = IsoDays()


def rfc2822(instant: int) -> str:
    if not 0 <= instant <= 253402300799:
        raise ValueError
    second = instant % 86400
    return days[instant // 86400] + CLOCK[second // 60] + SECOND[second % 60]


def iso8601(instant: int) -> str:
    if not 0 <= instant <= 253402300799:
        raise ValueError
    second = instant % 86400
    return iso_days[instant // 86400] + CLOCK[second // 60] + MILLIS[second % 60]


def bare(number: str) -> str:
    digits = number[1:] if number[:1] == "+" else number
    return digits if 7 <= len(digits) <= 15 and digits.isdigit() and digits.isascii() else number


def sid(value: str) -> str:
    if len(value) != 32 or value[0] != "M" or not value.isascii() or not value.isalnum():
        raise ValueError
    return "SM" + value


def status(message: BackMessage, now: float) -> str:
    if message.Status == "Processing":
        return "queued" if message.Scheduled is not None and message.Scheduled > now else "sending"
    if message.Status == "Failed":
        return "failed" if message.Submitted is None else "undelivered"
    raise ValueError(message.Status)


def shown(m: BackMessage, account: str, path: str, now: float) -> FrontMessage:
    word = STATUS.get(m.Status) or status(m, now)
    latest = max(filter(None, (m.Created, m.Submitted, m.Delivered, m.Received)))
    sent = m.Submitted if m.Submitted is not None else m.Received
    code = None
    if m.ErrorCode is not None and word in ("failed", "undelivered"):
        code = int(m.ErrorCode) if m.ErrorCode.isdigit() and int(m.ErrorCode) in ERRORS else 30008
    own = sid(m.MessageSid)
    return FrontMessage(
        own, rfc2822(m.Created), rfc2822(latest),
        None if sent is None else iso8601(sent),
        account, bare(m.From), bare(m.To), m.Text, word, DIRECTION[m.Direction], code,
        None if code is None else ERRORS[code], "2012-04-24", f"{path}{own}.json",
    )  # fmt: skip


def escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)), error.end


codecs.register_error("by-hand-json", escape)
decode = msgspec.json.Decoder(BackList).decode
encode = msgspec.json.Encoder().encode


def translate(body: bytes, account: str, page: dict[str, Any], now: float) -> bytes:
    """A back's list as the front's, bytes to bytes; `page` holds the members before `messages`."""
    path = f"/2012-04-24/Accounts/{account}/SMS/Messages/"
    messages = [shown(message, account, path, now) for message in decode(body).Messages]
    encoded = encode({**page, "messages": messages})
    return encoded if encoded.isascii() else encoded.decode().encode("ascii", "by-hand-json")
