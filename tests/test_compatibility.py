"""The compatibility table: the committed page is the one that the tables amount to, and it says what the documents say."""

import json
from pathlib import Path

import pytest

from translator.compatibility import VERDICTS, Row, as_json, as_markdown, as_text, rows
from translator.tables.load import load, raw_tables

FOUND = rows([load(file, raw) for file, raw in raw_tables().items()])
PAGE = Path(__file__).parents[1] / "mappings" / "COMPATIBILITY.md"


def row(front: str, what: str, name: str) -> Row:
    [found] = [one for one in FOUND if (one.front, one.what, one.name) == (front, what, name)]
    return found


def test_the_committed_page_is_what_the_tables_amount_to() -> None:
    assert PAGE.read_text("utf-8") == as_markdown(FOUND), (
        "sms-translator mappings --format markdown > mappings/COMPATIBILITY.md"
    )


def test_both_directions_are_covered_with_a_reason_for_every_row() -> None:
    assert {(one.front, one.back) for one in FOUND} == {("restcomm", "properties-v2"), ("properties-v2", "restcomm")}
    assert all(one.verdict in VERDICTS and one.reason and one.name for one in FOUND)
    assert {one.verdict for one in FOUND} == set(VERDICTS)


@pytest.mark.parametrize(
    ("front", "what", "name", "verdict", "reason"),
    [
        ("restcomm", "send parameter", "StatusCallback", "refused", "no counterpart"),
        ("restcomm", "send parameter", "To: a client", "refused", "does not carry a client"),
        ("restcomm", "send parameter", "To: a short-code", "refused", "does not carry a short-code"),
        ("restcomm", "send parameter", "Body", "native", "`Text`"),
        ("restcomm", "send parameter", "DeliveryReceipt (behind)", "derived", "always `true`"),
        ("restcomm", "field", "num_segments (get)", "native", "`NumSegments`"),
        ("restcomm", "field", "account_sid", "derived", "never the one behind"),
        ("restcomm", "field", "date_updated (get, list)", "derived", "`Created`, `Submitted`, `Delivered`, `Received`"),
        ("restcomm", "field", "ExternalId (behind)", "lossy", "no place"),
        ("restcomm", "filter", "To", "emulated", "sifted here"),
        ("restcomm", "filter", "StartTime", "native", "`Date_From`"),
        ("restcomm", "filter", "EndTime", "derived", "one second further"),
        ("restcomm", "filter", "Status", "refused", "widen"),
        ("restcomm", "filter", "Date_To (behind)", "derived", "now + 300 s"),
        ("restcomm", "status word", "undelivered", "derived", "`Failed` when `submitted` is present"),
        ("restcomm", "status word", "queued", "derived", "`Processing` when `scheduled` is later than now"),
        ("restcomm", "status word", "delivered", "native", "`Delivered`"),
        ("restcomm", "direction word", "outbound-call", "lossy", "always reads as `outbound-api`"),
        ("restcomm", "error code", "any other", "lossy", "30008"),
        ("restcomm", "sort", "From", "emulated", "newest first"),
        ("restcomm", "page member", "total", "derived", "worked out here"),
        ("restcomm", "fault", "502 back-refused-us", "derived", "401, 403"),
        ("restcomm", "format", "application/xml", "emulated", "written here"),
        ("properties-v2", "send parameter", "Schedule", "refused", "no counterpart"),
        ("properties-v2", "filter", "Status", "emulated", "sifted here"),
        ("properties-v2", "filter", "Date_To", "derived", "one second further"),
        ("properties-v2", "field", "DeliveryReceipt", "lossy", "left out"),
    ],
)
def test_a_verdict_is_what_the_documents_say(front: str, what: str, name: str, verdict: str, reason: str) -> None:
    found = row(front, what, name)
    assert found.verdict == verdict
    assert reason in found.reason


def test_the_three_forms_hold_the_same_rows() -> None:
    assert len(json.loads(as_json(FOUND))) == len(as_text(FOUND).splitlines()) == len(FOUND)
    assert as_markdown(FOUND).count("\n| ") == len(FOUND) + 2 * as_markdown(FOUND).count("\n### ")
