"""Faults in the making of a list. The messages of the honest server are filtered, sorted and cut again, with one step changed.

All other steps are those of an honest server. The data names the step that differs.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

from conformance.faults.wrong import (
    Fault,
    Pairs,
    Question,
    Row,
    Wrong,
    is_json,
    pairs,
    rewritten,
    what,
    with_pairs,
)
from conformance.judge.target import Answer

FAR: Final = 4102444800

Match = Callable[[str, str], bool]

MATCHES: Final[dict[str, Match]] = {
    "equal": lambda value, asked: value == asked,
    "beginning": lambda value, asked: value.startswith(asked),
    "end": lambda value, asked: value.endswith(asked),
    "part": lambda value, asked: asked in value,
    "last ten digits": lambda value, asked: value[-10:] == asked[-10:],
    "last four digits": lambda value, asked: value[-4:] == asked[-4:],
    "first characters": lambda value, asked: value[:5] == asked[:5],
    "whole or longer": lambda value, asked: asked.startswith(value),
    "another": lambda value, asked: value != asked,
}
"""The comparisons of a filter by number. The arguments are the message's number and the requested one, both without a plus."""


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@lru_cache(10_000)
def _parsed(text: str) -> datetime:
    return parsedate_to_datetime(text)


def _created(row: Row) -> datetime:
    return _parsed(str(row["date_created"]))


def _by_date(row: Row, name: str, text: str, given: dict[str, Any]) -> bool:
    """True if a message is within a bound. `strict` names the bounds that exclude their own second."""
    moment, limit = _created(row), _instant(text)
    if name in given.get("strict", []) and moment == limit:
        return False
    return moment >= limit if name == "StartTime" else moment <= limit


def old_list(given: dict[str, Any]) -> Fault:
    """Make the list of the old dialect again, with one step changed.

    `match`: how numbers compare.
    `strict`: bounds that exclude their own second.
    `any_of`: filters that are joined by "or".
    `sort_by`: another sort key.
    `sort_page`: only the page is sorted.
    `ties`: equal messages are in the opposite order.
    `only_sort`: the fault applies to this sort alone.
    `directions`: another sort direction.
    `offset`, `shift` and `overlap`: another start of the page.
    """

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        if what(server, question) != "list" or not answer.is_good or not is_json(answer):
            return answer
        asked = dict(pairs(question))
        if not set(asked).issuperset(given.get("has", [])):
            return answer
        limits: Pairs = [("PageSize", "5000"), *([("Limit", asked["Limit"])] if "Limit" in asked else [])]
        whole = server.honest.ask(with_pairs(question, limits)).json
        rows = [row for row in whole["messages"] if _keeps(row, asked, given)]
        sort = asked.get("SortBy", "") if not given.get("sort_page") else ""
        if given.get("only_sort", sort.partition(":")[0]) != sort.partition(":")[0]:
            return answer
        rows = _sorted(rows[::-1] if given.get("ties") and sort else rows, sort, given)
        return rewritten(answer, _cut(answer.json, rows, asked, given))

    return Fault(answered=answered)


def _keeps(row: Row, asked: dict[str, str], given: dict[str, Any]) -> bool:
    tests = {}
    for name in ("From", "To"):
        if asked.get(name):
            match = MATCHES[given.get("match", {}).get(name, "equal")]
            tests[name] = match(str(row[name.lower()]).lstrip("+"), asked[name].lstrip("+ "))
    for name in ("StartTime", "EndTime"):
        if asked.get(name):
            tests[name] = _by_date(row, name, asked[name], given)
    loose = [tests.pop(name) for name in given.get("any_of", []) if name in tests]
    return all(tests.values()) and (not loose or any(loose))


def _sorted(rows: list[Row], sort: str, given: dict[str, Any]) -> list[Row]:
    name, _, direction = sort.partition(":")
    name = given.get("sort_by", {}).get(name, name)
    keys: dict[str, Callable[[Row], Any]] = {
        "DateCreated": _created, "From": lambda row: row["from"], "To": lambda row: row["to"], "Status": lambda row: row["status"],
        "Direction": lambda row: row["direction"], "Body": lambda row: row["body"],
        "date as text": lambda row: row["date_created"], "length of To": lambda row: len(row["to"]),
        "Sid": lambda row: row["sid"], "From, any case": lambda row: row["from"].lower(),
        "From, digits": lambda row: row["from"].lstrip("+"), "To, digits": lambda row: row["to"].lstrip("+"),
    }  # fmt: skip
    direction = given.get("directions", {}).get(direction, direction)
    if name == "nothing":
        return rows
    return sorted(rows, key=keys[name], reverse=direction.lower() == "desc") if name in keys else rows


