"""The content of answers: fields, the words in them, and error codes."""

from collections.abc import Iterable, Iterator
from typing import Final

from translator.core.mapping.schema import FieldRow
from translator.core.model import OPERATIONS
from translator.core.values.codecs import KINDS
from translator.core.values.vocabulary import Vocabulary, WordRow
from translator.reports.compatibility.row import Pair, Row, Verdict, quoted

_TESTS: Final = {"present": "is there", "absent": "is not there", "later-than-now": "is later than now"}


def fields(pair: Pair) -> Iterator[Row]:
    """Yield each member of a message in front, twice if only some of the back's answers have it."""
    for row in pair.front.fields:
        verdict, reason = _field(pair, row)
        missing = pair.left_out(row) if verdict != "lossy" else ()
        shown = [operation for operation in row.shown if operation not in missing]
        if shown:
            yield pair.row("field", _shown(row.json, shown), verdict, reason, of=row.json)
        if missing:
            source = next(source for name in row.of if (source := pair.source(name)) is not None)
            reason = f"{pair.names[1]} has `{source.json}` in the answers to {_operations(pair.says(source.json))} only"
            yield pair.row("field", _shown(row.json, missing), "lossy", f"left out: {reason}", of=row.json)
        yield from _parties(pair, row)
        if row.kind.startswith("sid:"):
            reason = "a SID that is neither M and 31 of A-Z2-7 nor SM and 32 hex digits is carried, in another length"
            yield pair.row("field", f"{row.json}, of another shape", "lossy", reason, of=row.json)


def _parties(pair: Pair, row: FieldRow) -> Iterator[Row]:
    """Yield the senders or recipients of the back's messages that no send in front can name."""
    front, back = pair.names
    if row.write != "copy" or not row.kind.startswith("number:"):
        return
    ours, theirs = (
        next((other.carries for other in table.send if other.attribute == row.of[0]), ())
        for table in (pair.front, pair.back)
    )
    for party in theirs:
        if party not in ours:
            reason = f"shown as {back} has it, although {front} describes numbers alone"
            yield pair.row("field", f"{row.json}, a {party.replace('-', ' ')}", "derived", reason, of=row.json)


def _shown(name: str, operations: Iterable[str]) -> str:
    kept = list(operations)
    return name if len(kept) == len(OPERATIONS) else f"{name} ({', '.join(kept)})"


def _operations(names: Iterable[str]) -> str:
    return " and ".join(name for name in OPERATIONS if name in set(names))


def _field(pair: Pair, row: FieldRow) -> tuple[Verdict, str]:
    front, back = pair.names
    if row.write == "fixed":
        return "derived", f"always `{row.text}`"
    if row.write == "path":
        return "derived", f"made from the caller's {front} account and the SID"
    if row.write == "nothing":
        return "derived", "not known at that moment, and never shown"
    if row.write == "entry":
        return "derived", f"the caller's own {front} {row.of[0]}, never the one at {back}"
    if fixed := pair.synthetic_account(row):
        facts = "; ".join(f"{str(read.fixed).lower()} for {quoted(read.directions, 'or')}" for read in fixed)
        asked = (
            ". After a send it is the value of the request, as long as the journal keeps that send"
            if "send" in row.shown
            else ""
        )
        return "lossy", f"{back} does not say it: {facts}{asked}"
    sources = [source.json for name in row.of if (source := pair.source(name)) is not None]
    if row.unsaid:
        return _worked_out(pair, row, sources)
    if not sources:
        return "lossy", f"left out: {back} does not say it"
    if row.write == "given":
        return "derived", f"as the caller wrote it, unless `{sources[0]}` of {back} is another one"
    if row.write in ("latest", "first"):
        which = "the latest of " if row.write == "latest" else "the first there is of "
        return "derived", f"{which if len(sources) > 1 else ''}{quoted(sources)} of {back}"
    return _copied(pair, row, sources[0])


def _worked_out(pair: Pair, row: FieldRow, sources: list[str]) -> tuple[Verdict, str]:
    """Return verdict and reason of a count. It is native if the back says one."""
    back = pair.names[1]
    if sources and pair.says(sources[0]) >= set(row.shown):
        return "native", f"`{sources[0]}` of {back}"
    how = "counted here by 3GPP TS 23.038, and 0 for a received message"
    if not sources:
        return "derived", how
    return "derived", f"`{sources[0]}` of {back} if its answer has it, else {how}"


