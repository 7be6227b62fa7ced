"""A client of each dialect for the laws: it sends, retrieves, and reads its whole list."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, urlencode

import msgspec

from conformance.judge.target import Answer, Target


class Seen(NamedTuple):
    """A message as a client sees it. Numbers have no plus, and the status is the word of the dialect."""

    sid: str
    sender: str
    recipient: str
    text: str
    status: str
    inbound: bool

    @property
    def rank(self) -> int:
        """The progress of a message, from 0 to 2. The rank of a message never falls."""
        return {"queued": 0, "sending": 0, "processing": 0, "sent": 1, "submitted": 1}.get(self.status, 2)


class Client(Protocol):
    """The operations that a law may use."""

    def send(self, recipient: str, text: str) -> str | None:
        """Return the SID of the new message, or None if the send did not succeed."""
        ...

    def get(self, sid: str) -> Seen | None:
        """Return one message, or None if the server does not know it."""
        ...

    def walk(self) -> list[Seen]:
        """Return the whole list, read page by page."""
        ...


class Failed(Exception):
    """A read did not succeed. `status` is the status of the response."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


def _good(answer: Answer) -> Any:
    if answer.status != 200:
        raise Failed(answer.status)
    return answer.json


class RestcommClient:
    """A client of the old dialect. It follows next_page_uri."""

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
    """A client of the Properties/Messages dialect. It skips the messages that it has seen."""

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