def _cut(honest: Row, rows: list[Row], asked: dict[str, str], given: dict[str, Any]) -> Row:
    size, number = int(asked.get("PageSize", "50")), int(asked.get("Page", "0"))
    start = number * size + (given.get("offset", 0) if number else 0) + given.get("shift", 0)
    start = max(start - (number if given.get("overlap") else 0), 0)
    shown = rows[start : start + size]
    if given.get("sort_page"):
        shown = _sorted(shown, asked.get("SortBy", ""), given)
    last = len(rows) // size
    beside = {name: asked[name] for name in ("Limit", "From", "To", "StartTime", "EndTime", "SortBy") if name in asked}

    def link(place: int) -> str:
        return f"{honest['uri']}?{urlencode([('Page', place), ('PageSize', size), *beside.items()])}"

    made: dict[str, Any] = {
        "total": len(rows), "num_pages": last, "start": str(number * size),
        "end": str(number * size + max(len(shown) - 1, 0)), "last_page_uri": link(last), "first_page_uri": link(0),
        "next_page_uri": link(number + 1) if number < last else "null", "previous_page_uri": link(number - 1) if number else "null",
        "messages": shown,
    }  # fmt: skip
    return {**honest, **made}


def new_list(given: dict[str, Any]) -> Fault:
    """Make a search of the new dialect again, with one step changed.

    `by`: the instant that the dates compare with.
    `any_of`: filters that are joined by "or".
    `before_filter`: Results_Skip, Results_Count or both apply before the filters.
    `newest_first`: the order is reversed.
    `pages`: a skip counts pages.
    `extra` and `most_skip`: another skip.
    """

    def answered(server: Wrong, question: Question, answer: Answer) -> Answer:
        if what(server, question) != "list" or answer.status != 200:
            return answer
        asked = dict(pairs(question))
        if not {"Date_From", "Date_To"}.issubset(asked) or not set(asked).issuperset(given.get("has", [])):
            return answer
        rows: list[Row] = []
        for skip in range(0, 3000, 200):
            all_of_it = [
                ("Date_From", "0"),
                ("Date_To", str(FAR)),
                ("Results_Count", "200"),
                ("Results_Skip", str(skip)),
            ]
            more = server.honest.ask(with_pairs(question, all_of_it)).json["Messages"]
            rows += more
            if len(more) < 200:
                break
        return rewritten(answer, {"Messages": _found(rows, asked, given)})

    return Fault(answered=answered)


def _found(rows: list[Row], asked: dict[str, str], given: dict[str, Any]) -> list[Row]:
    by = given.get("by", "Created")
    rows = [row for row in rows if int(asked["Date_From"]) <= row.get(by, 0) < int(asked["Date_To"])]
    count, skip = min(int(asked.get("Results_Count", "200")), 200), int(asked.get("Results_Skip", "0"))
    if given.get("newest_first"):
        rows = rows[::-1]
    if given.get("before_filter"):
        stretch = {"skip": rows[skip:], "count": rows[:count], "both": rows[skip : skip + count]}[
            given["before_filter"]
        ]
        rows = [row for row in stretch if _is_asked(row, asked, given)]
        return {"skip": rows[:count], "count": rows[skip:], "both": rows}[given["before_filter"]]
    rows = [row for row in rows if _is_asked(row, asked, given)]
    if given.get("pages"):
        skip *= count
    skip += given.get("extra", 0) if skip else 0
    skip = min(skip, given.get("most_skip", 10**9))
    return rows[skip : skip + count]


def _is_asked(row: Row, asked: dict[str, str], given: dict[str, Any]) -> bool:
    tests = {name: row[name] == asked[name] for name in ("Status", "Direction") if name in asked}
    loose = [tests.pop(name) for name in given.get("any_of", []) if name in tests]
    return all(tests.values()) and (not loose or any(loose))


RELISTING: Final[dict[str, Callable[[dict[str, Any]], Fault]]] = {"old list": old_list, "new list": new_list}
