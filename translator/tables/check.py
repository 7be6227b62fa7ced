"""What must hold of a table beyond the type of each cell: nothing twice, nothing missing, nothing that names what is not there."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import msgspec

from translator.errors import TableError
from translator.faults import SHAPES
from translator.kinds import KINDS
from translator.model import DIRECTIONS, FAULTS, OPERATIONS, STATUSES, Draft, Message
from translator.tables.cells import label
from translator.tables.schema import Row, Table, WordRow

TABLE_KINDS = ("word:status", "word:direction", "error:number", "error:text", "error:message")
"""The kinds that read and write by rows of the table itself."""

_PARTIES = {"number", "short-code", "client", "sender-id"}
_FORMLESS = ("entry", "fixed", "path", "nothing")
_OF_NOTHING = ("fixed", "path", "nothing")
_PLACEHOLDER = re.compile(r"\{([a-z]*)\}")
_ATTRIBUTES = set(Message.__struct_fields__)
_ALWAYS = tuple(field.name for field in msgspec.structs.fields(Message) if field.required)


def check(file: str, table: Table) -> None:
    """Raise TableError for the first rule that a table breaks."""
    for rule in (_citations, _routes, _formats, _fields, _words, _send, _filters, _sort, _paging, _faults, _settings):
        for where, what in rule(table):
            _fail(f"{file}, {where}", what)


Findings = Iterator[tuple[str, str]]


def _fail(where: str, what: str) -> NoReturn:
    raise TableError(where, what)


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _row(section: str, number: int, name: str) -> str:
    return f"[[{section}]] row {number} ({name})"


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
                        yield _row(name, number, label(msgspec.to_builtins(row))), row
            else:
                yield from _cited(inner, f"[{name}]")


def _routes(table: Table) -> Findings:
    for number, row in enumerate(table.operations, 1):
        where = _row("operations", number, row.name)
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
    if table.formats.default not in names or _twice(names):
        yield "[formats]", "each format is offered once, and the default is one of them"
    if "json" not in names:
        yield "[[formats.offers]]", "no row for json, which every back is asked for"
    if ("xml" in names) != (table.xml is not None):
        yield "[xml]", "stands in a table that offers xml, and in no other"


def _fields(table: Table) -> Findings:
    shown: set[tuple[str, str]] = set()
    copied: list[str] = []
    for number, row in enumerate(table.fields, 1):
        where = _row("fields", number, row.json)
        yield from ((where, f"no such attribute: {name}") for name in row.of if name not in _ATTRIBUTES)
        yield from ((where, f"no such status: {name}") for name in row.statuses if name not in STATUSES)
        if bool(row.kind) == (row.write in _FORMLESS):
            yield where, f"{row.write} has a kind unless the value is what it is: {', '.join(_FORMLESS)}"
        if row.kind:
            yield from _kind(where, row.kind)
        if bool(row.text) != (row.write in ("fixed", "path")) or bool(row.of) != (row.write not in _OF_NOTHING):
            yield where, "has text when it is fixed or a path, and otherwise says of what it is made"
        if row.write in ("copy", "copy-only", "entry", "given") and len(row.of) != 1:
            yield where, f"{row.write} is of one attribute"
        made = {"entry": {"account", "property"}, "given": {"sender", "recipient"}}.get(row.write)
        if made is not None and not set(row.of) <= made:
            yield where, f"{row.write} is of {' or '.join(sorted(made))}"
        for operation in row.shown:
            if (row.json, operation) in shown:
                yield where, f"{operation} shows {row.json} twice"
            shown.add((row.json, operation))
        copied += row.of if row.write == "copy" else ()
    yield from (("[[fields]]", f"two rows copy {name}") for name in _twice(copied))
    yield from (("[[fields]]", f"no row copies {name}") for name in _ALWAYS if name not in copied)
    for number, read in enumerate(table.reads, 1):
        where = _row("reads", number, read.attribute)
        if read.attribute not in _ATTRIBUTES or read.attribute in copied:
            yield where, "is of an attribute that no row of [[fields]] copies"
        yield from ((where, f"no such status: {name}") for name in read.statuses if name not in STATUSES)
        yield from ((where, f"no such direction: {name}") for name in read.directions if name not in DIRECTIONS)
        if (read.fixed is None) != bool(read.json) or bool(read.json) != bool(read.kind):
            yield where, "reads a member by a kind, or is fixed"
        if read.kind:
            yield from _kind(where, read.kind)


def _kind(where: str, kind: str) -> Findings:
    if kind not in KINDS and kind not in TABLE_KINDS:
        yield where, f"no such kind: {kind}"


def _words(table: Table) -> Findings:
    yield from _vocabulary("words.status", table.words.status, STATUSES)
    yield from _vocabulary("words.direction", table.words.direction, DIRECTIONS)
    codes = [row.code for row in table.words.error]
    yield from (("[[words.error]]", f"code {code} is listed twice") for code in _twice(codes))
    if codes and sum(row.unknown for row in table.words.error) != 1:
        yield "[[words.error]]", "exactly one code stands for errors that the table does not know"


def _vocabulary(section: str, rows: tuple[WordRow, ...], neutral: tuple[str, ...]) -> Findings:
    both = [row.word for row in rows if row.way == "both"]
    yield from ((f"[[{section}]]", f"the word {word} is listed twice") for word in _twice(both))
    yield from ((f"[[{section}]]", f"the word {word} is listed nowhere") for word in neutral if word not in both)
    for number, row in enumerate(rows, 1):
        where = _row(section, number, row.wire)
        if row.word not in neutral:
            yield where, f"no such neutral word: {row.word}"
        if bool(row.test) != bool(row.field) or (row.field and row.field not in _ATTRIBUTES):
            yield where, "a test names the attribute that it looks at, and only a test does"
        if row.way == "read" and any(other.wire == row.wire and other is not row for other in rows):
            yield where, f"{row.wire} is read by another row"
    for wire in dict.fromkeys(row.wire for row in rows):
        same = [row for row in rows if row.wire == wire]
        if any(row.test for row in same) and (same[-1].test or sum(not row.test for row in same) != 1):
            yield f"[[{section}]]", f"of the rows that read {wire}, the last one, and no other, is without a test"


def _send(table: Table) -> Findings:
    attributes = [row.attribute for row in table.send]
    yield from (("[[send]]", f"{name} is listed twice") for name in _twice(row.name.lower() for row in table.send))
    yield from (("[[send]]", f"two rows are of {name}") for name in _twice(attributes))
    for number, row in enumerate(table.send, 1):
        where = _row("send", number, row.name)
        if row.attribute not in Draft.__struct_fields__:
            yield where, f"no such attribute of a draft: {row.attribute}"
        if row.depends and row.depends not in attributes:
            yield where, f"depends on {row.depends}, which no row is of"
        if row.kind not in KINDS:
            yield where, f"no such kind: {row.kind}"
        if row.kind.startswith("number:") != bool(row.carries) or not set(row.carries) <= _PARTIES:
            yield where, f"a number, and nothing else, says what it carries, out of {', '.join(sorted(_PARTIES))}"
    for number, untold in enumerate(table.untold, 1):
        if untold.attribute not in Draft.__struct_fields__ or untold.attribute in attributes:
            yield _row("untold", number, untold.attribute), "is an attribute of a draft that no parameter carries"
    needed = {"sender", "recipient", "text"}
    if not needed <= set(attributes):
        yield "[[send]]", f"no row for {', '.join(sorted(needed - set(attributes)))}"


def _filters(table: Table) -> Findings:
    yield from (
        ("[[filters]]", f"{name} is listed twice") for name in _twice(row.name.lower() for row in table.filters)
    )
    for number, row in enumerate(table.filters, 1):
        where = _row("filters", number, row.name)
        bound = row.test in ("lower-bound", "upper-bound")
        if (row.test == "refused") == bool(row.attribute) or (row.attribute and row.attribute not in _ATTRIBUTES):
            yield where, f"is of an attribute of a message unless it is refused, not of {row.attribute or 'nothing'}"
        if bound != (row.inclusive is not None):
            yield where, "a bound, and nothing else, says whether it is inclusive"
        if (row.attribute == "created") != bound:
            yield where, "a filter on created is a bound, and a bound is on created"
        if (row.test == "refused") == bool(row.kind):
            yield where, "has a kind unless it is refused"
        if row.kind:
            yield from _kind(where, row.kind)
        if (row.required and bound) != (row.open is not None or row.open_ahead is not None):
            yield where, "a bound that is required, and nothing else, says where a list without it starts or ends"
        if row.test == "word" and not row.kind.startswith("word:"):
            yield where, "a filter by word is of a kind of word"
        if (row.test == "contains") != (row.attribute == "text") or (row.test == "contains" and row.kind != "text"):
            yield where, "contains is a filter on text, and of that kind"
        if row.test in ("equals", "tail", "contains") and row.way == "both":
            yield where, f"{row.test} is read only: how a back compares is not known, so none is asked to"
    for test in ("lower-bound", "upper-bound"):
        if sum(row.test == test for row in table.filters) != 1:
            yield "[[filters]]", f"exactly one row has the test {test}"


def _sort(table: Table) -> Findings:
    sort = table.sort
    said = (sort.parameter, sort.separator, sort.ascending, sort.descending, sort.unsaid, sort.unknown, sort.keys)
    if any(said) != all(said):
        yield (
            "[sort]",
            "parameter, separator, ascending, descending, unsaid, unknown and keys stand together or not at all",
        )
    yield from (("[[sort.keys]]", f"{name} is listed twice") for name in _twice(key.name for key in sort.keys))
    if sort.keys and not any(key.attribute == "created" for key in sort.keys):
        yield "[[sort.keys]]", "no row is of created, by which a back is asked to sort"
    for number, key in enumerate(sort.keys, 1):
        if key.attribute not in _ATTRIBUTES:
            yield _row("sort.keys", number, key.name), f"no such attribute: {key.attribute}"


def _paging(table: Table) -> Findings:
    paging = table.paging
    names = [name for name in (paging.position, paging.size, paging.limit, paging.after) if name]
    if _twice(name.lower() for name in names):
        yield "[paging]", "two parameters have one name"
    if paging.size_default < 1 or paging.slice < 1 or paging.size_max < 0:
        yield "[paging]", "size_default and slice are 1 or more, size_max is 0 (no maximum) or more"
    if bool(paging.limit) != (paging.limit_default > 0):
        yield "[paging]", "limit and a limit_default of 1 or more stand together"
    yield from (
        ("[[paging.members]]", f"{name} is listed twice") for name in _twice(row.json for row in paging.members)
    )


def _faults(table: Table) -> Findings:
    rows = table.errors.faults
    shape = table.errors.shape
    if shape not in SHAPES:
        yield "[errors]", f"no such shape: {shape}"
    yield from (("[[errors.faults]]", f"{name} is listed twice") for name in _twice(row.fault for row in rows))
    missing = [name for name in FAULTS if name not in {row.fault for row in rows}]
    if missing:
        yield "[[errors.faults]]", f"listed nowhere: {', '.join(missing)}"
    for number, row in enumerate(rows, 1):
        where = _row("errors.faults", number, row.fault)
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
            yield _row("errors.reads", number, read.fault), "reads a range of statuses as a fault of back or caller"
    for operation in OPERATIONS:
        last = [row for row in table.errors.reads if operation in row.operations][-1:]
        if not last or last[0].statuses != (300, 599) or last[0].code:
            yield "[[errors.reads]]", f"the last row for {operation} takes whatever is left, from 300 to 599"


def _settings(table: Table) -> Findings:
    for side in ("front", "back"):
        cells = _twice(row.cell for row in table.settings if row.side == side)
        yield from (("[[settings]]", f"{cell} is set twice") for cell in cells)
        profiles = _twice(row.name for row in table.profiles if row.side == side)
        yield from (("[[profiles]]", f"{name} is listed twice") for name in profiles)
    spelt = {(row.side, row.name): sorted(row.words) for row in reversed(table.settings)}
    for number, row in enumerate(table.settings, 1):
        if sorted(row.words) != spelt[row.side, row.name]:
            yield _row("settings", number, row.name), "the rows of one setting take the same words"
