"""Expected failures, in a list that has to stay true.

A run fails if an expected failure passes. An entry is a mistake if it has expired or names no requirement.
"""

import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec

from conformance.judge.run import Verdict


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of the list: the requirement, the reason for the failure, and the last day on which it is accepted."""

    id: str
    reason: str
    expiry: date


class BadList(Exception):
    """The list itself is wrong."""


def load(path: Path, known: Iterable[str], today: date) -> list[Expected]:
    """Return the list. Raises BadList for an unreadable file, an unknown id, or an expired entry."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
        found = msgspec.convert(raw.get("expected", []), list[Expected])
    except (OSError, ValueError) as error:
        raise BadList(f"{path.name}: {error}") from None
    ids = set(known)
    for one in found:
        if one.id not in ids:
            raise BadList(f"{path.name}: there is no requirement {one.id}")
        if one.expiry < today:
            raise BadList(f"{path.name}: {one.id} was expected to fail until {one.expiry}")
    return found


def stale(expected: Iterable[Expected], verdicts: Iterable[Verdict]) -> list[str]:
    """Return the ids that were expected to fail but passed."""
    passed = {verdict.requirement.id for verdict in verdicts if verdict.outcome == "passed"}
    return [one.id for one in expected if one.id in passed]
