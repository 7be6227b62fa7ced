"""The compatibility table: two mapping tables composed, so that what a pair of dialects can and cannot do is read off, not remembered.

For every field, parameter, filter, word, fault and format of the dialect in front it says how that fares with the other one behind, and
why. `mappings/COMPATIBILITY.md` is this table as Markdown; a test fails when it is stale.
"""

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Final, NamedTuple

import msgspec

from translator.compile import Bindings
from translator.model import FAULTS
from translator.tables.schema import FieldRow, Table

VERDICTS: Final = {
    "native": "Both dialects have it, and it means the same.",
    "derived": "It is made from what the other dialect has, by a rule.",
    "emulated": "The other dialect does not have it; this proxy does the work.",
    "lossy": "Something is lost, as said.",
    "refused": "It cannot be done, and is answered with an error that names it.",
}


class Row(NamedTuple):
    """How one thing of the dialect in front fares with the other behind."""

    front: str
    back: str
    what: str
    name: str
    verdict: str
    reason: str


class _Pair(NamedTuple):
    front: Table
    back: Table

    def row(self, what: str, name: str, verdict: str, reason: str) -> Row:
        return Row(self.front.dialect.name, self.back.dialect.name, what, name, verdict, reason)

    def source(self, attribute: str) -> str:
        """The back's own name of what it says about an attribute; empty where it says nothing."""
        read = next((row.json for row in self.back.reads if row.attribute == attribute), "")
        return read or next(
            (row.json for row in self.back.fields if row.write == "copy" and row.of == (attribute,)), ""
        )


def rows(tables: Sequence[Table]) -> list[Row]:
    """The rows for every ordered pair of different dialects, in the order of the tables."""
    found: list[Row] = []
    for front, back in permutations(tables, 2):
        pair = _Pair(front, back)
        for part in (
            _fields,
            _unseen,
            _words,
            _errors,
            _send,
            _filters,
            _sorting,
            _paging,
            _faults,
            _formats,
            _headers,
        ):
            found += part(pair)
    return found


def _fields(pair: _Pair) -> Iterator[Row]:
    for row in pair.front.fields:
        name = row.json if len(row.shown) == 3 else f"{row.json} ({', '.join(row.shown)})"
        yield pair.row("field", name, *_field(pair, row))


def _field(pair: _Pair, row: FieldRow) -> tuple[str, str]:
    sources = [source for attribute in row.of if (source := pair.source(attribute))]
    if row.write in ("fixed", "path", "nothing"):
        return "derived", {
            "fixed": f"always `{row.text}`",
            "path": "made from the account and the SID",
            "nothing": "never known at that moment, so never shown",
        }[row.write]
    if row.write == "entry":
        return "derived", f"the caller's own {row.of[0]}, never the one behind"
    if row.write == "given":
        return "derived", f"as the caller wrote it, unless `{sources[0]}` says that it is another one"
    if not sources:
        return "lossy", "the dialect behind does not say it, so it is left out"
    if row.kind.startswith("sid:"):
        return (
            "native",
            "the 32 characters or hex digits of both dialects are carried exactly; any other SID changes in length",
        )
    if len(row.of) > 1:
        return "derived", f"the {'latest' if row.write == 'latest' else 'first there is'} of {_names(sources)}"
    if row.kind.startswith("word:"):
        return "native", f"from `{sources[0]}`, word by word as below"
    if row.kind.startswith("error:"):
        return "derived", f"from `{sources[0]}`, shown when the status is {' or '.join(row.statuses)}"
    if any(read.attribute == row.of[0] for read in pair.back.reads):
        return "derived", f"from `{sources[0]}`, under the statuses and directions that its row in the table says"
    return "native", f"`{sources[0]}`"


def _unseen(pair: _Pair) -> Iterator[Row]:
    """What the dialect behind says and the one in front has no place for."""
    shown = {attribute for row in pair.front.fields for attribute in row.of}
    for row in pair.back.fields:
        missing = [attribute for attribute in row.of if attribute not in shown]
        if row.write == "copy" and missing:
            yield pair.row("field", f"{row.json} (behind)", "lossy", "the dialect in front has no place for it")


