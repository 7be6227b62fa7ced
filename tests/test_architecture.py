"""The rules of the house, as tests.

Each rule is a function over source text that returns the offences, one sentence each. Each rule is first tried on a broken sample and
on a sound one.
Then it is applied to the tree, and the test fails if there was nothing to look at.
"""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from packaging.requirements import Requirement

import translator

ROOT: Final = Path(__file__).parents[1]

SHELL: Final = frozenset({"__main__", "cli", "shell"})
"""The parts of `translator` that touch the world. The others are pure."""

DIALECTS: Final = frozenset({"restcomm", "properties-v2", "properties_v2"})
DRAWERS: Final = frozenset({"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers"})

CLOCKLESS: Final = frozenset({"gmtime", "strftime", "struct_time"})
"""The parts of `time` that only calculate. `strftime` only calculates if it is given the time."""

MODULE_LINES: Final = 300
FUNCTION_LINES: Final = 50
"""The limit outside `translator`."""
SHORT_FUNCTION_LINES: Final = 40
"""The limit in `translator`."""
ATTRIBUTES: Final = 12
"""The limit for the attributes of an object, those of its base classes in `translator` included."""

_IMPORTERS: Final = frozenset({"import_module", "__import__"})
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


class Imported(NamedTuple):
    """One imported name, dotted from the top: `translator.core.model.Fault`, or `time`."""

    name: str
    line: int
    for_types: bool


def imports(module: str, source: str, *, package: bool = False) -> Iterator[Imported]:
    """All imports of a module, at any place in it; relative names are made absolute.

    `package` says that the source is an `__init__.py`.
    """
    tree = ast.parse(source)
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Imported(alias.name, node.lineno, id(node) in for_types)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: len(module.split(".")) - node.level + package] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Imported(f"{base}.{alias.name}", node.lineno, id(node) in for_types)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in _IMPORTERS:
            yield from (
                Imported(str(given.value), node.lineno, for_types=False)
                for given in node.args[:1]
                if isinstance(given, ast.Constant)
            )


def part(dotted: str) -> str:
    """The part of `translator` that a dotted name belongs to: "kinds" of `translator.core.values.codecs.sids.read`."""
    return [*dotted.split("."), "", ""][1]


def is_core(module: str) -> bool:
    """True if a module of `translator` is below the shell."""
    return part(module) not in SHELL


def worldly(module: str, source: str, *, package: bool = False) -> list[str]:
    """The imports of the core beside the standard library and msgspec, and its reads of a clock.

    `.importlinter` forbids the modules of the standard library that do I/O or give random numbers.
    """
    found = []
    for name, line, _ in imports(module, source, package=package):
        top = name.split(".")[0]
        if top not in {"translator", "msgspec"} and top not in sys.stdlib_module_names:
            found.append(f"{module}:{line} imports {top}: below the shell there is only msgspec")
        if name.startswith("urllib.request"):
            found.append(f"{module}:{line} imports {name}: the core does no I/O")
        if top == "time" and name != "time" and name.split(".")[1] not in CLOCKLESS:
            found.append(f"{module}:{line} imports {name}: the core is handed `now`")
    return found + list(_clocks(module, ast.parse(source)))


def _clocks(module: str, tree: ast.Module) -> Iterator[str]:
    time_names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "time"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            base = ast.unparse(node.value)
            if base in time_names and node.attr not in CLOCKLESS:
                yield f"{module}:{node.lineno} uses time.{node.attr}: the core is handed `now`"
            if base.split(".")[-1] in {"datetime", "date"} and node.attr in {"now", "utcnow", "today"}:
                yield f"{module}:{node.lineno} uses {base}.{node.attr}: the core is handed `now`"
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            asks_the_clock = {"strftime": 2, "gmtime": 1}.get(called.split(".")[-1], 0)
            of_time = called in {"strftime", "gmtime"} or called.split(".")[0] in time_names
            if of_time and len(node.args) < asks_the_clock:
                yield f"{module}:{node.lineno} calls {called} without a time: the core is handed `now`"


