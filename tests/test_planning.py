"""Planning a list, against a fake back that is a plain list, and against a filter, sort and cut written here once more."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.core.accounts import Account, ConfiguredProvider, Endpoint
from translator.core.dialect import Dialect, dialect
from translator.core.dialect.back import Pushed
from translator.core.effects import EffectGenerator, run_without_shell
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.http.formats import json as json_format
from translator.core.http.messages import Failure, Request, Response
from translator.core.listing import Limits, list_page, messages_between, messages_in_second, plan, read_answer, rules
from translator.core.listing.blocks import RequestBudget
from translator.core.listing.local_query import cut, filter_and_sort
from translator.core.listing.range_reader import RangeReader
from translator.core.listing.totals import CachedTotal, extend
from translator.core.mapping import overlay
from translator.core.mapping.load import raw_tables
from translator.core.model import DIRECTIONS, STATUSES, Message, Notes, Order, Page, Query

NOW = 1_700_000_000.0


def _spoken(sliced: int = 200, order: str = "ascending") -> dict[str, Dialect]:
    """The dialects, with another largest slice and another order of the search."""
    made = {}
    for file, raw in raw_tables().items():
        changed = {**raw, "paging": {**raw["paging"], "slice": sliced}}
        if raw["dialect"]["name"] == "properties-v2":
            changed["sort"] = {**raw["sort"], "default": order}
        spoken = dialect(file, changed)
        made[spoken.name] = spoken
    return made


SPOKEN = {(size, order): _spoken(size, order) for size in (1, 2, 3, 7, 200) for order in ("ascending", "descending")}


def _entry(back: str, sliced: int = 200, order: str = "ascending", in_flight: int = 3) -> Account:
    spoken = SPOKEN[sliced, order]
    front = next(name for name in spoken if name != back)
    prop = "P" if back == "properties-v2" else ""
    side = Endpoint(spoken[front], "F", "" if prop else "FP", "t")
    return Account(
        side, ConfiguredProvider("provider", spoken[back], in_flight), Endpoint(spoken[back], "B", prop, "b"), False
    )


def _message(number: int, created: int = 1000, **members: Any) -> Message:
    sid = "M" + "A" * 24 + f"{number:07}".translate(str.maketrans("0123456789", "ABCDEFGHIJ"))
    plain: dict[str, Any] = {
        "sender": "+15550100001", "recipient": "+15550100002", "text": "t", "status": "sent", "direction": "outbound-api"
    }  # fmt: skip
    return Message(sid=sid, created=created, **{**plain, **members})


class FakeBack:
    """A provider that is a list of messages in its own order. It serves at most `most` at once, whatever the request says."""

    def __init__(
        self, entry: Account, rows: list[Message], most: int = 10**9, grows: list[Message | None] | None = None
    ) -> None:
        self.entry, self.rows, self.most, self.grows = entry, rows, most, grows or []
        self.asked: list[tuple[int, int]] = []

    def answer(self, request: Request) -> Response:
        """Read the request with the standard library's parser, and show a slice with the dialect's own front."""
        from urllib.parse import parse_qs

        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        if "Results_Count" in asked:
            count, skip = int(asked["Results_Count"]), int(asked["Results_Skip"])
        else:
            count = min(int(asked["PageSize"]), self.most)
            skip = int(asked["Page"]) * count
        self.asked.append((skip, count))
        rows = [row for row in self.rows if self._passes(row, asked)]
        if self.grows and (new := self.grows.pop(0)) is not None:
            self.rows = rows = [new, *self.rows]
        return self.shown(rows[skip : skip + min(count, self.most)])

    @staticmethod
    def _passes(row: Message, asked: dict[str, str]) -> bool:
        statuses = {"Processing": ("queued", "sending"), "Submitted": ("sent",), "Failed": ("failed", "undelivered")}
        word = asked.get("Status", "")
        return (not word or row.status in statuses.get(word, (word.lower(),))) and (
            "Direction" not in asked or (row.direction == "inbound") == (asked["Direction"] == "Receive")
        )

    def shown(self, rows: list[Message]) -> Response:
        front, behind = self.entry.back.dialect.front, self.entry.behind
        write: Callable[..., Iterator[str]] = front._writers["list", "json"]
        member = self.entry.back.dialect.table.operation("list").member
        shown: dict[str, Any] = {}
        if self.entry.back.dialect.name == "restcomm":
            shown["page_size"] = self.asked[-1][1] if self.asked else 200  # as the document has it
        rows_shown = write(rows, behind.account, behind.property, None, Notes())
        return Response(200, (), json_format.with_array(json_format.write(shown), member, rows_shown))


def _played(steps: EffectGenerator, answer: Callable[[Request], Any]) -> tuple[Any, list[int]]:
    """The result of the effects, and the number of requests in each round."""
    running, widths = run_without_shell(steps, {}), []
    try:
        ask = next(running)
        while True:
            widths.append(len(ask.requests))
            ask = running.send(tuple(answer(request) for request in ask.requests))
    except StopIteration as done:
        return done.value, widths


def _scan(
    entry: Account, answer: Callable[[Request], Any], most: int = 1000, **bounds: Any
) -> tuple[list[Message], list[int], Notes]:
    """All rows of a range, the number of requests in each round, and the notes."""
    notes = Notes()
    slices = RangeReader(entry, Pushed(**bounds), NOW, RequestBudget(most), notes, ordered=False)
    rows, widths = _played(slices.stretch(0), answer)
    return rows, widths, notes


# ------------------------------------------------------------------------------------------------------------- the law

_messages = st.lists(
    st.builds(
        lambda created, sender, recipient, status, direction: {
            "created": created, "sender": sender, "recipient": recipient, "status": status, "direction": direction,
        },
        st.integers(1000, 1006),
        st.sampled_from(["+15550100001", "+15550100009", "12345", "ACME"]),
        st.sampled_from(["+15550100002", "+15550100003"]),
        st.sampled_from(["sent", "delivered", "received", "sending"]),
        st.sampled_from(["outbound-api", "inbound"]),
    ),
    max_size=25,
)  # fmt: skip
_queries = st.builds(
    Query,
    sender=st.none() | st.just("+15550100009") | st.just("ACME"),
    recipient=st.none() | st.just("+15550100003"),
    statuses=st.none() | st.frozensets(st.sampled_from(STATUSES), min_size=1),
    directions=st.none() | st.frozensets(st.sampled_from(DIRECTIONS), min_size=1),
    order=st.builds(Order, st.sampled_from(["created", "sender", "recipient", "status", "direction"]), st.booleans()),
    skip=st.integers(0, 8),
    count=st.integers(1, 9),
    limit=st.none() | st.integers(1, 30),
)


def _naive(rows: list[Message], query: Query) -> tuple[list[str], int]:
    """The same page, from the sentences of the documents: rows stand oldest first."""
    kept = []
    for row in rows:
        if query.sender is not None and row.sender != query.sender:
            continue
        if query.recipient is not None and row.recipient != query.recipient:
            continue
        if query.statuses is not None and row.status not in query.statuses:
            continue
        if query.directions is not None and row.direction not in query.directions:
            continue
        kept.append(row)
    newest_first = list(reversed(kept))
    if query.order.attribute == "created":
        kept = newest_first if query.order.descending else kept
    else:
        values = sorted({_shown(row, query.order.attribute) for row in kept}, reverse=query.order.descending)
        kept = [row for value in values for row in newest_first if _shown(row, query.order.attribute) == value]
    kept = kept[: query.limit] if query.limit else kept
    return [row.sid for row in kept[query.skip : query.skip + query.count]], len(kept)


def _shown(row: Message, attribute: str) -> str:
    """A value as the seed shows it: numbers without their plus, and an inbound message as `incoming`."""
    value: str = getattr(row, attribute)
    return {"inbound": "incoming"}.get(value, value.removeprefix("+"))


@pytest.mark.parametrize("back", ["properties-v2", "restcomm"])
@given(
    members=_messages,
    query=_queries,
    size=st.sampled_from([1, 2, 3, 7, 200]),
    most=st.sampled_from([1, 2, 3, 5, 10**9]),
    in_flight=st.integers(1, 4),
    order=st.sampled_from(["ascending", "descending"]),
)
def test_a_list_is_a_plain_filter_sort_and_cut_however_the_back_slices_it(
    back: str, members: list[dict[str, Any]], query: Query, size: int, most: int, in_flight: int, order: str
) -> None:
    rows = [_message(number, **given) for number, given in enumerate(sorted(members, key=lambda row: row["created"]))]
    entry = _entry(back, size, order, in_flight)
    if not entry.front.dialect.front.shows_total:
        query = msgspec.structs.replace(
            query, limit=None, order=Order("created", False)
        )  # its caller can ask for neither
    backwards = back == "properties-v2" and order == "descending"
    fake = FakeBack(entry, rows[::-1] if backwards else rows, most)
    notes = Notes()
    sids, total = _naive(rows, query)
    steps = list_page(entry, query, Limits(), NOW, notes)
    if query.skip > total and entry.front.dialect.front.in_pages:
        with pytest.raises(FaultRaised, match="page-out-of-range"):
            _played(steps, fake.answer)
        return
    page, widths = _played(steps, fake.answer)
    assert [row.sid for row in page.messages] == sids
    assert page.total == total or not entry.front.dialect.front.shows_total
    assert max(widths) <= max(in_flight, 1)
    assert {note.name for note in notes.items} <= {"back-serves-less"}


@given(st.integers(21, 40), st.lists(st.booleans(), max_size=3))
def test_arrivals_in_a_newest_first_scan_shift_rows_and_repeat_none(before: int, arriving: list[bool]) -> None:
    entry = _entry("properties-v2", 7, "descending")
    old = [_message(number, 1000 + number) for number in range(before)][::-1]
    new = [_message(100 + number, 2000 + number) if comes else None for number, comes in enumerate(arriving)]
    fake = FakeBack(entry, old, grows=new)
    rows, _, _ = _scan(entry, fake.answer)
    sids = [row.sid for row in rows]
    assert len(sids) == len(set(sids))
    assert {row.sid for row in old} <= set(sids), "what was there before the first ask is there"


def test_shifted_tail_without_a_new_row_is_the_end_and_no_failure() -> None:
    """13 messages in two slices that share one. The 14th comes before the third request, which then brings the oldest ones once more."""
    entry = _entry("properties-v2", 7, "descending", in_flight=1)
    old = [_message(number, 1000 + number) for number in range(13)][::-1]
    fake = FakeBack(entry, old, grows=[None, None, _message(100, 2000)])
    rows, _, notes = _scan(entry, fake.answer)
    assert ([row.sid for row in rows], notes.items) == ([row.sid for row in old], [])
    assert fake.asked == [(0, 7), (6, 7), (12, 7), (14, 1)]


# --------------------------------------------------------------------------------------------------------- its own words


def test_first_slice_is_read_alone_and_the_next_ones_as_many_as_allowed() -> None:
    entry = _entry("properties-v2", 2, in_flight=3)
    fake = FakeBack(entry, [_message(number) for number in range(9)])
    _, widths, _ = _scan(entry, fake.answer)
    assert widths == [1, 3, 3, 3, 1]
    assert fake.asked[:8] == [(0, 2), (1, 2), (2, 2), (3, 2), (4, 2), (5, 2), (6, 2), (7, 2)], (
        "each shares a row with the next"
    )
    assert fake.asked[-1] == (9, 1)


def test_list_that_fills_its_slice_exactly_ends_with_an_empty_slice() -> None:
    entry = _entry("restcomm", 2)
    fake = FakeBack(entry, [_message(number) for number in range(2)])
    rows, widths, notes = _scan(entry, fake.answer)
    assert (len(rows), widths, notes.items) == (2, [1, 3], [])


def test_a_back_that_serves_less_than_asked_is_noticed_and_asked_for_less() -> None:
    entry = _entry("properties-v2", 7)
    fake = FakeBack(entry, [_message(number) for number in range(9)], most=5)
    rows, _, notes = _scan(entry, fake.answer)
    assert len(rows) == 9
    assert [tuple(note) for note in notes.items] == [("back-serves-less", "5 rows where 7 were asked for")]
    assert fake.asked == [(0, 7), (5, 1), (0, 7), (4, 5), (8, 5), (12, 5), (16, 5), (9, 1)]


@pytest.mark.parametrize("back", ["properties-v2", "restcomm"])
def test_list_beyond_the_allowed_requests_is_refused_and_not_cut_short(back: str) -> None:
    entry = _entry(back, 1, in_flight=1)
    fake = FakeBack(entry, [_message(number) for number in range(10)])
    assert len(_scan(entry, fake.answer, most=11)[0]) == 10
    with pytest.raises(FaultRaised) as refused:
        _scan(entry, FakeBack(entry, fake.rows).answer, most=10)
    assert refused.value.fault.name == "list-too-long"


@pytest.mark.parametrize("bounds", [{"until": 0}, {"until": -5}, {"since": 253_402_300_800}])
@pytest.mark.parametrize("back", ["properties-v2", "restcomm"])
def test_a_range_in_which_nothing_can_be_created_is_empty_without_asking(back: str, bounds: dict[str, int]) -> None:
    """253402300799 is 9999-12-31T23:59:59Z, the last second that all of the dialects' forms can write."""
    rows, widths, _ = _scan(_entry(back), lambda request: Failure("broken"), **bounds)
    assert (rows, widths) == ([], [])


