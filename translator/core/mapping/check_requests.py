"""The rules for the sections of requests: send, calls, filters, sort and paging."""

from translator.core.mapping.problems import ATTRIBUTES, Findings, known_kind, row_of, twice
from translator.core.mapping.schema import FilterRow, Table
from translator.core.model import STATUSES, Draft
from translator.core.values.codecs import KINDS

_PARTIES = {"number", "short-code", "client", "sender-id"}


def send(table: Table) -> Findings:
    attributes = [row.attribute for row in table.send]
    yield from (("[[send]]", f"{name} is listed twice") for name in twice(row.name.lower() for row in table.send))
    yield from (("[[send]]", f"two rows are of {name}") for name in twice(attributes))
    for number, row in enumerate(table.send, 1):
        where = row_of("send", number, row.name)
        if row.attribute not in Draft.__struct_fields__:
            yield where, f"no such attribute of a draft: {row.attribute}"
        if row.depends and row.depends not in attributes:
            yield where, f"depends on {row.depends}, which no row is of"
        if row.kind not in KINDS:
            yield where, f"no such kind: {row.kind}"
        if row.grace < 0 or (row.grace and not row.kind.startswith("instant:")):
            yield where, "a grace is a number of seconds, and only an instant has one"
        if row.kind.startswith("number:") != bool(row.carries) or not set(row.carries) <= _PARTIES:
            yield where, f"a number, and nothing else, says what it carries, out of {', '.join(sorted(_PARTIES))}"
    for number, untold in enumerate(table.untold, 1):
        if untold.attribute not in Draft.__struct_fields__ or untold.attribute in attributes:
            yield row_of("untold", number, untold.attribute), "is an attribute of a draft that no parameter carries"
    needed = {"sender", "recipient", "text"}
    if not needed <= set(attributes):
        yield "[[send]]", f"no row for {', '.join(sorted(needed - set(attributes)))}"


def calls(table: Table) -> Findings:
    rules = table.calls
    if rules is None:
        return
    carried = {row.attribute for row in table.send}
    if not {rules.address, f"{rules.address}_method"} <= carried:
        yield "[calls]", f"no parameter of a send asks for {rules.address} and its method"
    if rules.unless and rules.unless not in carried:
        yield "[calls]", f"no parameter of a send is of {rules.unless}"
    if not set(rules.never_to) <= _PARTIES:
        yield "[calls]", f"never_to is out of {', '.join(sorted(_PARTIES))}"
    statuses = [row.status for row in rules.events]
    yield from (("[[calls.events]]", f"{status} is listed twice") for status in twice(statuses))
    for number, event in enumerate(rules.events, 1):
        where = row_of("calls.events", number, event.status)
        yield from ((where, f"no such status: {status}") for status in [event.status] if status not in STATUSES)
        if event.needs and event.needs not in statuses[: number - 1]:
            yield where, f"needs {event.needs}, which no row before it is"
    for number, row in enumerate(rules.parameters, 1):
        where = row_of("calls.parameters", number, row.name)
        if bool(row.of) == bool(row.text) or (row.of and row.of not in ATTRIBUTES):
            yield where, "is of an attribute of a message, or a text"
        if bool(row.kind) == (not row.of or row.of in ("account", "property")):
            yield where, "has a kind unless it is a text or says whose message it is"
        if row.kind:
            yield from known_kind(where, row.kind)
        yield from ((where, f"no such status: {name}") for name in row.statuses if name not in statuses)
    yield from (
        ("[[calls.parameters]]", f"{name} is listed twice") for name in twice(row.name for row in rules.parameters)
    )


def filters(table: Table) -> Findings:
    yield from (("[[filters]]", f"{name} is listed twice") for name in twice(row.name.lower() for row in table.filters))
    for number, row in enumerate(table.filters, 1):
        where = row_of("filters", number, row.name)
        yield from _bound(where, row)
        if (row.test == "refused") == bool(row.attribute) or (row.attribute and row.attribute not in ATTRIBUTES):
            yield where, f"is of an attribute of a message unless it is refused, not of {row.attribute or 'nothing'}"
        if (row.test == "refused") == bool(row.kind):
            yield where, "has a kind unless it is refused"
        if row.kind:
            yield from known_kind(where, row.kind)
        if row.test == "word" and not row.kind.startswith("word:"):
            yield where, "a filter by word is of a kind of word"
        if (row.test == "contains") != (row.attribute == "text") or (row.test == "contains" and row.kind != "text"):
            yield where, "contains is a filter on text, and of that kind"
        if row.test in ("equals", "tail", "contains") and row.way == "both":
            yield where, f"{row.test} is read only: how a back compares is not known, so none is asked to"
    for test in ("lower-bound", "upper-bound"):
        if sum(row.test == test for row in table.filters) != 1:
            yield "[[filters]]", f"exactly one row has the test {test}"


def _bound(where: str, row: FilterRow) -> Findings:
    bound = row.test in ("lower-bound", "upper-bound")
    if bound != (row.inclusive is not None):
        yield where, "a bound, and nothing else, says whether it is inclusive"
    if row.grain < 1 or (row.grain > 1 and not bound):
        yield where, "a grain is a number of seconds, and only a bound has one of more than one"
    if row.slack < 0 or (row.slack and not bound):
        yield where, "a slack is a number of seconds, and only a bound has one"
    if (row.attribute == "created") != bound:
        yield where, "a filter on created is a bound, and a bound is on created"
    if (row.required and bound) != (row.open is not None or row.open_ahead is not None):
        yield where, "a bound that is required, and nothing else, says where a list without it starts or ends"


def sort(table: Table) -> Findings:
    sort = table.sort
    said = (sort.parameter, sort.separator, sort.ascending, sort.descending, sort.unsaid, sort.unknown, sort.keys)
    if any(said) != all(said):
        yield (
            "[sort]",
            "parameter, separator, ascending, descending, unsaid, unknown and keys stand together or not at all",
        )
    yield from (("[[sort.keys]]", f"{name} is listed twice") for name in twice(key.name for key in sort.keys))
    if sort.keys and not any(key.attribute == "created" for key in sort.keys):
        yield "[[sort.keys]]", "no row is of created, by which a back is asked to sort"
    for number, key in enumerate(sort.keys, 1):
        if key.attribute not in ATTRIBUTES:
            yield row_of("sort.keys", number, key.name), f"no such attribute: {key.attribute}"


def paging(table: Table) -> Findings:
    paging = table.paging
    names = [name for name in (paging.position, paging.size, paging.limit, paging.after) if name]
    if twice(name.lower() for name in names):
        yield "[paging]", "two parameters have one name"
    if paging.size_default < 1 or paging.slice < 1 or paging.size_max < 0:
        yield "[paging]", "size_default and slice are 1 or more, size_max is 0 (no maximum) or more"
    if paging.limit_default < 0 or (paging.limit_default and not paging.limit):
        yield "[paging]", "a limit_default is 1 or more, or 0 for none, and stands with a limit"
    yield from (("[[paging.members]]", f"{name} is listed twice") for name in twice(row.json for row in paging.members))
