"""Failures that are expected: a list that cannot go stale unseen. One that passes fails the run; one that is over, or of no requirement,
is a mistake in the list."""

import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec

from conformance.judge.run import Verdict


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of the list: which requirement, why it fails, and until when that is accepted."""

    id: str
    reason: str
    expiry: date


class BadList(Exception):
    """The list itself is wrong."""


def load(path: Path, known: Iterable[str], today: date) -> list[Expected]:
    """The list. Raises BadList for a file that cannot be read, an unknown id, or an entry that is over."""
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
    """The ids that were expected to fail and passed."""
    passed = {verdict.requirement.id for verdict in verdicts if verdict.outcome == "passed"}
    return [one.id for one in expected if one.id in passed]
