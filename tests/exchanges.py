"""Literal exchanges as data, and the plain loop that plays them.

A case of `tests/cases/*.toml` holds the client's request, the provider requests, literally and in order, the provider's responses, and
the response to the client.
Expected values come from the API documents. The dialects are an argument, so that mutated tables can be tested too.
"""

import json
import tomllib
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.dialect import Dialect, dialect
from translator.core.effects import (
    AwaitOutcomes,
    Intent,
    Outcome,
    ProviderRequests,
    Recorded,
    RecordIntents,
    RecordOutcomes,
    Sent,
    run_without_shell,
)
from translator.core.exchange import Limits, Reply, exchange, failure
from translator.core.http.formats import form
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.core.mapping import overlay
from translator.core.mapping.load import raw_tables
from translator.core.model import Draft, Fault, Message

FOLDER = Path(__file__).parent / "cases"
ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "sandbox-token"
PROPERTY = "S1234567890ABCDE1234567890ABCDEF"
V2 = f"/v2/Properties/{PROPERTY}/Messages"
NOW = 1_700_000_000


class Differs(AssertionError):
    """The exchange differs from the case."""


@cache
def dialects() -> dict[str, Dialect]:
    """The dialects of the tables as they are, by name."""
    return {made.name: made for made in (dialect(file, raw) for file, raw in raw_tables().items())}


def read_cases() -> list[dict[str, Any]]:
    """Every case, with the name of its file as `theme`."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        document = tomllib.loads(path.read_text("utf-8"))
        shared = {key: value for key, value in document.items() if key != "cases"}
        found += [{**case, "theme": path.stem, "shared_data": shared} for case in document["cases"]]
    return found


Tables = dict[str, tuple[str, dict[str, Any]]]
"""File and plain values of each dialect's table, by the dialect's name."""


@cache
def tables() -> Tables:
    """The tables as they are."""
    return {raw["dialect"]["name"]: (file, raw) for file, raw in raw_tables().items()}


def _spoken(name: str, side: str, settings: dict[str, Any], spoken: dict[str, Dialect], given: Tables) -> Dialect:
    """A dialect of the case's world, with the settings that the case lays over it."""
    if not settings:
        return spoken[name]
    if given[name] is tables()[name]:
        return _laid(name, side, tuple(settings.items()))
    file, raw = given[name]
    return dialect(file, overlay(raw, side, settings, side))


@cache
def _laid(name: str, side: str, settings: tuple[tuple[str, Any], ...]) -> Dialect:
    file, raw = tables()[name]
    return dialect(file, overlay(raw, side, dict(settings), side))


OLD_ACCOUNT = "AC00000000000000000000000000000009"
"""The account at the restcomm provider in the cases of the way back."""


def accounts_back(front: Dialect, provider: Dialect, sender: str) -> Accounts:
    """The world of the way back: one account with two properties, each with an account of its own at the old provider."""

    def entry(prop: str, number: int) -> Account:
        behind = Endpoint(provider, OLD_ACCOUNT[:-1] + str(number), "", "back-token", sender)
        return Account(Endpoint(front, "A1", prop, TOKEN), ConfiguredProvider("provider", provider), behind, False)

    return Accounts([entry(PROPERTY, 9), entry(PROPERTY[:-1] + "G", 8)])


def accounts(front: Dialect, provider: Dialect, *, shared: bool) -> Accounts:
    """The world of every case: two accounts at one provider with different provider accounts, and a third that shares the first one's."""
    back = ConfiguredProvider("provider", provider)

    def entry(number: int, account: str, prop: str, *, others: bool) -> Account:
        name = f"AC{number:032}"
        return Account(
            Endpoint(front, name, "", TOKEN), back, Endpoint(back.dialect, account, prop, "back-token"), others
        )

    entries = [entry(1, "A1", PROPERTY, others=shared), entry(2, "A2", PROPERTY[:-1] + "G", others=False)]
    if shared:
        entries.append(entry(3, "A1", PROPERTY[:-1] + "H", others=True))
    return Accounts(entries)


