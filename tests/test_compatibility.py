"""The compatibility table says the same of a pair of dialects as the two documents, and its page is not stale."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from translator.core.mapping import Table, load
from translator.core.mapping.cell_paths import label
from translator.core.mapping.load import raw_tables
from translator.core.model import FAULTS
from translator.reports.compatibility import VERDICTS, Row, as_json, as_markdown, as_text, rows

PAGE: Final = Path(__file__).parents[1] / "mappings" / "COMPATIBILITY.md"
TABLES: Final[dict[str, Table]] = {
    table.dialect.name: table for table in (load(file, raw) for file, raw in raw_tables().items())
}
ROWS: Final = rows(list(TABLES.values()))
OLD: Final = "restcomm"
V2: Final = "properties-v2"
FORWARD: Final = (OLD, V2)
BACK: Final = (V2, OLD)


def found(pair: tuple[str, str], what: str, name: str) -> Row:
    """The one row of that name."""
    [row] = [row for row in ROWS if (row.front, row.back, row.what, row.name) == (*pair, what, name)]
    return row


@pytest.mark.parametrize(
    ("what", "name", "verdict", "says"),
    [
        ("send parameter", "Body", "native", "`Text`"),
        ("send parameter", "StatusCallback", "emulated", "this proxy makes the callback"),
        ("send parameter", "StatusCallbackMethod", "emulated", "this proxy makes the callback"),
        ("send parameter", "To, a client", "refused", "does not carry a client"),
        ("send parameter", "DeliveryReceipt (behind)", "derived", "always `true`"),
        ("field", "sid", "native", "`MessageSid`"),
        ("field", "sid, of another shape", "lossy", "in another length"),
        ("field", "date_created", "native", "`Created`"),
        (
            "field",
            "date_updated (get, list)",
            "derived",
            "the latest of `Created`, `Submitted`, `Delivered` and `Received`",
        ),
        ("field", "date_updated (send)", "derived", "`Created`"),
        ("field", "date_sent (get, list)", "derived", "the first there is of `Submitted` and `Received`"),
        ("field", "account_sid", "derived", "the caller's own restcomm account"),
        ("field", "from (send)", "derived", "as the caller wrote it"),
        ("field", "status (send)", "derived", "always `sending`"),
        ("field", "num_segments (get, list)", "native", "`NumSegments`"),
        ("field", "error_message (get, list)", "derived", "the text of `ErrorCode`"),
        ("field", "api_version", "derived", "always `2012-04-24`"),
        ("field", "uri", "derived", "the SID"),
        ("field", "DeliveryReceipt (behind)", "lossy", "restcomm has no place"),
        ("field", "NumSegments (send) (behind)", "lossy", "in its answers to send"),
        ("field", "Scheduled (behind)", "lossy", "restcomm has no place"),
        ("field", "ErrorCode (send) (behind)", "lossy", "in its answers to send"),
        ("status word", "queued", "derived", "`Processing` of properties-v2, when `Scheduled` is later than now"),
        ("status word", "sending", "derived", "`Processing` of properties-v2, unless it is shown as `queued`"),
        ("status word", "sent", "native", "`Submitted`"),
        ("status word", "delivered", "native", "`Delivered`"),
        ("status word", "undelivered", "derived", "`Failed` of properties-v2, when `Submitted` is there"),
        ("status word", "failed", "derived", "`Failed` of properties-v2, unless it is shown as `undelivered`"),
        ("status word", "received", "native", "`Received`"),
        ("direction word", "outbound-api", "native", "`Transmit`"),
        ("direction word", "outbound-call", "lossy", "`Transmit` of properties-v2 is read as `outbound-api`"),
        ("direction word", "outbound-reply", "lossy", "`Transmit` of properties-v2 is read as `outbound-api`"),
        ("direction word", "incoming", "native", "`Receive`"),
        ("error code", "30003", "native", "Unreachable destination handset"),
        ("error code", "any other", "lossy", "30008"),
        ("filter", "To", "emulated", "this proxy filters the rows"),
        ("filter", "From", "emulated", "this proxy filters the rows"),
        ("filter", "StartTime", "native", "`Date_From` of properties-v2, inclusive as well"),
        (
            "filter",
            "EndTime",
            "derived",
            "`Date_To` of properties-v2, one second off: inclusive in front, exclusive behind",
        ),
        ("filter", "Direction", "refused", "restcomm does not describe"),
        ("filter", "Status", "emulated", "wider than `queued`, `sending`, `undelivered` and `failed`"),
        ("filter", "Body", "emulated", "this proxy filters the rows"),
        ("filter", "Date_To (behind)", "derived", "required by properties-v2"),
        ("sort", "nothing asked", "emulated", "descending"),
        ("sort", "DateCreated", "emulated", "cut from either end"),
        ("sort", "Body", "refused", "a setting offers it"),
        ("sort", "Status", "emulated", "by what restcomm shows"),
        ("paging", "Page", "emulated", "`Results_Skip` and `Results_Count`"),
        ("paging", "PageSize", "emulated", "50 unless asked"),
        ("paging", "Limit", "emulated", "10000"),
        ("paging", "AfterSid", "emulated", "after that message"),
        ("paging", "total", "emulated", "galloping and binary search"),
        ("paging", "num_pages", "emulated", "galloping and binary search"),
        ("paging", "next_page_uri", "derived", "next link"),
        ("fault", "404 unknown-message", "derived", "404 to get, or 400 with a code ending in _NOT_FOUND to get"),
        ("fault", "502 back-refused-us", "derived", "401, or 403"),
        (
            "fault",
            "504 outcome-unknown",
            "derived",
            "503 to send, or anything else that is not good, 300 to 599 to send",
        ),
        ("fault", "401 unauthenticated", "native", "without a request to properties-v2"),
        ("format", "application/json", "native", "properties-v2"),
        ("format", "application/xml", "emulated", "asked for JSON"),
        ("format", "application/xml, of a control character", "lossy", "U+FFFD"),
        ("header", "WWW-Authenticate", "native", 'Basic realm="Restcomm realm"'),
    ],
)
def test_the_old_dialect_in_front_of_the_new_one(what: str, name: str, verdict: str, says: str) -> None:
    row = found(FORWARD, what, name)
    assert row.verdict == verdict
    assert says in row.reason


@pytest.mark.parametrize(
    ("what", "name", "verdict", "says"),
    [
        ("send parameter", "Text", "native", "`Body`"),
        ("send parameter", "From, left out", "derived", "configured `sender`, since restcomm requires `From`"),
        ("send parameter", "Schedule", "refused", "restcomm has no counterpart for `Schedule`"),
        ("send parameter", "DeliveryReceipt", "lossy", "restcomm is not told"),
        ("send parameter", "Messages (batch)", "emulated", "up to 100, each sent to restcomm by itself"),
        ("send parameter", "ExternalId", "refused", "restcomm has no counterpart"),
        ("field", "NumSegments", "derived", "counted here by 3GPP TS 23.038"),
        ("field", "To, a client", "derived", "shown as restcomm has it"),
        ("field", "DeliveryReceipt", "lossy", "restcomm does not say it: true for `outbound-api`"),
        ("field", "PropertySid", "derived", "the caller's own properties-v2 property"),
        ("field", "Created", "native", "`date_created`"),
        ("field", "Scheduled", "derived", "`date_created`"),
        ("field", "Submitted (get, list)", "derived", "`outbound-api`, `outbound-call` or `outbound-reply`"),
        ("field", "Received (get, list)", "derived", "`date_sent` of restcomm, when the direction there is `inbound`"),
        ("field", "date_updated (behind)", "lossy", "properties-v2 has no place of its own"),
        ("field", "Delivered", "derived", "`date_updated` of restcomm, when the status there is `delivered`"),
        ("status word", "Processing", "lossy", "`queued` and `sending` of restcomm"),
        (
            "status word",
            "Failed",
            "derived",
            "`undelivered` and `failed` of restcomm, told apart by whether `Submitted`",
        ),
        ("status word", "Submitted", "native", "`sent`"),
        ("direction word", "Transmit", "lossy", "`outbound-api`, `outbound-call` and `outbound-reply`"),
        ("direction word", "Receive", "native", "`incoming`"),
        ("direction word", "inbound (behind)", "derived", "shown as `Receive`"),
        ("error code", "any", "native", "as restcomm writes it"),
        ("filter", "Date_From", "native", "`StartTime`"),
        ("filter", "Date_To", "derived", "exclusive in front, inclusive behind"),
        ("filter", "Status", "emulated", "this proxy filters the rows"),
        ("sort", "nothing asked", "native", "`SortBy=DateCreated:asc` of restcomm"),
        ("paging", "Results_Skip", "emulated", "`Page` and `PageSize`"),
        ("paging", "Results_Count", "emulated", "200 unless asked, at most 200"),
        ("fault", "400 refused-message", "derived", "400 to send"),
        ("fault", "502 back-unreachable", "native", "restcomm gives no answer"),
        ("format", "application/json", "native", "restcomm"),
    ],
)
def test_the_new_dialect_in_front_of_the_old_one(what: str, name: str, verdict: str, says: str) -> None:
    row = found(BACK, what, name)
    assert row.verdict == verdict
    assert says in row.reason


@pytest.mark.parametrize("pair", [FORWARD, BACK], ids=" before ".join)
def test_nothing_of_the_dialect_in_front_is_left_out(pair: tuple[str, str]) -> None:
    front = TABLES[pair[0]]
    said = {(row.what, re.split(r",| \(", row.name)[0]) for row in ROWS if (row.front, row.back) == pair}
    expected = {("field", row.json) for row in front.fields}
    expected |= {("send parameter", row.name) for row in front.send} | {("filter", row.name) for row in front.filters}
    expected |= {("sort", row.name) for row in front.sort.keys} | {("paging", row.json) for row in front.paging.members}
    expected |= {("status word", row.wire) for row in front.words.status}
    expected |= {("direction word", row.wire) for row in front.words.direction if row.way == "both"}
    expected |= {("error code", row.code) for row in front.words.error}
    expected |= {("format", row.media) for row in front.formats.offers}
    never = {"not-acceptable", "unsortable", "page-out-of-range", "refused-parameter"} if pair == BACK else set()
    expected |= {("fault", f"{front.fault(name).status} {name}") for name in set(FAULTS) - never}
    expected |= {("header", name) for name in ("Authorization", "WWW-Authenticate", "Accept", "Retry-After")}
    assert len(expected) > 60
    assert expected - said == set()


def test_each_row_is_there_once_and_has_a_verdict_and_a_reason() -> None:
    assert len({row[:4] for row in ROWS}) == len(ROWS) > 180
    assert {row.verdict for row in ROWS} == set(VERDICTS)
    assert [row for row in ROWS if not row.reason or "``" in row.reason or row.reason.endswith(".")] == []
    assert {(row.front, row.back) for row in ROWS} == {FORWARD, BACK}


@pytest.mark.parametrize(
    ("pair", "what", "name", "id_"),
    [
        (BACK, "field", "NumSegments", "fields.NumSegments"),
        (BACK, "field", "MessageSid, of another shape", "fields.MessageSid"),
        (BACK, "field", "date_updated (behind)", "back.fields.date_updated"),
        (BACK, "send parameter", "DeliveryReceipt", "send.DeliveryReceipt"),
        (BACK, "send parameter", "From, left out", "send.From"),
        (BACK, "send parameter", "Messages (batch)", "operations.batch"),
        (BACK, "status word", "Processing", "words.status.Processing"),
        (BACK, "direction word", "inbound (behind)", "back.words.direction.inbound"),
        (BACK, "error code", "any", "fields.ErrorCode"),
        (FORWARD, "send parameter", "To, a client", "send.To"),
        (FORWARD, "send parameter", "DeliveryReceipt (behind)", "back.send.DeliveryReceipt"),
        (FORWARD, "error code", "any other", "words.error.30008"),
        (FORWARD, "filter", "Date_To (behind)", "back.filters.Date_To"),
        (FORWARD, "sort", "nothing asked", "sort.default"),
        (FORWARD, "sort", "From", "sort.keys.From"),
        (FORWARD, "paging", "Page", "paging.position"),
        (FORWARD, "paging", "total", "paging.members.total"),
        (FORWARD, "fault", "404 unknown-message", "errors.faults.unknown-message"),
        (FORWARD, "format", "application/xml", "formats.offers.xml"),
        (FORWARD, "header", "Accept", ""),
    ],
)
def test_a_row_has_the_id_of_the_mapping_row_that_it_is_about(
    pair: tuple[str, str], what: str, name: str, id_: str
) -> None:
    assert found(pair, what, name).id == id_


def test_every_id_is_a_row_or_cell_of_its_table_and_fits_in_a_header() -> None:
    raw = {plain["dialect"]["name"]: plain for plain in raw_tables().values()}
    looked = [row for row in ROWS if row.id]
    assert len(looked) > 180
    for row in looked:
        behind, id_ = row.id.startswith("back."), row.id.removeprefix("back.")
        assert re.fullmatch(r"[A-Za-z0-9_.-]+", id_)
        section, _, last = id_.rpartition(".")
        table = raw[row.back if behind else row.front]
        value: Any = table
        for step in section.split("."):
            value = value[step]
        assert last in value if isinstance(value, dict) else last in [label(one) for one in value], row.id


def test_one_dialect_alone_has_nothing_to_be_compatible_with() -> None:
    assert rows([TABLES[OLD]]) == []


# ---- the three forms ---------------------------------------------------------------------------------------


def test_the_committed_page_is_not_stale() -> None:
    assert PAGE.read_text("utf-8") == as_markdown(ROWS), (
        "run: sms-translator mappings --format markdown > mappings/COMPATIBILITY.md"
    )


def test_the_page_explains_itself_before_its_first_table() -> None:
    opening = as_markdown(ROWS).split("\n## ")[0]
    assert "do not edit" in opening
    assert "sms-translator mappings --format markdown > mappings/COMPATIBILITY.md" in opening
    assert all(f"- **{verdict}**: " in opening for verdict in ("native", "derived", "emulated", "lossy", "refused"))


def test_page_has_a_heading_for_each_pair_and_first_says_what_to_decide() -> None:
    headings = re.findall(r"^## .*$", as_markdown(ROWS), re.MULTILINE)
    assert sorted(headings) == [
        "## properties-v2 in front, restcomm behind",
        "## restcomm in front, properties-v2 behind",
    ]
    section = as_markdown(ROWS).split("## restcomm in front, properties-v2 behind\n")[1].split("\n### ")[0]
    assert "- refused, send parameter: To, a short code; To, a client" in section
    assert "- lossy, direction word: outbound-call; outbound-reply" in section


def test_every_row_is_one_line_of_the_page_and_of_the_text() -> None:
    lines = [line for line in as_markdown(ROWS).splitlines() if line.startswith("| ")]
    heads = len({row[:3] for row in ROWS})
    assert len(lines) == len(ROWS) + 2 * heads
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in lines)
    assert len(as_text(ROWS).splitlines()) == len(ROWS)


def test_a_bar_in_a_name_does_not_end_its_cell() -> None:
    row = Row(OLD, V2, "field", "a|b", "native", "c|d")
    assert "| a\\|b | native | c\\|d |  |" in as_markdown([row])


def test_a_row_as_text_and_as_json() -> None:
    row = Row(OLD, V2, "field", "body", "native", "`Text` of properties-v2", "fields.body")
    assert as_text([row]) == "restcomm > properties-v2  native    field  body: `Text` of properties-v2\n"
    assert json.loads(as_json([row])) == [
        {
            "front": "restcomm",
            "back": "properties-v2",
            "what": "field",
            "name": "body",
            "verdict": "native",
            "reason": "`Text` of properties-v2",
            "id": "fields.body",
        }
    ]
