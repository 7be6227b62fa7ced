"""The wrong servers as data, the runs against them, and the table that says which requirement catches each."""

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
"""The kinds of fault, by the names that the data uses."""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One wrong server: its fault (`says`), the requirement that should catch it, and the kind of fault with its parameters.

    The sentence that it breaks is that of the requirement. `uncaught` gives the reason if no must catches the fault.
    There are two cases: the requirement has a lower level, or it is a must that cannot catch the fault, and no other could.
    """

    says: str
    caught_by: str
    kind: str
    given: dict[str, Any] = msgspec.field(default_factory=dict, name="with")
    uncaught: str = ""


class Freedom(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One honest server that differs from the simulated provider in what the document leaves open.

    It has a `kind` of difference, or `knobs`: arguments of the simulated provider (`zone` in minutes).
    """

    says: str
    kind: str = ""
    given: dict[str, Any] = msgspec.field(default_factory=dict, name="with")
    knobs: dict[str, Any] = {}


class Result(NamedTuple):
    """The result of a run against one wrong server.

    `is_caught`: the requirement that should catch the fault failed.
    `broken`: the requirements at which the suite itself failed.
    `said`: the texts of all failures.
    """

    dialect: str
    row: Row
    requirement: Requirement
    is_caught: bool
    broken: tuple[str, ...] = ()
    said: str = ""


@cache
def known(dialect: str) -> Known:
    """Return what is known of the honest server of a dialect. It is kept for the life of the process."""
    return Known(HONEST[dialect])


@cache
def faults(dialect: str) -> tuple[Row, ...]:
    """Return the wrong servers of a dialect, in the order of their file."""
    return tuple(msgspec.convert(_raw(dialect)["faults"], list[Row]))


def _raw(dialect: str) -> dict[str, Any]:
    return tomllib.loads((files("conformance") / "faults" / f"{dialect.replace('-', '_')}.toml").read_text("utf-8"))


@cache
def freedoms(dialect: str) -> tuple[Freedom, ...]:
    """Return the honest servers of a dialect, in the order of their file."""
    return tuple(msgspec.convert(_raw(dialect)["freedoms"], list[Freedom]))


def verdicts_with(dialect: str, freedom: Freedom) -> list[Verdict]:
    """Return the verdicts of a whole run against an honest server."""
    knobs = dict(freedom.knobs)
    if "zone" in knobs:
        knobs["zone"] = timezone(timedelta(minutes=knobs["zone"]))
    if "no_sender_id" in knobs:
        knobs["no_sender_id"] = tuple(knobs["no_sender_id"])
    there = Known(lambda: HONEST[dialect](**knobs)) if knobs else known(dialect)
    fault = KINDS[freedom.kind](freedom.given) if freedom.kind else Fault()
    return run(target(Wrong(dialect, there, fault)), load(dialect))


def judged(dialect: str, row: Row, *, whole: bool = True) -> Result:
    """Run the suite against one wrong server, with every permission.

    If `whole` is false, only the section of the requirement that should catch the fault is tested.
    """
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
    """Return the requirement that should catch a wrong server."""
    return next(one for one in load(dialect) if one.id == row.caught_by)


def samples(dialect: str) -> frozenset[str]:
    """Return the wrong servers that are always tested with a whole run, by their `says`.

    They are the first of each kind, and every tenth of all.
    """
    found, kinds = set[str](), set[str]()
    for place, row in enumerate(faults(dialect)):
        if place % 10 == 0 or row.kind not in kinds:
            found.add(row.says)
        kinds.add(row.kind)
    return frozenset(found)


def results() -> Iterator[Result]:
    """Run the whole suite against each wrong server of each dialect."""
    for dialect in DIALECTS:
        for row in faults(dialect):
            yield judged(dialect, row)
