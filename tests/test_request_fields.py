"""The fields of a request at the front: each is written by the one module that its docstring names."""

import ast
import re
from pathlib import Path
from typing import Final

from translator.shell.server.request import ServerRequest, received

SHELL: Final = Path(__file__).parents[1] / "translator" / "shell"
_FIELD: Final = re.compile(r"^ *([a-z_]+(?:, [a-z_]+)*): .*\[([a-z0-9_]+)\]", re.MULTILINE)
_REQUESTS: Final = frozenset({"RequestContext", "ServerRequest", "Http1Request", "AsgiCall"})


def documented() -> dict[str, str]:
    """The module that writes each field, by the docstring."""
    rows = _FIELD.findall(ServerRequest.__doc__ or "")
    return {name: module for names, module in rows for name in names.split(", ")}


def writes(module: str, source: str, fields: frozenset[str]) -> set[tuple[str, str]]:
    """The fields that a module writes, each with the module. `self` counts in the classes of requests only.

    The first value, which `__init__` gives a field of `self`, is no write.
    """
    tree = ast.parse(source)
    ignored = {
        id(node)
        for cls in ast.walk(tree)
        if isinstance(cls, ast.ClassDef)
        for part in cls.body
        if cls.name not in _REQUESTS or (isinstance(part, ast.FunctionDef) and part.name == "__init__")
        for node in ast.walk(part)
    }
    return {
        (node.attr, module)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del) and node.attr in fields
        if not (ast.unparse(node.value) == "self" and id(node) in ignored)
    }


def test_a_write_is_found_in_any_module_and_class() -> None:
    fields = frozenset({"keep"})
    assert writes("a", "call.keep = False", fields) == {("keep", "a")}
    assert writes("a", "class AsgiCall:\n def f(self):\n  self.keep, x = 1, 2", fields) == {("keep", "a")}
    assert writes("a", "class AsgiCall:\n def __init__(self, call):\n  call.keep = 1", fields) == {("keep", "a")}
    assert writes("a", "class AsgiCall:\n def __init__(self):\n  self.keep = 1", fields) == set()
    assert writes("a", "class Other:\n def f(self):\n  self.keep = 1", fields) == set()
    assert writes("a", "call.keep", fields) == set()


def test_each_field_is_written_by_the_module_that_the_docstring_names() -> None:
    owners = documented()
    modules = [*(SHELL / "server").glob("*.py"), *(SHELL / "runtime").glob("*.py")]
    found = {write for path in modules for write in writes(path.stem, path.read_text("utf-8"), frozenset(owners))}
    assert found <= set(owners.items())
    assert {name for name, _ in found} == {"account", "answered", "back", "is_sending", "keep"}, (
        "the others are constant"
    )


def test_the_docstring_names_every_field() -> None:
    request = vars(ServerRequest(received("GET", "/", "", ()), iter(["an-id"])))  # type: ignore[abstract]
    assert set(request) == set(documented())