def play(case: dict[str, Any], spoken: dict[str, Dialect], given: Tables | None = None) -> Reply:
    """Play a case to its end. Raises Differs for the first difference from the case.

    `given` are the tables that the dialects were made of, if those are not the installed ones.
    """
    if case["theme"] == "calls":
        play_calls(case, spoken)
        return Reply(Response(200))
    _closed(case)
    reply: Reply
    names = ("properties-v2", "restcomm") if _is_back(case) else ("restcomm", "properties-v2")
    front, back = (
        _spoken(name, side, case.get(side, {}), spoken, given or tables())
        for name, side in zip(names, ("front", "back"), strict=True)
    )
    if _is_back(case):
        world = accounts_back(front, back, case.get("sender", ""))
    else:
        world = accounts(front, back, shared=case.get("shared", False))
    if "gives_up" in case:
        reply = failure(world, _request(case), case["gives_up"])
        _compare(case, reply)
        return reply
    limits = Limits(case.get("max_asks", 1000))
    journal = ScriptedJournal(case.get("recorded", []), case.get("awaited", []))
    running = run_without_shell(exchange(world, limits, _request(case), case.get("now", NOW)), {}, journal)
    expected = list(case.get("asks", []))
    list_member, one = ("messages", "") if _is_back(case) else ("Messages", "Message")
    answers = [_answer(answer, case["shared_data"], list_member, one) for answer in case.get("answers", [])]
    try:
        ask = next(running)
        while True:
            ask = running.send(_answered(ask, expected, answers, back=_is_back(case)))
    except StopIteration as done:
        reply = done.value
    wishes = [list(intent.wish) for intent in journal.intents if intent.wish is not None]
    _same("wishes", wishes, case.get("wishes", []))
    if "settled" in case:
        _same("settled", [outcome.state for outcome in journal.settled], case["settled"])
    if "keys" in case:
        _same("keys", [intent.key for intent in journal.intents], case["keys"])
    if expected or answers:
        raise Differs(f"never asked: {expected}; never answered: {answers}")
    _compare(case, reply)
    return reply


class ScriptedJournal:
    """A journal that follows a case: the state of each recorded send, and the outcome of each awaited one."""

    def __init__(self, recorded: list[dict[str, Any]], awaited: list[dict[str, Any]]) -> None:
        self._recorded, self._awaited = list(recorded), list(awaited)
        self.intents: list[Intent] = []
        self.settled: list[Outcome] = []

    def __call__(self, want: RecordIntents | RecordOutcomes | AwaitOutcomes | Sent) -> Any:
        if isinstance(want, Sent):
            return {}
        if isinstance(want, RecordOutcomes):
            self.settled += want.outcomes
            return None
        if isinstance(want, AwaitOutcomes):
            given = self._awaited or [{"state": "unknown"}]
            return tuple(self._outcome(id_, given[0]) for id_ in want.ids)
        first = len(self.intents)
        self.intents += want.intents
        return tuple(self._stands(f"id{number}") for number in range(first, len(self.intents)))

    def _stands(self, id_: str) -> Recorded:
        given = dict(self._recorded.pop(0)) if self._recorded else {}
        outcome = self._outcome(id_, given.pop("outcome")) if "outcome" in given else None
        return Recorded(id_, **{"state": "new", "outcome": outcome, **given})

    @staticmethod
    def _outcome(id_: str, given: dict[str, Any]) -> Outcome:
        message = Message(**given["message"]) if "message" in given else None
        return Outcome(id_, given["state"], message, Fault(given["fault"]) if "fault" in given else None)


def play_calls(case: dict[str, Any], spoken: dict[str, Dialect]) -> None:
    """Play the callbacks that an application gets for the statuses of a message, one after another."""
    if unknown := set(case) - {"name", "sentence", "dialect", "draft", "sees", "wish", "calls", "theme", "shared_data"}:
        raise Differs(f"a case of calls has no {unknown}")
    verbs = spoken[case["dialect"]].calls
    shared = case["shared_data"]
    wish = verbs.take(Draft(**{"recipient": "+13216549878", **case["draft"]}))
    _same("wish", list(wish or ()), case["wish"])
    told: tuple[str, ...] = ()
    forms: list[str] = []
    for seen in case.get("sees", []):
        message = Message(**{**shared["message"], **seen})
        for event in verbs.owed(told, message.status):
            forms.append(form.write(verbs.write(message, event, "AC1", shared["property"])))
            told = (*told, event)
    _same("calls", forms, case.get("calls", []))


def _is_back(case: dict[str, Any]) -> bool:
    return bool(case["theme"] == "back")


KEYS = {
    "case": {
        "name", "sentence", "now", "request", "asks", "answers", "response", "notes", "anonymous", "shared", "max_asks",
        "gives_up", "theme", "shared_data", "front", "back",
        "sender", "wishes", "settled", "keys", "recorded", "awaited",
    },
    "request": {"method", "path", "query", "headers", "body", "charset", "too_large"},
    "ask": {"method", "path", "query", "json", "form"},
    "answer": {"status", "headers", "json", "text", "messages", "message", "failure"},
    "response": {
        "status", "media", "headers", "xml", "json", "error", "order", "has", "lacks", "sids", "rows", "leaks",
        "without",
    },
}  # fmt: skip
"""Every key that a case may have. A misspelt key would check nothing."""


def _closed(case: dict[str, Any]) -> None:
    parts = [("case", case), ("request", case["request"]), ("response", case["response"])]
    parts += [("ask", ask) for ask in case.get("asks", [])] + [("answer", given) for given in case.get("answers", [])]
    for what, part in parts:
        if unknown := set(part) - KEYS[what]:
            raise Differs(f"a {what} has no {unknown}")


