"""The rules for a table beyond the types of its cells: nothing twice, nothing missing, and no unknown names."""

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec

from translator.core.errors import TableError
from translator.core.http.error_bodies import SHAPES
from translator.core.mapping import check_requests
from translator.core.mapping.cell_paths import label
from translator.core.mapping.problems import ATTRIBUTES, Findings, known_kind, row_of, twice
from translator.core.mapping.schema import FieldRow, Row, Table, WordRow
from translator.core.model import DIRECTIONS, FAULTS, OPERATIONS, STATUSES, Message

"""The kinds that read and write by rows of the table itself."""

_FORMLESS = ("entry", "fixed", "path", "nothing")
_OF_NOTHING = ("fixed", "path", "nothing")
_PLACEHOLDER = re.compile(r"\{([a-z]*)\}")
_ALWAYS = tuple(field.name for field in msgspec.structs.fields(Message) if field.required)


def check(file: str, table: Table) -> None:
    """Raise TableError for the first rule that a table breaks."""
    for rule in (
        _citations,
        _routes,
        _formats,
        _fields,
        _words,
        check_requests.send,
        check_requests.calls,
        check_requests.filters,
        check_requests.sort,
        check_requests.paging,
        _faults,
        _settings,
    ):
        for where, what in rule(table):
            _fail(f"{file}, {where}", what)


def _fail(where: str, what: str) -> NoReturn:
    raise TableError(where, what)


def _citations(table: Table) -> Findings:
    for where, row in _cited(table, ""):
        given = [name for name in ("seed", "known", "inferred") if getattr(row, name)]
        if len(given) != 1:
            yield where, f"has to say where it comes from, once: seed, known or inferred, not {given or 'nothing'}"


def _cited(value: Any, path: str) -> Iterator[tuple[str, Row]]:
    if isinstance(value, Row):
        yield path, value
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            inner = getattr(value, field.name)
            name = f"{path.strip('[]')}.{field.encode_name}".strip(".")
            if isinstance(inner, tuple):
                for number, row in enumerate(inner, 1):
                    if isinstance(row, Row):
                        yield row_of(name, number, label(msgspec.to_builtins(row))), row
            else:
                yield from _cited(inner, f"[{name}]")


def _routes(table: Table) -> Findings:
    for number, row in enumerate(table.operations, 1):
        where = row_of("operations", number, row.name)
        names = set(_PLACEHOLDER.findall(row.path))
        if not row.path.startswith(table.routes.root + "/"):
            yield where, f"its path is not below the root {table.routes.root}"
        if not names <= {"account", "property", "sid"}:
            yield where, "its path may hold {account}, {property} and {sid} only"
        if ("sid" in names) != (row.name == "get"):
            yield where, "{sid} belongs in the path of get, and of get alone"
        if row.scope == "property" and "property" not in names:
            yield where, "a route whose scope is the property names it in its path"
        if (row.request in ("form", "json")) and row.method == "GET" and row.name != "list":
            yield where, "a GET has no body of parameters"
        if not 200 <= row.status <= 299:
            yield where, "status of an answer that went well is from 200 to 299"
        if (row.name == "batch") != (row.most > 0) or (
            row.name == "batch" and (row.request != "json" or not row.member)
        ):
            yield (
                where,
                "a batch, and nothing else, says how many it may hold; it is JSON and has a member that holds them",
            )
    missing = [name for name in OPERATIONS if name not in {row.name for row in table.operations}]
    if missing:
        yield "[[operations]]", f"no row for {', '.join(missing)}"
    if table.routes.extension_at == "nowhere" and any(offer.extension for offer in table.formats.offers):
        yield "[routes]", "extension_at is nowhere, and a format offers an extension"


def _formats(table: Table) -> Findings:
    names = [offer.name for offer in table.formats.offers]
    if table.formats.default not in names or twice(names):
        yield "[formats]", "each format is offered once, and the default is one of them"
    if "json" not in names:
        yield "[[formats.offers]]", "no row for json, which every back is asked for"
    if ("xml" in names) != (table.xml is not None):
        yield "[xml]", "stands in a table that offers xml, and in no other"


