"""Is every cell of the mapping tables load-bearing? `make mutate` changes each in turn, and a literal exchange has to notice.

A cell gets another legal value of its own column; a table that no longer loads is *not* noticed by that (`loader`), it only could not
be judged. Prose columns are exempt. Two rows that stand next to each other in a vocabulary are swapped as well. A survivor has to stand in
`survivors.toml` with a reason; a pattern there says how many cells it stands for, so that one more or one less is noticed.
"""

import copy
import fnmatch
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from tests.exchanges import dialects, play, read_cases
from translator.dialect import Dialect, dialect
from translator.errors import TableError
from translator.kinds import KINDS
from translator.model import FAULTS
from translator.tables.cells import label
from translator.tables.check import TABLE_KINDS
from translator.tables.load import raw_tables

PROSE = {"seed", "known", "inferred", "title"}
CLOSED: dict[str, tuple[Any, ...]] = {
    "method": ("GET", "POST"),
    "request": ("form", "json", "query", "query-and-json"),
    "scope": ("account", "property"),
    "write": ("copy", "copy-only", "latest", "first", "entry", "given"),
    "extension_at": ("any-segment", "nowhere"),
    "escape": ("ascii", "utf-8"),
    "nulls": ("absent", "written"),
    "names": ("exact", "any-case"),
    "unknown": ("count", "refuse"),
    "empty": ("missing", "absent"),
    "unsaid": ("ascending", "descending"),
    "unit": ("pages", "rows"),
    "as": ("integer", "string"),
    "way": ("both", "read"),
    "kind": (*KINDS, *TABLE_KINDS),
    "fault": tuple(FAULTS),
}


class Mutant(NamedTuple):
    """One change: the file, what a reader calls the cell, the old and the new value, and the whole table with the change in it."""

    file: str
    cell: str
    change: str
    raw: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.file} {self.cell}"


def mutants() -> Iterator[Mutant]:
    """Every cell of every table with another legal value, and every pair of neighbours in a vocabulary swapped."""
    for file, raw in raw_tables().items():
        for path, name in _cells(raw, (), ""):
            old = _at(raw, path)
            new = _other(raw, path, old)
            if new is None:
                continue
            changed = copy.deepcopy(raw)
            _at(changed, path[:-1])[path[-1]] = new
            yield Mutant(file, name, f"{old!r} -> {new!r}", changed)
        for section in ("status", "direction"):
            for at in range(len(raw["words"][section]) - 1):
                changed = copy.deepcopy(raw)
                rows = changed["words"][section]
                if rows[at]["wire"] == rows[at + 1]["wire"]:
                    rows[at], rows[at + 1] = rows[at + 1], rows[at]
                    yield Mutant(file, f"words.{section} rows {at + 1} and {at + 2}", "swapped", changed)


def _cells(value: Any, path: tuple[Any, ...], name: str) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in PROSE:
                yield from _cells(inner, (*path, key), f"{name}.{key}".strip("."))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, row in enumerate(value):
            yield from _cells(row, (*path, number), f"{name}[{number + 1} {label(row)}]")
    else:
        yield path, name


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _other(raw: dict[str, Any], path: tuple[Any, ...], old: Any) -> Any:
    """Another legal value of the same column."""
    key = path[-1]
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return old + 1
    if isinstance(old, list):
        if len(old) > 1:
            return old[:-1]
        single = {"of": ["text", "sender"], "statuses": ["sent", "failed"], "directions": ["inbound", "outbound-api"]}
        return next(([word] for word in single.get(key, []) if [word] != old), [])
    closed = CLOSED.get(key) if isinstance(old, str) else None
    if key == "unknown" and isinstance(old, bool):
        closed = None
    if closed and old in closed:
        return closed[(closed.index(old) + 1) % len(closed)]
    column = [row[key] for row in _at(raw, path[:-2]) if key in row] if isinstance(path[-2], int) else []
    others = [value for value in column if value != old]
    if key in ("attribute", "value", "test", "word") and others:
        return others[0]
    return old + "x"


CASES = read_cases()


def judge(mutant: Mutant) -> str:
    """`killed` by a case, `loader` where no dialect could be made, or `survived`."""
    try:
        spoken: dict[str, Dialect] = dict(dialects())
        made = dialect(mutant.file, mutant.raw)
    except (TableError, LookupError, ValueError, TypeError, StopIteration):
        return "loader"
    spoken[next(name for name, one in dialects().items() if one.table.routes.root == _root(mutant.file))] = made
    for case in CASES:
        try:
            play(case, spoken)
        except Exception:  # noqa: BLE001 - whether a case differs or the code breaks, it was noticed
            return "killed"
    return "survived"


def _root(file: str) -> str:
    return str(raw_tables()[file]["routes"]["root"])


def main() -> int:
    """Judge all, print what survived, and say whether that is what the list says."""
    listed = tomllib.loads((Path(__file__).parent / "survivors.toml").read_text("utf-8"))["survivors"]
    todo = list(mutants())
    with get_context("fork").Pool(2) as pool:
        verdicts = pool.map(judge, todo, chunksize=8)
    survivors = [mutant for mutant, verdict in zip(todo, verdicts, strict=True) if verdict == "survived"]
    used: Counter[str] = Counter()
    unlisted = []
    for mutant in survivors:
        row = next((row for row in listed if fnmatch.fnmatchcase(mutant.name, row["cell"].replace("[", "[[]"))), None)
        if row is None:
            unlisted.append(mutant)
        else:
            used[row["cell"]] += 1
    for mutant in unlisted:
        print(f"survived: {mutant.name}: {mutant.change}")
    stale = [row["cell"] for row in listed if used[row["cell"]] != row["cells"]]
    for row in listed:
        if row["cell"] in stale:
            print(f"listed as {row['cells']} survivors, and {used[row['cell']]} survive: {row['cell']}")
    counts = {verdict: verdicts.count(verdict) for verdict in ("killed", "loader", "survived")}
    print(
        f"{len(todo)} cells changed: {counts['killed']} noticed, {counts['loader']} not loadable, {counts['survived']} survived, "
        f"of which {len(unlisted)} are not on the list"
    )
    return 1 if unlisted or stale else 0


if __name__ == "__main__":
    sys.exit(main())
