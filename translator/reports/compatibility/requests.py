"""The content of requests: the parameters of a send, and the filters, sorts and pages of a list."""

from collections.abc import Iterator
from typing import Final

from translator.core.mapping.schema import NO_CALLS, FilterRow, SendRow
from translator.core.values.codecs import KINDS
from translator.core.values.vocabulary import Vocabulary
from translator.reports.compatibility.row import Pair, Row, quoted

_COUNTED: Final = ("total", "last-page", "last-link")
"""The values of a page object that need a count."""


def send(pair: Pair) -> Iterator[Row]:
    """Yield each parameter of a send in front, and each that the provider is told without a request for it."""
    front, back = pair.names
    behind = {row.attribute: row for row in pair.back.send}
    untold = {row.attribute for row in pair.back.untold}
    calls = (pair.front.calls or NO_CALLS).address
    for row in pair.front.send:
        other = behind.get(row.attribute)
        if calls and row.attribute in (calls, f"{calls}_method"):
            reason = f"this proxy makes the callback when it learns a new status from {back}"
            yield pair.row("send parameter", row.name, "emulated", reason)
        elif row.attribute in untold:
            yield pair.row("send parameter", row.name, "lossy", f"accepted, and {back} is not told: it cannot be")
        elif other is None:
            yield pair.row("send parameter", row.name, "refused", f"{back} has no counterpart for `{row.name}`")
        else:
            yield from _sent(pair, row, other)
    for operation in pair.front.operations:
        if operation.name == "batch":
            reason = f"up to {operation.most}, each sent to {back} by itself and with an outcome of its own"
            yield pair.row(
                "send parameter", f"{operation.member} (batch)", "emulated", reason, of="batch", section="operations"
            )
    asked = {row.attribute for row in pair.front.send}
    for other in pair.back.send:
        if other.default is not None and other.attribute not in asked:
            reason = f"always `{str(other.default).lower()}`: {front} has no parameter that says otherwise"
            yield pair.row("send parameter", f"{other.name} (behind)", "derived", reason, of=other.name, behind=True)


def _sent(pair: Pair, row: SendRow, other: SendRow) -> Iterator[Row]:
    back = pair.names[1]
    form = "" if row.kind == other.kind else f", written as {KINDS[other.kind].means}"
    yield pair.row("send parameter", row.name, "native", f"`{other.name}` of {back}{form}")
    if other.required and not row.required:
        reason = (
            f"the account's configured `{row.attribute}`, since {back} requires `{other.name}`; refused without one"
        )
        yield pair.row("send parameter", f"{row.name}, left out", "derived", reason, of=row.name)
    for party in row.carries:
        if party not in other.carries:
            sort = party.replace("-", " ")
            reason = f"`{other.name}` of {back} does not carry a {sort}"
            yield pair.row("send parameter", f"{row.name}, a {sort}", "refused", reason, of=row.name)


def filters(pair: Pair) -> Iterator[Row]:
    """Yield each filter in front, and each bound that the back requires without a request for it."""
    front, back = pair.names
    for row in pair.front.filters:
        other = next((other for other in pair.back.filters if other.test == row.test), None)
        if row.test == "refused":
            reason = f"{front} does not describe such a filter, and to ignore it would show messages that it excludes"
            yield pair.row("filter", row.name, "refused", reason)
        elif row.test == "word":
            yield _by_word(pair, row)
        elif other is None or row.inclusive is None:
            reason = f"{back} does not filter by it; this proxy filters the rows"
            yield pair.row("filter", row.name, "emulated", reason)
        elif row.inclusive == other.inclusive:
            reason = f"`{other.name}` of {back}, {_bound(row)} as well; of the date of creation"
            yield pair.row("filter", row.name, "native", reason)
        else:
            reason = f"`{other.name}` of {back}, one second off: {_bound(row)} in front, {_bound(other)} behind; of the date of creation"
            yield pair.row("filter", row.name, "derived", reason)
    for other in pair.back.filters:
        optional = any(row.test == other.test and not row.required for row in pair.front.filters)
        if other.required and optional:
            start = f"{other.open}" if other.open is not None else f"now and {other.open_ahead} seconds"
            reason = f"required by {back}; {start} if the list of {front} has no such bound"
            yield pair.row("filter", f"{other.name} (behind)", "derived", reason, of=other.name, behind=True)