def _fields(table: Table) -> Findings:
    shown: set[tuple[str, str]] = set()
    copied: list[str] = []
    for number, row in enumerate(table.fields, 1):
        where = row_of("fields", number, row.json)
        yield from ((where, f"no such attribute: {name}") for name in row.of if name not in ATTRIBUTES)
        yield from ((where, f"no such status: {name}") for name in row.statuses if name not in STATUSES)
        if bool(row.kind) == (row.write in _FORMLESS):
            yield where, f"{row.write} has a kind unless the value is what it is: {', '.join(_FORMLESS)}"
        if row.kind:
            yield from known_kind(where, row.kind)
        if bool(row.text) != (row.write in ("fixed", "path")) or bool(row.of) != (row.write not in _OF_NOTHING):
            yield where, "has text when it is fixed or a path, and otherwise says of what it is made"
        if row.write in ("copy", "copy-only", "entry", "given") and len(row.of) != 1:
            yield where, f"{row.write} is of one attribute"
        yield from _unsaid(where, row)
        made = {"entry": {"account", "property"}, "given": {"sender", "recipient"}}.get(row.write)
        if made is not None and not set(row.of) <= made:
            yield where, f"{row.write} is of {' or '.join(sorted(made))}"
        for operation in row.shown:
            if (row.json, operation) in shown:
                yield where, f"{operation} shows {row.json} twice"
            shown.add((row.json, operation))
        copied += row.of if row.write == "copy" else ()
    yield from (("[[fields]]", f"two rows copy {name}") for name in twice(copied))
    yield from (("[[fields]]", f"no row copies {name}") for name in _ALWAYS if name not in copied)
    for number, read in enumerate(table.reads, 1):
        where = row_of("reads", number, read.attribute)
        if read.attribute not in ATTRIBUTES or read.attribute in copied:
            yield where, "is of an attribute that no row of [[fields]] copies"
        yield from ((where, f"no such status: {name}") for name in read.statuses if name not in STATUSES)
        yield from ((where, f"no such direction: {name}") for name in read.directions if name not in DIRECTIONS)
        if (read.fixed is None) != bool(read.json) or bool(read.json) != bool(read.kind):
            yield where, "reads a member by a kind, or is fixed"
        if read.kind:
            yield from known_kind(where, read.kind)


def _unsaid(where: str, row: FieldRow) -> Findings:
    if row.unsaid and (row.write != "copy" or row.of != ("segments",)):
        yield where, "unsaid says how segments are counted that a back does not say, and nothing else"


def _words(table: Table) -> Findings:
    yield from _vocabulary("words.status", table.words.status, STATUSES)
    yield from _vocabulary("words.direction", table.words.direction, DIRECTIONS)
    codes = [row.code for row in table.words.error]
    yield from (("[[words.error]]", f"code {code} is listed twice") for code in twice(codes))
    if codes and sum(row.unknown for row in table.words.error) != 1:
        yield "[[words.error]]", "exactly one code stands for errors that the table does not know"


def _vocabulary(section: str, rows: tuple[WordRow, ...], neutral: tuple[str, ...]) -> Findings:
    both = [row.word for row in rows if row.way == "both"]
    yield from ((f"[[{section}]]", f"the word {word} is listed twice") for word in twice(both))
    yield from ((f"[[{section}]]", f"the word {word} is listed nowhere") for word in neutral if word not in both)
    for number, row in enumerate(rows, 1):
        where = row_of(section, number, row.wire)
        if row.word not in neutral:
            yield where, f"no such neutral word: {row.word}"
        if bool(row.test) != bool(row.field) or (row.field and row.field not in ATTRIBUTES):
            yield where, "a test names the attribute that it looks at, and only a test does"
        if row.way == "read" and any(other.wire == row.wire and other is not row for other in rows):
            yield where, f"{row.wire} is read by another row"
    for wire in dict.fromkeys(row.wire for row in rows):
        same = [row for row in rows if row.wire == wire]
        if any(row.test for row in same) and (same[-1].test or sum(not row.test for row in same) != 1):
            yield f"[[{section}]]", f"of the rows that read {wire}, the last one, and no other, is without a test"


def _faults(table: Table) -> Findings:
    rows = table.errors.faults
    shape = table.errors.shape
    if shape not in SHAPES:
        yield "[errors]", f"no such shape: {shape}"
    yield from (("[[errors.faults]]", f"{name} is listed twice") for name in twice(row.fault for row in rows))
    missing = [name for name in FAULTS if name not in {row.fault for row in rows}]
    if missing:
        yield "[[errors.faults]]", f"listed nowhere: {', '.join(missing)}"
    for number, row in enumerate(rows, 1):
        where = row_of("errors.faults", number, row.fault)
        if row.fault not in FAULTS:
            yield where, "no such fault"
        if not 400 <= row.status <= 599:
            yield where, "the status of a fault is from 400 to 599"
        if not set(_PLACEHOLDER.findall(row.text)) <= {"parameter", "reason"}:
            yield where, "its text may hold {parameter} and {reason} only"
        if (shape == "response-status") != bool(row.code):
            yield where, f"has a code where the shape shows one, and {shape} is the shape"
    for number, read in enumerate(table.errors.reads, 1):
        if read.fault not in FAULTS or FAULTS[read.fault] == "ours" or read.statuses[0] > read.statuses[1]:
            yield row_of("errors.reads", number, read.fault), "reads a range of statuses as a fault of back or caller"
    for operation in OPERATIONS:
        last = [row for row in table.errors.reads if operation in row.operations][-1:]
        if not last or last[0].statuses != (300, 599) or last[0].code:
            yield "[[errors.reads]]", f"the last row for {operation} takes whatever is left, from 300 to 599"


def _settings(table: Table) -> Findings:
    for side in ("front", "back"):
        cells = twice(row.cell for row in table.settings if row.side == side)
        yield from (("[[settings]]", f"{cell} is set twice") for cell in cells)
        profiles = twice(row.name for row in table.profiles if row.side == side)
        yield from (("[[profiles]]", f"{name} is listed twice") for name in profiles)
    spelt = {(row.side, row.name): sorted(row.words) for row in reversed(table.settings)}
    for number, row in enumerate(table.settings, 1):
        if sorted(row.words) != spelt[row.side, row.name]:
            yield row_of("settings", number, row.name), "the rows of one setting take the same words"
