"""Faults in what a server shows and accepts: messages of other accounts, lost messages, and requests that it does not support."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

import msgspec

from conformance.faults.answering import rows_in
from conformance.faults.honest import OTHER_PROPERTY, TOKENS
from conformance.faults.wrong import Fault, Question, Wrong, is_json, member_of, pairs, rewritten, sid_of, what
from conformance.judge.target import Answer


def refuses(given: dict[str, Any]) -> Fault:
    """Refuse a list with a `parameter` above `most`."""

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        value = dict(pairs(question)).get(given["parameter"], "")
        is_above = what(server, question) == "list" and value.isdigit() and int(value) > given["most"]
        return Answer(400, answer.headers, b'{"message": "too many"}') if is_above and answer.is_good else answer

    return Fault(answered=answered)


def no_xml(given: dict[str, Any]) -> Fault:
    """Answer 406 if the response would be XML."""

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        is_xml = "xml" in answer.headers.get("content-type", "")
        return Answer(406, {"content-type": "application/json"}, b"{}") if is_xml and answer.is_good else answer

    return Fault(answered=answered)


def no_sends(given: dict[str, Any]) -> Fault:
    """Support no sends at all."""

    def asked(server: Wrong, question: Question) -> Question:
        return question._replace(method="PUT") if question.method == "POST" else question

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        return Answer(405, {"content-type": "application/json"}, b"{}") if question.method == "POST" else answer

    return Fault(asked=asked, answered=answered)


def leak(given: dict[str, Any]) -> Fault:
    """Show messages of another account: in the `list`, to a filter (`has`), or by their SID (`get`).

    With `as_own` they carry the SID of the requesting account.
    """

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        kind = what(server, question)
        if (
            kind != given["on"]
            or answer.status in (400, 401)
            or not set(dict(pairs(question))).issuperset(given.get("has", []))
        ):
            return answer
        other = _theirs(server, question, kind)
        if kind == "get":
            return other if other.is_good else answer
        body = msgspec.json.decode(answer.body) if is_json(answer) else None
        if not isinstance(body, dict) or member_of(server) not in body or not isinstance(other.json, dict):
            return answer
        extra = [dict(row) for row in other.json.get(member_of(server), [])[: given.get("most", 100)]]
        for row in extra if given.get("as_own") else []:
            row.update({"account_sid": "AC1"} if server.dialect == "restcomm" else {"AccountSid": "A1"})
        body[member_of(server)] = (body[member_of(server)] + extra)[
            : int(dict(pairs(question)).get("PageSize", "1000"))
        ]
        if "total" in body:
            body["total"] += len(extra)
        return rewritten(answer, body)

    return Fault(answered=answered)


def _theirs(server: Wrong, question: Question, kind: str) -> Answer:
    """Return the response that the other account gets to the same request."""
    name, mine = ("AC2", "AC1") if server.dialect == "restcomm" else ("A2", "A1")
    login = "Basic " + b64encode(f"{name}:{TOKENS[name]}".encode()).decode()
    path = question.path.replace(f"/{mine}/", f"/{name}/")
    if server.dialect == "properties-v2" and kind == "list":
        path = path.replace(path.split("/")[3], OTHER_PROPERTY, 1)
    return server.honest.ask(Question("GET", path, (("accept", "application/json"), ("authorization", login))))


def forgets(given: dict[str, Any]) -> Fault:
    """Hide the messages that were sent: in the `list`, or by their SID (`get`)."""

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        kind = what(server, question)
        if kind not in given["on"] or not answer.is_good or not is_json(answer):
            return answer
        body = msgspec.json.decode(answer.body)
        gone = [row for row in rows_in(server, body, kind) if row.get(sid_of(server)) in server.sent]
        if kind == "get" and gone:
            return Answer(404, answer.headers, b'{"message": "gone"}')
        if kind == "list" and gone:
            body[member_of(server)] = [row for row in body[member_of(server)] if row not in gone]
        return rewritten(answer, body)

    return Fault(answered=answered)


SHOWING: Final[dict[str, Callable[[dict[str, Any]], Fault]]] = {
    "leak": leak, "forgets": forgets, "refuses": refuses, "no XML": no_xml, "no sends": no_sends,
}  # fmt: skip
