"""Check the prose of the project: `python -m tools.prose [FILE …]`.

The program reads every Markdown page, every docstring and every test name, and reports what breaks a rule of CONTRIBUTING.md:

opener   a sentence that starts with a relative or indirect clause ("Who asks …", "Whether …", "Of those …")
long     a sentence of more than 25 words
word     a word that docs/glossary.md lists as "never", in `code font`
name     a test name of more than 70 characters

The file `tests/prose-debt.toml` holds how many offences each file still has. A file may not have more, and a file that has fewer
must be counted again with `python -m tools.prose --update`. The update never raises the total of a rule, so it also serves when a
file is moved or split.
"""

import argparse
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from tools import prose_rules, prose_text
from tools.prose_rules import RULES, Finding

ROOT: Final = Path(__file__).parents[1]
DEBT: Final = ROOT / "tests" / "prose-debt.toml"

Debt: TypeAlias = dict[str, dict[str, int]]
"""Offences by file and rule. Files and rules without an offence are absent."""

_HEADER: Final = """\
# Offences against the prose rules of CONTRIBUTING.md, by file. The counts may only fall.
# `python -m tools.prose FILE` lists them; `python -m tools.prose --update` writes this file.
"""


def findings(root: Path = ROOT) -> dict[str, list[Finding]]:
    """Every offence in the tree, by path. Files without an offence have an empty list."""
    banned = prose_rules.never_words((root / "docs" / "glossary.md").read_text("utf-8"))
    found: dict[str, list[Finding]] = {}
    for path in prose_text.files(root):
        source = (root / path).read_text("utf-8")
        # The glossary has to name the words that it bans.
        words = () if path == "docs/glossary.md" else banned
        found[path] = list(prose_rules.check(path, source, words))
    return found


def counted(found: Mapping[str, list[Finding]]) -> Debt:
    """The number of offences by file and rule."""
    counts = {path: Counter(finding.rule for finding in listed) for path, listed in found.items()}
    return {
        path: {rule: count[rule] for rule in RULES if count[rule]} for path, count in sorted(counts.items()) if count
    }


def read_debt(path: Path = DEBT) -> Debt:
    """The committed counts."""
    return tomllib.loads(path.read_text("utf-8")) if path.exists() else {}


def write_debt(debt: Debt, path: Path = DEBT) -> None:
    """Write the counts, one line a file."""
    lines = []
    for name, rules in sorted(debt.items()):
        cells = ", ".join(f"{rule} = {number}" for rule, number in rules.items())
        lines.append(f'"{name}" = {{ {cells} }}\n')
    path.write_text(_HEADER + "".join(lines), "utf-8")


def totals(debt: Debt) -> dict[str, int]:
    """The number of offences by rule."""
    return {rule: sum(rules.get(rule, 0) for rules in debt.values()) for rule in RULES}


def differences(now: Debt, allowed: Debt) -> Iterator[str]:
    """One sentence for each file and rule whose count is not the committed one."""
    for path in sorted(now.keys() | allowed.keys()):
        for rule in RULES:
            has, may = now.get(path, {}).get(rule, 0), allowed.get(path, {}).get(rule, 0)
            if has > may:
                yield f"{path} has {has} offences of rule {rule}, {may} are allowed: python -m tools.prose {path}"
            elif has < may:
                yield f"{path} has {has} offences of rule {rule}, not {may}: python -m tools.prose --update"


def update(now: Debt, allowed: Debt) -> str:
    """Why the counts may not be written: the total of a rule would rise. Empty if they may."""
    before, after = totals(allowed), totals(now)
    risen = [f"{rule} from {before[rule]} to {after[rule]}" for rule in RULES if after[rule] > before[rule]]
    return f"the total may not rise: {', '.join(risen)}" if risen else ""


def main(arguments: list[str] | None = None) -> int:
    """Print findings. The exit status is 1 if the counts differ from the committed ones."""
    parser = argparse.ArgumentParser(prog="python -m tools.prose", description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", help="print every finding of these files or folders")
    parser.add_argument("--update", action="store_true", help="write the counts; the total of a rule may not rise")
    given = parser.parse_args(arguments)
    found = findings()
    now, allowed = counted(found), read_debt()
    if given.files:
        return _show(found, given.files)
    if given.update:
        refusal = update(now, allowed) if DEBT.exists() else ""
        if refusal:
            print(refusal, file=sys.stderr)
            return 1
        write_debt(now)
    else:
        wrong = list(differences(now, allowed))
        print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
        if wrong:
            return 1
    print(", ".join(f"{rule} {number}" for rule, number in totals(now).items()))
    return 0


def _show(found: Mapping[str, list[Finding]], names: list[str]) -> int:
    """Print the findings of these files and folders. The exit status is 1 if there are any."""
    chosen = [name.removeprefix("./").rstrip("/") for name in names]
    listed = [
        finding
        for path, all_of_it in found.items()
        for finding in all_of_it
        if any(path == name or path.startswith(f"{name}/") for name in chosen)
    ]
    for finding in listed:
        print(f"{finding.path}:{finding.line}: {finding.rule}: {finding.text}")
    return 1 if listed else 0


if __name__ == "__main__":
    sys.exit(main())