def _words(pair: _Pair) -> Iterator[Row]:
    front, back = Bindings(pair.front), Bindings(pair.back)
    for what, shown, behind in (
        ("status word", front.status, back.status),
        ("direction word", front.direction, back.direction),
    ):
        for row in shown.rows:
            if row.way == "read":
                yield pair.row(what, row.wire, "derived", "understood from a provider, never written")
                continue
            wire = behind.write[row.word]
            same = [other for other in behind.rows if other.wire == wire]
            tested = next((other for other in same if other.word == row.word and other.test), None)
            if len(same) == 1 or (same[-1].word == row.word and not tested):
                others = (
                    f", unless it is read as {_names([other.word for other in same[:-1]])}" if len(same) > 1 else ""
                )
                plain = len(same) == 1 or any(other.test for other in same)
                yield pair.row(what, row.wire, "native" if plain else "lossy", f"`{wire}`{others}")
            elif tested:
                yield pair.row(
                    what, row.wire, "derived", f"`{wire}` when `{tested.field}` is {tested.test.replace('-', ' ')}"
                )
            elif same[0].word == row.word:
                yield pair.row(what, row.wire, "native", f"`{wire}` always reads as this")
            else:
                yield pair.row(what, row.wire, "lossy", f"`{wire}` always reads as `{shown.write[same[0].word]}`")


def _errors(pair: _Pair) -> Iterator[Row]:
    for row in pair.front.words.error:
        yield pair.row("error code", row.code, "native", f"the same code behind; its text is “{row.text}”")
    unknown = next((row.code for row in pair.front.words.error if row.unknown), "")
    if unknown:
        yield pair.row("error code", "any other", "lossy", f"becomes {unknown}; the original is logged")
    else:
        yield pair.row("error code", "any", "native", "shown as the text that the dialect behind has")


def _send(pair: _Pair) -> Iterator[Row]:
    behind = {row.attribute: row for row in pair.back.send}
    for row in pair.front.send:
        other = behind.get(row.attribute)
        if other is None:
            yield pair.row("send parameter", row.name, "refused", "the dialect behind has no counterpart for it")
            continue
        lost = [party for party in row.carries if party not in other.carries]
        yield pair.row("send parameter", row.name, "native", f"`{other.name}`")
        for party in lost:
            yield pair.row(
                "send parameter", f"{row.name}: a {party}", "refused", f"`{other.name}` does not carry a {party}"
            )
    for other in pair.back.send:
        if other.default is not None and other.attribute not in {row.attribute for row in pair.front.send}:
            reason = f"always `{str(other.default).lower()}`: the dialect in front cannot say otherwise"
            yield pair.row("send parameter", f"{other.name} (behind)", "derived", reason)


def _filters(pair: _Pair) -> Iterator[Row]:
    for row in pair.front.filters:
        other = next((other for other in pair.back.filters if other.test == row.test), None)
        if row.test == "refused":
            yield pair.row(
                "filter", row.name, "refused", "the document does not describe it, and ignoring it would widen the list"
            )
        elif other is None or row.test not in ("lower-bound", "upper-bound"):
            yield pair.row("filter", row.name, "emulated", "the range of time is read whole, and sifted here")
        elif row.inclusive == other.inclusive:
            yield pair.row("filter", row.name, "native", f"`{other.name}`")
        else:
            one = "inclusive" if row.inclusive else "exclusive"
            yield pair.row(
                "filter", row.name, "derived", f"`{other.name}`, one second further: {one} here, and not there"
            )
    for other in pair.back.filters:
        if other.required and not any(row.test == other.test and row.required for row in pair.front.filters):
            start = f"{other.open}" if other.open is not None else f"now + {other.open_ahead} s"
            yield pair.row("filter", f"{other.name} (behind)", "derived", f"required there; {start} when nobody asked")