def _copied(pair: Pair, row: FieldRow, source: str) -> tuple[Verdict, str]:
    back = pair.names[1]
    if row.kind.startswith("error:"):
        how = "the text of " if row.kind == "error:message" else ""
        return "derived", f"{how}`{source}` of {back}, when the status is {' or '.join(row.statuses)}"
    if row.kind.startswith("word:"):
        return "native", f"`{source}` of {back}, word by word as below"
    if row.kind.startswith("sid:"):
        return "native", f"`{source}` of {back}: every SID of the shapes that the documents show is carried exactly"
    read = next((read for read in pair.back.reads if read.attribute == row.of[0]), None)
    if read is not None and (read.statuses or read.directions):
        which = "status" if read.statuses else "direction"
        return (
            "derived",
            f"`{source}` of {back}, when the {which} there is {quoted(read.statuses or read.directions, 'or')}",
        )
    found = pair.source(row.of[0])
    same = found is not None and found.kind == row.kind
    return "native", f"`{source}` of {back}{'' if same else ', written as ' + KINDS[row.kind].means}"


def unseen(pair: Pair) -> Iterator[Row]:
    """Yield the members of the back for which some answers of the front have no place."""
    front, back = pair.names
    for found in pair.unseen():
        some = found.operations != found.said
        name = _shown(found.member, found.operations) if some else found.member
        where = f" in its answers to {_operations(found.operations)}" if some else ""
        reason = f"{front} has no place of its own for what {back} says here{where}"
        yield pair.row("field", f"{name} (behind)", "lossy", reason, of=found.member, behind=True)


def words(pair: Pair) -> Iterator[Row]:
    """Yield each status and direction word in front, and its word at the back."""
    for what, shown, behind in (
        ("status word", Vocabulary(pair.front.words.status), Vocabulary(pair.back.words.status)),
        ("direction word", Vocabulary(pair.front.words.direction), Vocabulary(pair.back.words.direction)),
    ):
        written = [row for row in shown.rows if row.way == "both"]
        for wire in dict.fromkeys(row.wire for row in written):
            rows = [row for row in written if row.wire == wire]
            verdict, reason = _several(pair, rows, behind) if len(rows) > 1 else _single(pair, rows[0], shown, behind)
            yield pair.row(what, wire, verdict, reason)
        for row in behind.rows:
            if row.way == "read":
                reason = f"{pair.names[1]} may say it too; shown as `{shown.write[row.word]}`"
                yield pair.row(what, f"{row.wire} (behind)", "derived", reason, of=row.wire, behind=True)


def _single(pair: Pair, row: WordRow, shown: Vocabulary, behind: Vocabulary) -> tuple[Verdict, str]:
    """Return verdict and reason of a word for one neutral word, by the way in which the back's word for that one is read."""
    back = pair.names[1]
    wire = behind.write[row.word]
    same = [other for other in behind.rows if other.wire == wire]
    own = next(other for other in same if other.word == row.word)
    if own.test:
        return "derived", f"`{wire}` of {back}, when `{_member(pair, own.field)}` {_TESTS[own.test]}"
    if any(other.test for other in same):
        return "derived", f"`{wire}` of {back}, unless it is shown as {_shown_as(same[:-1], shown)}"
    if same[0].word != row.word:
        return "lossy", f"never shown: `{wire}` of {back} is read as `{shown.write[same[0].word]}`"
    more = f"; {_shown_as(same[1:], shown)} come back as this" if len(same) > 1 else ""
    return "native", f"`{wire}` of {back}{more}"


def _several(pair: Pair, rows: list[WordRow], behind: Vocabulary) -> tuple[Verdict, str]:
    """Return verdict and reason of a word for several neutral words: whether the back's distinction between them can still be seen."""
    front, back = pair.names
    wires = quoted([behind.write[row.word] for row in rows])
    tests = [row for row in rows if row.test]
    copied = {row.of[0] for row in pair.front.fields if row.write == "copy"}
    if tests and all(row.field in copied and pair.source(row.field) for row in tests):
        members = [field.json for row in tests for field in pair.front.fields if field.of == (row.field,)]
        return "derived", f"{wires} of {back}, told apart by whether `{members[0]}` {_TESTS[tests[0].test]}"
    return "lossy", f"{wires} of {back}: {front} does not tell them apart"


def _shown_as(rows: list[WordRow], shown: Vocabulary) -> str:
    return quoted([shown.write[row.word] for row in rows])


def _member(pair: Pair, attribute: str) -> str:
    source = pair.source(attribute)
    return source.json if source is not None else attribute


def error_codes(pair: Pair) -> Iterator[Row]:
    """Yield each error code that the front knows, and the treatment of all others."""
    front, back = pair.names
    for row in pair.front.words.error:
        yield pair.row("error code", row.code, "native", f"the same code from {back}; its text is “{row.text}”")
    unknown = next((row for row in pair.front.words.error if row.unknown), None)
    if unknown is not None:
        reason = f"shown as {unknown.code}, “{unknown.text}”: {front} does not know the codes of {back}"
        yield pair.row("error code", "any other", "lossy", reason, of=unknown.code)
    else:
        shown = [row.json for row in pair.front.fields if row.of == ("error",)]
        for member in shown[:1]:
            reason = f"the code as {back} writes it"
            yield pair.row("error code", "any", "native", reason, of=member, section="fields")