def _request(case: dict[str, Any]) -> Request:
    given = case["request"]
    headers = {name.lower(): value for name, value in given.get("headers", {}).items()}
    account, media, base = (
        ("A1", "application/json", V2)
        if _is_back(case)
        else (ACCOUNT, "application/x-www-form-urlencoded", f"/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages")
    )
    if "authorization" not in headers and not case.get("anonymous"):
        headers["authorization"] = "Basic " + b64encode(f"{account}:{TOKEN}".encode()).decode()
    method = given.get("method", "GET")
    if method == "POST":
        headers.setdefault("content-type", media)
    path = given["path"].replace("~", base)
    body = None if given.get("too_large") else given.get("body", "").encode(given.get("charset", "utf-8"))
    return Request(method, path, given.get("query", ""), tuple(headers.items()), body)


def _answer(given: dict[str, Any], shared: dict[str, Any], list_member: str, one: str) -> Answer:
    if "failure" in given:
        return Failure(given["failure"])
    if "messages" in given:
        body = json.dumps({list_member: [_message(row, shared) for row in given["messages"]]})
    elif "message" in given:
        shown = _message(given["message"], shared)
        body = json.dumps({one: shown} if one else shown)
    else:
        body = json.dumps(given["json"]) if "json" in given else given.get("text", "")
    headers = tuple(given.get("headers", {}).items())
    return Response(given.get("status", 200), headers, body.encode())


def _message(row: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """A back's message: the file's `message` with these members over it. A member that is "" is left out."""
    merged = {**shared.get("message", {}), **row}
    return {name: value for name, value in merged.items() if value != ""}


def _answered(
    ask: ProviderRequests, expected: list[dict[str, Any]], answers: list[Answer], *, back: bool
) -> tuple[Answer, ...]:
    base, account = (f"/2012-04-24/Accounts/{OLD_ACCOUNT}/SMS/Messages", OLD_ACCOUNT) if back else (V2, "A1")
    for request in ask.requests:
        if not expected:
            raise Differs(f"asked more than expected: {request.method} {request.path}?{request.query}")
        want = expected.pop(0)
        path = want["path"].replace("~", base)
        _same("ask", (request.method, request.path), (want.get("method", "GET"), path))
        _same("query", request.query, want.get("query", ""))
        if "json" in want:
            _same("body", json.loads(request.body or b"null"), want["json"])
            _same("media", request.header("content-type"), "application/json")
        elif "form" in want:
            _same("body", (request.body or b"").decode(), want["form"])
            _same("media", request.header("content-type"), "application/x-www-form-urlencoded")
        elif not want.get("query"):
            _same("body", request.body, b"")
        _same("accept", request.header("accept"), "application/json")
        owner = want["path"].split("/")[3] if back and not want["path"].startswith("~") else account
        _same(
            "credentials",
            request.header("authorization"),
            "Basic " + b64encode(f"{owner}:back-token".encode()).decode(),
        )
    if len(answers) < len(ask.requests):
        raise Differs("the case has no more answers")
    taken = tuple(answers[: len(ask.requests)])
    del answers[: len(ask.requests)]
    return taken


def _compare(case: dict[str, Any], reply: Reply) -> None:
    want, got = case["response"], reply.response
    _same("status", got.status, want.get("status", 200))
    media = got.header("content-type")
    _same("media", media, want.get("media", "application/xml" if "xml" in want else "application/json"))
    if "xml" in want:
        _same("xml", got.body.decode(), want["xml"])
    else:
        if not got.body.isascii():
            raise Differs("JSON is not ASCII")
        _compare_json(want, json.loads(got.body))
    for name, value in want.get("headers", {}).items():
        _same(f"header {name}", got.header(name), value)
    if "notes" in case:
        _same("notes", [f"{note.name}:{note.detail}".rstrip(":") for note in reply.notes], case["notes"])
    if "leaks" in want and any(secret.encode() in got.body for secret in want["leaks"]):
        raise Differs("the answer leaks the back")


def _compare_json(want: dict[str, Any], body: Any) -> None:
    if "error" in want:
        _same("body", body, {"message": want["error"]})
    if "json" in want:
        _same("body", body, want["json"])
    if "order" in want:
        _same("order", list(body), want["order"])
    for name, value in want.get("has", {}).items():
        _same(name, body.get(name), value)
    for name in want.get("lacks", []):
        if name in body:
            raise Differs(f"shows {name}")
    rows = body if isinstance(body, list) else body.get("messages", body.get("Messages", [body.get("Message")]))
    if "sids" in want:
        _same("sids", [row.get("sid", row.get("MessageSid")) for row in rows], want["sids"])
    for number, members in enumerate(want.get("rows", [])):
        for name, value in members.items():
            _same(f"row {number} {name}", rows[number].get(name, ""), value)
    if "without" in want:
        _same("members that are not there", [name for name in want["without"] if name in rows[0]], [])


def _same(what: str, got: Any, want: Any) -> None:
    if got != want or type(got) is not type(want):
        raise Differs(f"{what}: got {got!r}, expected {want!r}")