@pytest.mark.parametrize("back", ["properties-v2", "restcomm"])
def test_repeated_slice_is_a_fault_of_a_back_that_ignores_the_start(back: str) -> None:
    entry = _entry(back, 2, in_flight=1)
    fake = FakeBack(entry, [])
    with pytest.raises(MalformedProviderResponse, match="repeats"):
        _scan(entry, lambda request: fake.shown([_message(1), _message(2)]))


@pytest.mark.parametrize("back", ["properties-v2", "restcomm"])
def test_a_slice_longer_than_asked_is_a_back_that_ignores_how_many(back: str) -> None:
    entry = _entry(back, 2)
    fake = FakeBack(entry, [])
    with pytest.raises(MalformedProviderResponse, match="longer"):
        _scan(entry, lambda request: fake.shown([_message(number) for number in range(3)]))


@pytest.mark.parametrize("back", ["properties-v2", "restcomm"])
@pytest.mark.parametrize(("created", "outside"), [(999, True), (1000, False), (1009, False), (1010, True)])
def test_row_outside_the_half_open_range_is_a_back_that_ignores_dates(back: str, created: int, outside: bool) -> None:
    entry = _entry(back)
    fake = FakeBack(entry, [_message(1, created)])
    if outside:
        with pytest.raises(MalformedProviderResponse, match="outside the range"):
            _scan(entry, fake.answer, since=1000, until=1010)
    else:
        assert len(_scan(entry, fake.answer, since=1000, until=1010)[0]) == 1


