"""Writes a Restcomm response: one message, a list or an error, each as JSON and as XML.

JSON is pure ASCII, so that a client that reads a response without a charset as ISO-8859-1 gets every character.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, Literal, TypeAlias
from urllib.parse import quote
from xml.sax.saxutils import escape

from conformance.twins.restcomm.life import ERROR_MESSAGES, Sms, Step
from conformance.twins.restcomm.listing import Page
from conformance.twins.restcomm.reading import API_VERSION, Format
from conformance.twins.restcomm.segments import segments

CONTENT_TYPES: Final[dict[Format, str]] = {"json": "application/json", "xml": "application/xml"}
"""Exactly these, without a charset, because a client compares the whole header."""

Members: TypeAlias = Mapping[str, str | int | None]
Tree: TypeAlias = "list[tuple[str, str | Tree]]"

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XML_NAMES: Final = {
    "sid": "Sid",
    "date_created": "DateCreated",
    "date_updated": "DateUpdated",
    "date_sent": "DateSent",
    "account_sid": "AccountSid",
    "from": "From",
    "to": "To",
    "body": "Body",
    "status": "Status",
    "direction": "Direction",
    "num_segments": "NumSegments",
    "api_version": "ApiVersion",
    "uri": "Uri",
}


@lru_cache(10_000)
def rfc2822(instant: float, zone: timezone = UTC) -> str:
    """Return an instant (epoch seconds) as in the document, the day not padded: `Thu, 4 Jul 2019 07:02:28 +0000`."""
    moment = datetime.fromtimestamp(instant // 1, zone)
    day = f"{_DAYS[moment.weekday()]}, {moment.day} {_MONTHS[moment.month - 1]} {moment.year:04d}"
    return f"{day} {moment:%H:%M:%S %z}"


@lru_cache(10_000)
def iso8601(instant: float) -> str:
    """Return an instant (epoch seconds) as the document shows date_sent: `2019-07-04T07:02:28.000Z`, always UTC."""
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=round(instant * 1000))
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@dataclass(frozen=True, slots=True)
class Writer:
    """The options of the form: the word for inbound messages, null members or none, the zone of dates."""

    inbound_word: Literal["incoming", "inbound"] = "incoming"
    nulls_written: bool = False
    zone: timezone = UTC

    def direction(self, sms: Sms) -> str:
        """Return the written direction: "Possible values are incoming, outbound-api, outbound-call." """
        return self.inbound_word if sms.direction == "incoming" else sms.direction

    def members(self, sms: Sms, step: Step, *, single: bool) -> Members:
        """Return the members of a message at a step, in the document's order. A member that is not there is None.

        A message by its SID (`single`) has `num_segments` if it was sent to the telephone network.
        Source: "If the message is sent to PSTN […] This is not available in POST response."
        """
        members: dict[str, str | int | None] = {
            "sid": sms.sid,
            "date_created": rfc2822(sms.created, self.zone),
            "date_updated": rfc2822(step.at, self.zone),
            "date_sent": None if step.sent is None else iso8601(step.sent),
            "account_sid": sms.account,
            "from": sms.sender,
            "to": sms.recipient,
            "body": sms.body,
            "status": step.status,
            "direction": self.direction(sms),
            "error_code": step.error_code,
            "error_message": None if step.error_code is None else ERROR_MESSAGES[step.error_code],
        }
        if single:
            to_network = sms.direction != "incoming" and not sms.to_client
            members["num_segments"] = segments(sms.body) if to_network else None
        members["api_version"] = API_VERSION
        members["uri"] = f"/{API_VERSION}/Accounts/{sms.account}/SMS/Messages/{sms.sid}.json"
        return members

    def message(self, sms: Sms, step: Step, form: Format, *, single: bool) -> bytes:
        """Return one message: a JSON object, or `RestcommResponse` > `SMSMessage`."""
        members = self.members(sms, step, single=single)
        if form == "json":
            return _json(self._shown(members))
        return _xml([("SMSMessage", _elements(members))])

    def page(self, page: Page, uri: str, now: float, form: Format) -> bytes:
        """Return a list: the document's paging members around `messages`, or `SMSMessages` without paging."""
        rows = [self.members(sms, sms.at(now), single=False) for sms in page.messages]
        if form == "xml":
            return _xml([("SMSMessages", [("SMSMessage", _elements(row)) for row in rows])])
        return _json({**_paging(page, uri), "messages": [self._shown(row) for row in rows]})

    def _shown(self, members: Members) -> Members:
        if self.nulls_written:
            return members
        return {name: value for name, value in members.items() if value is not None}


def fault(message: str, form: Format) -> bytes:
    """Return an error: `{"message": …}`, or `RestcommResponse` > `Message`."""
    return _json({"message": message}) if form == "json" else _xml([("Message", message)])


def _paging(page: Page, uri: str) -> dict[str, str | int]:
    """Return the paging members in the order of the document's second list example. Its "null" is a string."""

    beside = "".join(f"&{quote(name)}={quote(value)}" for name, value in page.beside)

    def link(number: int, after_sid: str = "") -> str:
        after = f"&AfterSid={after_sid}" if after_sid else ""
        return f"{uri}?Page={number}&PageSize={page.size}{after}&Limit={page.limit}{beside}"

    last_sid = page.messages[-1].sid if page.messages else ""
    return {
        "page": page.number,
        "num_pages": page.num_pages,
        "page_size": page.size,
        "total": page.total,
        "limit": page.limit,
        "start": str(page.start),
        "end": str(page.end),
        "uri": uri,
        "first_page_uri": link(0),
        "previous_page_uri": link(page.number - 1) if page.number else "null",
        "next_page_uri": link(page.number + 1, last_sid) if page.number < page.num_pages else "null",
        "last_page_uri": link(page.num_pages),
    }


def _elements(members: Members) -> Tree:
    """Return a message in XML. DateSent is empty until it is sent, an error is nested, and Uri has no `.json`."""
    tree: Tree = []
    for name, value in members.items():
        if name == "error_message" or (value is None and name != "date_sent"):
            continue
        if name == "error_code":
            tree.append(("Error", [("ErrorCode", str(value)), ("ErrorMessage", str(members["error_message"]))]))
            continue
        text = "" if value is None else str(value)
        tree.append((_XML_NAMES[name], text.removesuffix(".json") if name == "uri" else text))
    return tree


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode("ascii")


def _xml(tree: Tree) -> bytes:
    """Return `RestcommResponse` with a tree in it: no declaration, two spaces a level. A character that XML cannot hold becomes U+FFFD."""
    lines: list[str] = []

    def write(name: str, content: "str | Tree", depth: int) -> None:
        indent = "  " * depth
        if not content:
            lines.append(f"{indent}<{name}/>")
        elif isinstance(content, str):
            text = escape(_NOT_XML.sub("\ufffd", content), {"\r": "&#13;"})
            lines.append(f"{indent}<{name}>{text}</{name}>")
        else:
            lines.append(f"{indent}<{name}>")
            for child, inner in content:
                write(child, inner, depth + 1)
            lines.append(f"{indent}</{name}>")

    write("RestcommResponse", tree, 0)
    return "\n".join(lines).encode()