def dialect_names(module: str, source: str) -> list[str]:
    """The core never branches on a dialect's name, so its code never holds one. Prose may."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        f"{module}:{node.lineno} says {node.value!r}: a dialect's peculiarity is a kind, reached from a table"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in DIALECTS and id(node) not in prose
    ]


def drawers(path: str) -> list[str]:
    """A module is named after its subject. `path` has slashes and begins at the top of the checkout."""
    words = {word for piece in path.removesuffix(".py").split("/") for word in piece.split("_")}
    return [f"{path} is a drawer: {word}" for word in sorted(words & DRAWERS)]


def inversions(module: str, source: str) -> list[str]:
    """A many-to-one map is a partition with a representative; inverting it picks one by accident."""
    return [
        f"{module}:{node.lineno} inverts a dictionary: list the representatives instead"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.DictComp | ast.Call) and _swaps(node)
    ]


def _swaps(node: ast.DictComp | ast.Call) -> bool:
    """True for `{v: k for k, v in …}`, and for `dict` of the same as pairs."""
    if isinstance(node, ast.DictComp):
        key, value, loops = node.key, node.value, node.generators
    elif ast.unparse(node.func) == "dict" and node.args and isinstance(node.args[0], ast.GeneratorExp | ast.ListComp):
        made, loops = node.args[0].elt, node.args[0].generators
        if not isinstance(made, ast.Tuple) or len(made.elts) != 2:
            return False
        key, value = made.elts
    else:
        return False
    swapped = f"({ast.unparse(value)}, {ast.unparse(key)})"
    return any(ast.unparse(loop.target) == swapped for loop in loops)


def prejudices(path: str, text: str) -> list[str]:
    """The conformance suite reads no table, because a suite that shares the tables cannot see an error in them."""
    lines = enumerate(text.splitlines(), 1)
    return [f"{path}:{line} mentions the mapping tables" for line, said in lines if _MAPPINGS.search(said)]


_MAPPINGS: Final = re.compile(r"""mappings/|(["'])mappings\1""")


def addresses(lock: str) -> list[str]:
    """A lock names releases and their hashes, and no place to fetch them from."""
    lines = enumerate(lock.splitlines(), 1)
    found = [f"line {line} holds an address" for line, said in lines if "://" in said]
    loose = [requirement for requirement in locked(lock) if not _LOCKED.fullmatch(requirement)]
    return found + [f"{requirement[:60]} is not pinned by version and hash" for requirement in loose]


_LOCKED: Final = re.compile(r"[a-z0-9.-]+==[^\s;]+(?: ; [^#]+?)?(?: --hash=sha256:[0-9a-f]{64})+")


def locked(lock: str) -> list[str]:
    """The requirements of a lock, one string each, continuation lines joined by one space."""
    joined = re.sub(r"\s*\\\n\s*", " ", lock)
    lines = [line.strip() for line in joined.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


_REGISTRIES: Final = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("proxy", "golang", "org"),
        ("deb", "debian", "org"),
        ("maven", "org"),
        ("anaconda", "org"),
    )
)
_HOME: Final = re.compile(r"(?<![\w.])/(?:home|Users|root|work(?:space)?)/\w|[A-Z]:\\Users\\")


def places(path: str, text: str) -> list[str]:
    """The hosts of registries and the home folders of machines that a committed file names. There may be none."""
    found = []
    for line, said in enumerate(text.splitlines(), 1):
        found += [f"{path}:{line} names the host {host}" for host in _REGISTRIES if host in said.lower()]
        if _HOME.search(said):
            found.append(f"{path}:{line} holds a path of somebody's machine")
    return found


def sizes(path: str, source: str) -> dict[str, int]:
    """Return the modules and functions that are too long, each with its number of lines."""
    lines = len(source.splitlines())
    found = {path: lines} if lines > MODULE_LINES else {}
    most = SHORT_FUNCTION_LINES if path.startswith("translator/") else FUNCTION_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _FUNCTIONS) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > most:
                found[f"{path}:{node.name}"] = length
    return found


def attributes(modules: dict[str, str]) -> dict[str, int]:
    """Return the classes with too many attributes, each with their number. A base class is found by its name, first in the same module."""
    classes = {
        f"{path}:{node.name}": node
        for path, source in modules.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
    }
    by_name = {name.rpartition(":")[2]: name for name in classes}

    def of(name: str) -> set[str]:
        path, found = name.rpartition(":")[0], _own_attributes(classes[name])
        for base in map(ast.unparse, classes[name].bases):
            above = f"{path}:{base}" if f"{path}:{base}" in classes else by_name.get(base, name)
            found |= of(above) if above != name else set()
        return found

    counts = {name: len(of(name)) for name in classes}
    return {name: count for name, count in counts.items() if count > ATTRIBUTES}