def test_search_in_a_time_window_keeps_to_it_though_the_back_shows_days() -> None:
    """A send of yesterday with the same text is not the one whose outcome is unknown."""
    entry = _entry("restcomm")
    back = dialect("restcomm.toml", overlay(raw_tables()["restcomm.toml"], "back", {"profile": "open-source"}, "test"))
    entry = entry._replace(back=entry.back._replace(dialect=back))
    day = 1_506_038_400
    fake = FakeBack(entry, [_message(number, day + created) for number, created in enumerate((-90, 5, 6, 9, 80_000))])
    found, _ = _played(
        messages_between(entry, Query(since=day + 5, until=day + 9), Limits(), NOW, Notes()), fake.answer
    )
    assert [row.created - day for row in found] == [5, 6]
    found, _ = _played(messages_in_second(entry, day + 9, Limits(), NOW, Notes()), fake.answer)
    assert [row.created - day for row in found] == [9]


def test_a_row_of_another_account_is_never_shown() -> None:
    entry = _entry("properties-v2")
    foreign = FakeBack(entry._replace(behind=entry.behind._replace(account="somebody")), [_message(1)])
    with pytest.raises(MalformedProviderResponse, match="another account"):
        _scan(entry, foreign.answer)


def test_a_row_of_another_property_is_never_shown() -> None:
    entry = _entry("properties-v2")
    foreign = FakeBack(entry._replace(behind=entry.behind._replace(property="Q")), [_message(1)])
    with pytest.raises(MalformedProviderResponse, match="another account or property"):
        _scan(entry, foreign.answer)


