"""An application of each dialect, as laws need one: it sends, gets, and walks its whole list."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, urlencode

import msgspec

from conformance.judge.target import Answer, Target


class Seen(NamedTuple):
    """A message as an application sees it, numbers without their plus, the status in its dialect's own word."""

    sid: str
    sender: str
    recipient: str
    text: str
    status: str
    inbound: bool

    @property
    def rank(self) -> int:
        """How far a message has come; a rank never falls."""
        return {"queued": 0, "sending": 0, "processing": 0, "sent": 1, "submitted": 1}.get(self.status, 2)


class Client(Protocol):
    """What a law may do."""

    def send(self, recipient: str, text: str) -> str | None:
        """The SID of what was sent, or None where the send was not answered well."""
        ...

    def get(self, sid: str) -> Seen | None:
        """One message, or None where it is unknown."""
        ...

    def walk(self) -> list[Seen]:
        """The whole list, page by page."""
        ...


class Failed(Exception):
    """The server did not answer a read well; `status` is what it said."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


def _good(answer: Answer) -> Any:
    if answer.status != 200:
        raise Failed(answer.status)
    return answer.json


class RestcommClient:
    """An application of the old dialect: it follows next_page_uri."""

    def __init__(self, target: Target, *, page: int = 7) -> None:
        self._target, self._page = target, page

    def send(self, recipient: str, text: str) -> str | None:
        form = urlencode({"From": "19876543212", "To": recipient, "Body": text}).encode()
        media = "application/x-www-form-urlencoded"
        answer = self._target.ask("POST", self._target.messages + ".json", form, content_type=media)
        return str(answer.json["sid"]) if answer.is_good else None

    def get(self, sid: str) -> Seen | None:
        answer = self._target.get(f"{self._target.messages}/{quote(sid, safe='')}.json")
        return None if answer.status == 404 else self._seen(_good(answer))

    def walk(self) -> list[Seen]:
        found = []
        page = _good(self._target.get(self._target.messages + ".json", {"PageSize": self._page}))
        while True:
            found += [self._seen(row) for row in page["messages"]]
            if page["next_page_uri"] in ("null", None):
                return found
            page = _good(self._target.ask("GET", page["next_page_uri"], accept="application/json"))

    @staticmethod
    def _seen(row: dict[str, Any]) -> Seen:
        inbound = row["direction"] in ("incoming", "inbound")
        return Seen(row["sid"], row["from"].lstrip("+"), row["to"].lstrip("+"), row["body"], row["status"], inbound)


class PropertiesV2Client:
    """An application of the Properties/Messages dialect: it skips what it has seen."""

    def __init__(self, target: Target, *, page: int = 7) -> None:
        self._target, self._page = target, page

    def send(self, recipient: str, text: str) -> str | None:
        body = msgspec.json.encode({"From": "+19876543212", "To": f"+{recipient}", "Text": text})
        answer = self._target.ask("POST", self._target.messages, body, content_type="application/json")
        return str(answer.json.get("Message", answer.json)["MessageSid"]) if answer.is_good else None

    def get(self, sid: str) -> Seen | None:
        answer = self._target.get(f"{self._target.base}/v2/Messages/{quote(sid, safe='')}")
        if answer.status == 404:
            return None
        body = _good(answer)
        return self._seen(body.get("Message", body))

    def walk(self) -> list[Seen]:
        return list(self._pages())

    def _pages(self) -> Iterator[Seen]:
        skip = 0
        while True:
            query = {"Date_From": 0, "Date_To": 4102444800, "Results_Count": self._page, "Results_Skip": skip}
            rows = _good(self._target.get(self._target.messages, query))["Messages"]
            yield from (self._seen(row) for row in rows)
            if len(rows) < self._page:
                return
            skip += len(rows)

    @staticmethod
    def _seen(row: dict[str, Any]) -> Seen:
        status, inbound = row["Status"].lower(), row["Direction"] == "Receive"
        return Seen(row["MessageSid"], row["From"].lstrip("+"), row["To"].lstrip("+"), row["Text"], status, inbound)