def _own_attributes(node: ast.ClassDef) -> set[str]:
    """Return the attributes that the methods of a class assign, and those that its body declares."""
    found: set[str] = set()
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            found.add(part.target.id)
        elif isinstance(part, _FUNCTIONS) and part.args.args:
            me = part.args.args[0].arg
            found |= {
                inner.attr
                for inner in ast.walk(part)
                if isinstance(inner, ast.Attribute)
                and isinstance(inner.ctx, ast.Store)
                and ast.unparse(inner.value) == me
            }
    return found


# ---- each rule is tried on bad and on good source ----------------------------------------------------------


def test_relative_imports_are_read_from_where_the_module_stands() -> None:
    def names(module: str, source: str, *, package: bool) -> list[str]:
        return [found.name for found in imports(module, source, package=package)]

    assert names("a.b.c", "from .d import e", package=False) == ["a.b.d.e"]
    assert names("a.b", "from .d import e", package=True) == ["a.b.d.e"]
    assert names("a.b.c", "from .. import e", package=False) == ["a.e"]


@pytest.mark.parametrize(
    "source",
    [
        "import httpx",
        "from starlette.applications import Starlette",
        "from urllib import request",
        "from time import time",
        "import time\ntime.time()",
        "import time as clock\nclock.monotonic()",
        "import time\ntime.gmtime()",
        "from time import strftime\nstrftime('%Y')",
        "from datetime import datetime, UTC\ndatetime.now(UTC)",
        "import datetime\ndatetime.date.today()",
    ],
)
def test_the_world_in_the_core_is_found(source: str) -> None:
    assert len(worldly("translator.core.values.vocabulary", source)) == 1


def test_calculating_with_times_is_not_a_finding() -> None:
    source = (
        "import calendar, msgspec, re, time\nfrom datetime import UTC, datetime\n"
        "from urllib.parse import quote\ntime.strftime('%Y', time.gmtime(0))\n"
        "calendar.timegm((1970, 1, 1, 0, 0, 0))\ndatetime(1970, 1, 1, tzinfo=UTC)\n"
        "self.now\nrow.strftime()"
    )
    assert worldly("translator.core.values.codecs.instants", source) == []


@pytest.mark.parametrize(
    "source",
    ["if dialect == 'restcomm': pass", "X: Literal['properties-v2'] = y", "f({'properties_v2': 1})"],
)
def test_a_dialect_named_by_the_core_is_found(source: str) -> None:
    assert len(dialect_names("translator.core.listing", source)) == 1


def test_a_dialect_named_in_prose_is_not_a_finding() -> None:
    source = '"""restcomm"""\nX = 1\n\'properties-v2\'\n# restcomm\ny = \'the restcomm dialect\''
    assert dialect_names("translator.core.listing", source) == []


@pytest.mark.parametrize("path", ["a/utils.py", "a/helpers/b.py", "a/task_manager.py", "common.py", "a/misc.py"])
def test_a_drawer_is_found(path: str) -> None:
    assert len(drawers(path)) == 1


def test_a_name_that_says_something_is_not_a_drawer() -> None:
    assert drawers("translator/commonplace/managerial.py") == []


@pytest.mark.parametrize(
    "source",
    [
        "{v: k for k, v in d.items()}",
        "{wire: word for word, wire in rows if wire}",
        "dict((v, k) for k, v in d.items())",
        "dict([(v, k) for (k, v) in d.items()])",
    ],
)
def test_an_inverted_dictionary_is_found(source: str) -> None:
    assert len(inversions("translator.core.values.vocabulary", source)) == 1


def test_a_dictionary_made_the_right_way_round_is_not_a_finding() -> None:
    source = "{k: v for k, v in d}\n{v.name: k for k, v in d}\ndict((k, v) for k, v in d)\ndict(x for x in d)"
    assert inversions("translator.core.values.vocabulary", source) == []


def test_a_judge_that_reads_the_tables_is_found() -> None:
    text = "see mappings/restcomm.toml\nPath('mappings')\na mapping is a Mapping, and so are mappings"
    assert len(prejudices("conformance/x.py", text)) == 2