def _by_word(pair: Pair, row: FilterRow) -> Row:
    """Return the row of a filter by a word. It is native if each of its words is one of the back's. Otherwise the back applies the
    wider word, and the proxy filters the rest."""
    back = pair.names[1]
    other = next(
        (
            own
            for own in pair.back.filters
            if own.attribute == row.attribute and own.test == "word" and own.way == "both"
        ),
        None,
    )
    if other is None:
        reason = f"{back} does not filter by it; this proxy filters the rows"
        return pair.row("filter", row.name, "emulated", reason)
    front_words, back_words = (
        Vocabulary(table.words.status if row.attribute == "status" else table.words.direction).stands_for
        for table in (pair.front, pair.back)
    )
    wider = [word for word, neutral in front_words.items() if neutral not in back_words.values()]
    if not wider:
        return pair.row("filter", row.name, "native", f"`{other.name}` of {back}")
    reason = f"`{other.name}` of {back} is wider than {quoted(wider)}; this proxy filters the other rows"
    return pair.row("filter", row.name, "emulated", reason)


def _bound(row: FilterRow) -> str:
    return "inclusive" if row.inclusive else "exclusive"


def sorting(pair: Pair) -> Iterator[Row]:
    """Yield the default order of a list, and each sort in front."""
    front, back = pair.names
    default, sort = pair.front.sort.default, pair.back.sort
    if default == "ascending" and (sort.parameter or sort.default == default):
        asked = next((key.name for key in sort.keys if key.attribute == "created"), "")
        how = f"as `{sort.parameter}={asked}{sort.separator}{sort.ascending}` of {back}" if asked else f"as of {back}"
        yield pair.row("sort", "nothing asked", "native", f"by creation, {default}, {how}", of="default")
    else:
        reason = f"by creation, {default}; cut from the end of what {back} lists"
        yield pair.row("sort", "nothing asked", "emulated", reason, of="default")
    for key in pair.front.sort.keys:
        of = f"keys.{key.name}"
        if not key.offered:
            yield pair.row("sort", key.name, "refused", "unless a setting offers it; then sorted here", of=of)
            continue
        if key.attribute == "created":
            yield pair.row("sort", key.name, "emulated", f"cut from either end of what {back} lists", of=of)
            continue
        reason = f"{back} is read whole and sorted here by what {front} shows; ties newest first"
        yield pair.row("sort", key.name, "emulated", reason, of=of)


def paging(pair: Pair) -> Iterator[Row]:
    """Yield each parameter of paging in front, and each member of its page object."""
    back, rules, other = pair.names[1], pair.front.paging, pair.back.paging
    slices = quoted([name for name in (other.position, other.size) if name])
    yield pair.row("paging", rules.position, "emulated", f"cut here from slices by {slices} of {back}", of="position")
    most = f", at most {rules.size_max}" if rules.size_max else ""
    size = f"{rules.size_default} unless asked{most}; cut here from slices of {other.slice} from {back}"
    yield pair.row("paging", rules.size, "emulated", size, of="size")
    if rules.limit:
        reason = f"the first {rules.limit_default} unless asked, after filters and sort, counted here"
        yield pair.row("paging", rules.limit, "emulated", reason, of="limit")
    if rules.after:
        yield pair.row("paging", rules.after, "emulated", "the page begins after that message, found here", of="after")
    for member in rules.members:
        what, of = member.value.replace("-", " "), f"members.{member.json}"
        if member.value in _COUNTED:
            reason = f"the {what}: {back} gives no count, so it is found by galloping and binary search, one row each"
            yield pair.row("paging", member.json, "emulated", reason, of=of)
        else:
            reason = f"the {what}, worked out from the request and the count"
            yield pair.row("paging", member.json, "derived", reason, of=of)
