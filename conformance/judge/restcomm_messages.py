"""Single messages of the old dialect: by their SID, as XML, their dates, their errors, their segments."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree

from conformance.judge.laws import Law, Problem, Row, answered, media_of, number, plain, span
from conformance.judge.restcomm_filters import instant
from conformance.judge.restcomm_lists import reached
from conformance.judge.survey import Skipped, Survey
from conformance.judge.target import Answer, Target
from conformance.judge.texts import fitting, has_markup

RESTING: Final = ("delivered", "received", "failed", "undelivered")
"""The final statuses. A message keeps them."""

CODES: Final = {
    "30001": "queue overflow", "30002": "account suspended", "30003": "unreachable destination handset", "30004": "message blocked",
    "30005": "unknown destination handset", "30006": "landline or unreachable carrier", "30007": "carrier violation",
    "30008": "unknown error", "30009": "missing segment", "30010": "message price exceeds max price",
    "30090": "no response received for smpp request",
}  # fmt: skip
"""The document's table of SMS-specific error codes, in lower case."""

NAMES: Final = {
    "Sid": "sid", "DateCreated": "date_created", "DateUpdated": "date_updated", "DateSent": "date_sent", "AccountSid": "account_sid",
    "From": "from", "To": "to", "Body": "body", "Status": "status", "Direction": "direction", "ApiVersion": "api_version", "Uri": "uri",
}  # fmt: skip
"""The attributes of a message in the document's table, and the members of its examples."""

_WEEK: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MOST: Final = 6


def got(target: Target, sid: Any, suffix: str = ".json") -> Answer:
    """Return the response to a request for a message by its SID."""
    return target.get(f"{target.messages}/{quote(str(sid), safe='')}{suffix}")


def chosen(seen: Survey) -> list[Row]:
    """Return the messages to look at closely: the picked one, and one of each status and direction.

    Messages at rest come first, then those with markup.
    """
    found: dict[Any, Row] = {}
    for row in sorted(
        seen.picked[1:], key=lambda row: (row.get("status") not in RESTING, not has_markup(row.get("body")))
    ):
        found.setdefault((row.get("status"), row.get("direction")), row)
    return [seen.picked[0], *found.values()][:_MOST]


def alike(name: str, one: Any, other: Any) -> bool:
    """True if two values of a member mean the same.

    Dates mean the same instant, URIs the same resource. A plus before a number makes no difference, and null equals a missing member.
    """
    if name == "uri" and one and other:
        one, other = (str(value).removesuffix(".json").partition("Accounts/")[2] for value in (one, other))
    if name in ("from", "to"):
        one, other = number(one), number(other)
    if name.startswith("date_") and one and other:
        one, other = instant(str(one)) or one, instant(str(other)) or other
    return bool(one == other or (one in (None, "") and other in (None, "")))


