"""Faults of how a server reads a request."""

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
    """Whether a request is one that the fault is about: `has` parameters, `lacks` others."""
    names = {name for name, _ in pairs(question)}
    is_meant = what(server, question) == given.get("on", "list")
    return is_meant and names.issuperset(given.get("has", [])) and names.isdisjoint(given.get("lacks", []))


def ignored(given: dict[str, Any]) -> Fault:
    """Some `parameters` are not heard; with `has` only if others are there."""

    def asked(server: Wrong, question: Question) -> Question:
        if not _applies(server, question, given):
            return question
        return with_pairs(question, [pair for pair in pairs(question) if pair[0] not in given["parameters"]])

    return Fault(asked=asked)


def misread(given: dict[str, Any]) -> Fault:
    """A `parameter` is read as another value, or another parameter (`as`)."""

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
    """A `parameter` that is not given is taken to be `value`."""

    def asked(server: Wrong, question: Question) -> Question:
        there = pairs(question)
        if not _applies(server, question, given) or given["parameter"] in dict(there):
            return question
        return with_pairs(question, [*there, (given["parameter"], str(given["value"]))])

    return Fault(asked=asked)


def capped(given: dict[str, Any]) -> Fault:
    """A `parameter` is never more than `most`, and never less than `least`."""

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
    """Credentials that are not good are taken: `any token` of the account, `any account`, the `beginning` of a token, or `none` at all.
    With `on` only for that request."""
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
    """Whoever has an account may ask below the path of any other (`on`: for which request)."""
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
    """A `field` of a send is kept otherwise than it was given, or taken to be something where it is missing (`assume`)."""

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
    """One send leaves two messages; with `longer_than` only if its body is that long."""

    def asked(server: Wrong, question: Question) -> Question:
        if what(server, question) == "send" and len(question.body) > given.get("longer_than", 0):
            server.honest.ask(question)
        return question

    return Fault(asked=asked)


ASKING: Final[dict[str, Callable[[dict[str, Any]], Fault]]] = {
    "ignored": ignored, "misread": misread, "assumed": assumed, "capped": capped, "unlocked": unlocked, "other path": other_path,
    "kept otherwise": kept_otherwise, "twice": twice,
}  # fmt: skip
