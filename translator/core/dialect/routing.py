"""Finds the route of a request, and the format of its response."""

from typing import Final, NamedTuple

from translator.core.errors import FaultRaised
from translator.core.http import paths
from translator.core.http.messages import Request
from translator.core.mapping import Table
from translator.core.mapping.schema import OperationRow
from translator.core.model import Fault

_PATHS: Final = 4096
"""The number of cached paths without a SID. It suffices for as many accounts, in the spellings of their clients."""


class Located(NamedTuple):
    """The route of a request: its operation, the values in its path, and the style in which the path was written."""

    operation: OperationRow
    values: dict[str, str]
    spelling: paths.PathStyle


class Routing:
    """The paths and formats of one dialect's front."""

    def __init__(self, table: Table) -> None:
        rules = table.routes
        self._formats = table.formats
        self._accepted = tuple((offer.accept, offer.name) for offer in table.formats.offers)
        in_paths = {offer.extension: offer.name for offer in table.formats.offers if offer.extension}
        self._in_paths = tuple(in_paths.items()) if rules.extension_at == "any-segment" else ()
        self._trailing_slash = rules.trailing_slash
        extensions = tuple(extension for extension, _ in self._in_paths)
        self._splitter = paths.PathParser(root=rules.root, prefixes=rules.prefixes, extensions=extensions)
        self.owns = self._splitter.owns
        self._located: dict[tuple[str, str], Located] = {}
        self._by_size: dict[int, list[tuple[OperationRow, paths.Template]]] = {}
        for row in table.operations:
            template = paths.Template(row.path)
            self._by_size.setdefault(template.size, []).append((row, template))

    def negotiate(self, request: Request) -> tuple[str, bool]:
        """Return the format of the response, and whether the client accepts it. The path decides, else Accept, else the default."""
        path = request.path
        for extension, name in self._in_paths:
            if path.endswith(extension) or f"{extension}/" in path:
                return name, True
        default = self._formats.default
        accept = (request.header("accept") or "").lower()
        if not accept or len(self._accepted) == 1:
            return default, True
        for word, name in self._accepted:
            if word in accept:
                return name, True
        return default, "*" in accept

    def locate(self, request: Request) -> Located:
        """Return the route of a request. Raises FaultRaised if there is no such route, or not with that method."""
        known = self._located.get((request.method, request.path))
        if known is None:
            known = self._found(request)
            if "sid" not in known.values and len(self._located) < _PATHS:
                self._located[request.method, request.path] = known
        return known

    def _found(self, request: Request) -> Located:
        path = self._split(request.path)
        if path is None:
            raise FaultRaised(Fault("no-route"))
        allowed: list[str] = []
        for row, template in self._by_size.get(len(path.segments), ()):
            values = template.match(path.segments)
            if values is not None:
                if row.method == request.method:
                    return Located(row, values, path.spelling)
                allowed.append(row.method)
        if allowed:
            raise FaultRaised(Fault("method-not-allowed", allow=tuple(dict.fromkeys(allowed))))
        raise FaultRaised(Fault("no-route"))

    def is_large(self, method: str, path: str) -> bool:
        """True if a request's body may be large: `messages.LARGE` times the usual limit."""
        try:
            return self._found(Request(method, path)).operation.large
        except FaultRaised:
            return False

    def _split(self, path: str) -> paths.Path | None:
        if path.endswith("/") and not self._trailing_slash:
            return None
        return self._splitter.split(path)