def same(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A message by its SID is as the list shows it, member by member. Its status and dates may differ unless its status is final."""
    for row in chosen(seen):
        answer = got(target, row.get("sid"))
        yield from answered(answer, given)
        if not isinstance(answer.json, dict):
            yield "a message by its SID is not a JSON object"
            return
        moving = (
            ()
            if row.get("status") in RESTING
            else ("status", "date_updated", "date_sent", "error_code", "error_message")
        )
        for name in row.keys() | (answer.json.keys() & set(NAMES.values())):
            if name not in moving and not alike(name, row.get(name), answer.json.get(name)):
                yield f"{name} of a message by its SID is another than in the list"


def same_suffix(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """The uri of a message by its SID ends with .json exactly if the uri in the list does."""
    for row in chosen(seen):
        body = got(target, row.get("sid")).json
        found = [isinstance(uri, str) and uri.endswith(".json") for uri in (row.get("uri"), (body or row).get("uri"))]
        if found[0] != found[1]:
            yield Problem(
                "the uri of a message by its SID ends otherwise than in the list", *(_suffix(one) for one in found)
            )


def _suffix(is_there: bool) -> str:
    return "with .json" if is_there else "without .json"


def as_xml(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A list or a message has the same content as XML and as JSON, member by member."""
    row = seen.picked[0]
    if given["what"] == "list":
        answer = target.get(target.messages, {"PageSize": 5})
        other = target.get(target.messages + ".json", {"PageSize": 5})
    else:
        answer, other = got(target, row.get("sid"), ""), got(target, row.get("sid"))
    if not media_of(answer).endswith("xml"):
        raise Skipped("the server does not answer XML where nothing asks for JSON")
    try:
        root = ElementTree.fromstring(answer.body)  # noqa: S314 - no document type is read, and the size is bounded
    except ElementTree.ParseError:
        yield "the XML cannot be parsed"
        return
    shown = [{child.tag: child.text or "" for child in element} for element in root.iter("SMSMessage")]
    body = other.json if isinstance(other.json, dict) else {}
    rows = body.get("messages", [body] if given["what"] != "list" else [])
    if len(shown) != len(rows):
        yield Problem("the XML holds another number of messages than the JSON", str(len(rows)), str(len(shown)))
        return
    for element, message in zip(shown, rows, strict=True):
        for name, member in NAMES.items():
            if not alike(member, element.get(name), message.get(member)):
                yield f"{name} in the XML is another than {member} in the JSON"


def own_uri(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """The uri of each message names its SID, and the uris of some messages lead to them."""
    for row in seen.rows:
        if str(row.get("uri")).removesuffix(".json").rpartition("/")[2] != str(row.get("sid")):
            yield "the uri of a message names another"
            return
    for row in chosen(seen)[:2]:
        answer = target.get(reached(target, str(row.get("uri"))), accept="application/json")
        if not isinstance(answer.json, dict) or answer.json.get("sid") != row.get("sid"):
            yield Problem("the uri of a message does not lead to it", "the message", f"status {answer.status}")


def calendar(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """Dates are in the calendar: the day exists and has the weekday that is named."""
    for row in seen.rows:
        for name in ("date_created", "date_updated"):
            moment = instant(str(row.get(name)))
            if moment is None:
                yield f"{name} is no date of the calendar"
            elif str(row.get(name))[:3] in _WEEK and _weekday(str(row.get(name))) != str(row.get(name))[:3]:
                yield f"{name} names another weekday than its own"


def _weekday(text: str) -> str:
    """Return the weekday of a date in its own zone."""
    return _WEEK[parsedate_to_datetime(text).weekday()]


def sequence(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """One date of a message is not before another, if both are there. With `outbound` only sent messages are tested."""
    for row in seen.rows:
        if given.get("outbound") and row.get("direction") in ("incoming", "inbound"):
            continue
        earlier, later = instant(str(row.get(given["earlier"]))), instant(str(row.get(given["later"])))
        if earlier and later and later < earlier:
            yield Problem(
                f"{given['later']} is before {given['earlier']}",
                seen=f"{span((earlier - later).total_seconds())} before",
            )


def explained(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A message with one of the `statuses` has the error `member`, in the list or by its SID."""
    failed = [row for row in seen.rows if row.get("status") in given["statuses"]]
    if not failed:
        raise Skipped("no message has failed")
    for row in [row for row in failed if row.get(given["member"]) is None][:3]:
        body = got(target, row.get("sid")).json
        if not isinstance(body, dict) or body.get(given["member"]) is None:
            yield f"a message with the status {row.get('status')} has no {given['member']}"


def coded(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """An error code is in the document's table. With `text` its text is that of the table. `statuses` selects the messages."""
    for row in seen.rows:
        code, text = str(row.get("error_code")), row.get("error_message")
        if row.get("error_code") is None or row.get("status") not in given["statuses"]:
            continue
        if code not in CODES and not given.get("text"):
            yield Problem(
                "an error code is none of the document's table",
                "30001 to 30010, or 30090",
                plain(row.get("error_code")),
            )
        if given.get("text") and code in CODES and text is not None and _plain(text) != CODES[code]:
            yield Problem(
                "the text of an error code is another than the table's", CODES[code], f"other words for {code}"
            )


def _plain(text: Any) -> str:
    return " ".join(str(text).lower().rstrip(". ").split())


def segments(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """num_segments is a whole number that the length of the text allows: 1 if it fits every encoding, more if it fits none."""
    longest = sorted((row for row in seen.rows if row.get("direction") not in ("incoming", "inbound")), key=_length)
    if not longest:
        raise Skipped("no message was sent")
    for row in dict.fromkeys(str(row.get("sid")) for row in (longest[0], longest[len(longest) // 2], longest[-1])):
        body = got(target, row).json
        if isinstance(body, dict) and body.get("num_segments") is not None:
            yield from fitting(body["num_segments"], str(body.get("body")), "num_segments")


def _length(row: Row) -> int:
    return len(str(row.get("body")))


def unknown(target: Target, seen: Survey, given: dict[str, Any]) -> Iterator[str | Problem]:
    """A request for a SID that no message has gets a response of the given form."""
    yield from answered(got(target, f"SM{'0' * 31}f"), given)


LAWS: Final[dict[str, Law]] = {
    "same": same, "same-suffix": same_suffix, "as-xml": as_xml, "own-uri": own_uri, "calendar": calendar, "sequence": sequence,
    "explained": explained, "coded": coded, "segments": segments, "unknown": unknown,
}  # fmt: skip
