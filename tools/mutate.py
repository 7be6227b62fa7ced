"""Is every cell of the mapping tables load-bearing? `make mutate` changes each in turn, and a literal exchange has to notice.

A cell gets another legal value of its own column. A table that no longer loads is *not* noticed by that (`loader`); it only could not
be tested. Prose columns are exempt.
Two rows that stand next to each other in a vocabulary are swapped as well.
A survivor has to stand in `survivors.toml` with a reason. A pattern there says how many cells it stands for, so that one more or one
less is noticed.
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

from tests.exchanges import dialects, play, read_cases, tables
from translator.core.dialect import Dialect, dialect
from translator.core.errors import TableError
from translator.core.mapping.cell_paths import label
from translator.core.mapping.load import raw_tables
from translator.core.mapping.problems import TABLE_KINDS
from translator.core.values.codecs import KINDS

PROSE = {"seed", "known", "inferred", "title"}
CLOSED: dict[str, tuple[Any, ...]] = {
    "method": ("GET", "POST"),
    "request": ("form", "json", "query", "query-and-json"),
    "scope": ("account", "property"),
    "write": ("copy", "copy-only", "latest", "first"),
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
    "sort.default": ("ascending", "descending", "unknown"),
    "formats.default": ("json", "xml"),
    "errors.shape": ("message", "response-status"),
}
UNIQUE = {"word", "fault", "attribute", "wire", "code"}
"""Columns whose values belong to one row each. Changing one alone would repeat a value, so two are swapped."""


class Mutant(NamedTuple):
    """One change: the file, the reader's name of the cell, the old and the new value, and the whole table with the change in it."""

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
            for new in _others(raw, path):
                changed = copy.deepcopy(raw)
                _at(changed, path[:-1])[path[-1]] = new
                yield Mutant(file, name, f"{_at(raw, path)!r} -> {new!r}", changed)
            if (partner := _partner(raw, path)) is not None:
                changed = copy.deepcopy(raw)
                mine, other = _at(changed, path[:-1]), _at(changed, partner[:-1])
                mine[path[-1]], other[path[-1]] = other[path[-1]], mine[path[-1]]
                yield Mutant(file, name, f"swapped with {_at(raw, partner)!r}", changed)
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


def _others(raw: dict[str, Any], path: tuple[Any, ...]) -> list[Any]:
    """Other legal values of the same column; none if a value is unique to its row, because it is swapped instead."""
    key, old = path[-1], _at(raw, path)
    if isinstance(old, bool):
        return [not old]
    if isinstance(old, int):
        return [old + 1]
    if isinstance(old, list):
        return _other_lists(key, old)
    closed = CLOSED.get(key, CLOSED.get(".".join(str(step) for step in path), ()))
    if old in closed:
        return [value for value in closed if value != old][:2]
    if key in UNIQUE or key == "write":
        return []
    column = [row[key] for row in _at(raw, path[:-2]) if key in row] if isinstance(path[-2], int) else []
    others = [value for value in column if value != old]
    return [others[0] if key in ("attribute", "value", "test") and others else old + "x"]


def _other_lists(key: str, old: list[Any]) -> list[Any]:
    """A list with its first or its last element gone; a range of statuses moved by one at either end."""
    if key == "statuses" and isinstance(old[:1] and old[0], int) and old:
        return [[old[0] - 1, old[1]], [old[0], old[1] + 1], *([[old[0] + 1, old[1]]] if old[0] < old[1] else [])]
    if len(old) > 1:
        return [old[:-1], old[1:]]
    single = {"of": ["text", "sender"], "statuses": ["sent", "failed"], "directions": ["inbound", "outbound-api"]}
    return [next(([word] for word in single.get(key, []) if [word] != old), [])]


def _partner(raw: dict[str, Any], path: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The same cell of the next row, if its value may not stand in two rows. The partner of the last row is the first."""
    if len(path) < 2 or path[-1] not in UNIQUE or not isinstance(path[-2], int):
        return None
    rows = _at(raw, path[:-2])
    following = (*path[:-2], (path[-2] + 1) % len(rows), path[-1])
    there = rows[following[-2]].get(path[-1])
    return following if there not in (None, _at(raw, path)) else None


CASES = read_cases()


def judge(mutant: Mutant) -> str:
    """`killed` by a case, `loader` if no dialect could be made, or `survived`."""
    try:
        spoken: dict[str, Dialect] = dict(dialects())
        made = dialect(mutant.file, mutant.raw)
    except (TableError, LookupError, ValueError, TypeError, StopIteration):
        return "loader"
    name = next(name for name, (file, _) in tables().items() if file == mutant.file)
    spoken[name] = made
    given = {**tables(), name: (mutant.file, mutant.raw)}
    for place, case in enumerate(CASES):
        try:
            play(case, spoken, given)
        except Exception:  # noqa: BLE001 - if a case differs or the code breaks, the mutant was noticed
            CASES.insert(0, CASES.pop(place))  # neighbouring cells are mostly noticed by the same case
            return "killed"
    return "survived"


def _judged(mutant: Mutant) -> tuple[Mutant, str]:
    return mutant, judge(mutant)


def main() -> int:
    """Test all mutants, print the survivors, and say if they are those of the list."""
    listed = tomllib.loads((Path(__file__).parents[1] / "tests" / "survivors.toml").read_text("utf-8"))["survivors"]
    todo = list(mutants())
    with get_context("fork").Pool(2) as pool:
        judged = []
        for one in pool.imap(_judged, todo, chunksize=8):
            judged.append(one)
            if sys.stderr.isatty() or not len(judged) % 100:
                print(f"{len(judged)} of {len(todo)}", file=sys.stderr)
    verdicts = [verdict for _, verdict in judged]
    survivors = [mutant for mutant, verdict in judged if verdict == "survived"]
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
