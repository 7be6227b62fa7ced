"""Parameters of a front's request: where they stand, what they are called, and what is noticed on the way."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from translator.core.errors import BadValue, FaultRaised, MalformedProviderResponse
from translator.core.http.formats import form, json, lenient, text
from translator.core.http.formats.media import media_of
from translator.core.http.messages import Request
from translator.core.mapping.schema import OperationRow, Parameters
from translator.core.model import Fault, Notes
from translator.core.values.codecs import Codec

_MOST_NAME = 40
_NO_OBJECT = "is not a JSON object"
UNFILTERED = "lists are not filtered by it"
"""Why the name of an attribute is no parameter of a list."""

_COMPARED = re.compile(r"([A-Za-z_.-]{1,40}?)\s*([<>!~]=?|\[[A-Za-z]{0,8}\])")
"""A name with a sign of comparison behind it, as other libraries write a bound: `StartTime>=2018-10-05`, `StartTime[gte]=2018-10-05`."""

PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z_.-]{0,39}")
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
                    self.unknown(rules, name, known, notes)
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
                raise FaultRaised(Fault("unsupported-parameter", _shown(given), reason))
            return False
        if name in unfiltered:
            raise FaultRaised(Fault("unsupported-parameter", name, UNFILTERED))
        return True

    @staticmethod
    def unknown(rules: Parameters, name: str, known: Mapping[str, str], notes: Notes) -> None:
        """Note a name that is no parameter. Raises Refused for one that was meant."""
        compared = _COMPARED.match(name)
        if compared is not None:
            name = f"{compared[1]}{compared[2]}"
            exact = rules.names == "exact"
            meant = known.get(compared[1] if exact else compared[1].lower())
            if meant is not None and not (exact and rules.odd_case == "ignore"):
                reason = f"{_shown(meant)} is compared as it is described, and written with = alone"
                raise FaultRaised(Fault("unsupported-parameter", _shown(name), reason))
        if rules.unknown == "refuse":
            raise FaultRaised(Fault("unsupported-parameter", _shown(name), "there is no such parameter"))
        notes.add("unknown-parameter", name if compared or PLAIN_NAME.fullmatch(name) else "")

    def read(self, name: str, kind: Codec, notes: Notes) -> Any:
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
        raise FaultRaised(Fault("invalid-parameter", name, error.reason)) from None


def _shown(name: str) -> str:
    """A caller's own name of something, short and printable enough for an answer and a log."""
    return "".join(character if character.isprintable() else "?" for character in name[:_MOST_NAME])


def pairs_of(request: Request, operation: OperationRow) -> list[form.Pair]:
    """The pairs of a request, from where its operation has them. Raises Refused for a body that cannot be read as that."""
    body = request.body or b""
    if body:
        _refuse_encoded(request)
    if operation.request == "form":
        return _read(body, _charset(request, body, "application/x-www-form-urlencoded"))
    found = query_pairs(request.query)
    if operation.request in ("json", "query-and-json"):
        found += _json_members(request, body, required=operation.request == "json")
    return found


def refuse_unread(request: Request, rules: Parameters, known: Mapping[str, str], notes: Notes) -> None:
    """Look at the body of a request whose parameters stand in its query alone. Raises Refused for a parameter that stands there: the list
    without it is not what was asked for. Where names that were probably meant are ignored, it is noted, and so is a name that nobody
    knows: no more of them than a query may have."""
    body, media = request.body or b"", media_of(request.header("content-type") or "")
    names = [pair.name for pair in form.read(body) or ()] if "json" not in media.type else _names(body)
    for name in names[: form.MOST_FIELDS]:
        meant = known.get(name) or known.get(name.lower())
        if meant is None:
            Given.unknown(rules, name, known, notes)
        elif rules.names == "exact" and rules.odd_case == "ignore":
            notes.add("unread-parameter", meant)
        else:
            raise FaultRaised(
                Fault(
                    "unsupported-parameter", meant, "it stands in the body of a GET, and is read from the query alone"
                )
            )