# ------------------------------------------------------------------------------------------------------------- the page


def _page(rows: int, *, in_pages: bool = True, **asked: Any) -> Page:
    query = Query(**asked)
    found = filter_and_sort(
        [_message(number, 1000 + number) for number in range(rows)], query, lambda message: message.created
    )
    return cut(found, query, in_pages=in_pages)


@pytest.mark.parametrize(("rows", "last"), [(0, 0), (1, 0), (9, 0), (10, 1), (11, 1), (34, 3)])
def test_the_page_after_the_last_is_refused_where_pages_are_numbered(rows: int, last: int) -> None:
    """The seed: 34 messages at ten a page give `num_pages` 3; the old server answers 400 past it."""
    assert len(_page(rows, skip=last * 10, count=10).messages) == rows - last * 10
    with pytest.raises(FaultRaised) as refused:
        _page(rows, skip=(last + 1) * 10, count=10)
    assert refused.value.fault.name == "page-out-of-range"
    assert refused.value.fault.reason == f"{last + 1} is past the last page, which is {last}"
    assert _page(rows, in_pages=False, skip=(last + 1) * 10, count=10).messages == []


def test_page_follows_the_anchor_message_wherever_it_is_now() -> None:
    after = _message(3).sid
    assert [row.created for row in _page(9, skip=2, count=2, after=after).messages] == [1004, 1005]
    assert [row.created for row in _page(9, skip=2, count=2, after="nobody's").messages] == [1002, 1003]


