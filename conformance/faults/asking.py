"""Faults in the way a server reads a request."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from conformance.faults.edits import edited
from conformance.faults.honest import TOKENS
from conformance.faults.wrong import Fault, Question, Wrong, pairs, what, with_pairs

Reader = Callable[[Wrong, Question], Question]


def _applies(server: Wrong, question: Question, given: dict[str, Any]) -> bool:
    """True if the fault applies to this request: it `has` some parameters and `lacks` others."""
    names = {name for name, _ in pairs(question)}
    is_meant = what(server, question) == given.get("on", "list")
    return is_meant and names.issuperset(given.get("has", [])) and names.isdisjoint(given.get("lacks", []))


def ignored(given: dict[str, Any]) -> Fault:
    """Ignore some `parameters`. With `has` only if other parameters are there."""

    def asked(server: Wrong, question: Question) -> Question:
        if not _applies(server, question, given):
            return question
        return with_pairs(question, [pair for pair in pairs(question) if pair[0] not in given["parameters"]])

    return Fault(asked=asked)


def misread(given: dict[str, Any]) -> Fault:
    """Read a `parameter` as another value, or as another parameter (`as`)."""

    def asked(server: Wrong, question: Question) -> Question:
        if not _applies(server, question, given):
            return question
        changed = []
        for name, value in pairs(question):
            if name != given["parameter"]:
                changed.append((name, value))
            elif "as" in given:
                changed.append((given["as"], value))
            else:
                number = {**given, "by": given["by"]} if "by" in given else given
                changed.append((name, str(edited(value, number))))
        return with_pairs(question, changed)

    return Fault(asked=asked)


def assumed(given: dict[str, Any]) -> Fault:
    """Assume a `value` for a `parameter` that is not given."""

    def asked(server: Wrong, question: Question) -> Question:
        there = pairs(question)
        if not _applies(server, question, given) or given["parameter"] in dict(there):
            return question
        return with_pairs(question, [*there, (given["parameter"], str(given["value"]))])

    return Fault(asked=asked)


def capped(given: dict[str, Any]) -> Fault:
    """Lower a `parameter` to `most`, and raise it to `least`."""

    def asked(server: Wrong, question: Question) -> Question:
        if not _applies(server, question, given):
            return question
        changed = [
            (name, str(max(min(int(value), given.get("most", 10**9)), given.get("least", 0))))
            if name == given["parameter"] and value.isdigit() else (name, value)
            for name, value in pairs(question)
        ]  # fmt: skip
        return with_pairs(question, changed)

    return Fault(asked=asked)


def unlocked(given: dict[str, Any]) -> Fault:
    """Accept wrong credentials. With `on` only for that request.

    `takes` is `any token` of the account, `any account` with the token, `the beginning` of the token, `an empty token`, or `none` at all.
    """
    account = {"restcomm": "AC1", "properties-v2": "A1"}

    def asked(server: Wrong, question: Question) -> Question:
        headers = dict(question.headers)
        name = account[server.dialect]
        good = "Basic " + b64encode(f"{name}:{TOKENS[name]}".encode()).decode()
        if ("on" in given and what(server, question) != given["on"]) or not _is_let_in(headers, name, given["takes"]):
            return question
        return question._replace(headers=tuple(sorted({**headers, "authorization": good}.items())))

    return Fault(asked=asked)


def _is_let_in(headers: dict[str, str], account: str, takes: str) -> bool:
    if "authorization" not in headers:
        return takes == "none"
    try:
        user, _, token = b64decode(headers["authorization"].removeprefix("Basic ")).decode().partition(":")
    except ValueError:
        return False
    whole = TOKENS[account]
    return {
        "any token": user == account,
        "any account": token == whole,
        "the beginning": user == account and token != "" and whole.startswith(token),
        "an empty token": user == account and token == "",
        "none": False,
    }[takes]


def other_path(given: dict[str, Any]) -> Fault:
    """Let the account use the path of any other account. `on` names the request."""
    mine = {"restcomm": "AC1", "properties-v2": "A1"}

    def asked(server: Wrong, question: Question) -> Question:
        headers, name = dict(question.headers), mine[server.dialect]
        good = "Basic " + b64encode(f"{name}:{TOKENS[name]}".encode()).decode()
        whose = next((other for other in ("AC2", "A2") if other in TOKENS and _is_theirs(question, other)), "")
        if headers.get("authorization") != good or not whose or what(server, question) != given.get("on", "list"):
            return question
        theirs = "Basic " + b64encode(f"{whose}:{TOKENS[whose]}".encode()).decode()
        return question._replace(headers=tuple(sorted({**headers, "authorization": theirs}.items())))

    return Fault(asked=asked)


def _is_theirs(question: Question, account: str) -> bool:
    return f"/{account}/" in question.path or (account == "A2" and "S0987654321ZYXWV" in question.path)


def kept_otherwise(given: dict[str, Any]) -> Fault:
    """Keep another value for a `field` of a send than was given, or assume a value if the field is missing (`assume`)."""

    def asked(server: Wrong, question: Question) -> Question:
        if what(server, question) != "send":
            return question
        is_form = server.dialect == "restcomm"
        body: dict[str, Any] = (
            dict(parse_qsl(question.body.decode(), keep_blank_values=True))
            if is_form
            else msgspec.json.decode(question.body)
        )
        name = given["field"]
        if "assume" in given:
            body.setdefault(name, given["assume"])
        elif name in body:
            value = edited(body[name], given)
            body = {key: old for key, old in body.items() if key != name} if value is None else {**body, name: value}
        return question._replace(body=urlencode(body).encode() if is_form else msgspec.json.encode(body))

    return Fault(asked=asked)


def twice(given: dict[str, Any]) -> Fault:
    """Create two messages for one send. With `longer_than` only if its body is longer than that, in bytes."""

    def asked(server: Wrong, question: Question) -> Question:
        if what(server, question) == "send" and len(question.body) > given.get("longer_than", 0):
            server.honest.ask(question)
        return question

    return Fault(asked=asked)


ASKING: Final[dict[str, Callable[[dict[str, Any]], Fault]]] = {
    "ignored": ignored, "misread": misread, "assumed": assumed, "capped": capped, "unlocked": unlocked, "other path": other_path,
    "kept otherwise": kept_otherwise, "twice": twice,
}  # fmt: skip