def test_a_lock_that_says_too_much_or_too_little_is_found() -> None:
    good = "click==8.5.1 ; os_name == 'nt' \\\n    --hash=sha256:" + "0" * 64 + " \\\n    --hash=sha256:" + "f" * 64
    assert addresses(f"# a comment\n{good}\n") == []
    assert len(locked(f"{good}\n{good}\n")) == 2
    assert len(addresses("click==8.5.1\n")) == 1
    assert len(addresses("click>=8 --hash=sha256:" + "0" * 64)) == 1
    assert len(addresses("--index-url https://packages.example.test/simple\n")) == 2


@pytest.mark.parametrize(
    "text",
    ["https://" + "pypi" + ".org/simple", "/" + "home/ann/notes", "in (/" + "root/x)", "C:" + "\\Users\\ann"],
)
def test_a_place_is_found(text: str) -> None:
    assert len(places("README.md", f"first\n{text}\n")) == 1


def test_a_route_is_not_a_place() -> None:
    assert places("README.md", "/v2/Properties/home/Messages\nhttps://provider.example.test/work\n/root\n") == []


def test_what_is_too_long_is_found_and_what_just_fits_is_not() -> None:
    assert sizes("a.py", "x = 1\n" * 300) == {}
    assert sizes("a.py", "x = 1\n" * 301) == {"a.py": 301}
    assert sizes("a.py", "async def f():\n" + "    x = 1\n" * 49) == {}
    assert sizes("a.py", "class A:\n    def f(self):\n" + "        x = 1\n" * 50) == {"a.py:f": 51}
    assert sizes("translator/a.py", "def f():\n" + "    x = 1\n" * 39) == {}
    assert sizes("translator/a.py", "def f():\n" + "    x = 1\n" * 40) == {"translator/a.py:f": 41}


def test_a_class_with_too_many_attributes_is_found() -> None:
    def cls(name: str, bases: str, names: Iterable[int]) -> str:
        return f"class {name}({bases}):\n def f(self):\n  self.g.h = 1\n" + "".join(f"  self.a{n} = 1\n" for n in names)

    assert attributes({"a.py": cls("A", "", range(12))}) == {}
    assert attributes({"a.py": cls("A", "", range(13))}) == {"a.py:A": 13}
    assert attributes({"a.py": cls("A", "", range(9)), "b.py": cls("B", "A", range(5, 14))}) == {"b.py:B": 14}
    record = "class A(Struct):\n" + "".join(f" a{number}: int\n" for number in range(13))
    assert attributes({"a.py": record}) == {"a.py:A": 13}


# ---- and then applied to the tree --------------------------------------------------------------------------

LARGER: Final[dict[str, int]] = {
    # Records. Each field is a fact of the API documents, or a key of a mapping table or of the configuration.
    "translator/core/mapping/schema.py:FieldRow": 16,
    "translator/core/mapping/schema.py:FilterRow": 14,
    "translator/core/mapping/schema.py:Paging": 15,
    "translator/core/mapping/schema.py:Table": 19,
    "translator/core/model.py:Draft": 17,
    "translator/core/model.py:Message": 18,
    "translator/core/model.py:Query": 14,
    "translator/core/model.py:Unread": 20,
    "translator/core/values/codecs/codec.py:Codec": 16,
    "translator/shell/config/schema.py:Server": 15,
    # Still to be divided.
    "translator/core/listing/merged/home_list.py:HomeList": 15,
    "translator/core/listing/merged/page.py:MergedPages": 13,
    "translator/shell/delivery/callback_connection.py:CallbackConnection": 16,
    "translator/shell/delivery/service.py:DeliveryService": 14,
    "translator/shell/store/rows.py:DeliveryRow": 18,
    "translator/shell/store/rows.py:LeasedDelivery": 13,
    "translator/shell/store/rows.py:SendRow": 21,
}
"""The parts that are larger than the limits allow, with their present sizes. A size may only fall, and its row with it."""