def _sorting(pair: _Pair) -> Iterator[Row]:
    default = pair.front.sort.default
    yield pair.row("sort", "unasked order", "emulated", f"by creation, {default}; the range of time is read whole")
    for key in pair.front.sort.keys:
        yield pair.row("sort", key.name, "emulated", "sorted here, ties newest first")


def _paging(pair: _Pair) -> Iterator[Row]:
    rules, other = pair.front.paging, pair.back.paging
    for name in filter(None, (rules.position, rules.size)):
        yield pair.row("paging", name, "emulated", f"cut here from slices of `{other.size}` at `{other.position}`")
    if rules.limit:
        yield pair.row(
            "paging", rules.limit, "emulated", f"the first {rules.limit_default} unless said otherwise, counted here"
        )
    if rules.after:
        yield pair.row("paging", rules.after, "emulated", "the page starts after that message")
    for member in rules.members:
        yield pair.row("page member", member.json, "derived", f"{member.value.replace('-', ' ')}, worked out here")


def _faults(pair: _Pair) -> Iterator[Row]:
    reads = {row.fault for row in pair.back.errors.reads}
    for fault, whose in FAULTS.items():
        row = pair.front.fault(fault)
        name = f"{row.status} {fault}"
        if fault in reads:
            statuses = [
                f"{low}" if low == high else f"{low}-{high}"
                for low, high in (read.statuses for read in pair.back.errors.reads if read.fault == fault)
            ]
            yield pair.row(
                "fault", name, "derived", f"when the dialect behind answers {', '.join(dict.fromkeys(statuses))}"
            )
        else:
            yield pair.row("fault", name, "native", f"said here; the fault is {_WHOSE[whose]}")


_WHOSE: Final = {"caller": "the caller's", "back": "the provider's", "ours": "this proxy's"}


def _formats(pair: _Pair) -> Iterator[Row]:
    behind = {offer.name for offer in pair.back.formats.offers}
    for offer in pair.front.formats.offers:
        verdict = "native" if offer.name in behind else "emulated"
        reason = (
            "spoken on both sides" if offer.name in behind else "written here; the dialect behind is asked for JSON"
        )
        yield pair.row("format", offer.media, verdict, reason)


def _headers(pair: _Pair) -> Iterator[Row]:
    yield pair.row(
        "header", "Authorization", "derived", "checked here; the dialect behind is given our own account and token"
    )
    yield pair.row(
        "header", "WWW-Authenticate", "native", f'`Basic realm="{pair.front.credentials.realm}"` with every 401'
    )
    yield pair.row(
        "header", "Accept", "emulated", f"chooses among {_names([o.media for o in pair.front.formats.offers])}"
    )
    yield pair.row("header", "Retry-After", "native", "passed on from a provider that is busy")
    yield pair.row("header", "X-Request-Id", "native", "taken or made, echoed, and passed on")


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(names))


def as_text(found: Sequence[Row]) -> str:
    """One line a row, for a terminal."""
    return "\n".join(f"{r.front} > {r.back}  {r.verdict:8}  {r.what}  {r.name}: {r.reason}" for r in found) + "\n"


def as_json(found: Sequence[Row]) -> str:
    """An array of objects."""
    return msgspec.json.format(msgspec.json.encode([row._asdict() for row in found])).decode() + "\n"


def as_markdown(found: Sequence[Row]) -> str:
    """A page for a person with a migration to do."""
    lines = ["# Compatibility", "", "Generated from the mapping tables; do not edit. To make it anew:", ""]
    lines += ["    sms-translator mappings --format markdown > mappings/COMPATIBILITY.md", ""]
    lines += [f"- **{verdict}**: {meaning}" for verdict, meaning in VERDICTS.items()]
    for front, back in dict.fromkeys((row.front, row.back) for row in found):
        lines += ["", f"## {front} in front, {back} behind"]
        pair = [row for row in found if (row.front, row.back) == (front, back)]
        for what in dict.fromkeys(row.what for row in pair):
            lines += ["", f"### {what}", "", "| | | |", "| --- | --- | --- |"]
            lines += [f"| {_cell(r.name)} | {r.verdict} | {_cell(r.reason)} |" for r in pair if r.what == what]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
