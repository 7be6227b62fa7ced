"""Requests in any form, for the whole exchange."""

import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.dialect import Dialect, dialect
from translator.core.effects import ProviderRequests, run_without_shell
from translator.core.errors import FaultRaised
from translator.core.exchange import Limits, Reply, exchange
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.core.mapping.load import raw_tables
from translator.core.model import FAULTS
from translator.reports.explain import InventedProvider

NOW = 1_700_000_000.25
MARK = "BACKSMARK"
MOST_ASKS = 12
TOKEN = "front-token"
SPOKEN = {made.name: made for made in (dialect(file, raw) for file, raw in raw_tables().items())}
FRONT_ACCOUNT = {"restcomm": "AC" + "1" * 32, "properties-v2": "A1"}
FRONT_PROPERTY = {"restcomm": "", "properties-v2": "S1"}


def _entry(front: str, number: int) -> Account:
    back = next(name for name in SPOKEN if name != front)
    behind = Endpoint(SPOKEN[back], f"{MARK}-account", FRONT_PROPERTY[back], f"{MARK}-token")
    side = Endpoint(SPOKEN[front], FRONT_ACCOUNT[front], FRONT_PROPERTY[front], TOKEN)
    return Account(side, ConfiguredProvider(f"provider-{number}", SPOKEN[back], 3), behind, True)


ENTRIES = {name: _entry(name, number) for number, name in enumerate(SPOKEN)}
BOTH = Accounts(ENTRIES.values())
LIST = {
    "restcomm": f"/2012-04-24/Accounts/{FRONT_ACCOUNT['restcomm']}/SMS/Messages",
    "properties-v2": "/v2/Properties/S1/Messages",
}
SID = {"restcomm": "SM" + "MABCDEFGHIJKLMNOPQRSTUVWXYZ23456", "properties-v2": "M00000" + "A" * 25 + "B"}
EVERY_FORM = [("restcomm", ".json"), ("restcomm", ""), ("properties-v2", "")]
FORM_MEDIA = ("content-type", "application/x-www-form-urlencoded")
JSON_MEDIA = ("content-type", "application/json")


def _authorization(front: str, token: str = TOKEN) -> tuple[str, str]:
    return "authorization", "Basic " + b64encode(f"{FRONT_ACCOUNT[front]}:{token}".encode()).decode()


def _send(front: str, extension: str, **changed: Any) -> Request:
    headers = (_authorization(front), FORM_MEDIA if front == "restcomm" else JSON_MEDIA)
    if front == "restcomm":
        body = b"From=15550100001&To=15550100002&Body=hello"
    else:
        body = b'{"From": "+15550100001", "To": "+15550100002", "Text": "hello", "DeliveryReceipt": null}'
        body = body.replace(b', "DeliveryReceipt": null', b"")
    return Request("POST", LIST[front] + extension, "", headers, body).replace(**changed)


def _list(front: str, extension: str, **changed: Any) -> Request:
    query = "" if front == "restcomm" else "Date_From=0&Date_To=1800000000"
    return Request("GET", LIST[front] + extension, query, (_authorization(front),)).replace(**changed)


def _get(front: str, extension: str, **changed: Any) -> Request:
    path = f"{LIST[front]}/{SID[front]}{extension}"
    return Request("GET", path, "", (_authorization(front),)).replace(**changed)


@dataclass
class Driven:
    """An exchange played to its end: its provider requests, and its reply."""

    reply: Reply
    asked: list[Request] = field(default_factory=list)


def _drive(request: Request, answers: list[Any], accounts: Accounts = BOTH, most: int = MOST_ASKS) -> Driven:
    """Play an exchange.

    Each of `answers` is a response, or the number of rows that a good back has. It may also be such a number and the place at which the
    response breaks off.
    """
    asked: list[Request] = []
    running = run_without_shell(exchange(accounts, Limits(most), request, NOW), {})
    backs = {entry.back.name: entry for entry in accounts.entries}
    try:
        ask = next(running)
        while True:
            given = tuple(
                _answer(backs[ask.back], one, answers[(len(asked) + at) % len(answers)]) for at, one in _each(ask)
            )
            asked += ask.requests
            assert len(asked) <= 10 * most, "it never ends"
            ask = running.send(given)
    except StopIteration as done:
        return Driven(done.value, asked)


def _each(ask: ProviderRequests) -> list[tuple[int, Request]]:
    return list(enumerate(ask.requests))


def _answer(entry: Account, request: Request, given: Any) -> Answer:
    if isinstance(given, Response | Failure):
        return given
    rows, cut, wrong = given
    try:
        good = InventedProvider(entry, rows, NOW).answer(request)
    except FaultRaised as refused:  # a back whose list shrinks refuses a page past its end
        return entry.back.dialect.front.write_fault(refused.fault, "json")
    body = good.body.replace(b"invented message", MARK.encode())
    if wrong is not None:
        body = body.replace(*wrong)
    return good.replace(body=body[: len(body) - cut])


def _is_an_answer_of(front: Dialect, driven: Driven) -> None:
    reply, table = driven.reply, front.table
    if reply.response.header("allow") is not None and not reply.fault:
        assert (reply.response.status, reply.response.body, driven.asked) == (200, b"", []), "OPTIONS has no body"
        return
    assert reply.fault == "" or reply.fault in FAULTS
    known = {row.status for row in table.errors.faults} | {row.status for row in table.operations}
    assert reply.response.status in known
    media = reply.response.header("content-type")
    assert media in {offer.media for offer in table.formats.offers}
    assert all(name == name.lower() and "\n" not in value for name, value in reply.response.headers)
    message = _message_of(str(media), reply.response.body, front.name)
    if reply.fault:
        assert message, "an error says in words what is wrong"
        everything = reply.response.body + repr(reply.response.headers).encode()
        assert MARK.encode() not in everything and b"provider-" not in everything
    else:
        assert reply.response.status < 400


def _message_of(media: str, body: bytes, front: str) -> str | None:
    """The words of an error, with parsers that are not ours; reading them proves that the body is of its media type."""
    if media == "application/xml":
        return ElementTree.fromstring(body).findtext("Message")
    value = json.loads(body)
    assert isinstance(value, dict) and body.isascii()
    said = value.get("message") if front == "restcomm" else value.get("ResponseStatus", {}).get("Message")
    return said if isinstance(said, str) else None
