"""The shim as pip installs it today, without sniffio, which nothing brings: `python -m bench.beside.without_sniffio`.

httpcore tries to import sniffio several times a request. If sniffio is absent, each try searches `sys.path` in vain, and so it does
here.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class Without(PathFinder):
    """Finds every module but sniffio. The search for sniffio takes as long as for any missing module."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return super().find_spec("absent_sniffio" if fullname == "sniffio" else fullname, path, target)


if __name__ == "__main__":
    sys.modules.pop("sniffio", None)
    sys.meta_path[sys.meta_path.index(PathFinder)] = Without
    importlib.import_module("bench.beside.shim").main()
