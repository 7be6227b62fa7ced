"""The table of all laws in docs/conformance.md. `python -m conformance.judge.lawbook` prints it."""

import sys
from collections import defaultdict

from conformance.judge.requirements import DIALECTS, load
from conformance.judge.run import laws_of


def table() -> str:
    """Return the table. Each row has the name of a law, its dialects, its `with` members, and what it tests."""
    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    told: dict[str, set[str]] = defaultdict(set)
    for dialect in DIALECTS:
        for name, law in laws_of(dialect).items():
            said[name, " ".join((law.__doc__ or "").split())].append(dialect)
        for requirement in load(dialect):
            told[f"{dialect} {requirement.law}"].update(requirement.given)
    rows = ["| law | dialect | `with` | what it holds |", "| --- | --- | --- | --- |"]
    for (name, what), dialects in sorted(said.items()):
        names = sorted(set[str]().union(*(told[f"{dialect} {name}"] for dialect in dialects)))
        rows.append(f"| `{name}` | {', '.join(dialects)} | {' '.join(f'`{one}`' for one in names)} | {what} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
