"""Parameters of a front's request: where they stand, what they are called, and what is noticed on the way."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from translator.errors import BadValue, Refused, Unreadable
from translator.formats import form
from translator.formats import json as json_format
from translator.kinds import Kind
from translator.model import Fault, Notes
from translator.tables.schema import OperationRow, Parameters
from translator.wire import Request

_MOST_NAME = 40
_NO_OBJECT = "is not a JSON object"
UNFILTERED = "lists are not filtered by it"
"""Why the name of an attribute is no parameter of a list."""

_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z_.-]{0,39}")
"""A name that may stand in a log: an unescaped `&` in a text makes a name of what follows, and that may be anything."""


def known(names: Iterable[str]) -> dict[str, str]:
    """The names of parameters by how they may be spelled: as they are, or all in lower case."""
    exact = tuple(names)
    return {**{name.lower(): name for name in exact}, **{name: name for name in exact}}


class Given:
    """What a request gave, by the dialect's own names, which are `known`: the first value of each, and the pairs in order. Raises
    Refused for one of those that are `unfiltered`: a list of all messages is not what was asked for."""

    def __init__(
        self, rules: Parameters, known: Mapping[str, str], pairs: list[form.Pair], notes: Notes,
        unfiltered: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self.values: dict[str, Any] = {}
        self.pairs: list[tuple[str, str]] = []
        for pair in pairs:
            name = pair.name
            if known.get(name) != name or name in unfiltered:
                meant = known.get(name) or known.get(name.lower())
                if meant is None or not self._means(rules, name, meant, unfiltered):
                    self._unknown(rules, name, notes)
                    continue
                name = meant
            if name in self.values:
                notes.add("repeated-parameter", name)
                continue
            self.values[name] = pair.value
            self.pairs.append((name, pair.value))
            if pair.latin1:
                notes.add("latin-1", name)

    @staticmethod
    def _means(rules: Parameters, given: str, name: str, unfiltered: frozenset[str]) -> bool:
        """Whether a name that is not spelled as that of a parameter is taken for it. Raises Refused."""
        if given != name and rules.names == "exact":
            if rules.odd_case == "refuse":
                reason = UNFILTERED if name in unfiltered else f"did you mean {name}"
                raise Refused(Fault("unsupported-parameter", _shown(given), reason))
            return False
        if name in unfiltered:
            raise Refused(Fault("unsupported-parameter", name, UNFILTERED))
        return True

    @staticmethod
    def _unknown(rules: Parameters, name: str, notes: Notes) -> None:
        if rules.unknown == "refuse":
            raise Refused(Fault("unsupported-parameter", _shown(name), "there is no such parameter"))
        notes.add("unknown-parameter", name if _PLAIN_NAME.fullmatch(name) else "")

    def read(self, name: str, kind: Kind, notes: Notes) -> Any:
        """The neutral value of a parameter that was given. Raises Refused."""
        value = self.values[name]
        if kind.repair is not None and isinstance(value, str) and (meant := kind.repair(value)) is not None:
            notes.add("repaired-plus", name)
            self.values[name] = value = meant
        return read_value(name, kind.read, value)


def read_value(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    """A value through a kind's read; what it cannot read is the caller's fault, by name."""
    try:
        return read(value)
    except BadValue as error:
        raise Refused(Fault("invalid-parameter", name, error.reason)) from None


def _shown(name: str) -> str:
    """A caller's own name of something, short and printable enough for an answer and a log."""
    return "".join(character if character.isprintable() else "?" for character in name[:_MOST_NAME])


def pairs_of(request: Request, operation: OperationRow) -> list[form.Pair]:
    """The pairs of a request, from where its operation has them. Raises Refused for a body that cannot be read as that."""
    body = request.body or b""
    if operation.request == "form":
        return _read(body, _form_charset(request))
    found = query_pairs(request.query)
    if operation.request in ("json", "query-and-json"):
        found += _json_members(request, body, required=operation.request == "json")
    return found


def query_pairs(query: str) -> list[form.Pair]:
    """The pairs of a query string. Raises Refused where there are too many."""
    return _read(query.encode("latin-1", "replace"))


def _read(data: bytes, charset: str = "utf-8") -> list[form.Pair]:
    found = form.read(data, charset)
    if found is None:
        raise Refused(Fault("malformed-body", reason=f"holds more than {form.MOST_FIELDS} fields"))
    return found


def entries_of(request: Request, operation: OperationRow) -> list[list[form.Pair] | Fault]:
    """The pairs of each entry of a batch, or what is wrong with it. Raises Refused for a body that is no batch, or too many."""
    found = next(
        (
            pair.value
            for pair in _json_members(request, request.body or b"", required=True)
            if _is(pair, operation.member)
        ),
        None,
    )
    if found is None:
        raise Refused(Fault("missing-parameter", operation.member))
    if not isinstance(found, list) or not 1 <= len(found) <= operation.most:
        reason = f"has to be an array of 1 to {operation.most} messages"
        raise Refused(Fault("invalid-parameter", operation.member, reason))
    return [
        _members(entry) if isinstance(entry, dict) else Fault("malformed-body", reason=_NO_OBJECT) for entry in found
    ]


def _is(pair: form.Pair, name: str) -> bool:
    return pair.name.lower() == name.lower()


def _members(members: dict[str, Any], *, latin1: bool = False) -> list[form.Pair]:
    """The members of an object as pairs; null is "not given"."""
    return [form.Pair(name, value, latin1) for name, value in members.items() if value is not None]


def _media(request: Request) -> tuple[str, str]:
    return _media_of(request.header("content-type") or "")


@lru_cache(maxsize=64)
def _media_of(content_type: str) -> tuple[str, str]:
    """Media type and parameters; callers have few."""
    media, _, rest = content_type.partition(";")
    return media.strip().lower(), rest.replace(" ", "").lower()


def _form_charset(request: Request) -> str:
    media, rest = _media(request)
    if media != "application/x-www-form-urlencoded":
        raise Refused(Fault("unsupported-media"))
    return "latin-1" if rest in ("charset=iso-8859-1", "charset=latin-1") else "utf-8"


def _json_members(request: Request, body: bytes, *, required: bool) -> list[form.Pair]:
    """The members of a JSON object as pairs; Latin-1 bodies are read too, since an SDK sends them. null is "not given"."""
    if not body.strip():
        if required:
            raise Refused(Fault("malformed-body", reason="is empty"))
        return []
    if _media(request)[0] not in ("application/json", "text/json", ""):
        raise Refused(Fault("unsupported-media"))
    latin1 = False
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        body, latin1 = body.decode("latin-1").encode("utf-8"), True
    try:
        members = json_format.read(body)
    except Unreadable:
        raise Refused(Fault("malformed-body", reason="is not JSON")) from None
    if not isinstance(members, dict):
        raise Refused(Fault("malformed-body", reason=_NO_OBJECT))
    return _members(members, latin1=latin1)
