"""The wrong servers as data, the runs against them, and the table that says which are caught by what."""

import tomllib
from collections.abc import Iterator
from datetime import timedelta, timezone
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import msgspec

from conformance.faults.answering import ANSWERING
from conformance.faults.asking import ASKING
from conformance.faults.honest import HONEST, Known
from conformance.faults.relisting import RELISTING
from conformance.faults.showing import SHOWING
from conformance.faults.wrong import Fault, Wrong, target
from conformance.judge.requirements import DIALECTS, Requirement, load
from conformance.judge.run import Verdict, run

KINDS: Final = {**ASKING, **ANSWERING, **SHOWING, **RELISTING}
"""What a fault can be, by the names that the data uses."""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One wrong server: what is wrong with it, the requirement that should catch it, and the kind of fault with what it is told.

    The sentence that it breaks is that of the requirement. `uncaught` is the reason why no must catches it, where none does: the
    requirement is a lesser one, or it is a must. In that case it does not catch the fault, and nothing could.
    """

    says: str
    caught_by: str
    kind: str
    given: dict[str, Any] = msgspec.field(default_factory=dict, name="with")
    uncaught: str = ""


class Freedom(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One honest server that is otherwise than the simulated provider, in what the document leaves open.

    It has a `kind` of difference, or `knobs` of the simulated provider (`zone` in minutes).
    """

    says: str
    kind: str = ""
    given: dict[str, Any] = msgspec.field(default_factory=dict, name="with")
    knobs: dict[str, Any] = {}


class Result(NamedTuple):
    """What a run against one wrong server found.

    Whether the requirement that should catch it does, at what the suite itself failed, and all that was said of failures.
    """

    dialect: str
    row: Row
    requirement: Requirement
    is_caught: bool
    broken: tuple[str, ...] = ()
    said: str = ""


@cache
def known(dialect: str) -> Known:
    """What is known of the honest server of a dialect, kept for the life of the process."""
    return Known(HONEST[dialect])


@cache
def faults(dialect: str) -> tuple[Row, ...]:
    """The wrong servers of a dialect, in the order of their file."""
    return tuple(msgspec.convert(_raw(dialect)["faults"], list[Row]))


def _raw(dialect: str) -> dict[str, Any]:
    return tomllib.loads((files("conformance") / "faults" / f"{dialect.replace('-', '_')}.toml").read_text("utf-8"))


@cache
def freedoms(dialect: str) -> tuple[Freedom, ...]:
    """The honest servers of a dialect, in the order of their file."""
    return tuple(msgspec.convert(_raw(dialect)["freedoms"], list[Freedom]))


def verdicts_with(dialect: str, freedom: Freedom) -> list[Verdict]:
    """A whole run against an honest server."""
    knobs = dict(freedom.knobs)
    if "zone" in knobs:
        knobs["zone"] = timezone(timedelta(minutes=knobs["zone"]))
    if "no_sender_id" in knobs:
        knobs["no_sender_id"] = tuple(knobs["no_sender_id"])
    there = Known(lambda: HONEST[dialect](**knobs)) if knobs else known(dialect)
    fault = KINDS[freedom.kind](freedom.given) if freedom.kind else Fault()
    return run(target(Wrong(dialect, there, fault)), load(dialect))


def judged(dialect: str, row: Row, *, whole: bool = True) -> Result:
    """A run against one wrong server, with every leave: a whole one, or of the section of the requirement that should catch it."""
    requirement = named(dialect, row)
    chosen = [one for one in load(dialect) if whole or one.section == requirement.section]
    found = run(target(Wrong(dialect, known(dialect), KINDS[row.kind](row.given))), chosen)
    failed = {one.requirement.id for one in found if one.outcome == "failed"}
    broken = tuple(f"{one.requirement.id}: {one.why}" for one in found if one.outcome == "broken")
    said = "\n".join(f"{one.why} {one.expected} {one.seen}" for one in found if one.outcome == "failed")
    return Result(dialect, row, requirement, row.caught_by in failed, broken, said)


def is_caught(dialect: str, row: Row) -> bool:
    """True if the data says that the named requirement catches a wrong server."""
    return not row.uncaught or named(dialect, row).level != "must"


def named(dialect: str, row: Row) -> Requirement:
    """The requirement that should catch a wrong server."""
    return next(one for one in load(dialect) if one.id == row.caught_by)


def samples(dialect: str) -> frozenset[str]:
    """The wrong servers that are always judged whole, by what is wrong with them: the first of each kind, and of the rest each tenth."""
    found, kinds = set[str](), set[str]()
    for place, row in enumerate(faults(dialect)):
        if place % 10 == 0 or row.kind not in kinds:
            found.add(row.says)
        kinds.add(row.kind)
    return frozenset(found)


def results() -> Iterator[Result]:
    """A whole run against each wrong server of each dialect."""
    for dialect in DIALECTS:
        for row in faults(dialect):
            yield judged(dialect, row)
