"""The translation that every peer has to make, written for clearness, and the check of it before each round."""

import http.client
import json
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.beside import data
from bench.beside.peers import Peer

STATUSES: Final = {"Processing": "sending", "Submitted": "sent", "Delivered": "delivered", "Received": "received"}
ERRORS: Final = {
    "30003": "Unreachable destination handset",
    "30005": "Unknown destination handset",
    "30008": "Unknown error",
}
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def rfc2822(instant: int) -> str:
    """The old server's dates: RFC 2822, the day of the month without a leading zero."""
    at = datetime.fromtimestamp(instant, UTC)
    return f"{DAYS[at.weekday()]}, {at.day} {MONTHS[at.month - 1]} {at.year} {at:%H:%M:%S} +0000"


def iso8601(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def sent_message(row: dict[str, Any]) -> dict[str, Any]:
    """The answer to a send."""
    sid = "SM" + row["MessageSid"]
    return {
        "sid": sid,
        "date_created": rfc2822(row["Created"]),
        "date_updated": rfc2822(row["Created"]),
        "account_sid": data.ACCOUNT,
        "from": row["From"].removeprefix("+"),
        "to": row["To"].removeprefix("+"),
        "body": row["Text"],
        "status": "sending",
        "direction": "outbound-api",
        "api_version": "2012-04-24",
        "uri": f"{data.MESSAGES}/{sid}.json",
    }


def listed_message(row: dict[str, Any]) -> dict[str, Any]:
    """A message of a list."""
    out = sent_message(row)
    stamps = [row[name] for name in ("Created", "Submitted", "Delivered", "Received") if name in row]
    out["date_updated"] = rfc2822(max(stamps))
    out["direction"] = "incoming" if row["Direction"] == "Receive" else "outbound-api"
    if row["Status"] == "Failed":
        out["status"] = "undelivered" if "Submitted" in row else "failed"
        out["error_code"], out["error_message"] = int(row["ErrorCode"]), ERRORS[row["ErrorCode"]]
    else:
        out["status"] = STATUSES[row["Status"]]
    if "Submitted" in row:
        out["date_sent"] = iso8601(row["Submitted"])
    elif "Received" in row:
        out["date_sent"] = iso8601(row["Received"])
    return out


def got_message(row: dict[str, Any]) -> dict[str, Any]:
    """The answer to a retrieve."""
    return listed_message(row) | {"num_segments": row["NumSegments"]}


def page(count: int, query: str) -> dict[str, Any]:
    """The first page of so many. With a `query`, that of the range, it is the whole API's: with the total, and where to go on."""
    rows = data.rows()[:count]
    base = f"{data.MESSAGES}.json"
    tail = f"&Limit=10000&{query}" if query else ""
    out: dict[str, Any] = {
        "page": 0,
        "page_size": count,
        "start": "0",
        "end": str(count - 1),
        "uri": data.MESSAGES,
        "first_page_uri": f"{base}?Page=0&PageSize={count}{tail}",
        "previous_page_uri": "null",
        "next_page_uri": f"{base}?Page=1&PageSize={count}",
        "messages": [listed_message(row) for row in rows],
    }
    if query:
        last = data.ROWS // count
        out["next_page_uri"] += f"&AfterSid=SM{rows[-1]['MessageSid']}{tail}"
        out["last_page_uri"] = f"{base}?Page={last}&PageSize={count}{tail}"
        out |= {"num_pages": last, "total": data.ROWS, "limit": 10000}
    return out


def fetch(port: int, method: str, target: str, body: str | None = None, login: str = data.LOGIN) -> tuple[int, bytes]:
    """One request on a connection of its own: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"Authorization": login} | ({"Content-Type": "application/x-www-form-urlencoded"} if body else {})
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _same(what: str, answer: tuple[int, bytes], expected: dict[str, Any]) -> None:
    status, body = answer
    assert status == 200, (what, status, body[:300])
    assert body.isascii(), f"{what} is not ASCII"
    found = json.loads(body)
    for name in sorted(found.keys() | expected.keys()):
        assert found.get(name) == expected.get(name), (
            what,
            name,
            str(found.get(name))[:300],
            str(expected.get(name))[:300],
        )


def _asked(back: int) -> tuple[str, str, bytes]:
    """The request line, the head in lower case and the body of the last provider request."""
    head, _, body = fetch(back, "GET", "/_last")[1].partition(b"\r\n\r\n")
    line, _, rest = head.decode("ascii").partition("\r\n")
    if "transfer-encoding: chunked" in rest.lower():
        body = body.partition(b"\r\n")[2].partition(b"\r\n")[0]
    return line, rest, body


def _check_send(peer: int, back: int) -> None:
    text = "Votre code est 123456, à bientôt & merci 😀"
    answer = fetch(peer, "POST", f"{data.MESSAGES}.json", urlencode(data.FORM | {"Body": text}))
    sid = json.loads(answer[1]).get("sid", "")
    _same("send", answer, sent_message(data.sent() | {"MessageSid": sid.removeprefix("SM")}))
    line, head, body = _asked(back)
    assert line == f"POST /v2/Properties/{data.PROPERTY}/Messages HTTP/1.1", line
    assert data.BACK_LOGIN in head, "the send is made without credentials"
    numbers = {name: "+" + data.FORM[name] for name in ("From", "To")}
    assert json.loads(body) == numbers | {"Text": text, "DeliveryReceipt": True}, body


def check(peer: Peer, port: int, back: int) -> None:
    """Raise AssertionError if the peer at that port does not do the work, or the stub at port `back` got no request for it."""
    _check_send(port, back)
    row = data.one()
    _same("get", fetch(port, "GET", f"{data.MESSAGES}/SM{row['MessageSid']}.json"), got_message(row))
    assert _asked(back)[0] == f"GET /v2/Messages/{row['MessageSid']} HTTP/1.1", _asked(back)[0]
    span = data.RANGE.replace("%02d", "00") if peer.product else ""
    for count in (50, 1000):
        query = data.list_query(count, ranged=peer.product).replace("%02d", "00")
        for _ in range(2 if peer.product else 1):  # its total is known the second time
            _same(f"list of {count}", fetch(port, "GET", f"{data.MESSAGES}.json?{query}"), page(count, span))
        asked = parse_qs(urlsplit(_asked(back)[0].split()[1]).query)
        assert (asked["Results_Count"], asked["Results_Skip"]) == ([str(count)], ["0"]), asked
        assert {"Date_From", "Date_To"} <= asked.keys(), asked
    wrong = data.LOGIN[:-8] + "AAAAAAA="
    for method, body in (("GET", None), ("POST", urlencode(data.FORM | {"Body": "no"}))):
        status, _ = fetch(port, method, f"{data.MESSAGES}.json", body, wrong)
        assert status == 401, f"wrong credentials are answered with {status}"