def project_files() -> list[str]:
    """The files that git tracks or would track, as paths from the top. Without git, those that `.gitignore` does not name."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    except (FileNotFoundError, subprocess.CalledProcessError):
        listed = list(_not_ignored())
    return sorted({path for path in listed if (ROOT / path).is_file()})


def _not_ignored() -> Iterator[str]:
    patterns = [".git", *(line.rstrip("/") for line in (ROOT / ".gitignore").read_text("utf-8").splitlines())]

    def kept(name: str) -> bool:
        return not any(fnmatch(name, pattern) for pattern in patterns)

    for folder, folders, files in os.walk(ROOT):
        folders[:] = filter(kept, folders)
        yield from ((Path(folder) / name).relative_to(ROOT).as_posix() for name in filter(kept, files))


def texts(*tops: str) -> dict[str, str]:
    """The text files under these folders, or all of them, by path. A file that is not UTF-8 is no text."""
    found = {}
    for path in project_files():
        if tops and path.split("/")[0] not in tops:
            continue
        try:
            found[path] = (ROOT / path).read_text("utf-8")
        except UnicodeDecodeError:
            continue
    return found


def sources(*tops: str) -> dict[str, str]:
    """The Python modules under these folders, by path."""
    return {path: text for path, text in texts(*tops).items() if path.endswith(".py")}


def dotted(path: str) -> str:
    """The module that a path holds: `translator.core.values.codecs` of `translator/core/values/codecs/__init__.py`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def engine() -> dict[str, str]:
    """The modules of `translator`. The test fails if there are none."""
    found = sources("translator")
    assert len(found) > 20
    return found


def core() -> dict[str, str]:
    """The modules below the shell, by module name."""
    found = {dotted(path): text for path, text in engine().items() if is_core(dotted(path))}
    assert len(found) > 20
    return found


def test_the_import_contracts_hold() -> None:
    """The contracts are in `.importlinter`: layers without a circle, a pure core, and a conformance suite that imports nothing of the
    proxy."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Contracts: 5 kept, 0 broken." in done.stdout


def test_package_faces_hold_no_code() -> None:
    """An `__init__.py` says what its package is, and hands on names."""
    allowed = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    faces = {path: text for path, text in sources("translator", "conformance").items() if path.endswith("__init__.py")}
    assert len(faces) > 20
    found = {
        f"{path}:{node.lineno}"
        for path, text in faces.items()
        for node in ast.parse(text).body
        if not isinstance(node, allowed)
    }
    assert found == set()


def test_the_core_has_no_world() -> None:
    assert [
        finding
        for path, text in engine().items()
        if is_core(dotted(path))
        for finding in worldly(dotted(path), text, package=path.endswith("/__init__.py"))
    ] == []


def test_the_core_says_no_dialect_name() -> None:
    assert [finding for module, text in core().items() for finding in dialect_names(module, text)] == []


def test_no_dictionary_is_inverted() -> None:
    assert [finding for path, text in engine().items() for finding in inversions(dotted(path), text)] == []


def test_there_is_no_drawer() -> None:
    assert [finding for path in sources() for finding in drawers(path)] == []


def test_the_judge_reads_no_table() -> None:
    judge = texts("conformance")
    assert len(judge) > 15
    assert [finding for path, text in judge.items() for finding in prejudices(path, text)] == []


def test_what_is_committed_names_no_place() -> None:
    everything = texts()
    assert {"pyproject.toml", "Makefile", "requirements.lock", ".ci/run", "translator/core/model.py"} <= set(everything)
    assert [finding for path, text in everything.items() for finding in places(path, text)] == []


def test_modules_functions_and_classes_are_small() -> None:
    measured = {path: text for path, text in sources().items() if not path.startswith("tests/")}
    assert len(measured) > 35
    found = attributes(engine())
    for path, text in measured.items():
        found |= sizes(path, text)
    assert found == LARGER


# ---- the lock and the declared requirements ----------------------------------------------------------------


def project() -> dict[str, Any]:
    """The declarations of `pyproject.toml`."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def declared() -> list[Requirement]:
    """The requirements that the project declares, to run and to be worked on."""
    said = project()
    return [Requirement(line) for line in said["project"]["dependencies"] + said["dependency-groups"]["dev"]]


def test_the_lock_is_pinned_by_hash_and_holds_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert len(locked(lock)) > 25
    assert addresses(lock) == []


def test_the_lock_fits_what_is_declared() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    pinned = dict(line.split(" ")[0].split("==") for line in locked(lock))
    wanted = declared()
    assert len(wanted) > 15
    assert [need.name for need in wanted if need.name not in pinned or pinned[need.name] not in need.specifier] == []


def test_every_dependency_has_its_reason() -> None:
    reasons = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    named = re.findall(r"^- \*\*([a-z0-9-]+)\*\*", reasons.split("## Kept out")[0], re.MULTILINE)
    assert sorted(named) == sorted({need.name for need in declared()})


def test_the_version_is_one() -> None:
    assert project()["project"]["version"] == translator.__version__
    assert f"## {translator.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