def _names(body: bytes) -> list[str]:
    try:
        members = lenient.read(body)
    except MalformedProviderResponse:
        return []
    return list(members) if isinstance(members, dict) else []


def query_pairs(query: str) -> list[form.Pair]:
    """The pairs of a query string. Raises Refused where there are too many."""
    return _read(query.encode("latin-1", "replace"))


def _read(data: bytes, charset: str = "utf-8") -> list[form.Pair]:
    found = form.read(data, charset)
    if found is None:
        raise FaultRaised(Fault("malformed-body", reason=f"holds more than {form.MOST_FIELDS} fields"))
    return found


def entries_of(request: Request, operation: OperationRow) -> list[list[form.Pair] | Fault]:
    """The pairs of each entry of a batch, or what is wrong with it. Raises Refused for a body that is no batch, or too many."""
    _refuse_encoded(request)
    found = next(
        (
            pair.value
            for pair in _json_members(request, request.body or b"", required=True)
            if _is(pair, operation.member)
        ),
        None,
    )
    if found is None:
        raise FaultRaised(Fault("missing-parameter", operation.member))
    if not isinstance(found, list) or not 1 <= len(found) <= operation.most:
        reason = f"has to be an array of 1 to {operation.most} messages"
        raise FaultRaised(Fault("invalid-parameter", operation.member, reason))
    return [
        _members(entry) if isinstance(entry, dict) else Fault("malformed-body", reason=_NO_OBJECT) for entry in found
    ]


def _is(pair: form.Pair, name: str) -> bool:
    return pair.name.lower() == name.lower()


def _members(members: dict[str, Any], *, latin1: bool = False) -> list[form.Pair]:
    """The members of an object as pairs; null is "not given"."""
    return [form.Pair(name, value, latin1) for name, value in members.items() if value is not None]


def _refuse_encoded(request: Request) -> None:
    """Refuse a body that has to be decompressed first: no document speaks of that, and read as it is it says nothing."""
    coding = (request.header("content-encoding") or "").strip()
    if coding.lower() not in ("", "identity"):
        raise FaultRaised(Fault("unsupported-media", reason=f", and not encoded as {_shown(coding)}"))


def _charset(request: Request, body: bytes, *media: str) -> str:
    """The codec of a body. Raises Refused where it is of another type, or in a charset that is not known here, said or not."""
    found = media_of(request.header("content-type") or "")
    if found.type not in media:
        raise FaultRaised(Fault("unsupported-media"))
    try:
        if wide := text.wide_charset(body):
            raise text.UnknownCharset(wide)
        return text.known_charset(found.charset)
    except text.UnknownCharset as error:
        raise FaultRaised(Fault("unsupported-media", reason=f", and not in the charset {error.name}")) from None


def _json_members(request: Request, body: bytes, *, required: bool) -> list[form.Pair]:
    """The members of a JSON object as pairs; Latin-1 bodies are read too, since an SDK sends them. null is "not given"."""
    if not body.strip():
        if required:
            raise FaultRaised(Fault("malformed-body", reason="is empty"))
        return []
    charset = _charset(request, body, "application/json", "text/json", "")
    body, latin1 = lenient.as_utf8(body, charset)
    try:
        members = _decoded(body)
    except MalformedProviderResponse:
        raise FaultRaised(Fault("malformed-body", reason="is not JSON")) from None
    if not isinstance(members, dict):
        raise FaultRaised(Fault("malformed-body", reason=_NO_OBJECT))
    return _members(members, latin1=latin1)


def _decoded(body: bytes) -> Any:
    """A body as JSON; half a character in it is U+FFFD."""
    try:
        return json.read(body)
    except MalformedProviderResponse:
        if b"\\u" not in body:
            raise
        return lenient.read(body)