def test_limit_is_the_total_number_of_items_in_the_list() -> None:
    page = _page(34, skip=10, count=10, limit=12)
    assert (page.total, page.limit, len(page.messages)) == (12, 12, 2)


@pytest.mark.parametrize(
    ("kind", "fault"), [("never-left", "back-unreachable"), ("timeout", "back-timeout"), ("broken", "back-failed")]
)
def test_an_ask_that_brought_no_answer_is_a_fault_of_the_back(kind: Any, fault: str) -> None:
    with pytest.raises(FaultRaised) as refused:
        read_answer(Failure(kind))
    assert refused.value.fault.name == fault


@pytest.mark.parametrize("back", ["properties-v2", "restcomm"])
def test_the_rules_of_a_list_name_what_is_done_here(back: str) -> None:
    said = list(rules(_entry(back), Query(sender="+15550100001", order=Order("sender", True), skip=10, count=5)))
    assert "sifted here: sender" in said
    assert "sorted here: sender, descending; counted here; kept for the pages that follow" in said
    assert "kept: the first all; shown: 5 from index 10" in said


# ------------------------------------------------------------------------------------------------------------ the total


@pytest.mark.parametrize("known", [0, 1, 3, 50, 500])
def test_known_total_is_found_again_in_ten_requests_however_much_is_new(known: int) -> None:
    """In slices of 7, ten requests suffice for up to 3,320 new rows; in slices of 200 it is 101,900. The newest rows come with it."""
    entry = _entry("properties-v2", 7)
    rows = [_message(number) for number in range(3300 + known)]
    for new in (*range(70), *range(70, 3300, 211), 3300):
        fake = FakeBack(entry, rows[: known + new])
        slices = RangeReader(entry, Pushed(), NOW, RequestBudget(1000), Notes(), ordered=True)
        counted, widths = _played(extend(slices, CachedTotal(known, 0, 7, (known,), 0), 3), fake.answer)
        assert counted.rows == known + new
        assert len(widths) == sum(widths)
        all_read = set(range(max(0, known + new - 3), known + new)) <= counted.read.keys()
        assert len(widths) <= (10 if all_read else 9), "what is not read yet takes one ask"


def test_back_that_answers_the_same_rows_at_any_offset_has_no_total() -> None:
    entry = _entry("properties-v2", 7)
    fake = FakeBack(entry, [])
    slices = RangeReader(entry, Pushed(), NOW, RequestBudget(1000), Notes(), ordered=True)
    with pytest.raises(MalformedProviderResponse, match="the same one"):
        _played(
            extend(slices, CachedTotal(7, 0, 7, (7,), 0), 3), lambda _: fake.shown([_message(at) for at in range(7)])
        )


# ------------------------------------------------------------------------------------------------------------- the plan


