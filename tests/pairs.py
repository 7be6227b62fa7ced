"""Every ordered pair of dialects, with a provider that any dialect speaks to."""

import tomllib
from functools import cache
from pathlib import Path

from tests.twins import spoken
from translator.core.accounts import Account, ConfiguredProvider, Endpoint
from translator.core.dialect import Dialect, dialect
from translator.core.dialect.list_reader import Listed
from translator.core.errors import FaultRaised
from translator.core.http.messages import Request, Response
from translator.core.listing.local_query import cut, filter_and_sort
from translator.core.model import Draft, Fault, Message, Notes

NOW = 1_700_000_000
NAMES = ("restcomm", "properties-v2", "ghost")
PAIRS = [(front, back) for front in NAMES for back in NAMES]
ACCOUNT = {"restcomm": "AC1", "properties-v2": "A1", "ghost": "G1"}
PROPERTY = {"restcomm": "", "properties-v2": "P1", "ghost": "Q1"}


@cache
def dialects() -> dict[str, Dialect]:
    ghost = tomllib.loads((Path(__file__).parent / "data" / "ghost.toml").read_text("utf-8"))
    made = [spoken("restcomm"), spoken("properties-v2"), dialect("ghost.toml", ghost)]
    return {one.name: one for one in made}


class Provider:
    """Messages in the order of their creation, as a server of this dialect shows them."""

    def __init__(self, name: str, messages: list[Message]) -> None:
        self.name, self.messages = name, list(messages)

    def __call__(self, request: Request) -> Response:
        front = dialects()[self.name].front
        at = front.routing.locate(request)
        who = (ACCOUNT[self.name], PROPERTY[self.name], "json", Notes())
        try:
            asked = front.read_request(at, request, Notes())
            if isinstance(asked, Draft):
                return front.write_message("send", self._sent(asked), *who, asked)
            if isinstance(asked, Listed):
                found = filter_and_sort(self.messages, asked.query, front.sort_key(asked.query.order.attribute))
                page = cut(found, asked.query, in_pages=front.in_pages and front.shows_total)
                return front.write_page(page, asked, at, request.path, *who)
            known = [message for message in self.messages if message.sid == asked]
            return (
                front.write_message("get", known[0], *who)
                if known
                else front.write_fault(Fault("unknown-message"), "json")
            )
        except FaultRaised as refused:
            return front.write_fault(refused.fault, "json")

    def _sent(self, draft: Draft) -> Message:
        message = Message(
            sid="M" + "S" * 30 + "ABCDEFGH"[len(self.messages) % 8], sender=draft.sender or "", recipient=draft.recipient or "",
            text=draft.text or "", status="sending", direction="outbound-api", created=NOW,
        )  # fmt: skip
        self.messages.append(message)
        return message


def entry_of(name: str) -> Account:
    """An account that only serves for its back: its back is the dialect."""
    behind = Endpoint(dialects()[name], ACCOUNT[name], PROPERTY[name], "back-token")
    return Account(behind, ConfiguredProvider("proxy", dialects()[name]), behind, False)