@pytest.mark.parametrize(
    ("query", "word", "sifted"),
    [
        (Query(statuses=frozenset({"sent"})), "Submitted", ()),
        (Query(statuses=frozenset({"failed", "undelivered"})), "Failed", ()),
        (Query(statuses=frozenset({"failed"})), "Failed", ("statuses",)),
        (Query(statuses=frozenset({"queued"})), "Processing", ("statuses",)),
        (Query(statuses=frozenset({"sent", "failed"})), None, ("statuses",)),
        (Query(recipient="+15550100001", within="x"), None, ("recipient", "within")),
    ],
)
def test_what_the_back_can_say_is_pushed_what_it_says_wider_is_sifted_too(
    query: Query, word: str | None, sifted: tuple[str, ...]
) -> None:
    planned = plan(query, SPOKEN[200, "ascending"]["properties-v2"].back)
    assert (planned.pushed.status, planned.sifted) == (word, sifted)
    assert bool(planned.scan) == bool(sifted)


@pytest.mark.parametrize(
    ("directions", "word", "sifted"),
    [
        ({"inbound"}, "Receive", ()),
        ({"outbound-api", "outbound-call", "outbound-reply"}, "Transmit", ()),
        ({"outbound-call"}, "Transmit", ("directions",)),
    ],
)
def test_a_direction_is_pushed_as_a_status_is(directions: set[str], word: str, sifted: tuple[str, ...]) -> None:
    planned = plan(Query(directions=frozenset(directions)), SPOKEN[200, "ascending"]["properties-v2"].back)
    assert (planned.pushed.direction, planned.sifted) == (word, sifted)


def test_a_dialect_whose_filters_are_read_only_is_told_the_range_alone() -> None:
    planned = plan(Query(statuses=frozenset({"sent"}), since=5), SPOKEN[200, "ascending"]["restcomm"].back)
    assert (planned.pushed, planned.sifted) == (Pushed(since=5), ("statuses",))


@pytest.mark.parametrize(
    ("order", "asked", "scans", "mirrored"),
    [
        ("ascending", Order("created", True), False, True), ("ascending", Order("created", False), False, False),
        ("descending", Order("created", True), False, False), ("descending", Order("created", False), True, True),
        ("ascending", Order("status", True), True, True),
    ],
)  # fmt: skip
def test_a_list_is_scanned_only_where_the_backs_order_does_not_serve_it(
    order: str, asked: Order, scans: bool, mirrored: bool
) -> None:
    planned = plan(Query(order=asked), SPOKEN[200, order]["properties-v2"].back)
    assert (bool(planned.scan), planned.mirrored) == (scans, mirrored)


def test_range_in_pages_of_another_size_is_read_in_those_of_the_back() -> None:
    """A restcomm server that lowers PageSize says so in `page_size`. Its rows stand at other places than the requested ones."""
    entry = _entry("restcomm", 7)
    rows = [_message(number, 1000 + number) for number in range(30)]
    query = Query(skip=14, count=7)
    page, _ = _played(list_page(entry, query, Limits(), NOW, Notes()), FakeBack(entry, rows, most=3).answer)
    assert [row.sid for row in page.messages] == [row.sid for row in rows[14:21]]


def test_refused_first_page_is_a_fault_and_a_refused_later_one_the_end() -> None:
    entry = _entry("restcomm", 2)
    with pytest.raises(MalformedProviderResponse, match="a page that the list has"):
        _scan(entry, lambda request: Response(400))
    fake = FakeBack(entry, [_message(number) for number in range(4)])

    def until(page: int, *, counts: bool) -> Callable[[Request], Response]:
        """The back as it is, but it refuses the pages from that one on, and may not say how many there are."""

        def answer(request: Request) -> Response:
            if int(request.query.partition("&Page=")[2].partition("&")[0]) >= page:
                return Response(400)
            found = fake.answer(request)
            body = {**json.loads(found.body), "num_pages": 2 if counts else None}
            return found.replace(body=json.dumps(body).encode())

        return answer

    for last in (2, 3):
        rows, _, _ = _scan(entry, until(last, counts=last == 3))
        assert len(rows) == 4
    with pytest.raises(MalformedProviderResponse, match="a page that the list has"):
        _scan(entry, until(2, counts=True))
